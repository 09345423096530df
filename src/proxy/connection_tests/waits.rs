//! How long a connection waits for its client, and what ends it.

use super::*;
use crate::proxy::limits::LINGER_BYTES;

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
fn an_idle_connection_holds_no_buffer() {
    let worker = worker();
    let mut talk = Talk::new(&worker, KEEPS, 1 << 16);
    talk.send(GOOD);
    assert_eq!(talk.got().statuses(), [302]);
    let small = size_of_val(talk.serving.as_deref().expect("still open"));
    assert!(small <= 512, "{small} bytes");
}
