//! RELIABILITY.md D: bytes pass only after a 101 that fits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::forward::forwarding;
use crate::support::{After, Client, Exchange, Origin, eventually};

/// Answers 101 and sends every byte back in upper case.
fn echo(exchange: &mut Exchange<'_>) -> std::io::Result<After> {
    exchange.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ",
    )?;
    while let Ok(bytes) = exchange.some(65_536) {
        exchange.send(bytes.to_ascii_uppercase())?;
    }
    Ok(After::Close)
}

#[test]
fn an_upgrade_becomes_a_tunnel() {
    let origin = Origin::start(echo);
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    client.send("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\nearly");
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.field("upgrade")),
        (101, Some("echo"))
    );
    assert_eq!(client.exactly(11).expect("both"), b"hello EARLY");
    let long = vec![b'a'; 300_000];
    client.send("x");
    assert_eq!(client.exactly(1).expect("an echo"), b"X");
    let mut writer = client.stream.try_clone().expect("a second handle");
    let sender = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &long));
    assert!(
        client
            .exactly(300_000)
            .expect("an echo")
            .iter()
            .all(|byte| *byte == b'A')
    );
    sender.join().expect("no panic").expect("all sent");
    client.finish();
    client.closed();
    assert_eq!(origin.request().values("upgrade"), ["echo"]);
}

#[test]
fn upgrades_that_may_not_pass_are_plain_requests() {
    let origin = Origin::saying("plain");
    let (_director, at) = forwarding(&origin);
    for head in [
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    ] {
        let mut client = Client::to(at);
        assert_eq!(client.send(head).answer().status, 200, "{head}");
    }
    for request in origin.requests() {
        assert_eq!(request.values("upgrade"), Vec::<&str>::new(), "{request:?}");
        assert_eq!(
            request.values("http2-settings"),
            Vec::<&str>::new(),
            "{request:?}"
        );
    }
}

#[test]
fn h2c_is_taken_out_of_an_upgrade_beside_others() {
    let origin = Origin::saying("plain");
    let (_director, at) = forwarding(&origin);
    let head = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: H2c, echo\r\nUpgrade: h2c\r\n\
                HTTP2-Settings: AAMAAABk\r\n\r\n";
    assert_eq!(Client::to(at).send(head).answer().status, 200);
    let request = origin.request();
    assert_eq!(request.values("upgrade"), ["echo"], "{request:?}");
    assert_eq!(request.values("http2-settings"), Vec::<&str>::new());
}

#[test]
fn a_101_ahead_of_the_requests_end_opens_nothing() {
    let origin = Origin::start(echo);
    let (_director, at) = forwarding(&origin);
    let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n";
    for rest in [
        "Content-Length: 9\r\n\r\npart",
        "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
    ] {
        let mut client = Client::to(at);
        assert_eq!(client.send(head).send(rest).answer().status, 502, "{rest}");
        client.closed();
    }
}

#[test]
fn a_client_that_takes_nothing_from_a_tunnel_may_still_send() {
    const MUCH: usize = 16 << 20;
    let arrived = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&arrived);
    let origin = Origin::start(move |exchange| {
        exchange.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
        )?;
        let mut writer = exchange.stream.try_clone()?;
        std::thread::spawn(move || std::io::Write::write_all(&mut writer, &vec![b'x'; MUCH]));
        while count.load(Ordering::Relaxed) < MUCH {
            count.fetch_add(exchange.some(65_536)?.len(), Ordering::Relaxed);
        }
        Ok(After::Close)
    });
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    let mut first = [0];
    std::io::Read::read_exact(&mut client.stream, &mut first).expect("the head begins");
    client.send(vec![b'y'; MUCH]);
    eventually("all of it arrives", || {
        arrived.load(Ordering::Relaxed) == MUCH
    });
}

#[test]
fn a_101_that_nobody_asked_for_is_a_bad_answer() {
    let origin = Origin::start(echo);
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    assert_eq!(
        client
            .send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .answer()
            .status,
        502
    );
}
