"""Odd requests from a seed: what they are, and what a strict front end owes them.

good: a request like any other, however odd it looks: it reaches its server as one request, and the connection goes on.
bad: its framing is in doubt: refused, and nothing of it or behind it reaches a server.
cut: it says more than it sends, or breaks within its body: never whole for a server, and nothing in it is a request.
any: refused or forwarded, as the front end likes; but never in doubt where it ends.
mutated: what its bytes are is the front end's to say; whatever a server sees, the client was answered as well.
"""
import random

SPACE = [b" ", b"\t", b"\x0b", b"\x0c", b"\r", b"\xa0", b"\x00", b"  "]


class Odd:
    """`tag` names it in targets; `inner` is the tag of a request that nobody may ever see."""

    def __init__(self, seed, number):
        self.random, self.number = random.Random(f"{seed}/{number}"), number
        self.tag, self.inner = b"odd-%d-" % number, b"smuggled-%d-" % number
        self.kind, self.method, self.closes, self.name = "good", b"GET", False, ""
        form = self.random.choice(FORMS)
        self.name = form.__name__
        self.bytes = form(self)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def smuggled(self):
        """A request that would be found if a body were taken for one."""
        tail = self.one_of(b"", b"\r\n", b"0\r\n\r\n", b"GET /%sb HTTP/1.1\r\nHost: o\r\n\r\n" % self.inner)
        return b"%s /%s HTTP/1.1\r\nHost: o\r\n%s\r\n" % (self.one_of(b"GET", b"POST", b"DELETE"), self.inner, self.one_of(b"", b"X: y\r\n", b"Content-Length: 5\r\n")) + tail

    def target(self):
        more = [b"", b"/a//b", b"/x..%2fb", b"?q=1", b"?GET%20/x%20HTTP/1.1", b"/%00", b"/a;b=c", b"?a=b&c=d/e?f", b"/%", b"/%zz", b"/{a}|b", b"/" + b"a" * self.random.randrange(1500)]
        return b"/" + self.tag + self.one_of(*more)

    def head(self, method=None, target=None, fields=(), host=b"Host: o", version=b"HTTP/1.1", end=b"\r\n"):
        self.method = method or self.method
        lines = [b"%s %s %s" % (self.method, target or self.target(), version), *([host] if host else []), *fields]
        return end.join(lines) + end + end

    def plain_fields(self):
        """Fields that do not touch the framing."""
        pool = [b"Accept: */*", b"X-Empty:", b"X-Blanks: \t a  b \t ", b"x-CASE: Y", b"Cookie: a=b; c=d", b"X-Bytes: \xc3\xa9\xff\x80", b"Accept: a,,b",
                b"Connection: keep-alive", b"Connection: Keep-Alive, X-Gone", b"TE: trailers", b"Upgrade-Insecure-Requests: 1", b"X-Quote: \"a\\\"", b"!#$%&'*+-.^_`|~: t",
                b"Keep-Alive: timeout=5", b"X-Long: " + b"v" * self.random.randrange(3000), b"Content-Type: text/x", b"If-Match: *", b"Range: bytes=0-0",
                b"Proxy-Connection: close", b"X-Forwarded-For: 1.2.3.4, 5.6.7.8", b"X_Under_score: 1", b"Forwarded: for=\"[::1]\"", b"Connection: Content-Length, Host, Transfer-Encoding",
                b"Trailer: X-T", b"Max-Forwards: 0", b"Via: 1.0 a, 1.1 b", b"From:a@b", b"X-Crlf: %0d%0aX: y"]
        return self.random.sample(pool, self.random.randrange(6))

    def shuffled(self, *fields):
        fields = [*fields, *self.plain_fields()]
        self.random.shuffle(fields)
        return fields

    def body(self):
        return self.one_of(self.smuggled(), b"", b"hello", b"\r\n" + self.smuggled(), b"0\r\n\r\n" + self.smuggled(), bytes(self.random.randrange(256) for _ in range(self.random.randrange(400))))

    def chunks(self, data, odd=True):
        """Legal chunked coding of `data`, as odd as it may be."""
        out = b""
        while data:
            count = self.random.randrange(1, len(data) + 1)
            size = b"%x" % count
            if odd:
                size = self.one_of(size, size.upper(), b"0" * self.random.randrange(0, 8) + size)
                size += self.one_of(b"", b"", b";a=b", b";a", b";a=\"b;c\"")
            out += size + b"\r\n" + data[:count] + b"\r\n"
            data = data[count:]
        trailers = self.one_of(b"", b"", b"X-T: 1\r\n", b"X-T: 1\r\nX-U: 2\r\n") if odd else b""
        return out + self.one_of(b"0", b"00", b"0;end") + b"\r\n" + trailers + b"\r\n"

    def body_method(self):
        return self.one_of(b"POST", b"PUT", b"PATCH", b"GET", b"DELETE", b"OPTIONS", b"HEAD")


def plain(odd):
    return odd.head(odd.one_of(b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"POST"), fields=odd.shuffled(*([b"Content-Length: 0"] if odd.chance(0.3) else [])))


def with_length(odd):
    body = odd.body()
    name = odd.one_of(b"Content-Length", b"content-length", b"CONTENT-LENGTH")
    return odd.head(odd.body_method(), fields=odd.shuffled(name + odd.one_of(b": ", b":", b":\t ", b":   ") + b"%d" % len(body) + odd.one_of(b"", b" ", b"\t"))) + body


def with_chunks(odd):
    name = odd.one_of(b"Transfer-Encoding: chunked", b"transfer-encoding:chunked", b"Transfer-Encoding: \tChunked ", b"TRANSFER-ENCODING: CHUNKED")
    return odd.head(odd.body_method(), fields=odd.shuffled(name)) + odd.chunks(odd.body())


def other_methods(odd):
    return odd.head(odd.one_of(b"get", b"PROPFIND", b"M-SEARCH", b"X", b"!#$%&'*+-.^_`|~", b"PURGE", b"LOCK", b"BREW", b"PRI", b"A" * 32), fields=odd.shuffled())


def both_framings(odd):
    odd.kind = "bad"
    body = odd.body()
    chunked = odd.chunks(body, odd=False)
    return odd.head(b"POST", fields=odd.shuffled(b"Content-Length: %d" % odd.one_of(len(chunked), 0, 5, len(body)), b"Transfer-Encoding: chunked")) + chunked + odd.smuggled()


def bad_length(odd):
    odd.kind = "bad"
    body = odd.smuggled()
    n = len(body)
    text = odd.one_of(b"", b"+%d" % n, b"-%d" % n, b"-0", b"0x%x" % n, b"%d " % n + b"1", b"1_0", b"%d.0" % n, b"1e1", b"%d,%d" % (n, n + 1), b"9223372036854775808", b"18446744073709551617", b"4294967296" * 4,
                      b"\"%d\"" % n, b"%d;" % n, b"0%d" % n, b"\x0b%d" % n, b"%d\xa0" % n, b"1\xc2\xb2", b"NaN", b"0, 0x1")
    return odd.head(b"POST", fields=odd.shuffled(b"Content-Length: " + text)) + body


def differing_lengths(odd):
    odd.kind = "bad"
    body = odd.smuggled()
    first, second = odd.random.sample([0, 5, len(body), len(body) + 1], 2)
    return odd.head(b"POST", fields=odd.shuffled(b"Content-Length: %d" % first, b"Content-Length: %d" % second)) + body


def same_length_twice(odd):
    odd.kind = "any"
    body = odd.body()
    n = len(body)
    fields = odd.one_of([b"Content-Length: %d" % n] * 2, [b"Content-Length: %d, %d" % (n, n)])
    return odd.head(b"POST", fields=odd.shuffled(*fields)) + body


def bad_coding(odd):
    odd.kind = "bad"
    body = odd.chunks(odd.smuggled(), odd=False)
    value = odd.one_of(b"", b"identity", b"chunked, identity", b"chunked,chunked", b"xchunked", b"chunked;q=1", b"\"chunked\"", b"chunked\x00", b"\x0bchunked", b"ch\xc3\xbcnked",
                       b"x, y", b"chunke", b"gzip", b"chunked chunked", b"'chunked'", b"chunked,gzip", b"chunked\x0c", b"cow")
    return odd.head(b"POST", fields=odd.shuffled(b"Transfer-Encoding: " + value)) + body


def two_codings(odd):
    odd.kind = "bad"
    pair = odd.one_of((b"chunked", b"identity"), (b"identity", b"chunked"), (b"chunked", b"chunked"), (b"chunked", b"x"), (b"x", b"chunked"), (b"", b"chunked"))
    return odd.head(b"POST", fields=odd.shuffled(*(b"Transfer-Encoding: " + value for value in pair))) + odd.chunks(odd.smuggled(), odd=False)


def hidden_framing(odd):
    """A framing field that one reader might see and another not."""
    odd.kind = "bad"
    body = odd.smuggled()
    base = odd.one_of(b"Content-Length", b"Transfer-Encoding")
    value = b"%d" % len(body) if base == b"Content-Length" else b"chunked"
    line = odd.one_of(base + odd.one_of(*SPACE) + b": " + value, odd.one_of(*SPACE) + base + b": " + value, b"X: y\n" + base + b": " + value, b"X: y\r" + base + b": " + value,
                      base + b"\x00: " + value, base + b":\r\n " + value, b"X: y\r\n\t" + base + b": " + value, base + b":\n" + value, b"X: y\x00\r\n" + base + b": " + value, base + b" " + value,
                      b"\xef\xbb\xbf" + base + b": " + value, base + b"(x): " + value, base + b": " + value + b"\r", b": " + value, b"\"" + base + b"\": " + value)
    return odd.head(b"POST", fields=[b"A: b", line, *odd.plain_fields()]) + body


def look_alikes(odd):
    """Names that a gateway might normalise into framing ones: a request without a body."""
    odd.kind = "any"
    body = odd.smuggled()
    line = odd.one_of(b"Content_Length: %d" % len(body), b"Transfer_Encoding: chunked", b"Content-Lengt: %d" % len(body), b"X-Content-Length: %d" % len(body), b"Transfer-Encodin: chunked", b"Content.Length: 9", b"TE: chunked")
    return odd.head(odd.one_of(b"GET", b"POST"), fields=odd.shuffled(line))


def bad_chunks(odd):
    odd.kind = "cut"
    inner = odd.smuggled()
    n = len(inner)
    size = odd.one_of(b"0x%x" % n, b"+%x" % n, b"-%x" % n, b" %x" % n, b"%x " % n, b"%x\t" % n, b"", b"g", b"%x\x00" % n, b"1" + b"0" * 16, b"f" * 17, b"0" * 30 + b"%x" % n, b"%x\x0b" % n, b"%d.0" % n, b"0_1", b"%x,1" % n)
    body = odd.one_of(
        size + b"\r\n" + inner + b"\r\n0\r\n\r\n", b"%x\n" % n + inner + b"\r\n0\r\n\r\n", b"%x\r" % n + inner + b"\r\n0\r\n\r\n", b"%x\r\n" % n + inner + b"\n0\r\n\r\n",
        b"%x\r\n" % n + inner + b"0\r\n\r\n", b"%x\r\n" % (n - 3) + inner + b"\r\n0\r\n\r\n", b"%x;a=b\n" % n + inner + b"\r\n0\r\n\r\n", b"%x;a\x00b\r\n" % n + inner + b"\r\n0\r\n\r\n",
        b"0\n\n" + inner, b"0\r\nX : y\r\n\r\n" + inner, b"0\r\n X: y\r\n\r\n" + inner, b"0\r\nX\r\n\r\n" + inner, b"0\r\nX: y\n\r\n" + inner, b"%x;%s\r\n" % (n, b"e" * 70000) + inner + b"\r\n0\r\n\r\n",
        b"\r\n%x\r\n" % n + inner + b"\r\n0\r\n\r\n")
    return odd.head(b"POST", fields=odd.shuffled(b"Transfer-Encoding: chunked")) + body


def chunk_trailers(odd):
    """Trailers that name framing or routing: never merged into the fields."""
    odd.kind = "any"
    trailer = odd.one_of(b"GET: /%s HTTP/1.1" % odd.inner, b"GET: /%s HTTP/1.1\r\nHost: o" % odd.inner, b"Content-Length: 100", b"Transfer-Encoding: chunked", b"Host: other", b"Connection: close", b"Authorization: x", b"X-T: " + b"t" * odd.one_of(10, 5000, 40000))
    return odd.head(b"POST", fields=odd.shuffled(b"Transfer-Encoding: chunked")) + b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n"


def cut_length(odd):
    odd.kind = "cut"
    inner = odd.smuggled()
    return odd.head(odd.one_of(b"POST", b"PUT", b"GET"), fields=odd.shuffled(b"Content-Length: %d" % (len(inner) + 4000))) + inner


def cut_chunks(odd):
    odd.kind = "cut"
    inner = odd.smuggled()
    body = odd.one_of(b"%x\r\n" % (len(inner) + 4000) + inner, b"%x\r\n" % len(inner) + inner + b"\r\n", b"%x\r\n" % len(inner) + inner + b"\r\n0", b"5\r\nhello\r\nfff;x=" + b"y" * 20)
    return odd.head(b"POST", fields=odd.shuffled(b"Transfer-Encoding: chunked")) + body


def head_bytes(odd):
    odd.kind = "bad"
    good = odd.head(odd.one_of(b"GET", b"POST"), fields=[b"A: b", *odd.plain_fields(), b"C: d"])
    at = odd.random.randrange(len(good) - 4)
    lines = good.split(b"\r\n")
    return odd.one_of(
        good.replace(b"\r\n", b"\n"), good.replace(b"A: b\r\n", b"A: b\n"), good.replace(b"A: b", b"A: b\r"), good.replace(b"A: b", b"A: b\x00"), good.replace(b"A: b", b"A : b"), good.replace(b"A: b", b" A: b"),
        good.replace(b"A: b", b"A: b\r\n c"), good.replace(b"A: b", b": b"), good.replace(b"A: b", b"Ab"), good.replace(b"A: b", b"A\x7f: b"), good.replace(b"A: b", b"A: \x01b"), good.replace(b"A: b", b"\xc3\xa4: b"),
        good.replace(b"C: d", b"C: d\n\nGET /%s HTTP/1.1\nHost: o\n" % odd.inner), good.replace(b"A: b", b"A: b\r\r\nC: d"), good[:at] + b"\x00" + good[at:], b"\n" + b"\r".join(lines), good.replace(b"A: b", b"A[]: b"))


def request_lines(odd):
    odd.kind = "bad"
    target = b"/" + odd.tag
    line = odd.one_of(b"GET  %s HTTP/1.1", b"GET %s  HTTP/1.1", b"GET\t%s HTTP/1.1", b"GET %s HTTP/1.1 ", b" GET %s HTTP/1.1", b"GET %s http/1.1", b"GET %s HTTP/1.10", b"GET %s HTTP/01.1", b"GET %s HTTP/1.1\x00",
                      b"GET %s", b"%s HTTP/1.1", b"GET %s HTTP/2.0", b"GET %s HTTP/0.9", b"GET %s HTTP/1.", b"GET %s HTP/1.1", b"GET %s a HTTP/1.1", b"GET %s#f HTTP/1.1", b"GET \x0b%s HTTP/1.1", b"GET %s\x7f HTTP/1.1",
                      b"GET x%s HTTP/1.1", b"G@T %s HTTP/1.1", b"GET %s\xc3\xa9 HTTP/1.1", b"GET %s HTTP/1.1\r", b"\x00GET %s HTTP/1.1", b"A" * 33 + b" %s HTTP/1.1", b"GET %s HTTP/3.1", b"GET %s HTTP /1.1")
    return line % target + b"\r\nHost: o\r\n\r\n"


def hosts(odd):
    odd.kind = "bad"
    host = odd.one_of(None, b"Host: a\r\nHost: b", b"Host: o\r\nHost: o", b"Host:", b"Host: a b", b"Host: a@b", b"Host: a,b", b"Host: a/b", b"Host: a:99999", b"Host: a:x", b"Host: a%41", b"Host: \xc3\xa9", b"Host: [::1", b"Host : o", b"Host: " + b"a" * 300, b"Host: a?b", b"Host: a#b")
    return odd.head(host=host, fields=odd.plain_fields())


def absolute_forms(odd):
    authority = odd.one_of((b"http://o", b"good"), (b"HTTP://O", b"good"), (b"http://o:80", b"any"), (b"https://o", b"any"), (b"http://other", b"bad"), (b"ftp://o", b"bad"), (b"http://u@o", b"bad"), (b"http://", b"bad"), (b"http:/o", b"bad"))
    odd.kind = authority[1].decode()
    return odd.head(target=authority[0] + b"/" + odd.tag, fields=odd.shuffled())


def expectations(odd):
    body = odd.body()
    value, odd.kind = odd.one_of((b"100-continue", "good"), (b"100-Continue", "good"), (b"100-continue, x", "any"), (b"200-ok", "any"), (b"", "any"))
    return odd.head(b"POST", fields=odd.shuffled(b"Expect: " + value, b"Content-Length: %d" % len(body))) + body


def upgrades(odd):
    odd.kind = "any"
    fields = odd.one_of([b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"], [b"Connection: upgrade", b"Upgrade: nothing/1"], [b"Upgrade: websocket"], [b"Connection: Upgrade"],
                        [b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="], [b"Connection: Upgrade", b"Upgrade: TLS/1.2, h2c"])
    body = odd.one_of(b"", b"", odd.smuggled())
    return odd.head(b"GET", fields=odd.shuffled(*fields, *([b"Content-Length: %d" % len(body)] if body else []))) + body


def old_versions(odd):
    odd.kind = "any"
    body = odd.body()
    fields = odd.one_of([], [b"Connection: keep-alive"], [b"Content-Length: %d" % len(body)], [b"Connection: keep-alive", b"Content-Length: %d" % len(body)])
    has_body = any(field.startswith(b"Content-Length") for field in fields)
    return odd.head(b"POST" if has_body else b"GET", version=b"HTTP/1.0", host=odd.one_of(b"Host: o", None), fields=odd.shuffled(*fields)) + (body if has_body else b"")


def old_chunks(odd):
    odd.kind = "bad"
    return odd.head(b"POST", version=b"HTTP/1.0", fields=odd.shuffled(b"Transfer-Encoding: chunked")) + odd.chunks(odd.smuggled(), odd=False)


def closing(odd):
    odd.closes = True
    return odd.head(odd.one_of(b"GET", b"HEAD"), fields=[odd.one_of(b"Connection: close", b"Connection: CLOSE", b"Connection: a, close ,b", b"Connection: a\r\nConnection: close"), *odd.plain_fields()])


def huge(odd):
    odd.kind = "any"
    return odd.one_of(
        lambda: odd.head(target=b"/" + odd.tag + b"a" * odd.random.randrange(4000, 20000)), lambda: odd.head(fields=[b"X: " + b"v" * odd.random.randrange(4000, 12000)]),
        lambda: odd.head(fields=[b"X-%d: v" % n for n in range(odd.random.randrange(90, 130))]), lambda: odd.head(fields=[b"X-%d: " % n + b"v" * 900 for n in range(odd.random.randrange(20, 45))]),
        lambda: odd.head(fields=[b"N" * odd.random.randrange(1000, 9000) + b": v"]), lambda: odd.head(b"POST", fields=[b"Transfer-Encoding: chunked"]) + odd.chunks(odd.smuggled() * 40))()


def empty_lines(odd):
    """One empty line before a request is ignored."""
    count = odd.one_of(1, 1, 2, 3)
    odd.kind = "good" if count == 1 else "any"
    return b"\r\n" * count + odd.head(fields=odd.shuffled())


def mutated(odd):
    """A good request with some bytes changed, cut, doubled or put in: nobody says what it is. The tags stay."""
    odd.kind = "mutated"
    data = bytearray(odd.one_of(with_length, with_chunks, plain)(odd))
    for _ in range(odd.random.randrange(1, 4)):
        at = odd.random.randrange(len(data))
        around = bytes(data[max(0, at - 20):at + 25])
        if odd.tag in around or odd.inner in around:
            continue
        odd.one_of(lambda: data.__setitem__(at, odd.random.randrange(256)), lambda: data.__delitem__(slice(at, at + odd.random.randrange(1, 6))),
                   lambda: data.__setitem__(slice(at, at), odd.one_of(b"\r\n", b"\n", b" ", b"\0", b":", b"0", b"\r\n\r\n", b"\t", b";", b",")), lambda: data.__setitem__(slice(at, at), data[at:at + 9]))()
    return bytes(data)


FORMS = [plain, with_length, with_length, with_chunks, with_chunks, other_methods, both_framings, bad_length, differing_lengths, same_length_twice, bad_coding, two_codings, hidden_framing, hidden_framing, look_alikes,
         bad_chunks, bad_chunks, chunk_trailers, cut_length, cut_chunks, head_bytes, request_lines, hosts, absolute_forms, expectations, upgrades, old_versions, old_chunks, closing, huge, empty_lines, mutated, mutated, mutated]
