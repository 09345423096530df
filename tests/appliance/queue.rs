//! Requests that find everything full wait for a place, bounded in number and time (issue 3, 7).

use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{After, Client, Director, Origin, PATIENCE, answer, eventually, free};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// An origin with one place that answers only when told, and a virtual before it with a queue.
struct Rig {
    director: Director,
    origin: Origin,
    release: Sender<()>,
    at: SocketAddr,
}

impl Rig {
    fn new(queue: &str) -> Rig {
        let (release, released) = channel();
        let released = Arc::new(Mutex::new(released));
        let origin = Origin::start(move |exchange| {
            exchange.read_body()?;
            let _ = released.lock().unwrap().recv_timeout(2 * PATIENCE);
            exchange.send(answer(200, "served"))?;
            Ok(After::Keep)
        });
        let (at, real) = (free(), origin.address);
        let director = Director::start(&format!(
            "virtual {at}\nreal {real}\nbind {at} {real}\nmaxconns {real} 1\nqueue {at} {queue}\n"
        ));
        Rig {
            director,
            origin,
            release,
            at,
        }
    }

    /// A client whose request is at the origin.
    fn busy(&self) -> Client {
        let before = self.origin.requests().len();
        let mut client = Client::to(self.at);
        client.send(GET);
        eventually("it is at the origin", || {
            self.origin.requests().len() > before
        });
        client
    }

    /// A client that waits.
    fn waiting(&self, request: &str) -> Client {
        let mut client = Client::to(self.at);
        client.send(request);
        client
    }
}

#[test]
fn who_waits_is_served_when_a_place_is_given_back() {
    let rig = Rig::new("10 30");
    let mut busy = rig.busy();
    let post = "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nform";
    let mut waiting = [GET, post, GET].map(|request| rig.waiting(request));
    rig.director.counts_until(&["queue-entered", "3"]);
    assert_eq!(rig.origin.requests().len(), 1);
    rig.release.send(()).expect("the origin waits");
    assert_eq!(busy.answer().text(), "served");
    for _ in &waiting {
        rig.release.send(()).expect("the origin waits");
    }
    for client in &mut waiting {
        assert_eq!(client.answer().text(), "served");
    }
    rig.director.counts_until(&["queue-served", "3"]);
    let form = rig
        .origin
        .requests()
        .into_iter()
        .find(|r| r.head.starts_with("POST"));
    assert_eq!(form.expect("it came").body, b"form");
}

#[test]
fn who_waits_too_long_is_told_to_come_again() {
    let rig = Rig::new("10 1");
    let mut busy = rig.busy();
    let began = Instant::now();
    let answer = rig.waiting(GET).answer();
    let waited = began.elapsed();
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").is_some());
    assert!(waited >= Duration::from_secs(1), "only {waited:?}");
    rig.director.counts_until(&["queue-timed-out", "1"]);
    rig.release.send(()).expect("the origin waits");
    assert_eq!(busy.answer().status, 200);
}

#[test]
fn no_more_may_wait_than_the_queue_is_long_over_all_workers() {
    let rig = Rig::new("2 30");
    let _busy = rig.busy();
    let _waiting = [rig.waiting(GET), rig.waiting(GET)];
    rig.director.counts_until(&["queue-entered", "2"]);
    for _ in 0..4 {
        let began = Instant::now();
        assert_eq!(rig.waiting(GET).answer().status, 503);
        assert!(began.elapsed() < Duration::from_secs(10), "it waited");
    }
    rig.director.counts_until(&["queue-full", "4"]);
}

#[test]
fn a_client_that_goes_away_leaves_its_place_in_the_queue() {
    let rig = Rig::new("1 30");
    let mut busy = rig.busy();
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome of it";
    for (n, request) in [GET, post].into_iter().enumerate() {
        let gone = rig.waiting(request);
        rig.director
            .counts_until(&["queue-entered", &(n + 1).to_string()]);
        drop(gone);
        rig.director
            .counts_until(&["queue-client-gone", &(n + 1).to_string()]);
    }
    let mut next = rig.waiting(GET);
    rig.director.counts_until(&["queue-entered", "3"]);
    for client in [&mut busy, &mut next] {
        rig.release.send(()).expect("the origin waits");
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(rig.origin.requests().len(), 2);
}

#[test]
fn stopping_ends_every_wait() {
    let mut rig = Rig::new("10 60");
    let mut busy = rig.busy();
    let mut waiting = rig.waiting(GET);
    rig.director.counts_until(&["queue-entered", "1"]);
    rig.director.terminate();
    assert_eq!(waiting.answer().status, 503);
    rig.release.send(()).expect("the origin waits");
    assert_eq!(busy.answer().status, 200);
    assert_eq!(rig.director.wait().code(), Some(0));
}
