"""A client of the console's Unix socket: a first line of JSON, then frames of a type byte, a length and so many bytes."""
import json, socket, struct


class Session:
    """A scripted session; lines go in, and what was answered up to a mark comes out."""

    def __init__(self, path, command=None):
        self.stream = socket.socket(socket.AF_UNIX)
        self.stream.settimeout(60)
        self.stream.connect(str(path))
        hello = {"terminal": False, "columns": 0, "rows": 0, "command": command}
        self.stream.sendall(json.dumps(hello).encode() + b"\n")
        self.shown, self.status = b"", None

    def send(self, text):
        data = text.encode()
        for at in range(0, len(data), 65536):
            part = data[at:at + 65536]
            self.stream.sendall(b"d" + struct.pack(">I", len(part)) + part)

    def end(self):
        self.stream.sendall(b"e" + struct.pack(">I", 1) + b"\0")

    def _exactly(self, count):
        got = b""
        while len(got) < count:
            part = self.stream.recv(count - len(got))
            if not part:
                raise EOFError("the director is gone")
            got += part
        return got

    def read(self):
        """Reads a frame; whether the session goes on."""
        kind, length = struct.unpack(">cI", self._exactly(5))
        payload = self._exactly(length)
        if kind == b"d":
            self.shown += payload
        elif kind == b"e":
            self.status = payload[0]
        return self.status is None

    def rest(self):
        """Reads to the session's end; what it showed, and its status."""
        while self.read():
            pass
        return self.shown.decode(), self.status


def ask(path, command):
    """Runs one command in a session of its own."""
    return Session(path, command).rest()
