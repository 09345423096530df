//! SIGHUP: one transaction, under load, without a failed or wrong request (issue 2, 4; LANGUAGE.md §3 "Over a reload").

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crate::support::{After, Client, Director, Origin, eventually, free, get};

/// A client that asks again and again until told to stop; how often it asked, or what went wrong.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Result<(), String>>>,
}

impl Load {
    pub(crate) fn on(at: SocketAddr, good: fn(u16, &str) -> bool) -> Load {
        let (stop, done) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let threads = [true, true, false, false]
            .map(|keep| {
                let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
                std::thread::spawn(move || load(at, keep, good, &stop, &done))
            })
            .into();
        Load {
            stop,
            done,
            threads,
        }
    }

    pub(crate) fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    #[track_caller]
    pub(crate) fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            assert_eq!(thread.join().expect("the load does not panic"), Ok(()));
        }
        self.done.load(Ordering::Relaxed)
    }
}

fn load(
    at: SocketAddr,
    keep: bool,
    good: fn(u16, &str) -> bool,
    stop: &AtomicBool,
    done: &AtomicUsize,
) -> Result<(), String> {
    let mut client = None;
    while !stop.load(Ordering::Relaxed) {
        let mut open = match client.take() {
            Some(open) => open,
            None => Client::try_to(at).map_err(|error| format!("no connection: {error}"))?,
        };
        let close = if keep { "" } else { "Connection: close\r\n" };
        open.send(format!("GET /load HTTP/1.1\r\nHost: {at}\r\n{close}\r\n"));
        let answer = open
            .try_answer("GET")
            .map_err(|error| format!("no answer (keep: {keep}): {error}"))?;
        let said = answer
            .field("location")
            .map_or_else(|| answer.text(), str::to_owned);
        if !good(answer.status, &said) {
            return Err(format!("a wrong answer: {answer:?}"));
        }
        done.fetch_add(1, Ordering::Relaxed);
        if keep && answer.field("connection") != Some("close") {
            client = Some(open);
        }
    }
    Ok(())
}

#[test]
fn redirects_go_on_through_reloads() {
    let at = free();
    let base = format!(
        "virtual {at}\nkeepalive {at}\nurl fixed http://fixed.example/%d\nbind {at} fixed\n"
    );
    let director = Director::start(&base);
    let load = Load::on(at, |status, location| {
        status == 302
            && (location == "http://fixed.example/load" || location.ends_with(".come.example/load"))
    });
    for turn in 0..20 {
        let extra = free();
        director.reload(&format!(
            "{base}url s{turn} http://s{turn}.come.example/%d\nbind {at} s{turn}\nvirtual {extra}\nbind {extra} fixed\n"
        ));
        let before = load.done();
        eventually("the load goes on", || load.done() > before + 10);
    }
    assert!(load.end() > 200);
}

#[test]
fn forwarding_goes_on_through_reloads() {
    let at = free();
    let origins = [
        Origin::saying("good"),
        Origin::saying("good"),
        Origin::saying("good"),
    ];
    let reals = origins.each_ref().map(|origin| origin.address);
    let config = |from: usize, to: usize| {
        let mut config = format!("virtual {at}\n");
        for real in &reals[from..to] {
            config += &format!("real {real}\nbind {at} {real}\n");
        }
        config
    };
    let director = Director::start(&config(0, 1));
    let load = Load::on(at, |status, body| status == 200 && body == "good");
    for turn in 0..20 {
        director.reload(&config(turn % 2, 2 + turn % 2));
        let before = load.done();
        eventually("the load goes on", || load.done() > before + 10);
    }
    assert!(load.end() > 200);
    assert!(
        origins.iter().all(|origin| !origin.requests().is_empty()),
        "a server was never used"
    );
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let at = free();
    let good = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n");
    let director = Director::start(&good);
    let said = director.reload_refused(&format!(
        "virtual {at}\nurl t http://other.example/%d\nbind {at} t ghost\n"
    ));
    assert!(said.contains("ghost"), "{said}");
    assert_eq!(get(at, "/x").location(), "http://t.example/x");
    director.reload_refused("");
    assert_eq!(get(at, "/x").location(), "http://t.example/x");
    director.reload(&good.replace("t.example", "new.example"));
    assert_eq!(get(at, "/x").location(), "http://new.example/x");
}

#[test]
fn an_address_that_cannot_be_bound_refuses_the_whole_reload() {
    let (at, held) = (free(), free());
    let _holder = std::net::TcpListener::bind(held).expect("bound");
    let good = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n");
    let director = Director::start(&good);
    let said = director.reload_refused(&format!(
        "{good}url n http://n.example/%d\nvirtual {held}\nbind {held} n\n"
    ));
    assert!(said.contains(&held.to_string()), "{said}");
    assert_eq!(get(at, "/x").location(), "http://t.example/x");
}

#[test]
fn listeners_come_and_go() {
    let (at, extra) = (free(), free());
    let base = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n");
    let more = format!("{base}virtual {extra}\nbind {extra} t\n");
    let director = Director::start(&base);
    for _ in 0..3 {
        director.reload(&more);
        assert_eq!(get(extra, "/e").location(), "http://t.example/e");
        director.reload(&base);
        eventually("the listener is gone", || Client::try_to(extra).is_err());
        assert_eq!(get(at, "/x").location(), "http://t.example/x");
    }
}

#[test]
fn open_connections_are_left_alone() {
    let (at, front) = (free(), free());
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")?;
        // The second half comes when the client asks for it, through the director.
        exchange.read_body()?;
        exchange.send("half")?;
        Ok(After::Keep)
    });
    let real = origin.address;
    let redirects =
        format!("virtual {front}\nurl t http://t.example/%d\nbind {front} t\nkeepalive {front}\n");
    let director = Director::start(&format!(
        "{redirects}virtual {at}\nreal {real}\nbind {at} {real}\n"
    ));
    let mut kept = Client::to(front);
    kept.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    let mut busy = Client::to(at);
    busy.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n");
    eventually("the request is at the origin", || {
        origin.requests().len() == 1
    });

    director.reload(&redirects.replace("t.example", "n.example"));
    let answer = kept.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    assert_eq!(answer.location(), "http://n.example/2");
    let answer = busy.send("more").answer();
    assert_eq!((answer.status, answer.text().as_str()), (200, "halfhalf"));
    assert_eq!(origin.request().body, b"more");
}

#[test]
fn turns_and_counts_live_on() {
    let at = free();
    let config = format!(
        "virtual {at}\nurl a http://a.example/%d\nurl b http://b.example/%d\nbind {at} a b\n"
    );
    let director = Director::start(&config);
    let mut seen = Vec::new();
    for turn in 0..10 {
        seen.push(get(at, "/").location().to_owned());
        director.reload(&format!("{config}description {at} turn{turn}\n"));
    }
    let first = seen.iter().filter(|location| **location == seen[0]).count();
    assert_eq!(first, 5, "a reload starts the turns anew: {seen:?}");
    director.counts(&["a", "predicted", "5"]);
}
