//! Connections of trusted proxies, which begin with a PROXY protocol head.

use super::*;

const V1: &[u8] = b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 80\r\n";

/// A worker that trusts the client of all these tests.
fn trusting() -> Rc<Worker> {
    worker_trusting(vec![Block {
        address: [198, 51, 100, 0].into(),
        length: 24,
    }])
}

/// A connection on which a trusted client has to say first whom it speaks for.
fn prefaced(worker: &Rc<Worker>) -> Talk {
    let (client, server) = tokio::io::duplex(1 << 20);
    let at = endpoint(KEEPS);
    let peer = "198.51.100.7:4711".parse().expect("an address");
    let client_side = Client::new(server, peer, at.socket());
    let mut connection = Connection::new(Rc::clone(worker), client_side, at);
    connection.heed_proxy_head();
    Talk::served(client, async move { connection.run().await })
}

fn counted(worker: &Worker) -> u64 {
    worker.tally.table().count("-", "proxy-head")
}

#[test]
fn requests_follow_the_head_in_whatever_pieces_they_come() {
    let worker = trusting();
    let v2 = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".as_slice(), &[9; 12]].concat();
    for head in [V1, &v2, b"PROXY UNKNOWN\r\n"] {
        let all = [head, GOOD, GOOD].concat();
        for size in [1, 2, 7, head.len(), head.len() + 1, all.len()] {
            let mut talk = prefaced(&worker);
            all.chunks(size).for_each(|piece| talk.send(piece));
            let got = talk.got();
            assert_eq!(got.statuses(), [302, 302], "pieces of {size}: {head:?}");
            assert!(!got.ended);
        }
    }
    assert_eq!(counted(&worker), 0);
}

#[test]
fn what_is_no_head_ends_the_connection_without_an_answer() {
    let worker = trusting();
    for bytes in [
        GOOD,
        b"PROXY NONSENSE\r\n",
        &[V1, V1].concat()[1..],
        &[b'P'; 200],
    ] {
        let before = counted(&worker);
        for size in [1, bytes.len()] {
            let mut talk = prefaced(&worker);
            bytes.chunks(size).for_each(|piece| talk.send(piece));
            let got = talk.got();
            assert!(got.ended && got.bytes.is_empty(), "{got:?}");
            assert!(talk.over());
        }
        assert_eq!(counted(&worker), before + 2);
    }
    // A second head is no request.
    let mut talk = prefaced(&worker);
    talk.send(&[V1, V1].concat());
    assert_eq!(talk.got().statuses(), [400]);
}

#[test]
fn a_head_has_as_long_as_any_head() {
    let worker = trusting();
    for begun in [&b""[..], b"PROXY", &V1[..V1.len() - 1]] {
        let before = counted(&worker);
        let mut talk = prefaced(&worker);
        talk.send(begun);
        talk.pass(HEAD - TICK);
        assert!(!talk.got().ended, "{begun:?}");
        talk.pass(3 * TICK);
        assert!(talk.got().ended && talk.over(), "{begun:?}");
        assert_eq!(counted(&worker), before + 1);
    }
}

#[test]
fn others_are_taken_at_their_own_word() {
    let worker = worker();
    let mut talk = prefaced(&worker);
    talk.send(GOOD);
    assert_eq!(talk.got().statuses(), [302]);
    let mut talk = prefaced(&worker);
    talk.send(V1);
    assert_eq!(talk.got().statuses(), [400]);
    assert_eq!(counted(&worker), 0);
}
