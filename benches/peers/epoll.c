/* The limit in the peers' table: one canned redirect from a bare epoll loop, parsing nothing but the head's end
 * and a wish to close. usage: epoll ADDRESS PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char keep[] = "HTTP/1.1 302 Found\r\nServer: Signpost\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
                           "Location: http://127.0.0.1:9/small\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n";
static const char last[] = "HTTP/1.1 302 Found\r\nServer: Signpost\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
                           "Location: http://127.0.0.1:9/small\r\nCache-Control: no-store\r\nContent-Length: 0\r\n"
                           "Connection: close\r\n\r\n";

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &at.sin_addr);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) return perror("listen"), 1;
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    static char buffer[16384];
    for (;;) {
        int count = epoll_wait(poll, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    event.events = EPOLLIN;
                    event.data.fd = fd;
                    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                }
                continue;
            }
            ssize_t got = read(fd, buffer, sizeof buffer);
            if (got <= 0) {
                close(fd);
            } else if (got >= 4 && !memcmp(buffer + got - 4, "\r\n\r\n", 4)) {
                int close_it = memmem(buffer, got, "Connection: close", 17) != NULL;
                const char *answer = close_it ? last : keep;
                size_t length = close_it ? sizeof last - 1 : sizeof keep - 1;
                if (write(fd, answer, length) != (ssize_t)length || close_it) close(fd);
            }
        }
    }
}
