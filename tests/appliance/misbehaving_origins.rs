//! RELIABILITY.md D and G: origins that refuse, reset, keep silent, drip and lie.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{After, Client, Director, Origin, answer, eventually, free, get};

fn forwarding(origin: &Origin) -> (Director, SocketAddr) {
    let (at, real) = (free(), origin.address);
    let config = format!("virtual {at}\nreal {real}\nbind {at} {real}\nthreshold {real} 1000\n");
    (Director::start(&config), at)
}

/// Two reals, the first of which was told to misbehave; all requests come to a dip of the first, with the
/// second as its backup, so that the order is known.
fn with_backup(first: &Origin, second: &Origin) -> (Director, SocketAddr) {
    let (at, real, backup) = (free(), first.address, second.address);
    let config =
        format!("dip {at} {real}\nreal {backup}\nbackup {at} {backup}\nthreshold {at} 1000\n");
    (Director::start(&config), at)
}

const POST: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";

#[test]
fn a_refused_connection_moves_on_whatever_the_method() {
    let (first, second) = (Origin::saying("first"), Origin::saying("second"));
    let (director, at) = with_backup(&first, &second);
    first.refuse();
    for request in [
        POST,
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    ] {
        let answer = Client::to(at).send(request).answer();
        assert_eq!((answer.status, answer.text().as_str()), (200, "second"));
    }
    assert_eq!(second.requests()[0].body, b"body");
    director.counts(&["reassigned", "3"]);
}

#[test]
fn it_moves_on_along_the_slots_of_a_virtual() {
    let origins: Vec<Origin> = (0..5).map(|_| Origin::saying("alive")).collect();
    let at = free();
    let mut config = format!("virtual {at}\n");
    for origin in &origins {
        let real = origin.address;
        config += &format!("real {real}\nbind {at} {real}\nthreshold {real} 1000\n");
    }
    let _director = Director::start(&config);
    origins[..4].iter().for_each(Origin::refuse);
    for _ in 0..10 {
        assert_eq!(Client::to(at).send(POST).answer().status, 200);
    }
    assert_eq!(origins[4].requests().len(), 10);
}

#[test]
fn when_none_connects_it_is_503_with_retry_after() {
    let origin = Origin::saying("never");
    let (_director, at) = forwarding(&origin);
    origin.refuse();
    let answer = get(at, "/");
    assert_eq!(answer.status, 503);
    assert!(
        answer
            .field("retry-after")
            .is_some_and(|value| value.parse::<u32>().is_ok()),
        "{answer:?}"
    );
}

#[test]
fn a_reset_after_bytes_were_sent_is_retried_only_where_it_may_be() {
    let (first, second) = (
        Origin::start(|_| Ok(After::Reset)),
        Origin::saying("second"),
    );
    // A director each: three retries a second are the least that a budget allows.
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let (_director, at) = with_backup(&first, &second);
        let mut client = Client::to(at);
        client.send(format!("{method} /{method} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(
            client.try_answer(method).expect("an answer").status,
            200,
            "{method}"
        );
    }
    let (director, at) = with_backup(&first, &second);
    let before = second.requests().len();
    for method in ["POST", "PATCH", "BREW"] {
        let answer = Client::to(at)
            .send(format!(
                "{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
            ))
            .answer();
        assert_eq!(answer.status, 502, "{method}");
    }
    assert_eq!(second.requests().len(), before, "a POST was sent twice");
    director.counts(&["reset"]);
}

#[test]
fn one_retry_and_no_more() {
    let origins: Vec<Origin> = (0..4)
        .map(|_| Origin::start(|_| Ok(After::Reset)))
        .collect();
    let at = free();
    let mut config = format!("virtual {at}\n");
    for origin in &origins {
        let real = origin.address;
        config += &format!("real {real}\nbind {at} {real}\nthreshold {real} 1000\n");
    }
    let _director = Director::start(&config);
    assert_eq!(get(at, "/").status, 502);
    let tries: usize = origins.iter().map(|origin| origin.requests().len()).sum();
    assert!(tries <= 2, "it was sent {tries} times");
}

#[test]
fn answers_that_break_the_rules_are_502() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(2_000_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: a\r\n".repeat(20_000));
    let cases: Vec<(&str, String)> = vec![
        ("garbage", "\x16\x03\x01 not http at all\r\n\r\n".into()),
        ("nothing", String::new()),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-Le".into()),
        ("both framings", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".into()),
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok".into()),
        ("a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok".into()),
        ("a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok".into()),
        ("a length of letters", "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok".into()),
        ("a length past 63 bits", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok".into()),
        ("a head too large", long),
        ("too many fields", many),
        ("an unknown version", "HTTP/3.7 200 OK\r\nContent-Length: 2\r\n\r\nok".into()),
        ("a status of letters", "HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nok".into()),
        ("a field without a colon", "HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\nok".into()),
        ("a NUL in a field", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok".into()),
    ];
    for (name, bytes) in cases {
        let origin = Origin::sending(bytes);
        let (_director, at) = forwarding(&origin);
        let answer = Client::to(at).send(POST).answer();
        assert_eq!(answer.status, 502, "{name}: {answer:?}");
        assert_eq!(origin.requests().len(), 1, "{name} was asked again");
    }
}

#[test]
fn a_body_cut_short_is_never_passed_on_as_whole() {
    let cases = [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nzz\r\nx\r\n0\r\n\r\n",
    ];
    for bytes in cases {
        let origin = Origin::sending(bytes);
        let (_director, at) = forwarding(&origin);
        let got = Client::to(at)
            .send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .try_answer("GET");
        assert!(
            got.as_ref().map_or(true, |answer| answer.status == 502),
            "taken for whole: {bytes:?}: {got:?}"
        );
    }
}

#[test]
fn bytes_after_an_answer_do_not_reach_the_next_client() {
    let origin = Origin::start(|exchange| {
        exchange.read_body()?;
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")?;
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    for _ in 0..10 {
        assert_eq!(
            client
                .send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                .answer()
                .text(),
            "ok"
        );
        assert_eq!(get(at, "/").text(), "ok");
    }
    assert_eq!(
        origin.accepted(),
        20,
        "a connection with a byte over was used again"
    );
}

#[test]
fn an_answer_that_drips_arrives() {
    let origin = Origin::start(|exchange| {
        for byte in answer(200, "drop by drop") {
            exchange.send([byte])?;
        }
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    assert_eq!(get(at, "/").text(), "drop by drop");
}

#[test]
fn an_early_answer_to_an_upload_reaches_the_client() {
    let origin = Origin::start(|exchange| {
        exchange
            .send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")?;
        Ok(After::Close)
    });
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    client
        .send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        .send(vec![b'x'; 1_000]);
    assert_eq!(client.answer().status, 413);
}

#[test]
fn silence_within_a_body_ends_it_after_timeout() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")?;
        while exchange.some(1).is_ok() {}
        Ok(After::Close)
    });
    let (at, real) = (free(), origin.address);
    let _director = Director::start(&format!(
        "virtual {at}\nreal {real}\nbind {at} {real}\ntimeout {real} 1\n"
    ));
    let began = std::time::Instant::now();
    let got = Client::to(at)
        .send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .try_answer("GET");
    assert!(
        got.is_err_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof
            || error.kind() == std::io::ErrorKind::ConnectionReset)
    );
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        began.elapsed()
    );
    crate::support::eventually("the origin's connection is closed", || origin.open() == 0);
}

#[test]
fn a_silent_tunnel_ends_after_timeout() {
    let origin = Origin::start(|exchange| {
        exchange.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
        )?;
        while exchange.some(1).is_ok() {}
        Ok(After::Close)
    });
    let (at, real) = (free(), origin.address);
    let _director = Director::start(&format!(
        "virtual {at}\nreal {real}\nbind {at} {real}\ntimeout {real} 1\n"
    ));
    let mut client = Client::to(at);
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(client.answer().status, 101);
    client.closed();
}

/// What comes until the end of the connection, and whether that end was a reset.
fn until_the_end(client: &mut Client) -> (String, bool) {
    let mut got = Vec::new();
    let end = client.stream.read_to_end(&mut got);
    let reset = end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
    (String::from_utf8_lossy(&got).into_owned(), reset)
}

#[test]
fn a_cut_body_ends_in_a_reset_where_a_plain_end_would_make_it_whole() {
    const OLD: &str = "GET / HTTP/1.0\r\nHost: x\r\n\r\n";
    for (bytes, after, whole) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
            After::Close,
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort",
            After::Close,
            false,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nshort", After::Reset, false),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n\r\n",
            After::Keep,
            true,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nshort", After::Close, true),
    ] {
        let released = Arc::new(AtomicBool::new(false));
        let release = Arc::clone(&released);
        let origin = Origin::start(move |exchange| {
            exchange.send(bytes)?;
            eventually("the client has the part", || {
                release.load(Ordering::Relaxed)
            });
            Ok(after)
        });
        let (_director, at) = forwarding(&origin);
        let mut client = Client::to(at);
        client.send(OLD);
        let mut head = Vec::new();
        while !head.ends_with(b"short") {
            let mut byte = [0];
            client.stream.read_exact(&mut byte).expect("the part");
            head.push(byte[0]);
        }
        released.store(true, Ordering::Relaxed);
        let (rest, reset) = until_the_end(&mut client);
        assert_eq!(
            (rest.as_str(), reset),
            ("", !whole),
            "{bytes:?}, then {after:?}"
        );
    }
}

#[test]
fn the_end_of_the_grace_cuts_such_a_body_with_a_reset_too() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\n\r\nshort")?;
        // Until the director goes.
        let _ = exchange.some(1);
        Ok(After::Close)
    });
    let (at, real) = (free(), origin.address);
    let config = format!("virtual {at}\nreal {real}\nbind {at} {real}\n");
    let mut director = Director::start_with(&config, &["--grace", "1"]);
    let mut client = Client::to(at);
    client.send("GET / HTTP/1.0\r\nHost: x\r\n\r\n");
    let mut first = [0];
    client.stream.read_exact(&mut first).expect("an answer");
    director.terminate();
    let (rest, reset) = until_the_end(&mut client);
    assert!(reset, "taken for whole: {rest:?}");
    assert_eq!(director.wait().code(), Some(0));
}

#[test]
fn a_walk_that_ends_in_a_redirect_redirects() {
    let first = Origin::saying("first");
    let (at, real) = (free(), first.address);
    let director = Director::start(&format!(
        "dip {at} {real}\nurl elsewhere http://elsewhere.example/%d\nbackup {at} elsewhere\nthreshold {at} 1000\n"
    ));
    first.refuse();
    for (request, status) in [("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", 302), (POST, 307)] {
        let mut client = Client::to(at);
        let answer = client.send(request).answer();
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.location().starts_with("http://elsewhere.example/"));
        assert_eq!(answer.field("connection"), Some("close"));
        client.closed();
    }
    director.counts(&["elsewhere", "reassigned", "2"]);
}

#[test]
fn a_malformed_answer_ends_a_trial() {
    let (first, second) = (Origin::saying("first"), Origin::saying("second"));
    let (at, a, b) = (free(), first.address, second.address);
    let _director = Director::start(&format!(
        "virtual {at}\nreal {a}\nreal {b}\nbind {at} {a} {b}\nthreshold {a} 1\nretry {a} 1\n"
    ));
    first.refuse();
    for _ in 0..2 {
        assert_eq!(get(at, "/").text(), "second");
    }
    first.resume();
    first.become_one_that(|exchange| {
        exchange.send("no HTTP at all\r\n\r\n")?;
        Ok(After::Close)
    });
    eventually("a trial", || get(at, "/").status == 502);
    let began = Instant::now();
    eventually("the next trial", || get(at, "/").status == 502);
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}
