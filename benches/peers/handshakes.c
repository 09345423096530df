/* Load and idle connections for the peers' table, plain or by TLS 1.3; each answer is checked to be a redirect.
 *
 * usage: handshakes full|resumed ADDRESS PORT HOST GROUP CONCURRENT SECONDS
 *        handshakes idle|idle-tls|idle-h2|idle-h2-tls ADDRESS PORT HOST GROUP CONCURRENT COUNT
 *
 * `full` and `resumed`: a connection, a handshake, one redirect, over and over; the connection ends as the server says. Resumed: each
 * connection presents the ticket that the one before it on its place brought, none is presented twice. It says `ready` when each place
 * has a ticket and begins when a byte comes on standard input. `idle`: opens COUNT connections, asks once on each, says `ready`
 * and holds them until standard input ends. GROUP is the only key exchange that is offered. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 8192, SLICE = 5000 };

struct place {
    int fd, written, ended;
    SSL *tls;
    SSL_SESSION *ticket;
    size_t got, acknowledged;
    char *answer;
};

static struct sockaddr_in to;
static SSL_CTX *context;
static const char *host;
static char request[1024];
static size_t request_length;
static int poll_fd, with_tls, h2, keep, resuming, stopping;
static unsigned long done, wrong, failed, reused, opened;

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int keep_ticket(SSL *tls, SSL_SESSION *ticket) {
    struct place *place = SSL_get_app_data(tls);
    if (!resuming) return 0;
    SSL_SESSION_free(place->ticket);
    place->ticket = ticket;
    return 1;
}

static void begin(struct place *place) {
    place->written = place->ended = 0;
    place->got = place->acknowledged = 0;
    if (!place->answer && !(place->answer = malloc(ROOM))) die("memory");
    place->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (place->fd < 0) die("socket");
    int on = 1;
    setsockopt(place->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(place->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    /* Several local addresses, as one has fewer ports than some counts of connections ask for. */
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f4e0001 + opened++ / SLICE % 8)};
    if (bind(place->fd, (struct sockaddr *)&from, sizeof from)) die("bind");
    if (connect(place->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) die("connect");
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = place};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, place->fd, &event)) die("epoll_ctl");
    if (!with_tls) return;
    place->tls = SSL_new(context);
    SSL_set_fd(place->tls, place->fd);
    SSL_set_app_data(place->tls, place);
    SSL_set_tlsext_host_name(place->tls, host);
    SSL_set_connect_state(place->tls);
    if (place->ticket) {
        SSL_set_session(place->tls, place->ticket);
        SSL_SESSION_free(place->ticket);
        place->ticket = NULL;
    }
}

static void end(struct place *place) {
    if (place->tls) {
        /* Not a shutdown that failed: OpenSSL would take the ticket for spoilt. */
        SSL_set_shutdown(place->tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(place->tls);
        place->tls = NULL;
    }
    close(place->fd);
    place->fd = -1;
}

/* As read(2) and write(2); -1 with EAGAIN: later. */
static ssize_t transfer(struct place *place, int out, char *data, size_t length) {
    if (!with_tls) return out ? send(place->fd, data, length, MSG_NOSIGNAL) : recv(place->fd, data, length, 0);
    ERR_clear_error();
    int count = out ? SSL_write(place->tls, data, length) : SSL_read(place->tls, data, length);
    if (count > 0) return count;
    switch (SSL_get_error(place->tls, count)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
        case SSL_ERROR_ZERO_RETURN: return 0;
        default: errno = EPROTO; return -1;
    }
}

/* HTTP/2: acknowledges the server's settings, and finds the answer to stream 1. 1: whole and a redirect; -1: something else. */
static int frames(struct place *place) {
    int redirect = 0;
    for (size_t at = 0; at + 9 <= place->got;) {
        unsigned char *head = (unsigned char *)place->answer + at;
        size_t length = head[0] << 16 | head[1] << 8 | head[2];
        if (at + 9 + length > place->got) return 0;
        if (head[3] == 4 && !(head[4] & 1) && place->acknowledged <= at) {
            static char yes[] = "\0\0\0\4\1\0\0\0\0";
            if (transfer(place, 1, yes, 9) != 9) return -1;
            place->acknowledged = at + 1;
        }
        if (head[3] == 7 || head[3] == 3) return -1;
        if (head[3] == 1) redirect = memmem(head, 9 + length, "302", 3) || memmem(head, 9 + length, "\x64\x02", 2);
        if (head[3] <= 1 && head[4] & 1) return redirect ? 1 : -1;
        at += 9 + length;
    }
    return 0;
}

/* HTTP/1: 1: a whole redirect; -1: something else. */
static int answer(struct place *place) {
    char *head_end = memmem(place->answer, place->got, "\r\n\r\n", 4);
    if (!head_end) return place->ended ? -1 : 0;
    *head_end = 0;
    char *length = strcasestr(place->answer, "\r\ncontent-length:");
    size_t wanted = head_end + 4 - place->answer + (length ? strtoul(length + 17, NULL, 10) : 0);
    int good = !strncmp(place->answer, "HTTP/1.1 302 ", 13) && strcasestr(place->answer, "\r\nlocation: http");
    *head_end = '\r';
    if (place->got < wanted) return place->ended ? -1 : 0;
    return good ? 1 : -1;
}

/* 1: ended well, or answered and kept; -1: ended badly; 0: goes on. */
static int drive(struct place *place) {
    if (!place->written) {
        ssize_t count = transfer(place, 1, request, request_length);
        if (count < 0) return errno == EAGAIN ? 0 : -1;
        if ((size_t)count != request_length) return -1;
        place->written = 1;
    }
    for (;;) {
        if (place->got == ROOM) return -1;
        ssize_t count = transfer(place, 0, place->answer + place->got, ROOM - place->got);
        if (count < 0 && errno == EAGAIN) break;
        if (count < 0) return -1;
        if (count == 0) {
            place->ended = 1;
            break;
        }
        place->got += count;
    }
    int whole = h2 ? frames(place) : answer(place);
    if (whole < 0) {
        wrong++;
        return -1;
    }
    return keep ? whole : place->ended ? (whole ? 1 : -1) : 0;
}

static void hold(int concurrent, int count) {
    struct place *places = calloc(count, sizeof *places);
    struct epoll_event ready[256];
    int begun = 0;
    double until = now() + 120;
    while ((int)(done + failed) < count) {
        while (begun < count && begun - (int)(done + failed) < concurrent) begin(&places[begun++]);
        int events = epoll_wait(poll_fd, ready, 256, 1000);
        if (now() > until) break;
        for (int i = 0; i < events; i++) {
            struct place *place = ready[i].data.ptr;
            if (!place->answer) {  /* answered before: only an end would come */
                char byte;
                if (transfer(place, 0, &byte, 1) == 0) failed++;
                continue;
            }
            int result = drive(place);
            if (!result) continue;
            if (result > 0) done++; else failed++;
            free(place->answer);
            place->answer = NULL;
        }
    }
    puts("ready");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {}
    printf("DONE %lu WRONG %lu FAILED %lu REUSED 0\n", done, wrong, failed);
}

/* Each place once, then again until `until`; what is under way then may end. */
static void run(struct place *places, int concurrent, double until) {
    struct epoll_event ready[256];
    int under_way = 0;
    for (int i = 0; i < concurrent; i++, under_way++) begin(&places[i]);
    while (under_way) {
        int events = epoll_wait(poll_fd, ready, 256, 100);
        stopping = now() >= until;
        if (now() > until + 10) {
            failed += under_way;
            return;
        }
        for (int i = 0; i < events; i++) {
            struct place *place = ready[i].data.ptr;
            if (place->fd < 0) continue;
            int result = drive(place);
            if (!result) continue;
            if (result > 0) done++; else failed++;
            if (place->tls && SSL_session_reused(place->tls)) reused++;
            end(place);
            if (stopping) under_way--; else begin(place);
        }
    }
}

static size_t block(char *at, const char *text, int name) {
    size_t length = strlen(text), size = 0;
    at[size++] = name;
    at[size++] = length;
    memcpy(at + size, text, length);
    return size + length;
}

static void prepare_request(void) {
    if (!h2) {
        request_length = snprintf(request, sizeof request, "GET /idle HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\n%s\r\n", host,
                                  keep ? "" : "Connection: close\r\n");
        return;
    }
    /* Preface, empty SETTINGS, and HEADERS: :method GET, :scheme, then :path and :authority as literals. */
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    memcpy(request, preface, 33);
    char *head = request + 33, *fields = head + 9;
    size_t length = 0;
    fields[length++] = (char)0x82;
    fields[length++] = (char)(with_tls ? 0x87 : 0x86);
    length += block(fields + length, "/idle", 0x04);
    length += block(fields + length, host, 0x01);
    memcpy(head, (char[]){0, 0, length, 1, 5, 0, 0, 0, 1}, 9);
    request_length = 33 + 9 + length;
}

int main(int argc, char **argv) {
    if (argc != 8 || strlen(argv[4]) > 100) return fputs("usage: see the file's head\n", stderr), 2;
    const char *mode = argv[1];
    host = argv[4];
    int concurrent = atoi(argv[6]), amount = atoi(argv[7]);
    keep = !strncmp(mode, "idle", 4);
    h2 = strstr(mode, "h2") != NULL;
    with_tls = !keep || strstr(mode, "tls") != NULL;
    resuming = !strcmp(mode, "resumed");
    to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
    if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) die("address");
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    if (!SSL_CTX_set1_groups_list(context, argv[5])) die(argv[5]);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_ticket);
    const unsigned char *protocols = (const unsigned char *)(h2 ? "\2h2" : "\10http/1.1");
    SSL_CTX_set_alpn_protos(context, protocols, h2 ? 3 : 9);
    prepare_request();
    if (keep) return hold(concurrent, amount), 0;
    struct place *places = calloc(concurrent, sizeof *places);
    for (int i = 0; i < concurrent; i++) places[i].fd = -1;
    run(places, concurrent, now());
    if (failed) fprintf(stderr, "%lu of the first %d failed\n", failed, concurrent);
    puts("ready");
    fflush(stdout);
    char byte;
    if (read(0, &byte, 1) != 1) return 1;
    done = wrong = failed = reused = 0;
    double start = now();
    run(places, concurrent, start + amount);
    printf("DONE %lu WRONG %lu FAILED %lu REUSED %lu SECONDS %.3f\n", done, wrong, failed, reused, now() - start);
    return 0;
}
