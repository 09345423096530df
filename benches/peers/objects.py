"""Fetches objects as a browser would: follows the redirect to where the object is, if it is given one.

usage: objects.py keep|close|visit ADDRESS PATH SIZE CONCURRENT SECONDS
keep: connections are kept, each object is asked for at ADDRESS; close: new connections for each object; visit: ten objects a visitor, who comes with a
new connection, asks at ADDRESS once, and stays where it was led to.
Says `ready`, begins when a line comes on standard input, ends what was begun before the time was up, and prints how many objects came whole.
"""
import re, socket, sys, threading, time

mode, address, path, size = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
concurrent, seconds = int(sys.argv[5]), float(sys.argv[6])
VISIT = 10
done, failed = [0] * concurrent, []


class Asker:
    def __init__(self):
        self.streams, self.room = {}, bytearray(1 << 20)

    def ask(self, to):
        """One exchange: status, Location and length of the body, which is read to its end."""
        stream = self.streams.pop(to, None)
        if not stream:
            host, port = to.split(":")
            stream = socket.create_connection((host, int(port)), 30)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wish = "" if mode != "close" else "Connection: close\r\n"
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: objects\r\n{wish}\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            part = stream.recv(16384)
            if not part:
                raise OSError("closed within a head")
            head += part
        head, rest = head.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1])
        location = re.search(rb"(?i)\r\nlocation: *(\S+)", head)
        left = length - len(rest)
        while left > 0:
            count = stream.recv_into(self.room, min(left, len(self.room)))
            if not count:
                raise OSError("closed within a body")
            left -= count
        if mode != "close" and not re.search(rb"(?i)\r\nconnection: *close", head):
            self.streams[to] = stream
        else:
            stream.close()
        return int(head[9:12]), location and location[1].decode(), length

    def object(self, at):
        """Where it was in the end."""
        status, location, length = self.ask(at)
        if status == 302:
            at = location.split("/")[2]
            status, _, length = self.ask(at)
        if status != 200 or length != size:
            raise OSError(f"{status} with {length} bytes")
        return at

    def leave(self):
        for stream in self.streams.values():
            stream.close()
        self.streams = {}


def work(number, until):
    asker = Asker()
    try:
        while time.monotonic() < until:
            at = address
            for _ in range(VISIT if mode == "visit" else 1):
                at = asker.object(at)
                done[number] += 1
            if mode == "visit":
                asker.leave()
    except (OSError, TypeError) as error:
        failed.append(repr(error))


print("ready", flush=True)
sys.stdin.readline()
began = time.monotonic()
threads = [threading.Thread(target=work, args=(number, began + seconds)) for number in range(concurrent)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"DONE {sum(done)} WRONG 0 FAILED {len(failed)} REUSED 0 SECONDS {time.monotonic() - began:.3f}", *failed[:1])
