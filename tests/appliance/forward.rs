//! LANGUAGE.md §4 "Forward"; RELIABILITY.md D, with origins that keep the rules.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{After, Client, Director, Exchange, Origin, Received, eventually, free, get};

/// A director that forwards to `origin`; and where it listens.
fn forwarding(origin: &Origin) -> (Director, SocketAddr) {
    let (at, real) = (free(), origin.address);
    (
        Director::start(&format!("virtual {at}\nreal {real}\nbind {at} {real}\n")),
        at,
    )
}

#[test]
fn bodies_with_length_and_chunked_go_both_ways() {
    let origin = Origin::start(|exchange| {
        exchange.read_body()?;
        let body = exchange.request.body.clone();
        if exchange.request.head.contains("/chunked") {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for part in body.chunks(70_000) {
                exchange.send(format!("{:x}\r\n", part.len()))?;
                exchange.send(part)?;
                exchange.send("\r\n")?;
            }
            exchange.send("0\r\n\r\n")?;
        } else {
            exchange.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                body.len()
            ))?;
            exchange.send(&body)?;
        }
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let body: Vec<u8> = (0..1_000_000u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for size in [0, 1, 4_095, 65_536, 1_000_000] {
        let body = &body[..size];
        for target in ["/length", "/chunked"] {
            let mut client = Client::to(at);
            client.send(format!(
                "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
            ));
            let answer = client.send(body).answer();
            assert!(
                answer.status == 200 && answer.body == body,
                "{size} bytes with length, {target}"
            );
            client.send(format!(
                "POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            ));
            for part in body.chunks(33_333) {
                client
                    .send(format!("{:X};ext=1\r\n", part.len()))
                    .send(part)
                    .send("\r\n");
            }
            let answer = client.send("0\r\n\r\n").answer();
            assert!(
                answer.status == 200 && answer.body == body,
                "{size} bytes chunked, {target}"
            );
        }
    }
    assert!(origin.requests().iter().all(|request| request.whole));
}

#[test]
fn a_long_download_never_stalls() {
    const PIECE: usize = 65_536;
    const PIECES: usize = 2_048;
    let origin = Origin::start(|exchange| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            PIECES * PIECE
        );
        exchange.send(head)?;
        let piece = vec![b'x'; PIECE];
        for _ in 0..PIECES {
            exchange.send(&piece)?;
        }
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    // The origin and the client go at their own pace, so that buffers run full and empty between them.
    for turn in 0..PIECES - 1 {
        if let Err(error) = client.exactly(PIECE) {
            panic!("after {turn} pieces: {error}");
        }
        if turn % 64 == 0 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn trailers_pass_both_ways_and_are_never_fields() {
    let origin = Origin::start(|exchange| {
        exchange.read_body()?;
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n")?;
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let answer = Client::to(at)
        .send("POST / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-End: 7\r\n\r\n")
        .answer();
    assert_eq!(
        (answer.text().as_str(), answer.field("x-sum")),
        ("ok", None)
    );
    assert!(
        answer.trailers.to_lowercase().contains("x-sum: 42"),
        "{answer:?}"
    );
    let request = origin.request();
    assert_eq!(
        (request.body.as_slice(), request.values("x-end")),
        (&b"hi"[..], vec![])
    );
    assert!(
        request.trailers.to_lowercase().contains("x-end: 7"),
        "{request:?}"
    );
}

#[test]
fn interim_answers_pass() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    let first = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    let last = if first.status == 103 {
        client.answer()
    } else {
        first
    };
    assert_eq!(
        (last.status, last.text().as_str()),
        (200, "ok"),
        "an interim answer was taken for the last one"
    );
}

#[test]
fn continue_is_said_and_the_body_arrives() {
    let origin = Origin::start(|exchange| {
        if !exchange.request.values("expect").is_empty() {
            exchange.send("HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        exchange.read_body()?;
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    assert_eq!(client.send("body").answer().status, 200);
    assert_eq!(origin.request().body, b"body");
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    let origin = Origin::start(|exchange| {
        let status = if exchange.request.head.contains("/204") {
            "204 No Content"
        } else {
            "304 Not Modified"
        };
        if exchange.request.head.starts_with("HEAD") {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")?;
        } else {
            exchange.send(format!("HTTP/1.1 {status}\r\nETag: \"1\"\r\n\r\n"))?;
        }
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    let head = client.try_answer("HEAD").expect("a head");
    assert_eq!(
        (head.status, head.field("content-length")),
        (200, Some("1234"))
    );
    assert_eq!(
        client
            .send("GET /204 HTTP/1.1\r\nHost: x\r\n\r\n")
            .answer()
            .status,
        204
    );
    assert_eq!(
        client
            .send("GET /304 HTTP/1.1\r\nHost: x\r\n\r\n")
            .answer()
            .status,
        304
    );
    assert_eq!(
        origin.accepted(),
        1,
        "the connection to the real is used again"
    );
}

#[test]
fn a_body_that_ends_with_the_connection_arrives_whole() {
    let origin = Origin::sending("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    let (_director, at) = forwarding(&origin);
    assert_eq!(get(at, "/").text(), "until the end");
    let bytes = crate::support::raw(at, "GET / HTTP/1.0\r\nHost: x\r\n\r\n");
    assert!(
        bytes.ends_with(b"\r\n\r\nuntil the end"),
        "{}",
        String::from_utf8_lossy(&bytes)
    );
}

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

#[track_caller]
fn forwarded(head: &str) -> Received {
    let origin = Origin::saying("ok");
    let (_director, at) = forwarding(&origin);
    assert_eq!(
        Client::to(at)
            .send(format!("{head}\r\n\r\n"))
            .answer()
            .status,
        200
    );
    origin.request()
}

#[test]
fn hop_by_hop_fields_stay_behind() {
    let request = forwarded(
        "GET /a?b HTTP/1.1\r\nHost: Named.example:8080\r\nConnection: keep-alive, X-Hop, Cookie, Host, X-Forwarded-For\r\n\
         X-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers, gzip\r\nCookie: a=b\r\n\
         Authorization: Basic eA==\r\nX-Kept: yes\r\nProxy-Authorization: Basic eA==",
    );
    assert!(
        request.head.starts_with("GET /a?b HTTP/1.1\r\n"),
        "{request:?}"
    );
    for name in ["x-hop", "keep-alive", "proxy-connection"] {
        assert_eq!(
            request.values(name),
            Vec::<&str>::new(),
            "{name}: {request:?}"
        );
    }
    assert!(
        !request
            .values("connection")
            .iter()
            .any(|value| value.to_lowercase().contains("hop")),
        "{request:?}"
    );
    assert!(
        !request
            .values("te")
            .iter()
            .any(|value| value.contains("gzip")),
        "{request:?}"
    );
    assert_eq!(
        request.values("host"),
        ["Named.example:8080"],
        "Host is kept"
    );
    for (name, value) in [
        ("cookie", "a=b"),
        ("authorization", "Basic eA=="),
        ("x-kept", "yes"),
    ] {
        assert_eq!(request.values(name), [value], "{request:?}");
    }
    assert_eq!(request.values("x-forwarded-for").len(), 1, "{request:?}");
}

#[test]
fn forwarding_fields_are_set_anew() {
    let request = forwarded(
        "GET / HTTP/1.1\r\nHost: h.example:81\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Host: evil",
    );
    let [forwarded] = request.values("forwarded")[..] else {
        panic!("{request:?}")
    };
    let forwarded = forwarded.to_lowercase();
    for part in ["for=127.0.0.1", "proto=http", "h.example:81"] {
        assert!(forwarded.contains(part), "{part} is missing in {forwarded}");
    }
    assert_eq!(request.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(request.values("x-forwarded-proto"), ["http"]);
    assert_eq!(request.values("x-forwarded-host"), ["h.example:81"]);
    assert!(
        !request.head.contains("6.6.6.6") && !request.head.contains("evil"),
        "{request:?}"
    );
    let [via] = request.values("via")[..] else {
        panic!("{request:?}")
    };
    assert!(via.starts_with("1.1 "), "{via}");
}

#[test]
fn an_own_via_coming_back_is_508() {
    let origin = Origin::saying("ok");
    let (_director, at) = forwarding(&origin);
    Client::to(at)
        .send("GET / HTTP/1.1\r\nHost: x\r\nVia: 1.0 before\r\n\r\n")
        .answer();
    let via = origin.request().values("via").join(", ");
    let own = via.rsplit(", ").next().expect("an own one").to_owned();
    let answer = Client::to(at)
        .send(format!(
            "GET / HTTP/1.1\r\nHost: x\r\nVia: {own}, 1.1 after\r\n\r\n"
        ))
        .answer();
    assert_eq!((answer.status, origin.requests().len()), (508, 1));
}

#[test]
fn hop_by_hop_fields_of_the_answer_stay_behind() {
    let origin = Origin::sending(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         Server: origin\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok",
    );
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    for _ in 0..2 {
        let answer = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").answer();
        assert_eq!(
            (answer.field("x-hop"), answer.field("keep-alive")),
            (None, None),
            "{answer:?}"
        );
        assert_eq!(answer.field("server"), Some("origin"));
        let cookies: Vec<&str> = answer
            .fields
            .iter()
            .filter(|field| field.0 == "set-cookie")
            .map(|field| field.1.as_str())
            .collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
    }
}

#[test]
fn a_real_s_connection_is_used_again() {
    let origin = Origin::saying("ok");
    let at = free();
    let real = origin.address;
    let _director = Director::start_with(
        &format!("virtual {at}\nreal {real}\nbind {at} {real}\n"),
        &["--workers", "1"],
    );
    for _ in 0..10 {
        assert_eq!(get(at, "/").text(), "ok");
    }
    assert_eq!(origin.accepted(), 1);
}

#[test]
fn a_pooled_connection_found_dead_is_replaced() {
    let origin = Origin::saying("ok");
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    for _ in 0..5 {
        origin.become_one_that(|exchange| {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
            Ok(After::Reset)
        });
        assert_eq!(
            client
                .send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                .answer()
                .status,
            200
        );
        // A POST that crosses the reset on its way may not be sent twice: here it comes after it.
        eventually("the connection is reset", || origin.open() == 0);
        assert_eq!(
            client
                .send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
                .answer()
                .status,
            200
        );
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::start(|exchange| {
        let target = exchange
            .request
            .head
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}",
            target.len()
        ))?;
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    client.send(
        (0..32)
            .map(|turn| format!("GET /{turn} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .collect::<String>(),
    );
    for turn in 0..32 {
        assert_eq!(client.answer().text(), format!("/{turn}"));
    }
}

#[test]
fn an_http_1_0_client_gets_an_answer_it_can_read() {
    let origin = Origin::start(|exchange| {
        exchange
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")?;
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let bytes = crate::support::raw(at, "GET / HTTP/1.0\r\n\r\n");
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    assert!(
        text.ends_with("\r\n\r\nok") && !text.contains("transfer-encoding"),
        "{text}"
    );
}

/// Sends `request` until it is at the origin: a place may be held for a moment after its answer is read.
#[track_caller]
fn begin(at: SocketAddr, origin: &Origin, request: &str) -> Client {
    let seen = origin.requests().len();
    let mut client = Client::to(at);
    client.send(request);
    eventually("the request is at the origin", || {
        let mut byte = [0];
        client.stream.set_nonblocking(true).expect("a socket");
        let refused = client.stream.peek(&mut byte).is_ok();
        client.stream.set_nonblocking(false).expect("a socket");
        if refused && origin.requests().len() == seen {
            client = Client::to(at);
            client.send(request);
        }
        origin.requests().len() > seen
    });
    client
}

/// The client goes away, which frees the only place.
#[track_caller]
fn vanish(at: SocketAddr, client: Client, reset: bool) {
    assert_eq!(get(at, "/full").status, 503, "the only place is taken");
    if reset {
        client.reset()
    } else {
        drop(client)
    }
    eventually("the place is free again", || get(at, "/ok").status == 200);
}

#[test]
fn a_client_that_vanishes_in_mid_body_frees_its_place() {
    let origin = Origin::start(|exchange| {
        if exchange.request.head.contains("/slow") {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")?;
            while exchange.send([b'x'; 4_096]).is_ok() {}
            return Ok(After::Close);
        }
        exchange.read_body()?;
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(After::Keep)
    });
    let (at, real) = (free(), origin.address);
    let _director = Director::start(&format!(
        "virtual {at}\nreal {real}\nbind {at} {real}\nmaxconns {real} 1\n"
    ));
    for reset in [true, false] {
        let mut download = begin(at, &origin, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
        download.exactly(10_000).expect("it streams");
        vanish(at, download, reset);
        let upload = "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegun";
        vanish(at, begin(at, &origin, upload), reset);
    }
    let cut = origin
        .requests()
        .into_iter()
        .filter(|request| request.head.contains("/up"));
    assert!(
        cut.into_iter().all(|request| !request.whole),
        "a request cut short was forwarded as whole"
    );
}
