//! HTTP/2 by prior knowledge: how it is recognised, how long it waits, and every vector of the engine over a real socket.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;
use crate::proxy::accept::Listening;
use crate::proxy::http2::PREFACE;
use crate::proxy::http2::limits::{LEAVE, LINGER, UNHEEDING};
use crate::proxy::http2::vectors::{Answers, Vector, all, hello, summary};

/// What the server said, without its settings and what follows them.
fn words(got: &Got) -> Vec<String> {
    let mut said = summary(&got.bytes);
    said.retain(|word| !matches!(word.as_str(), "settings" | "window 0 7798785" | "ack"));
    said
}

#[test]
fn the_preface_is_recognised_in_whatever_pieces_it_comes() {
    let worker = worker();
    let all = hello().get(1).bytes;
    for size in [1, 2, 5, 23, 24, 25, all.len()] {
        let mut talk = Talk::new(&worker, TAKES, 1 << 20);
        all.chunks(size).for_each(|piece| talk.send(piece));
        let got = talk.got();
        let said = words(&got).join(" ");
        assert!(
            said.starts_with("head 1 data 1 ") && said.ends_with(" answer 1"),
            "{size}: {said}"
        );
        assert!(!got.ended);
    }
}

#[test]
fn what_is_not_quite_the_preface_is_a_bad_request_of_http_1() {
    let worker = worker();
    for at in 5..PREFACE.len() {
        let mut bytes = PREFACE.to_vec();
        bytes[at] ^= 1;
        for size in [1, 7, 24] {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            let got = talk(&worker, &pieces);
            assert!(matches!(got.statuses()[..], [400 | 505]), "{at}: {got:?}");
        }
    }
    // Behind a request, or an empty line, there is no preface.
    for before in [GOOD, b"\r\n"] {
        let got = talk(&worker, &[before, PREFACE]);
        assert_eq!(got.statuses().last(), Some(&400));
    }
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    talk.send(&PREFACE[..9]);
    talk.pass(HEAD + 2 * TICK);
    assert_eq!(talk.got().statuses(), [408]);
}

#[test]
fn a_head_of_the_proxy_protocol_may_stand_before_it() {
    let worker = worker_trusting(vec![Block {
        address: [198, 51, 100, 0].into(),
        length: 24,
    }]);
    let head = b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 80\r\n";
    let all = [&head[..], &hello().get(1).bytes].concat();
    for size in [3, all.len()] {
        let (client, server) = tokio::io::duplex(1 << 20);
        let at = endpoint(KEEPS);
        let peer = "198.51.100.7:4711".parse().expect("an address");
        let side = Client::new(server, peer, at.socket());
        let mut connection = Connection::new(Rc::clone(&worker), side, at);
        connection.heed_proxy_head();
        let mut talk = Talk::served(client, async move { connection.run().await });
        all.chunks(size).for_each(|piece| talk.send(piece));
        assert_eq!(words(&talk.got()).last().expect("words"), "answer 1");
    }
}

#[test]
fn an_idle_connection_is_told_that_it_ends() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    talk.send(&hello().get(1).bytes);
    talk.got();
    talk.pass(IDLE - 2 * TICK);
    // A ping is no request.
    let ping = hello().ping().bytes.split_off(hello().bytes.len());
    talk.send(&ping);
    assert_eq!(words(&talk.got()), ["pong"]);
    talk.pass(4 * TICK);
    let got = talk.got();
    assert_eq!(words(&got), ["goaway NO_ERROR", "ping"]);
    assert!(!got.ended);
    talk.pass(LEAVE + 2 * TICK);
    let got = talk.got();
    assert_eq!(words(&got), ["goaway NO_ERROR"]);
    assert!(got.ended);
}

#[test]
fn half_a_frame_is_waited_for_as_half_a_head_is() {
    let worker = worker();
    for cut in [3, 30, 50, 60] {
        let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
        let start = hello().get(1).bytes;
        talk.send(PREFACE);
        for byte in &start[PREFACE.len()..PREFACE.len() + cut] {
            talk.send(&[*byte]);
        }
        talk.pass(HEAD - 2 * TICK);
        assert!(!talk.got().ended);
        talk.pass(4 * TICK);
        let over = talk.got().ended;
        assert!(over, "after {cut} bytes");
    }
}

#[test]
fn a_window_that_stays_shut_ends_its_stream() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    talk.send(&hello().settings(&[(4, 3)]).get(1).bytes);
    assert_eq!(words(&talk.got()), ["head 1", "data 1 3"]);
    talk.pass(STALLED_WRITE - 2 * TICK);
    assert!(talk.got().bytes.is_empty());
    talk.pass(4 * TICK);
    assert_eq!(words(&talk.got()), ["reset 1 CANCEL"]);
    assert!(!talk.over());
}

#[test]
fn a_window_that_opens_lets_the_rest_go() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    let begin = hello().settings(&[(4, 0)]).get(1);
    talk.send(&begin.bytes);
    assert_eq!(words(&talk.got()), ["head 1"]);
    let more = hello().window(1, 5).window(1, 5000).bytes;
    talk.send(&more[hello().bytes.len()..]);
    let said = words(&talk.got()).join(" ");
    assert!(
        said.starts_with("data 1 ") && said.ends_with(" answer 1"),
        "{said}"
    );
}

#[test]
fn who_goes_on_asking_over_a_connection_that_ends_is_heard_so_often_and_no_more() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 20);
    let begin = hello().get(1).bytes;
    talk.send(&begin);
    talk.got();
    worker.retire();
    talk.turn();
    assert_eq!(words(&talk.got()), ["goaway NO_ERROR", "ping"]);
    let ask = |from: u32, count| {
        let many = hello().times(count, |say, nth| say.get(from + 2 * nth));
        many.bytes[hello().bytes.len()..].to_vec()
    };
    talk.send(&ask(3, UNHEEDING));
    let got = talk.got();
    let answers = |got: &Got| {
        let words = words(got);
        words.iter().filter(|w| w.starts_with("answer")).count()
    };
    assert_eq!((answers(&got), got.ended), (UNHEEDING as usize, false));
    talk.send(&ask(3 + 2 * UNHEEDING, 3));
    let got = talk.got();
    assert_eq!((answers(&got), got.ended), (1, true), "{:?}", words(&got));
}

#[test]
fn a_tunnel_that_was_refused_holds_its_connection_no_longer_than_any_answer() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    let tunnel = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "a"),
    ];
    talk.send(&hello().fields(1, false, &tunnel).bytes);
    let said = words(&talk.got()).join(" ");
    assert!(said.ends_with(" answer 1"), "{said}");
    talk.pass(LINGER + 2 * TICK);
    talk.pass(LINGER + 2 * TICK);
    assert_eq!(words(&talk.got()), ["reset 1 NO_ERROR"]);
    talk.pass(IDLE + 2 * TICK);
    talk.pass(LEAVE + 2 * TICK);
    assert!(talk.got().ended);
}

#[test]
fn under_tls_http2_is_spoken_by_agreement_alone() {
    let worker = worker();
    let (client, server) = tokio::io::duplex(1 << 16);
    let peer = "198.51.100.7:4711".parse().expect("an address");
    let at = endpoint(KEEPS);
    let mut side = Client::new(server, peer, at.socket());
    side.secure = Some(std::sync::Arc::default());
    let mut connection = Connection::new(Rc::clone(&worker), side, at);
    let mut talk = Talk::served(client, async move { connection.run().await });
    talk.send(PREFACE);
    assert!(matches!(talk.got().statuses()[..], [400 | 505]));
}

#[test]
fn who_takes_nothing_is_read_no_further_and_ended() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 12);
    let many = hello().times(300, |say, nth| say.get(2 * nth + 1)).bytes;
    let mut cx = Context::from_waker(Waker::noop());
    let mut sent = 0;
    while sent < many.len() {
        match Pin::new(&mut talk.client).poll_write(&mut cx, &many[sent..]) {
            Poll::Ready(Ok(bytes)) => sent += bytes,
            _ => break,
        }
        talk.turn();
    }
    talk.pass(STALLED_WRITE + 2 * TICK);
    assert!(talk.over());
}

/// Serves on a thread of its own until the test ends; where.
fn serving(to: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
            .expect("a runtime");
        runtime.block_on(async move {
            let worker = worker();
            tokio::task::spawn_local(Rc::clone(&worker).keep_time());
            let listening = Listening::start(worker, listener, endpoint(to));
            let _listening = listening.expect("listening");
            std::future::pending::<()>().await;
        });
    });
    address
}

/// What the server says to all of a vector's input, and then to the client's end.
fn told(to: std::net::SocketAddr, vector: &Vector) -> String {
    let mut stream = TcpStream::connect(to).expect("a connection");
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).expect("set");
    let mut writer = stream.try_clone().expect("a second handle");
    let input = vector.input.clone();
    let sending = std::thread::spawn(move || {
        // Who is refused early may be cut off.
        let _ = writer.write_all(&input);
        let _ = writer.shutdown(Shutdown::Write);
    });
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    assert!(read.is_ok(), "{}: {read:?}", vector.name);
    sending.join().expect("no panic");
    let mut said = summary(&bytes);
    assert!(said.first().is_some_and(|word| word == "settings"));
    said.retain(|word| !word.starts_with("head ") && !word.starts_with("data "));
    said.drain(..2);
    if said.first().is_some_and(|word| word == "ack") {
        said.remove(0);
    }
    plain(said.iter().map(String::as_str))
}

/// Without the statuses, which are not the engine's, and with a flood's echoes but once: how many there are is the clock's.
fn plain<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut all: Vec<String> = Vec::new();
    for word in words {
        let mut parts = word.split(' ');
        let (kind, id) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let rest: Vec<&str> = parts.collect();
        let word = match kind {
            "answer" => format!("answer {id}"),
            _ => [&[kind, id][..], &rest].concat().join(" "),
        };
        let word = word.trim_end().to_owned();
        if all.last() != Some(&word) {
            all.push(word);
        }
    }
    all.join(" ")
}

/// The words of what a vector expects, heads and data left out as they are above.
fn expected(vector: &Vector) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in vector.expected.split(' ').filter(|word| !word.is_empty()) {
        let begins = word.as_bytes()[0].is_ascii_lowercase();
        match words.last_mut() {
            Some(last) if !begins => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words.retain(|word| !word.starts_with("head ") && !word.starts_with("data "));
    plain(words.iter().map(String::as_str))
}

/// What comes behind the last answer.
fn ending(words: &str) -> String {
    let last = words.rfind("answer ").map_or(words, |at| &words[at + 7..]);
    last.trim_start_matches(|c: char| c.is_ascii_digit())
        .trim()
        .to_owned()
}

#[test]
fn every_vector_comes_out_over_a_real_socket_as_in_the_engine() {
    let to = serving(KEEPS);
    let vectors = all();
    let mut run = 0;
    let mut wrong = Vec::new();
    for vector in vectors.iter().filter(|v| v.answers == Answers::AtOnce) {
        // What does not begin with the preface is HTTP/1's; an answer here has a body, for which a window has to be there.
        let begins = vector.input.starts_with(PREFACE);
        if !begins || vector.name.contains("window") {
            continue;
        }
        run += 1;
        let (mut told, mut expected) = (told(to, vector), expected(vector));
        if vector.name.contains("flood") {
            // How many were answered until it was one is the clock's, and the answers' own.
            (told, expected) = (ending(&told), ending(&expected));
        }
        if told != expected {
            wrong.push(format!(
                "{}:\n  said     {told}\n  expected {expected}",
                vector.name
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {run}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(run > 150, "{run} of {}", vectors.len());
}
