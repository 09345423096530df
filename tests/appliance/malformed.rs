//! Malformed requests against the binary: RELIABILITY.md A and B, and the heads of C.
//!
//! `malformed.cases` holds one input a line: the status that it gets, a bar, and the
//! bytes with `\r \n \t \0 \\ \xNN` and `{TEXT*COUNT}` for a repetition. A status with `b` behind it is for a
//! fault in a body: of that the head may have been forwarded already.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::{Client, Director, Origin, free};

struct Case {
    line: usize,
    text: &'static str,
    status: u16,
    in_body: bool,
    bytes: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("malformed.cases").lines().enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, text)| case(index + 1, text))
        .collect()
}

fn case(line: usize, text: &'static str) -> Case {
    let (status, bytes) = text
        .split_once(" | ")
        .unwrap_or_else(|| panic!("line {line}: no bar"));
    let in_body = status.ends_with('b');
    let status = status
        .trim_end_matches('b')
        .parse()
        .unwrap_or_else(|_| panic!("line {line}: no status"));
    Case {
        line,
        text,
        status,
        in_body,
        bytes: unescape(bytes),
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let repeated = rest
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let repeated = repeated.and_then(|(inner, after)| Some((inner.rsplit_once('*')?, after)));
        if let Some(((inner, count), after)) =
            repeated.filter(|((_, count), _)| count.parse::<usize>().is_ok())
        {
            bytes.extend(unescape(inner).repeat(count.parse().unwrap_or(0)));
            rest = after;
        } else if first == '\\' {
            let (byte, length) = match rest.as_bytes()[1] {
                b'r' => (b'\r', 2),
                b'n' => (b'\n', 2),
                b't' => (b'\t', 2),
                b'0' => (0, 2),
                b'x' => (
                    u8::from_str_radix(&rest[2..4], 16).expect("two hexadecimal digits"),
                    4,
                ),
                other => (other, 2),
            };
            bytes.push(byte);
            rest = &rest[length..];
        } else {
            bytes.extend(first.to_string().bytes());
            rest = &rest[first.len_utf8()..];
        }
    }
    bytes
}

/// What is wrong with what came back for `case`, sent in `parts`, after `before` good answers.
fn fault(at: SocketAddr, case: &Case, before: usize, parts: &[&[u8]]) -> Option<String> {
    let began = Instant::now();
    let mut client = match Client::try_to(at) {
        Ok(client) => client,
        Err(error) => return Some(format!("no connection: {error}")),
    };
    for part in parts {
        client.send(part);
    }
    for turn in 0..before {
        match client.try_answer("GET") {
            Ok(answer) if answer.status < 400 => {}
            other => return Some(format!("good request {turn} got {other:?}")),
        }
    }
    let answer = match client.try_answer("GET") {
        Ok(answer) => answer,
        Err(_) if case.in_body && before > 0 => return None,
        Err(error) => return Some(format!("no answer: {error}")),
    };
    if answer.status != case.status {
        return Some(format!("got {}", answer.line));
    }
    // These two are answers of a good request's kind: the rules do not ask for a close.
    if matches!(case.status, 405 | 417) {
        return None;
    }
    if !answer
        .field("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    {
        return Some("does not say `Connection: close`".to_owned());
    }
    match client.rest() {
        Err(error) => return Some(format!("stays open: {error}")),
        Ok(rest) if !rest.is_empty() => {
            return Some(format!("more bytes: {:?}", String::from_utf8_lossy(&rest)));
        }
        Ok(_) => {}
    }
    (began.elapsed() > Duration::from_secs(3)).then(|| format!("took {:?}", began.elapsed()))
}

const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: good.example\r\n\r\n";

#[track_caller]
fn all_refused(at: SocketAddr, forwards: Option<&Origin>) {
    let cases = cases();
    assert!(cases.len() >= 148, "only {} cases", cases.len());
    let mut faults = Vec::new();
    for case in &cases {
        let seen = forwards.map_or(0, |origin| origin.requests().len());
        let piped = [GOOD, &case.bytes].concat();
        let half = case.bytes.len() / 2;
        let ways: [(&str, usize, &[&[u8]]); 3] = [
            ("alone", 0, &[&case.bytes]),
            (
                "in two writes",
                0,
                &[&case.bytes[..half], &case.bytes[half..]],
            ),
            ("behind a good request", 1, &[&piped]),
        ];
        for (way, before, parts) in ways {
            // A fault of a body that comes later than the head closes without a second answer.
            if case.in_body && (way == "in two writes" || forwards.is_some()) {
                continue;
            }
            if let Some(fault) = fault(at, case, before, parts) {
                faults.push(format!(
                    "line {}, {way}: {fault}; wanted {}",
                    case.line, case.text
                ));
            }
        }
        let passed = forwards.map_or(0, |origin| origin.requests().len() - seen);
        if !case.in_body && forwards.is_some() && passed > 1 {
            faults.push(format!(
                "line {}: it was forwarded: {}",
                case.line, case.text
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn nothing_malformed_is_redirected() {
    let at = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl t http://%h/t/%d\nbind {at} t\nkeepalive {at}\n"
    ));
    all_refused(at, None);
}

#[test]
fn nothing_malformed_is_forwarded() {
    let origin = Origin::saying("ok");
    let (at, real) = (free(), origin.address);
    let _director = Director::start(&format!("virtual {at}\nreal {real}\nbind {at} {real}\n"));
    all_refused(at, Some(&origin));
}

#[test]
fn a_request_whose_body_is_broken_is_never_whole_at_the_origin() {
    let origin = Origin::start(|exchange| {
        exchange.read_body()?;
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(crate::support::After::Keep)
    });
    let (at, real) = (free(), origin.address);
    let _director = Director::start(&format!("virtual {at}\nreal {real}\nbind {at} {real}\n"));
    for case in cases().iter().filter(|case| case.in_body) {
        let mut client = Client::to(at);
        client.send(&case.bytes);
        let bytes = client
            .rest()
            .unwrap_or_else(|error| panic!("stays open: {error}: {}", case.text));
        assert!(!bytes.starts_with(b"HTTP/1.1 2"), "accepted: {}", case.text);
    }
    assert!(
        origin.requests().iter().all(|request| !request.whole),
        "{:?}",
        origin.requests()
    );
}

#[test]
fn what_real_clients_send_is_taken() {
    let at = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\n"
    ));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(16_000));
    let field = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n",
        "a".repeat(8_000)
    );
    let fields = format!(
        "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "X-Y: z\r\n".repeat(99)
    );
    let host = format!(
        "GET / HTTP/1.1\r\nHost: {0}.{0}.{0}\r\n\r\n",
        "a".repeat(63)
    );
    let good = [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nhOsT:x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \t x \t \r\n\r\n",
        "GET / HTTP/1.1\r\nHost: X.example.:65535\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: under_score.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n",
        "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET HTTP://X HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /|{}^[]\\\"<>`%zz% HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX-Bytes: \u{e4}\u{f6}\t\u{fc}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n\r\n",
        "!#$%&'*+-.^_`|~ / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n0000000000000005;a=\"b\"\r\nhello\r\n0\r\nT: 1\r\n\r\n",
        &long,
        &field,
        &fields,
        &host,
    ];
    for bytes in good {
        let mut client = Client::to(at);
        let answer = client.send(bytes).answer();
        assert!(
            matches!(answer.status, 302 | 307),
            "{} to {}",
            answer.line,
            &bytes[..bytes.len().min(200)]
        );
        client.closed();
    }
}

#[test]
fn the_server_as_a_whole_is_answered_for() {
    let at = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\n"
    ));
    let answer = Client::to(at)
        .send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        .answer();
    assert!(
        answer.status == 204 && answer.field("allow").is_some(),
        "{answer:?}"
    );
    for method in [
        "TRACE / HTTP/1.1\r\nHost: x",
        "CONNECT x:80 HTTP/1.1\r\nHost: x:80",
    ] {
        let answer = Client::to(at).send(format!("{method}\r\n\r\n")).answer();
        assert!(
            answer.status == 405 && answer.field("allow").is_some(),
            "{method}: {answer:?}"
        );
    }
}

#[test]
fn half_a_head_gets_408() {
    let at = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\n"
    ));
    let mut client = Client::to(at);
    client
        .stream
        .set_read_timeout(Some(Duration::from_secs(15)))
        .expect("a deadline");
    let began = Instant::now();
    let answer = client.send("GET / HTTP/1.1\r\nHost: x\r\nX-Half").answer();
    assert_eq!(answer.status, 408);
    assert!(
        began.elapsed() >= Duration::from_secs(9),
        "after {:?} already",
        began.elapsed()
    );
    client.closed();
}
