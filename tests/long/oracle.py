"""What a server says by itself to the very bytes that the director sends it: asked on a connection of its own, so that nothing of another request can
stand before them. A refusal or a silence behind the director is excused only where the server, asked so, does the same."""
import re, socket, threading, time
from farm import free, split


class Recorder:
    """An origin of the director that keeps what it is sent. `at` is where the director forwards to it."""

    def __init__(self, patience):
        self.address, self.at, self.patience = free(), free(), patience
        self.sent, self.lock = [], threading.Lock()
        self.listener = socket.create_server(split(self.address))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            stream, _ = self.listener.accept()
            with stream:
                try:
                    stream.settimeout(self.patience)
                    data = b""
                    while not is_whole(data):
                        part = stream.recv(65536)
                        if not part:
                            break
                        data += part
                    self.sent.append(data)
                    stream.sendall(b"HTTP/1.1 400 Kept\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                except OSError:
                    pass

    def forwarded(self, data):
        """What the director makes of a request; `None`: nothing of it went on."""
        with self.lock:
            self.sent.clear()
            with socket.create_connection(split(self.at), self.patience) as stream:
                try:
                    stream.sendall(data)
                    while stream.recv(65536):
                        if self.sent:
                            break
                except OSError:
                    pass
            return self.sent[0] if self.sent else None


def is_whole(data):
    """Whether a request of the director's, which knows two framings only, is all there."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    if re.search(rb"\r\ntransfer-encoding: chunked(\r\n|$)", head):
        at = 0
        while (line := body.find(b"\r\n", at)) >= 0:
            size = int(body[at:line], 16)
            at = line + 2 + size + 2
            if size == 0:
                return len(body) >= at
        return False
    length = re.search(rb"\r\ncontent-length: (\d+)(\r\n|$)", head)
    return len(body) >= (int(length[1]) if length else 0)


def own_words(data, odd):
    """The same request under other tags of the same length, so that the server's log tells it from what is judged."""
    return data.replace(odd.tag, odd.tag.replace(b"odd", b"own")).replace(odd.inner, odd.inner.replace(b"smuggled", b"directed"))


def asked_directly(recorder, address, odd, reader_of, patience, pause=None):
    """The status that the server itself gives to what the director makes of `odd`: 0 for silence, -1 for an end without an answer, `None` where nothing goes on.
    `pause`: so many seconds behind another request on the same connection."""
    data = recorder.forwarded(own_words(odd.bytes, odd))
    if data is None:
        return None
    with socket.create_connection(split(address), patience) as stream:
        stream.settimeout(patience)
        reader = reader_of(stream)
        try:
            if pause is not None:
                stream.sendall(b"GET /up HTTP/1.1\r\nHost: o\r\n\r\n")
                reader.next(False)
                time.sleep(pause)
            stream.sendall(data)
        except (OSError, ValueError):
            pass
        try:
            answer = reader.next(odd.method == b"HEAD")
            return answer[0] if answer else -1
        except TimeoutError:
            head = re.match(rb"HTTP/1\.[01] ([1-5]\d\d) .*?\r\n\r\n", reader.data, re.S)
            return int(head[1]) if head else 0
        except (OSError, ValueError):
            return -1
