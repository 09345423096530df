//! What makes a request and what makes none (RFC 9113 §8.1 to §8.3, §8.5; RFC 8441; RELIABILITY.md part B).

use super::say::{hello, request};
use super::{Answers, List};

const MALFORMED: &str = "reset 1 PROTOCOL_ERROR answer 3";
const GOOD: &str = "answer 1 answer 3";

pub(super) fn add(list: &mut List) {
    pseudo_fields(list);
    paths(list);
    authorities(list);
    names(list);
    values(list);
    connections(list);
    connect(list);
    trailers(list);
}

/// A stream of these fields, then a good one: the connection and its table live on.
fn one(list: &mut List, name: impl Into<String>, fields: &[(&str, &str)], expected: &str) {
    list.add(name, hello().fields(1, true, fields).get(3), expected);
}

/// GET with more fields.
fn with(list: &mut List, name: impl Into<String>, more: &[(&str, &str)], expected: &str) {
    let mut fields = request("GET");
    fields.extend_from_slice(more);
    one(list, name, &fields, expected);
}

/// GET with one pseudo-field changed.
fn other(list: &mut List, name: &str, value: &str, expected: &str) {
    let mut fields = request("GET");
    for field in &mut fields {
        if field.0 == name {
            field.1 = value;
        }
    }
    one(list, format!("{name} of {value:?}"), &fields, expected);
}

fn pseudo_fields(list: &mut List) {
    list.answers(Answers::AtOnce);
    one(list, "no fields", &[], MALFORMED);
    for missing in [":method", ":scheme", ":authority", ":path"] {
        let mut fields = request("GET");
        fields.retain(|f| f.0 != missing);
        one(list, format!("no {missing}"), &fields, MALFORMED);
        let mut fields = request("GET");
        let again = fields.iter().find(|f| f.0 == missing).copied();
        fields.extend(again);
        one(list, format!("{missing} twice"), &fields, MALFORMED);
        let mut fields = request("GET");
        fields.retain(|f| f.0 != missing);
        fields.push(("accept", "*/*"));
        fields.extend(again);
        one(
            list,
            format!("{missing} behind a field"),
            &fields,
            MALFORMED,
        );
        other(list, missing, "", MALFORMED);
    }
    let mut turned = request("GET");
    turned.reverse();
    one(list, "pseudo-fields in another order", &turned, GOOD);
    with(
        list,
        "`:status` in a request",
        &[(":status", "200")],
        MALFORMED,
    );
    with(
        list,
        "an unknown pseudo-field",
        &[(":unknown", "x")],
        MALFORMED,
    );
    with(list, "a colon alone", &[(":", "x")], MALFORMED);
    with(
        list,
        "a pseudo-field in upper case",
        &[(":Path", "/")],
        MALFORMED,
    );
    for method in [
        "GET",
        "get",
        "PURGE",
        "M-SEARCH",
        "a!#$%&'*+.^_`|~9",
        "TRACE",
    ] {
        other(list, ":method", method, GOOD);
    }
    for method in ["G T", "GET ", "G\tT", "G/T", "G\u{e9}T", "(GET)", "G:T"] {
        other(list, ":method", method, MALFORMED);
    }
    for scheme in ["https", "HTTP", "Https"] {
        other(list, ":scheme", scheme, GOOD);
    }
    for scheme in ["ftp", "httpx", "http:", "http://a"] {
        other(list, ":scheme", scheme, MALFORMED);
    }
}

fn paths(list: &mut List) {
    list.answers(Answers::AtOnce);
    for path in ["/a?b=c", "//", "/%", "/|{}^[]\"<>\\", "/?", "/a:b@c", "/."] {
        other(list, ":path", path, GOOD);
    }
    for path in [
        "*",
        "a",
        "?a",
        "http://a.example/",
        "/a b",
        "/a\tb",
        "/a#b",
        "/\u{e9}",
        "/\u{7f}",
        "/a\r\nb",
        "/\0",
    ] {
        other(list, ":path", path, MALFORMED);
    }
    let mut star = request("OPTIONS");
    star[3].1 = "*";
    one(list, "OPTIONS *", &star, GOOD);
    star[3].1 = "**";
    one(list, "OPTIONS **", &star, MALFORMED);
}

fn authorities(list: &mut List) {
    list.answers(Answers::AtOnce);
    for authority in [
        "A.Example",
        "a.example.",
        "a.example:8080",
        "192.0.2.1:80",
        "[2001:db8::1]:443",
        "a_b",
    ] {
        other(list, ":authority", authority, GOOD);
    }
    for authority in [
        "u@a.example",
        "u:p@a.example",
        "a.example:",
        "a.example:0",
        "a.example:65536",
        "a.example:8x",
        "a,b",
        "a b",
        "a%41",
        "a/b",
        "[::1",
        "[::g]",
        "\u{e9}",
        "a..b",
        ".",
        "a.example:080",
        "a?b",
        "a#b",
    ] {
        other(list, ":authority", authority, MALFORMED);
    }
    with(
        list,
        "Host as the authority",
        &[("host", "a.example")],
        GOOD,
    );
    with(
        list,
        "Host as the authority in another case",
        &[("host", "A.EXAMPLE")],
        GOOD,
    );
    with(
        list,
        "Host as the authority with a dot",
        &[("host", "a.example.")],
        GOOD,
    );
    with(list, "another Host", &[("host", "b.example")], MALFORMED);
    with(
        list,
        "Host with another port",
        &[("host", "a.example:81")],
        MALFORMED,
    );
    with(list, "an empty Host", &[("host", "")], MALFORMED);
    with(
        list,
        "Host twice",
        &[("host", "a.example"), ("host", "a.example")],
        MALFORMED,
    );
    let mut by_host = request("GET");
    by_host.remove(2);
    by_host.push(("host", "a.example:80"));
    one(list, "Host without `:authority`", &by_host, GOOD);
    by_host[3].1 = "a@b";
    one(
        list,
        "no good Host without `:authority`",
        &by_host,
        MALFORMED,
    );
}

fn names(list: &mut List) {
    list.answers(Answers::AtOnce);
    for name in ["x-a", "x_a", "9", "!#$%&'*+-.^_`|~", "accept"] {
        with(list, format!("a field {name}"), &[(name, "x")], GOOD);
    }
    for name in [
        "",
        "X-A",
        "x-A",
        "x a",
        "x:a",
        " x",
        "x\0",
        "x\r\n",
        "x(",
        "\u{e9}",
        "x\u{7f}",
        "x;",
        "Host",
        "CONTENT-LENGTH",
    ] {
        with(list, format!("a field {name:?}"), &[(name, "x")], MALFORMED);
    }
}

fn values(list: &mut List) {
    list.answers(Answers::AtOnce);
    for value in ["", "a b", "a\tb", "\u{e9}", "\"a\"", "a: b", "a,b;c"] {
        with(list, format!("a value {value:?}"), &[("x-a", value)], GOOD);
    }
    for value in [
        " a",
        "a ",
        "\ta",
        "a\t",
        " ",
        "a\0",
        "a\nb",
        "a\rb",
        "a\r\n b",
        "\u{1b}",
        "\u{7f}",
        "long enough for eight\nat once",
    ] {
        with(
            list,
            format!("a value {value:?}"),
            &[("x-a", value)],
            MALFORMED,
        );
    }
    for length in [
        "",
        "+1",
        "-1",
        "0x1",
        "1_0",
        "1 0",
        " 1",
        "1,1",
        "00",
        "01",
        "9223372036854775808",
        "a",
    ] {
        let mut fields = request("POST");
        fields.push(("content-length", length));
        let say = hello().fields(1, false, &fields).get(3);
        list.add(format!("a length of {length:?}"), say, MALFORMED);
    }
    for (name, second, expected) in [
        ("the same", "7", "answer 1 answer 3"),
        ("another", "8", MALFORMED),
    ] {
        let mut fields = request("POST");
        fields.extend([("content-length", "7"), ("content-length", second)]);
        let say = hello().fields(1, false, &fields).get(3);
        list.add(format!("a length, and {name} again"), say, expected);
    }
    let most = hello().post_of(1, "9223372036854775807");
    list.add("the largest length", most, "answer 1");
}

fn connections(list: &mut List) {
    list.answers(Answers::AtOnce);
    for (name, value) in [
        ("connection", "close"),
        ("connection", "keep-alive"),
        ("connection", "te"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", ""),
        ("upgrade", "websocket"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
        ("te", ""),
    ] {
        with(
            list,
            format!("{name}: {value}"),
            &[(name, value)],
            MALFORMED,
        );
    }
    with(list, "te: trailers", &[("te", "trailers")], GOOD);
    with(list, "te: Trailers", &[("te", "Trailers")], GOOD);
    with(list, "expect", &[("expect", "100-continue")], GOOD);
    with(
        list,
        "http2-settings",
        &[("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA")],
        GOOD,
    );
    with(
        list,
        "cookies in pieces",
        &[("cookie", "a=b"), ("cookie", "c=d")],
        GOOD,
    );
}

fn connect(list: &mut List) {
    list.answers(Answers::AtOnce);
    let method = (":method", "CONNECT");
    let authority = (":authority", "a.example:443");
    let rest = [(":scheme", "https"), (":path", "/chat")];
    let socket = (":protocol", "websocket");
    one(list, "CONNECT", &[method, authority], GOOD);
    one(list, "CONNECT without `:authority`", &[method], MALFORMED);
    one(
        list,
        "CONNECT with Host alone",
        &[method, ("host", "a.example:443")],
        MALFORMED,
    );
    one(
        list,
        "CONNECT with `:scheme`",
        &[method, authority, rest[0]],
        MALFORMED,
    );
    one(
        list,
        "CONNECT with `:path`",
        &[method, authority, rest[1]],
        MALFORMED,
    );
    one(
        list,
        "CONNECT with both",
        &[method, authority, rest[0], rest[1]],
        MALFORMED,
    );
    let whole = [method, socket, rest[0], rest[1], authority];
    one(list, "extended CONNECT", &whole, GOOD);
    for missing in 2..5 {
        let mut fields = whole.to_vec();
        let (name, _) = fields.remove(missing);
        one(
            list,
            format!("extended CONNECT without {name}"),
            &fields,
            MALFORMED,
        );
    }
    one(
        list,
        "`:protocol` with GET",
        &[(":method", "GET"), socket, rest[0], rest[1], authority],
        MALFORMED,
    );
    let mut empty = whole;
    empty[1].1 = "";
    one(list, "an empty `:protocol`", &empty, MALFORMED);
    empty[1].1 = "web socket";
    one(list, "a `:protocol` of two words", &empty, MALFORMED);
    one(
        list,
        "`:protocol` twice",
        &[method, socket, socket, rest[0], rest[1], authority],
        MALFORMED,
    );
    let open = hello()
        .fields(1, false, &whole)
        .data(1, false, b"a")
        .data(1, true, b"b");
    list.answers(Answers::WhenWhole);
    list.add("a tunnel's data", open, "answer 1");
    list.answers(Answers::AtOnce);
    let open = hello()
        .fields(1, false, &whole)
        .data(1, false, b"a")
        .data(1, true, b"b")
        .get(3);
    list.add(
        "a tunnel ends with what it is answered",
        open,
        "answer 1 answer 3",
    );
}

fn trailers(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.answers(Answers::WhenWhole);
    let body = || hello().post(1).data(1, false, b"abc");
    for (name, end, fields, expected) in [
        ("trailers", true, &[("x-sum", "7")][..], GOOD),
        ("empty trailers", true, &[], GOOD),
        (
            "trailers that do not end it",
            false,
            &[("x-sum", "7")],
            MALFORMED,
        ),
        (
            "a pseudo-field in trailers",
            true,
            &[(":path", "/")],
            MALFORMED,
        ),
        (
            "`:status` in trailers",
            true,
            &[(":status", "200")],
            MALFORMED,
        ),
        ("upper case in trailers", true, &[("X-Sum", "7")], MALFORMED),
        (
            "a control byte in trailers",
            true,
            &[("x-sum", "7\n")],
            MALFORMED,
        ),
        (
            "connection in trailers",
            true,
            &[("connection", "close")],
            MALFORMED,
        ),
        (
            "transfer-encoding in trailers",
            true,
            &[("transfer-encoding", "chunked")],
            MALFORMED,
        ),
        (
            "content-length in trailers",
            true,
            &[("content-length", "3")],
            MALFORMED,
        ),
        (
            "host in trailers",
            true,
            &[("host", "a.example")],
            MALFORMED,
        ),
        ("te in trailers", true, &[("te", "trailers")], MALFORMED),
    ] {
        list.add(name, body().fields(1, end, fields).get(3), expected);
    }
    list.add(
        "trailers without a body",
        hello().post(1).fields(1, true, &[("a", "b")]).get(3),
        GOOD,
    );
    let twice = body()
        .fields(1, true, &[("a", "b")])
        .fields(1, true, &[("a", "b")]);
    list.add("trailers twice", twice, "answer 1 goaway STREAM_CLOSED");
}
