//! What comes out of every case of the front, however its bytes arrive, and of many requests at once.

use super::*;

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
