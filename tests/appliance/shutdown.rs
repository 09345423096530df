//! SIGTERM: idle connections close at once, requests in flight end, exit 0 (issue 2, 4).

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{After, Client, Director, Origin, PATIENCE, answer, eventually, free};

/// An origin that answers only when told.
fn held(body: &'static str) -> (Origin, Sender<()>) {
    let (release, released) = channel();
    let released = Arc::new(Mutex::new(released));
    let origin = Origin::start(move |exchange| {
        exchange.read_body()?;
        let _ = released.lock().unwrap().recv_timeout(2 * PATIENCE);
        exchange.send(answer(200, body))?;
        Ok(After::Keep)
    });
    (origin, release)
}

#[test]
fn idle_connections_close_at_once_and_requests_in_flight_end() {
    let (front, behind) = (free(), free());
    let (origin, release) = held("whole");
    let real = origin.address;
    let mut director = Director::start(&format!(
        "virtual {front}\nurl t http://t.example/%d\nbind {front} t\nkeepalive {front}\n\
         virtual {behind}\nreal {real}\nbind {behind} {real}\n"
    ));
    let mut fresh = Client::to(front);
    let mut idle = Client::to(front);
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    let mut busy = Client::to(behind);
    busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("the request is at the origin", || {
        origin.requests().len() == 1
    });

    let asked = Instant::now();
    director.terminate();
    idle.closed();
    fresh.closed();
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "idle connections took {:?}",
        asked.elapsed()
    );
    eventually("nothing listens", || {
        Client::try_to(front).is_err() && Client::try_to(behind).is_err()
    });

    release.send(()).expect("the origin waits");
    let answer = busy.answer();
    assert_eq!((answer.status, answer.text().as_str()), (200, "whole"));
    assert_eq!(answer.field("connection"), Some("close"));
    busy.closed();
    assert_eq!(director.wait().code(), Some(0));
    director.last_counts(&["t", "predicted", "1"]);
}

#[test]
fn after_the_grace_it_ends_all_the_same() {
    let at = free();
    let (origin, _never) = held("never");
    let real = origin.address;
    let config = format!("virtual {at}\nreal {real}\nbind {at} {real}\n");
    let mut director = Director::start_with(&config, &["--grace", "1"]);
    let mut busy = Client::to(at);
    busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("the request is at the origin", || {
        origin.requests().len() == 1
    });
    let asked = Instant::now();
    director.terminate();
    assert_eq!(director.wait().code(), Some(0));
    let took = asked.elapsed();
    assert!(
        took >= Duration::from_millis(900) && took < Duration::from_secs(5),
        "it took {took:?}"
    );
}

#[test]
fn a_tunnel_has_the_grace_too() {
    let origin = Origin::start(|exchange| {
        exchange.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
        )?;
        while let Ok(bytes) = exchange.some(65_536) {
            exchange.send(bytes)?;
        }
        Ok(After::Close)
    });
    let (at, real) = (free(), origin.address);
    let config = format!("virtual {at}\nreal {real}\nbind {at} {real}\n");
    let mut director = Director::start_with(&config, &["--grace", "2"]);
    let mut client = Client::to(at);
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(client.answer().status, 101);
    director.terminate();
    eventually("nothing listens", || Client::try_to(at).is_err());
    client.send("still");
    assert_eq!(client.exactly(5).expect("an echo"), b"still");
    client.closed();
    assert_eq!(director.wait().code(), Some(0));
}

#[test]
fn with_nothing_in_flight_it_ends_at_once() {
    let at = free();
    let mut director = Director::start(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\n"
    ));
    let asked = Instant::now();
    director.terminate();
    assert_eq!(director.wait().code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "it took {:?}",
        asked.elapsed()
    );
}
