"""A mixed load, checked answer by answer, as a process of its own: connections that are kept, new ones, forwarded requests, WebSockets
that are open from the beginning to the end, and, where the binary under test speaks them, TLS and HTTP/2. A request that gets no
answer, a wrong one or a late one is a failure, and so is a WebSocket that ends.

usage: with Mixed() as load: config(load) ... load.begin(); ...; load.result()
"""
import asyncio, json, os, ssl, struct, subprocess, sys, tempfile
from pathlib import Path
from farm import SIGNPOST, free, raise_descriptors, split

LATE = 10
WEBSOCKETS = 8


def checks(lines):
    """Whether the binary under test understands these lines."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(lines)
        file.flush()
        return subprocess.run([SIGNPOST, "check", file.name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0


class Mixed:
    """Addresses, the lines of a configuration for them, and the load on them."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="signpost-mixed-")
        self.at = {name: free() for name in ["keep", "close", "forward", "socket", "origin", "echo"]}
        self.lines = (f"virtual {self.at['keep']}\nkeepalive {self.at['keep']}\nvirtual {self.at['close']}\n"
                      f"virtual {self.at['forward']}\nreal {self.at['origin']}\nbind {self.at['forward']} {self.at['origin']}\n"
                      f"virtual {self.at['socket']}\nreal {self.at['echo']}\nbind {self.at['socket']} {self.at['echo']}\n")
        self.redirecting = [self.at["keep"], self.at["close"]]
        self.tls()
        if checks("virtual 127.0.0.1:9\nurl u http://u.example/%d\nbind 127.0.0.1:9 u\nhttp2 127.0.0.1:9 off\n"):
            self.at["h2c"] = self.at["keep"]
            if "tls" in self.at:
                self.at["h2"] = self.at["tls"]

    def tls(self):
        cert, key = Path(self.folder.name) / "cert.pem", Path(self.folder.name) / "key.pem"
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                               "30", "-subj", "/CN=load.example", "-addext", "subjectAltName=DNS:load.example", "-keyout", key,
                               "-out", cert], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        at = free()
        lines = f"virtual {at}\nkeepalive {at}\ncertificate load {cert} {key}\ntls {at} load\n"
        if made.returncode == 0 and checks(lines + f"url u http://u.example/%d\nbind {at} u\n"):
            self.at["tls"] = at
            self.lines += lines
            self.redirecting.append(at)

    def begin(self):
        """Returns once the origins listen and every kind of load has had an answer."""
        self.child = subprocess.Popen([sys.executable, __file__, json.dumps(self.at)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.await_line("origins")

    def go(self):
        self.child.stdin.write("go\n")
        self.child.stdin.flush()
        self.await_line("answers")

    def await_line(self, wanted):
        line = self.child.stdout.readline().strip()
        if line != wanted:
            sys.exit(f"FAILED: the load said `{line}` where `{wanted}` was to come")

    def result(self):
        """Ends it: whether all was well; prints what it did."""
        said, _ = self.child.communicate("stop\n", timeout=60)
        told = json.loads(said)
        for name, (count, failures) in told.items():
            print(f"{name}: {count} done, {len(failures)} failed{': ' if failures else ''}{'; '.join(failures[:3])}")
        for name in {"tls", "tls-new", "h2c", "h2"} - set(told):
            print(f"{name}: not known to this binary, not loaded")
        return all(count and not failures for count, failures in told.values())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if hasattr(self, "child") and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.folder.cleanup()


# From here on: the load's own process.

async def read_answer(reader):
    """Status, head and body of an answer with a length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = [line.split(":")[1] for line in head.lower().split("\r\n") if line.startswith("content-length:")]
    body = await reader.readexactly(int(length[0])) if length else b""
    return int(head.split(" ")[1]), head, body


def right(kind, status, head, body):
    if kind == "forward":
        return status == 200 and body == b"hello\n"
    return status == 302 and ".example/load" in head


async def http1(load, kind, at, close, context=None):
    extra = "Connection: close\r\n" if close else ""
    request = f"GET /load HTTP/1.1\r\nHost: load.example\r\n{extra}\r\n".encode()
    while not load.over:
        reader, writer = await asyncio.open_connection(
            *split(at), **({"ssl": context, "server_hostname": "load.example"} if context else {}))
        going = True
        while going and not load.over:
            writer.write(request)
            status, head, body = await read_answer(reader)
            if not right(kind, status, head, body):
                raise ValueError(f"a wrong answer: {head[:200]}")
            load.done(kind)
            going = "connection: close" not in head.lower() and not close
            await asyncio.sleep(0.002)
        writer.close()


def h2_frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


async def http2(load, kind, at, context=None):
    """Requests over HTTP/2, four at once; after a GOAWAY those behind its last stream are asked again (RFC 9113, 6.8)."""
    authority = b"load.example"
    # GET, then the scheme from HPACK's static table; path and authority as literals.
    block = bytes([0x82, 0x87 if context else 0x86, 0x04, 5]) + b"/load" + bytes([0x01, len(authority)]) + authority
    while not load.over:
        reader, writer = await asyncio.open_connection(
            *split(at), **({"ssl": context, "server_hostname": "load.example"} if context else {}))
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0))
        stream, waiting, last = 1, set(), None
        while True:
            while last is None and len(waiting) < 4 and not load.over and stream < 20_000:
                writer.write(h2_frame(1, 5, stream, block))
                waiting.add(stream)
                stream += 2
            if not waiting:
                break
            head = await reader.readexactly(9)
            length, (of, flags), number = int.from_bytes(head[:3], "big"), head[3:5], int.from_bytes(head[5:], "big")
            payload = await reader.readexactly(length)
            if of == 4 and not flags & 1:
                writer.write(h2_frame(4, 1, 0))
            elif of == 6 and not flags & 1:
                writer.write(h2_frame(6, 1, 0, payload))
            elif of == 7:
                last = int.from_bytes(payload[:4], "big")
                if payload[4:8] != b"\0\0\0\0":
                    raise ValueError(f"GOAWAY with {payload[4:8].hex()}")
                waiting = {number for number in waiting if number <= last}
            elif of == 3:
                raise ValueError(f"stream {number} was reset: {payload.hex()}")
            elif of == 1 and number in waiting and 0x88 <= payload[0] <= 0x8e:
                # HPACK's static table has no 302: what comes by an index of it is another status.
                raise ValueError(f"a wrong answer: {payload!r}")
            if of == 0 and length:
                writer.write(h2_frame(8, 0, 0, struct.pack(">I", length)))
            if of in (0, 1) and flags & 1 and number in waiting:
                waiting.discard(number)
                load.done(kind)
                await asyncio.sleep(0.002)
        writer.close()


def mask(opcode, data):
    return bytes([128 | opcode, 128 | len(data)]) + bytes(4) + data


async def websocket(load, kind, at, stays):
    """One that stays open to the end, or one after another of a hundred echoes."""
    while not load.over:
        reader, writer = await asyncio.open_connection(*split(at))
        writer.write(b"GET /echo HTTP/1.1\r\nHost: load.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        if not (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 "):
            raise ValueError("no 101")
        turn = 0
        while not load.over and (stays or turn < 100):
            data = f"echo {turn}".encode()
            writer.write(mask(1, data))
            if await reader.readexactly(2 + len(data)) != bytes([129, len(data)]) + data:
                raise ValueError("a wrong echo")
            load.done(kind)
            turn += 1
            await asyncio.sleep(0.01)
        writer.close()


async def origin(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def echo(reader, writer):
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        while True:
            first, second = await reader.readexactly(2)
            key, data = await reader.readexactly(4), await reader.readexactly(second & 127)
            writer.write(bytes([first, len(data)]) + bytes(byte ^ key[i & 3] for i, byte in enumerate(data)))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


class Running:
    def __init__(self):
        self.over, self.told = False, {}

    def done(self, kind):
        self.told[kind][0] += 1

    async def one(self, kind, run, arguments):
        count, failures = self.told.setdefault(kind, [0, []])
        while not self.over:
            before = asyncio.ensure_future(run(self, kind, *arguments))
            seen = -1
            while not before.done():
                await asyncio.wait([before], timeout=LATE)
                if not before.done() and self.told[kind][0] == seen:
                    before.cancel()
                    failures.append(f"nothing for {LATE} s")
                    break
                seen = self.told[kind][0]
            try:
                await before
            except asyncio.CancelledError:
                pass
            except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
                failures.append(f"{type(error).__name__} {error}")


def line():
    return asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def main(at):
    raise_descriptors()
    load = Running()
    listening = [await asyncio.start_server(origin, *split(at["origin"]), backlog=4096),
                 await asyncio.start_server(echo, *split(at["echo"]), backlog=4096)]
    assert all(listening)
    print("origins", flush=True)
    await line()

    def context(*protocols):
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        trusting.set_alpn_protocols(list(protocols))
        return trusting

    kinds = [("keep", http1, (at["keep"], False), 6), ("new", http1, (at["close"], True), 6),
             ("forward", http1, (at["forward"], False), 4), ("websocket", websocket, (at["socket"], False), 4),
             ("websocket-open", websocket, (at["socket"], True), WEBSOCKETS)]
    if "tls" in at:
        kinds += [("tls", http1, (at["tls"], False, context("http/1.1")), 4), ("tls-new", http1, (at["tls"], True, context("http/1.1")), 3)]
    if "h2c" in at:
        kinds.append(("h2c", http2, (at["h2c"],), 3))
    if "h2" in at:
        kinds.append(("h2", http2, (at["h2"], context("h2")), 3))
    tasks = [asyncio.ensure_future(load.one(kind, run, arguments)) for kind, run, arguments, count in kinds for _ in range(count)]
    while not all(count for count, _ in load.told.values()) or len(load.told) < len(kinds):
        await asyncio.sleep(0.01)
        if any(failures for _, failures in load.told.values()):
            break
    print("answers", flush=True)
    await line()
    load.over = True
    await asyncio.wait(tasks, timeout=LATE + 5)
    print(json.dumps(load.told), flush=True)
    # The origins' connections need no farewell.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
