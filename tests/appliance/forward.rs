//! LANGUAGE.md §4 "Forward"; RELIABILITY.md D, with origins that keep the rules.

use std::net::SocketAddr;

use crate::support::{After, Client, Director, Origin, eventually, free, get};

/// A director that forwards to `origin`; and where it listens.
pub(crate) fn forwarding(origin: &Origin) -> (Director, SocketAddr) {
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
fn trailers_of_answers_pass_and_those_of_requests_stay_behind() {
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
    assert_eq!(
        (request.trailers.as_str(), request.values("trailer")),
        ("", vec![])
    );
}

/// Many a server stops reading at the last chunk's line and the one behind it.
#[test]
fn a_server_that_leaves_trailers_unread_gets_the_next_request_whole() {
    let origin = Origin::start(|exchange| {
        if exchange.request.head.starts_with("POST") {
            let mut body = Vec::new();
            while !body.ends_with(b"\r\n0\r\n\r\n") && !body.ends_with(b"\r\nX-End: 7\r\n") {
                body.extend(exchange.some(1)?);
            }
        }
        let line = exchange.request.head.lines().next().unwrap_or_default();
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}",
            line.len()
        ))?;
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    let sent = "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-End: 7\r\n\r\n";
    let answer = client
        .send(format!("POST /a HTTP/1.1\r\nHost: x\r\n{sent}"))
        .answer();
    assert_eq!(answer.text(), "POST /a HTTP/1.1");
    let answer = client.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    assert_eq!(answer.text(), "GET /b HTTP/1.1");
    assert_eq!(origin.accepted(), 1, "the connection was used again");
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
