use std::future::Future;
use std::sync::Arc;
use std::task::Waker;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::sync::mpsc;

use super::super::deadline::{TICK, tick};
use super::super::http1::cases::{GOOD, cases};
use super::*;
use crate::control::{Farm, Live};
use crate::decide::{Facts, Snapshot};
use crate::model::{
    Code, HashKey, Model, Piece, Predictor, Ref, Scheme, Template, Url, UrlId, Virtual,
};
use crate::telemetry::Tally;

/// A virtual with `keepalive` whose url drops the path.
const KEEPS: &str = "192.0.2.1";
/// One without `keepalive`, whose url takes host, port and path over.
const CLOSES: &str = "192.0.2.2:8080";
/// One with nothing bound.
const EMPTY: &str = "192.0.2.3";
/// One whose predictor goes by the host, with the first one's url.
const BY_HOST: &str = "192.0.2.5";
/// Nobody's.
const GONE: &str = "192.0.2.4";

fn endpoint(text: &str) -> Endpoint {
    text.parse().expect("an endpoint")
}

fn url(id: &str, authority: Vec<Piece>, path: Vec<Piece>, code: Option<Code>) -> Url {
    let template = Template {
        text: "".into(),
        scheme: Scheme::Http,
        authority: authority.into(),
        path: path.into(),
    };
    Url {
        code,
        ..Url::new(UrlId(id.into()), template)
    }
}

fn at(id: &str, keepalive: bool, targets: Vec<Ref>) -> Virtual {
    Virtual {
        targets,
        keepalive,
        ..Virtual::new(endpoint(id))
    }
}

fn worker() -> Rc<Worker> {
    let literal = |text: &str| Piece::Literal(text.into());
    let model = Model {
        virtuals: vec![
            at(KEEPS, true, vec![Ref::Url(0)]),
            at(CLOSES, false, vec![Ref::Url(1)]),
            at(EMPTY, true, vec![]),
            Virtual {
                predictor: Predictor::Hash(HashKey::Host),
                ..at(BY_HOST, true, vec![Ref::Url(0)])
            },
        ],
        urls: vec![
            url(
                "drops",
                vec![literal("t.example")],
                vec![literal("/")],
                None,
            ),
            url(
                "takes",
                vec![literal("w-"), Piece::Host, literal(":1"), Piece::Port],
                vec![literal("/"), Piece::PathAndQuery],
                Some(Code::MovedPermanently),
            ),
        ],
        ..Model::default()
    };
    let (snapshot, loads) = Snapshot::compile(&model, &Facts::default(), None);
    let live = Live {
        snapshot,
        loads: Arc::new(loads),
    };
    let farm = Arc::new(Farm::new(live, mpsc::channel(1).0));
    Worker::new(farm, Tally::default(), "test".into(), 1)
}

/// A client and the connection that serves it, moved on by hand: no runtime, no clock.
struct Talk {
    client: DuplexStream,
    serving: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

/// What the client has got, and whether the server's side has ended.
#[derive(Debug)]
struct Got {
    bytes: Vec<u8>,
    ended: bool,
}

impl Talk {
    fn new(worker: &Rc<Worker>, to: &str, room: usize) -> Talk {
        let (client, server) = tokio::io::duplex(room);
        let at = endpoint(to);
        let peer = "198.51.100.7:4711".parse().expect("an address");
        let client_side = Client::new(server, peer, at.socket());
        let serving = serve_connection(Rc::clone(worker), client_side, at);
        let mut talk = Talk {
            client,
            serving: Some(Box::pin(serving)),
        };
        talk.turn();
        talk
    }

    fn turn(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        if let Some(serving) = &mut self.serving
            && serving.as_mut().poll(&mut cx).is_ready()
        {
            self.serving = None;
        }
    }

    /// Sends what the server still takes.
    fn send(&mut self, mut bytes: &[u8]) {
        let mut cx = Context::from_waker(Waker::noop());
        while !bytes.is_empty() {
            match Pin::new(&mut self.client).poll_write(&mut cx, bytes) {
                Poll::Ready(Ok(n)) => bytes = &bytes[n..],
                Poll::Ready(Err(_)) => return,
                Poll::Pending => {
                    let before = self.serving.is_some();
                    self.turn();
                    assert!(before, "a full pipe that nobody reads");
                }
            }
        }
        self.turn();
    }

    fn pass(&mut self, time: Duration) {
        for _ in 0..time.as_millis() / TICK.as_millis() {
            tick();
        }
        self.turn();
    }

    fn got(&mut self) -> Got {
        let mut got = Got {
            bytes: Vec::new(),
            ended: false,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let mut room = vec![0; 1 << 16];
        loop {
            let mut buffer = ReadBuf::new(&mut room);
            match Pin::new(&mut self.client).poll_read(&mut cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    got.bytes.extend_from_slice(buffer.filled());
                    self.turn();
                }
                Poll::Ready(_) => {
                    got.ended = true;
                    return got;
                }
                Poll::Pending => return got,
            }
        }
    }

    /// Whether the connection is over, not only ended towards the client.
    fn over(&self) -> bool {
        self.serving.is_none()
    }
}

impl Got {
    /// The statuses of the answers, each of which is whole.
    fn statuses(&self) -> Vec<u16> {
        let mut statuses = Vec::new();
        let mut text = std::str::from_utf8(&self.bytes).expect("ASCII");
        while !text.is_empty() {
            let (head, rest) = text.split_once("\r\n\r\n").expect("a whole head");
            let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("Content-Length: "));
            let length: usize = length.map_or(0, |l| l.parse().expect("a length"));
            // The body of an answer to HEAD is missing.
            let length = if rest.starts_with("HTTP/") { 0 } else { length };
            text = rest.get(length..).unwrap_or("");
            statuses.push(status.expect("a status"));
        }
        statuses
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("ASCII")
    }
}

fn talk(worker: &Rc<Worker>, pieces: &[&[u8]]) -> Got {
    let mut talk = Talk::new(worker, KEEPS, 1 << 20);
    for piece in pieces {
        talk.send(piece);
    }
    talk.got()
}

/// A fault in a body that had not arrived when the redirect went out closes without a second answer.
fn late(bytes: &[u8], status: u16, got: &Got) -> bool {
    let body = bytes
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .map(|at| at + 4);
    status == 400
        && body.is_some_and(|at| at < bytes.len())
        && got.statuses().last() == Some(&307)
        && got.ended
}

#[test]
fn every_case_comes_out_in_one_write_byte_by_byte_split_and_pipelined() {
    let worker = worker();
    for (bytes, status, open) in cases() {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        let check = |how: &str, got: Got, before: &[u16]| {
            let expected: Vec<u16> = before.iter().copied().chain([status]).collect();
            if how == "in one write" || !late(&bytes, status, &got) {
                assert_eq!(got.statuses(), expected, "{how}: {text:?}");
                assert_eq!(got.ended, !open, "{how}: {text:?}");
            }
            let says_close = got.text().contains("\r\nConnection: close\r\n");
            assert!(
                !got.ended || says_close || late(&bytes, status, &got),
                "{how}: {text:?}"
            );
        };
        check("in one write", talk(&worker, &[&bytes]), &[]);
        let step = if bytes.len() > 2000 { 997 } else { 1 };
        let pieces: Vec<&[u8]> = bytes.chunks(step).collect();
        check("byte by byte", talk(&worker, &pieces), &[]);
        if bytes.len() < 200 {
            for at in 1..bytes.len() {
                let (a, b) = bytes.split_at(at);
                check("split in two", talk(&worker, &[a, b]), &[]);
            }
        }
        let behind = [GOOD, &bytes].concat();
        check("behind a good request", talk(&worker, &[&behind]), &[302]);
        check(
            "after a good request",
            talk(&worker, &[GOOD, &bytes]),
            &[302],
        );
        if open {
            let behind = [&bytes, GOOD].concat();
            let got = talk(&worker, &[&behind]);
            assert_eq!(got.statuses(), [status, 302], "before a good one: {text:?}");
            assert!(!got.ended);
        }
    }
}

fn ask_at(to: &str, request: &str) -> Got {
    let worker = worker();
    let mut talk = Talk::new(&worker, to, 1 << 20);
    talk.send(request.as_bytes());
    talk.got()
}

#[test]
fn a_redirect_byte_for_byte() {
    let got = ask_at(
        CLOSES,
        "GET /x?a=1&b HTTP/1.1\r\nHost: Ab.example:81\r\n\r\n",
    );
    let text = got.text();
    let date = text.find("Date: ").expect("a date") + 6;
    let without = format!("{}{}", &text[..date], &text[date + 29..]);
    let expected = "HTTP/1.1 301 Moved Permanently\r\nServer: Signpost\r\nDate: \r\n\
        Location: http://w-Ab.example:181/x?a=1&b\r\nContent-Type: text/html; charset=utf-8\r\n\
        Content-Length: 89\r\nX-Content-Type-Options: nosniff\r\nVary: Host\r\nConnection: close\r\n\r\n\
        <!DOCTYPE html><a href=\"http://w-Ab.example:181/x?a=1&amp;b\">Moved Permanently</a>\n";
    let length = expected.split_once("\r\n\r\n").expect("a body").1.len();
    assert_eq!(without, expected.replace("89", &length.to_string()));
    assert!(httpdate::parse_http_date(&text[date..date + 29]).is_ok());
    assert!(got.ended);
}

#[test]
fn a_client_without_host_is_sent_to_what_it_connected_to() {
    let got = ask_at(CLOSES, "GET /x HTTP/1.0\r\n\r\n");
    assert!(
        got.text()
            .contains("Location: http://w-192.0.2.2:18080/x\r\n"),
        "{got:?}"
    );
}

#[test]
fn an_absolute_target_without_path_is_asked_for_with_one() {
    let got = ask_at(CLOSES, "GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        got.text().contains("Location: http://w-a:180/?q\r\n"),
        "{got:?}"
    );
}

#[test]
fn nothing_usable_is_503_and_nothing_there_closes() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let got = ask_at(EMPTY, request);
    assert_eq!((got.statuses(), got.ended), (vec![503], false));
    assert!(got.text().contains("\r\nRetry-After: 5\r\n"));
    let got = ask_at(GONE, request);
    assert_eq!((got.statuses(), got.ended), (vec![503], true));
    assert!(got.text().ends_with(": not-here\n"));
}

#[test]
fn a_location_that_grows_too_long_is_414() {
    let request = format!(
        "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n",
        "x".repeat(16 * 1024 - 1)
    );
    let got = ask_at(CLOSES, &request);
    assert_eq!((got.statuses(), got.ended), (vec![414], true));
}

#[test]
fn nothing_is_answered_after_a_close() {
    let worker = worker();
    let close = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let got = talk(&worker, &[&[&close[..], GOOD].concat()]);
    assert_eq!((got.statuses(), got.ended), (vec![302], true));
    let got = talk(&worker, &[&[b"BAD\r\n\r\n", GOOD].concat()]);
    assert_eq!((got.statuses(), got.ended), (vec![400], true));
}

#[test]
fn many_pipelined_requests_are_all_answered_in_order() {
    let worker = worker();
    let requests = GOOD.repeat(5 * PIPELINED + 1);
    let got = talk(&worker, &[&requests]);
    assert_eq!(got.statuses(), vec![302; 5 * PIPELINED + 1]);
    assert!(!got.ended);
}

#[test]
fn an_empty_line_at_the_end_of_a_round_is_that_connections_own() {
    let worker = worker();
    let mut one = Talk::new(&worker, KEEPS, 1 << 20);
    one.send(
        &[
            &GOOD.repeat(PIPELINED - 1)[..],
            b"\r\n",
            GOOD,
            b"\r\n\r\nGET",
        ]
        .concat(),
    );
    let got = one.got();
    assert_eq!(got.statuses().len(), PIPELINED + 1);
    assert_eq!(
        (got.statuses()[PIPELINED - 1], got.statuses()[PIPELINED]),
        (302, 400)
    );
    let got = talk(&worker, &[b"\r\n", GOOD]);
    assert_eq!((got.statuses(), got.ended), (vec![302], false));
    // Another connection's turn comes while the first is between its empty line and its head.
    let mut slow = Talk::new(&worker, KEEPS, 8000);
    slow.send(&[&GOOD.repeat(PIPELINED - 1)[..], b"\r\n", GOOD].concat());
    assert_eq!(
        talk(&worker, &[&[b"\r\n", GOOD].concat()]).statuses(),
        [302]
    );
    assert_eq!(slow.got().statuses(), [302; PIPELINED]);
}

#[test]
fn no_more_than_the_limit_is_queued_for_a_client_that_takes_nothing() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1000);
    let mut cx = Context::from_waker(Waker::noop());
    let requests = GOOD.repeat(10_000);
    let mut sent = 0;
    while let Poll::Ready(Ok(n)) = Pin::new(&mut talk.client).poll_write(&mut cx, &requests[sent..])
    {
        sent += n;
        talk.turn();
    }
    // What was read at once, what the pipe holds, and no more.
    assert!(sent < 3 * 1000 + 2 * GOOD.len(), "{sent}");
    talk.pass(STALLED_WRITE - TICK);
    assert!(!talk.over());
    talk.pass(3 * TICK);
    assert!(talk.over());
}

#[test]
fn half_a_head_is_told_so_and_silence_is_not() {
    let worker = worker();
    for start in ["G", "GET / HTTP/1.1\r\nHost: a\r\n", "\r\nGE"] {
        let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
        talk.pass(Duration::from_secs(40));
        talk.send(start.as_bytes());
        talk.pass(HEAD - 2 * TICK);
        assert!(talk.got().bytes.is_empty());
        talk.pass(4 * TICK);
        let got = talk.got();
        assert_eq!((got.statuses(), got.ended), (vec![408], true), "{start:?}");
    }
    for start in ["", "\r\n"] {
        let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
        talk.send(start.as_bytes());
        talk.pass(IDLE - TICK);
        assert!(!talk.over());
        talk.pass(3 * TICK);
        let got = talk.got();
        assert_eq!((got.statuses(), got.ended), (vec![], true), "{start:?}");
    }
}

#[test]
fn a_head_that_trickles_does_not_win_time() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    for byte in &GOOD[..20] {
        talk.send(&[*byte]);
        talk.pass(Duration::from_secs(1));
    }
    assert_eq!(talk.got().statuses(), [408]);
}

#[test]
fn a_connection_that_stays_open_may_idle_again_and_again() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    for _ in 0..5 {
        talk.pass(IDLE - TICK);
        talk.send(GOOD);
        assert_eq!(talk.got().statuses(), [302]);
    }
    talk.pass(IDLE + 2 * TICK);
    assert!(talk.over());
}

fn post(length: usize) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

#[test]
fn unwanted_bodies_are_thrown_away_within_their_limit() {
    let worker = worker();
    let body = vec![b'x'; DRAIN_BYTES];
    let got = talk(&worker, &[&post(DRAIN_BYTES), &body, GOOD]);
    assert_eq!((got.statuses(), got.ended), (vec![307, 302], false));
    let got = talk(&worker, &[&post(DRAIN_BYTES + 1), &body, b"x", GOOD]);
    assert_eq!((got.statuses(), got.ended), (vec![307], true));

    let chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let got = talk(
        &worker,
        &[chunked, b"3\r\nabc\r\n", b"0\r\n", b"\r\n", GOOD],
    );
    assert_eq!((got.statuses(), got.ended), (vec![307, 302], false));
    let got = talk(
        &worker,
        &[
            chunked,
            b"11000\r\n",
            &[b'x'; 0x11000],
            b"\r\n0\r\n\r\n",
            GOOD,
        ],
    );
    assert_eq!((got.statuses(), got.ended), (vec![307], true));
}

#[test]
fn an_unwanted_body_that_does_not_come_ends_the_connection() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    talk.send(&post(3));
    assert_eq!(talk.got().statuses(), [307]);
    talk.pass(DRAIN - 2 * TICK);
    assert!(!talk.got().ended);
    talk.pass(4 * TICK);
    assert!(talk.got().ended);
    // It may be sending now: a reset would take the answer from it.
    assert!(!talk.over());
    talk.pass(DRAIN + 2 * TICK);
    assert!(talk.over());
}

#[test]
fn after_a_refusal_the_client_has_time_to_take_it() {
    let worker = worker();
    // Until the client closes,
    let mut open = Talk::new(&worker, KEEPS, 1 << 16);
    open.send(b"BAD\r\n");
    assert!(open.got().ended && !open.over());
    open.send(b"more that nobody reads");
    drop(std::mem::replace(&mut open.client, tokio::io::duplex(1).0));
    open.turn();
    assert!(open.over());
    // or for a second,
    let mut slow = Talk::new(&worker, KEEPS, 1 << 16);
    slow.send(b"BAD\r\n");
    slow.pass(DRAIN - 2 * TICK);
    assert!(!slow.over());
    slow.pass(4 * TICK);
    assert!(slow.over());
    // or for so many bytes.
    let mut fast = Talk::new(&worker, KEEPS, 1 << 20);
    fast.send(b"BAD\r\n");
    let much = vec![b'x'; 1 << 20];
    for _ in 0..LINGER_BYTES >> 20 {
        fast.send(&much);
    }
    assert!(!fast.over());
    fast.send(b"x");
    assert!(fast.over());
}

#[test]
fn draining_closes_idle_connections_and_ends_the_others_with_their_answer() {
    let worker = worker();
    let mut idle = Talk::new(&worker, KEEPS, 1 << 16);
    idle.send(GOOD);
    let mut half = Talk::new(&worker, KEEPS, 1 << 16);
    half.send(&GOOD[..9]);
    let mut drain = Box::pin(worker.drain());
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(worker.open(), 2);
    assert!(drain.as_mut().poll(&mut cx).is_pending());
    idle.turn();
    assert!(idle.over());
    half.turn();
    half.send(&GOOD[9..]);
    let got = half.got();
    assert_eq!((got.statuses(), got.ended), (vec![302], true));
    assert!(got.text().contains("\r\nConnection: close\r\n"));
    assert!(half.over());
    assert!(drain.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn a_request_that_has_arrived_when_draining_begins_is_answered() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    talk.send(GOOD);
    assert_eq!(talk.got().statuses(), [302]);
    let mut cx = Context::from_waker(Waker::noop());
    let sent = Pin::new(&mut talk.client).poll_write(&mut cx, GOOD);
    assert!(matches!(sent, Poll::Ready(Ok(n)) if n == GOOD.len()));
    let mut drain = Box::pin(worker.drain());
    assert!(drain.as_mut().poll(&mut cx).is_pending());
    talk.turn();
    let got = talk.got();
    assert_eq!((got.statuses(), got.ended), (vec![302], true));
    assert!(got.text().contains("\r\nConnection: close\r\n"));
}

#[test]
fn the_host_is_varied_by_where_a_predictor_goes_by_it() {
    let worker = worker();
    for (to, varies) in [(KEEPS, false), (BY_HOST, true), (CLOSES, true)] {
        let mut talk = Talk::new(&worker, to, 1 << 16);
        talk.send(GOOD);
        let got = talk.got();
        assert_eq!(
            got.text().contains("\r\nVary: Host\r\n"),
            varies,
            "{to}: {got:?}"
        );
    }
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    talk.send(GOOD);
    assert_eq!(talk.got().statuses(), [302]);
    let small = size_of_val(talk.serving.as_deref().expect("still open"));
    assert!(small <= 512, "{small} bytes");
}
