//! What each rule of RELIABILITY.md parts A and B comes to: bytes, the status of the answer, and whether the
//! connection stays open after it at a virtual with `keepalive`. Read by the tests of parser and connection.

use crate::proxy::limits::{
    FIELD_BYTES, FIELDS, FIELDS_BYTES, LABEL_BYTES, METHOD_BYTES, TARGET_BYTES,
};

/// A case: the bytes, the status, and whether the connection stays open.
pub(crate) type Case = (Vec<u8>, u16, bool);

/// A request that is redirected, with the connection open after it.
pub(crate) const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: a.example\r\n\r\n";

const HOST: &str = "Host: a.example\r\n";

/// Every case. Short ones are also split at every place.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for part in [
        request_lines,
        field_lines,
        hosts,
        framing,
        connections,
        limits,
    ] {
        part(&mut cases);
    }
    cases
}

fn line(cases: &mut Vec<Case>, line: &str, status: u16, open: bool) {
    cases.push((format!("{line}\r\n{HOST}\r\n").into_bytes(), status, open));
}

fn field(cases: &mut Vec<Case>, field: &[u8], status: u16, open: bool) {
    let mut bytes = format!("GET /x HTTP/1.1\r\n{HOST}").into_bytes();
    bytes.extend_from_slice(field);
    bytes.extend_from_slice(b"\r\n\r\n");
    cases.push((bytes, status, open));
}

fn whole(cases: &mut Vec<Case>, text: &str, status: u16, open: bool) {
    cases.push((text.as_bytes().to_vec(), status, open));
}

fn request_lines(cases: &mut Vec<Case>) {
    for (text, status) in [
        ("GET / HTTP/1.1", 302),
        ("GET /a?b=c&d=%20 HTTP/1.1", 302),
        ("HEAD / HTTP/1.1", 302),
        ("POST / HTTP/1.1", 307),
        ("BREW /pot HTTP/1.1", 307),
        ("get / HTTP/1.1", 307),
        ("M!#$%&'*+-.^_`|~9 / HTTP/1.1", 307),
        ("OPTIONS / HTTP/1.1", 307),
        ("OPTIONS * HTTP/1.1", 204),
        ("GET / HTTP/1.2", 302),
        ("GET / HTTP/1.9", 302),
        ("GET /a//b/../c HTTP/1.1", 302),
        ("GET /|{}^[]\\\"<>` HTTP/1.1", 302),
        ("GET /%zz%2 HTTP/1.1", 302),
        ("GET http://a.example/x HTTP/1.1", 302),
        ("GET HTTP://A.EXAMPLE:80/x HTTP/1.1", 302),
        ("GET http://a.example HTTP/1.1", 302),
        ("GET http://a.example?q HTTP/1.1", 302),
        ("GET http://a.example./ HTTP/1.1", 302),
        ("\r\nGET / HTTP/1.1", 302),
    ] {
        line(cases, text, status, true);
    }
    for (text, status) in [
        ("\r\n\r\nGET / HTTP/1.1", 400),
        ("\nGET / HTTP/1.1", 400),
        (" GET / HTTP/1.1", 400),
        ("\tGET / HTTP/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET /  HTTP/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        ("GET\t/ HTTP/1.1", 400),
        ("GET /\tHTTP/1.1", 400),
        ("GET /", 400),
        ("GET", 400),
        ("GET ", 400),
        ("GET / ", 400),
        ("GET /a b HTTP/1.1", 400),
        ("GET HTTP/1.1", 400),
        (" / HTTP/1.1", 400),
        ("G\0T / HTTP/1.1", 400),
        ("G(T / HTTP/1.1", 400),
        ("G\u{c9}T / HTTP/1.1", 400),
        ("{\"a\": 1}", 400),
        ("\u{16}\u{3}\u{1}\u{2}", 400),
        ("GET / HTTP/0.9", 400),
        ("GET / HTTP/1.10", 400),
        ("GET / HTTP/1.", 400),
        ("GET / HTTP/1", 400),
        ("GET / HTTP/.1", 400),
        ("GET / HTTP/01.1", 400),
        ("GET / HTTP/11.1", 400),
        ("GET / HTTP/1,1", 400),
        ("GET / HTTP/1.x", 400),
        ("GET / HTTP1.1", 400),
        ("GET / HTTP 1.1", 400),
        ("GET / http/1.1", 400),
        ("GET / Http/1.1", 400),
        ("GET / HTTPS/1.1", 400),
        ("GET / FTP/1.1", 400),
        ("GET / HTTP/1.1\u{b}", 400),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/3.0", 505),
        ("GET / HTTP/9.9", 505),
        ("GET / HTTP/0.1", 505),
        ("PRI * HTTP/2.0", 400),
        ("GET x HTTP/1.1", 400),
        ("GET a.example:80 HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("OPTIONS *x HTTP/1.1", 400),
        ("OPTIONS /* HTTP/1.1\n", 400),
        ("GET ?q HTTP/1.1", 400),
        ("GET \\ HTTP/1.1", 400),
        ("GET /#f HTTP/1.1", 400),
        ("GET /a\0b HTTP/1.1", 400),
        ("GET /a\u{7f} HTTP/1.1", 400),
        ("GET /\u{e9} HTTP/1.1", 400),
        ("GET /a\rb HTTP/1.1", 400),
        ("GET /a\nb HTTP/1.1", 400),
        ("GET ftp://a.example/ HTTP/1.1", 400),
        ("GET javascript:x HTTP/1.1", 400),
        ("GET httpx://a.example/ HTTP/1.1", 400),
        ("GET http:/a.example/ HTTP/1.1", 400),
        ("GET http:///x HTTP/1.1", 400),
        ("GET http:// HTTP/1.1", 400),
        ("GET http://u@a.example/ HTTP/1.1", 400),
        ("GET http://u:p@a.example/ HTTP/1.1", 400),
        ("GET http://a.example:0/ HTTP/1.1", 400),
        ("GET http://a.example:x/ HTTP/1.1", 400),
        ("GET http://a%2eexample/ HTTP/1.1", 400),
        ("GET http://a.example#f HTTP/1.1", 400),
        ("GET http://b.example/ HTTP/1.1", 400),
        ("GET http://a.example:81/ HTTP/1.1", 400),
        ("GET https://a.example:80/ HTTP/1.1", 400),
        ("TRACE / HTTP/1.1", 405),
        ("CONNECT a.example:443 HTTP/1.1", 405),
        ("CONNECT / HTTP/1.1", 405),
    ] {
        line(cases, text, status, false);
    }
    for text in [
        "GET / HTTP/1.1\nHost: a.example\n\n",
        "GET / HTTP/1.1\rHost: a.example\r\r",
        "GET / HTTP/1.1\r\nHost: a.example\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\n\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\n\rX",
        "GET / HTTP/1.1\r\n\n",
        "GET / HTTP/1.1\r\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\r\n",
    ] {
        whole(cases, text, 400, false);
    }
}

fn field_lines(cases: &mut Vec<Case>) {
    for text in [
        "X: y",
        "X:y",
        "X:",
        "X:  \t ",
        "X:\ty\t",
        "X: a b\tc",
        "x!#$%&'*+-.^_`|~9: y",
        "X: \"q\"",
        "X: a:b",
        "X: \u{e9}",
        "Cookie: a=b; c=d",
        "X: y\r\nX: y",
    ] {
        field(cases, text.as_bytes(), 302, true);
    }
    field(cases, b"X: \x80\xff", 302, true);
    for text in [
        "X : y",
        "X\t: y",
        ": y",
        ":",
        "X",
        "X y",
        " X: y",
        "\tX: y",
        "X: y\r\n z",
        "X: y\r\n\tz",
        "X\0: y",
        "X(: y",
        "\u{e9}: y",
        "X/: y",
        "X@: y",
        "\"X\": y",
        "X: \0",
        "X: a\0b",
        "X: a\u{1}b",
        "X: a\u{b}b",
        "X: a\u{1b}[0m",
        "X: a\u{7f}b",
        "X: a\rb",
        "X: a\nb",
        "X: y\n",
        "X: y\r\r",
        "X: y\r\n\r X",
        "X\r\n: y",
        "[X]: y",
        "X,: y",
    ] {
        // `X: y\r\n\r X` and the like end in a CR that no LF follows.
        field(cases, text.as_bytes(), 400, false);
    }
    // The first field may not be folded either.
    whole(
        cases,
        "GET / HTTP/1.1\r\n Host: a.example\r\n\r\n",
        400,
        false,
    );
    whole(
        cases,
        "GET / HTTP/1.1\r\n\tX: y\r\nHost: a\r\n\r\n",
        400,
        false,
    );
}

fn hosts(cases: &mut Vec<Case>) {
    let host = |cases: &mut Vec<Case>, value: &str, status, open| {
        let text = format!("GET / HTTP/1.1\r\nHost:{value}\r\n\r\n");
        whole(cases, &text, status, open);
    };
    for value in [
        " a",
        "a",
        "  A.Example:8080  ",
        " a_b-c.example.",
        " 192.0.2.1",
        " 192.0.2.1:65535",
        " [2001:db8::1]",
        " [::1]:8080",
        " x:1",
        " 1.2.3",
        " xn--bcher-kva.example",
    ] {
        host(cases, value, 302, true);
    }
    for value in [
        "",
        " ",
        " a b",
        " a,b",
        " a, a",
        " a%62",
        " u@a",
        " u:p@a",
        " a/",
        " a/b",
        " a?b",
        " a#b",
        " a\\b",
        " http://a",
        " \u{e9}.example",
        " a..b",
        " .a",
        " .",
        " a:",
        " a:0",
        " a:65536",
        " a:99999",
        " a:+80",
        " a:-1",
        " a:8 0",
        " a:x",
        " a:80:80",
        " a:080",
        " :80",
        " [::1",
        " ::1",
        " []",
        " [::1]x",
        " [::g]",
        " [::1%25eth0]",
        " [127.0.0.1]",
        " \"a\"",
        " a;b",
        " *",
        " a|b",
        " (a)",
        " a'b",
    ] {
        host(cases, value, 400, false);
    }
    host(cases, &format!(" {}", "l".repeat(LABEL_BYTES)), 302, true);
    host(
        cases,
        &format!(" {}", "l".repeat(LABEL_BYTES + 1)),
        400,
        false,
    );
    for text in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nX: y\r\n\r\n",
        "GET http://a.example/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: u@a\r\n\r\n",
        "GET http://[::1]/ HTTP/1.1\r\nHost: [::2]\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    ] {
        whole(cases, text, 400, false);
    }
    whole(
        cases,
        "GET http://[::A]:80/ HTTP/1.1\r\nHost: [::a]\r\n\r\n",
        302,
        true,
    );
    whole(
        cases,
        "GET https://a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        302,
        true,
    );
    whole(
        cases,
        "GET https://a HTTP/1.1\r\nHost: a:443\r\n\r\n",
        302,
        true,
    );
}

fn framing(cases: &mut Vec<Case>) {
    let post = |cases: &mut Vec<Case>, rest: &str, status, open| {
        let text = format!("POST / HTTP/1.1\r\n{HOST}{rest}");
        whole(cases, &text, status, open);
    };
    for rest in [
        "Content-Length: 0\r\n\r\n",
        "Content-Length:3\r\n\r\nabc",
        "Content-Length: 3 \r\nContent-Length: 3\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-ENCODING:\tCHUNKED\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: r\r\n\r\n",
    ] {
        post(cases, rest, 307, true);
    }
    for value in [
        "",
        " ",
        "+1",
        "-1",
        "0x1",
        "1_0",
        "1 0",
        "1,1",
        "1, 1",
        "1;1",
        "a",
        "1a",
        "01",
        "00",
        "1.0",
        "\"1\"",
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999",
        "\u{661}",
    ] {
        post(
            cases,
            &format!("Content-Length: {value}\r\n\r\n"),
            400,
            false,
        );
    }
    for (rest, status) in [
        ("Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
            400,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
            400,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n",
            400,
        ),
        ("Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
        ("Transfer-Encoding: chunked,\r\n\r\n", 400),
        ("Transfer-Encoding: ,chunked\r\n\r\n", 400),
        ("Transfer-Encoding:\r\n\r\n", 400),
        ("Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
        ("Transfer-Encoding: chunked, identity\r\n\r\n", 400),
        ("Transfer-Encoding: gzip\r\n\r\n", 400),
        ("Transfer-Encoding: identity\r\n\r\n", 400),
        ("Transfer-Encoding: chunked;q=1\r\n\r\n", 400),
        ("Transfer-Encoding: \"chunked\"\r\n\r\n", 400),
        ("Transfer-Encoding: chun ked\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\u{b}\r\n\r\n", 400),
        ("Transfer-Encoding : chunked\r\n\r\n", 400),
        ("Transfer-Encoding: xchunked\r\n\r\n", 501),
        ("Transfer-Encoding: foo\r\n\r\n", 501),
        ("Transfer-Encoding: foo, chunked\r\n\r\n", 501),
        ("Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("Transfer-Encoding: chunked\r\n\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n0x1\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n", 400),
        (
            "Transfer-Encoding: chunked\r\n\r\n00000000000000001\r\na",
            400,
        ),
        ("Transfer-Encoding: chunked\r\n\r\n1\r\nabc", 400),
        ("Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n0;\0\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n", 400),
    ] {
        post(cases, rest, status, false);
    }
    whole(
        cases,
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        false,
    );
}

fn connections(cases: &mut Vec<Case>) {
    for (text, open) in [
        ("Connection: close", false),
        ("Connection: keep-alive, CLOSE", false),
        ("Connection: a,,b\r\nConnection: , close ,", false),
        ("Connection: keep-alive", true),
        ("Connection: closed", true),
        ("Connection: upgrade\r\nUpgrade: websocket", true),
        ("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", true),
        ("Expect: 100-continue", true),
        ("expect: 100-CONTINUE", true),
    ] {
        field(cases, text.as_bytes(), 302, open);
    }
    for text in [
        "Expect: 100",
        "Expect:",
        "Expect: 100-continue, x",
        "Expect: a=b",
        "Expect: 200-ok",
    ] {
        field(cases, text.as_bytes(), 417, false);
    }
    let expecting =
        format!("POST / HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    whole(cases, &expecting, 307, false);
    whole(cases, "GET / HTTP/1.0\r\n\r\n", 302, false);
    whole(cases, "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 302, false);
    whole(
        cases,
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        302,
        true,
    );
    whole(
        cases,
        "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
        302,
        false,
    );
    whole(
        cases,
        "GET http://a/ HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        302,
        true,
    );
}

fn limits(cases: &mut Vec<Case>) {
    for (length, status, open) in [(METHOD_BYTES, 307, true), (METHOD_BYTES + 1, 501, false)] {
        line(
            cases,
            &format!("{} / HTTP/1.1", "M".repeat(length)),
            status,
            open,
        );
    }
    // The url of the tests drops the path, so that only the target's own limit counts.
    for (length, status, open) in [(TARGET_BYTES, 302, true), (TARGET_BYTES + 1, 414, false)] {
        let target = format!("/{}", "t".repeat(length - 1));
        line(cases, &format!("GET {target} HTTP/1.1"), status, open);
        let target = format!("http://a.example/{}", "t".repeat(length - 17));
        line(cases, &format!("GET {target} HTTP/1.1"), status, open);
    }
    let authority = format!("GET http://{} HTTP/1.1", "a".repeat(TARGET_BYTES + 1 - 7));
    line(cases, &authority, 414, false);
    for (length, status, open) in [(FIELD_BYTES, 302, true), (FIELD_BYTES + 1, 431, false)] {
        field(
            cases,
            format!("X: {}", "v".repeat(length - 3)).as_bytes(),
            status,
            open,
        );
        field(
            cases,
            format!("{}:", "n".repeat(length - 1)).as_bytes(),
            status,
            open,
        );
        field(
            cases,
            format!("X:{}", " ".repeat(length - 2)).as_bytes(),
            status,
            open,
        );
    }
    for (length, status, open) in [(FIELDS_BYTES, 302, true), (FIELDS_BYTES + 1, 431, false)] {
        let full = format!("X: {}\r\n", "v".repeat(8000)).repeat(4);
        let left = length - HOST.len() - full.len();
        let last = format!("Y: {}", "v".repeat(left - 5));
        field(cases, format!("{full}{last}").as_bytes(), status, open);
    }
    for (count, status, open) in [(FIELDS, 302, true), (FIELDS + 1, 431, false)] {
        let lines = "X: y\r\n".repeat(count - 2);
        field(cases, format!("{lines}X: y").as_bytes(), status, open);
    }
}
