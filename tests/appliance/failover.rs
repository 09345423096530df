//! LANGUAGE.md §3 and §4: states, passive detection, backups, `maxconns`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::{After, Client, Director, Origin, answer, eventually, free, get};

/// A dip of `first` whose backup is the real `second`.
fn dip_with_backup(first: &Origin, second: &Origin, settings: &str) -> (Director, SocketAddr) {
    let (at, real, backup) = (free(), first.address, second.address);
    let settings = settings.replace("DIP", &at.to_string());
    (
        Director::start(&format!(
            "dip {at} {real}\nreal {backup}\nbackup {at} {backup}\n{settings}"
        )),
        at,
    )
}

/// Waits until what fails at `at` is FAILED: for longer than that may take to be in force, all get `instead`.
#[track_caller]
fn failed(at: SocketAddr, instead: &str) {
    let mut since = Instant::now();
    eventually("it is FAILED", || {
        if get(at, "/").text() != instead {
            since = Instant::now();
        }
        since.elapsed() > Duration::from_millis(50)
    });
}

#[test]
fn threshold_failures_make_a_server_failed_at_once_and_retry_brings_it_back() {
    let (first, second) = (
        Origin::start(|_| Ok(After::Reset)),
        Origin::saying("second"),
    );
    let (_director, at) = dip_with_backup(&first, &second, "threshold DIP 3\nretry DIP 1\n");
    for turn in 1..=3 {
        assert_eq!(get(at, "/").text(), "second", "saved by a retry");
        assert_eq!(first.requests().len(), turn);
    }
    let failed = Instant::now();
    eventually("it is FAILED", || {
        let before = first.requests().len();
        get(at, "/").text() == "second" && first.requests().len() == before
    });
    assert!(
        failed.elapsed() < Duration::from_millis(250),
        "not in force after {:?}",
        failed.elapsed()
    );

    first.become_one_that(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")?;
        Ok(After::Keep)
    });
    eventually("it is tried again and back", || {
        get(at, "/").text() == "first"
    });
    assert!(
        failed.elapsed() >= Duration::from_millis(900),
        "tried after {:?} already",
        failed.elapsed()
    );
    for _ in 0..5 {
        assert_eq!(get(at, "/").text(), "first");
    }
}

#[test]
fn a_trial_that_fails_starts_another_wait() {
    let (first, second) = (Origin::saying("first"), Origin::saying("second"));
    let (_director, at) = dip_with_backup(&first, &second, "threshold DIP 1\nretry DIP 1\n");
    first.become_one_that(|_| Ok(After::Reset));
    failed(at, "second");
    let (began, mut last, mut waits) = (Instant::now(), Instant::now(), 0);
    eventually("three trials failed", || {
        let before = first.requests().len();
        assert_eq!(get(at, "/").text(), "second");
        if first.requests().len() > before {
            // A failed trial is in force within 10 ms: what comes in between belongs to the same one.
            waits += u32::from(last.elapsed() > Duration::from_millis(200));
            last = Instant::now();
        }
        waits == 3
    });
    assert!(
        began.elapsed() >= Duration::from_millis(2_700),
        "{:?} for three waits",
        began.elapsed()
    );
}

#[test]
fn a_success_sets_the_count_back() {
    // It closes after each answer, so that each request makes a connection, and refusing ones costs no retry.
    let (first, second) = (
        Origin::sending(answer(200, "first")),
        Origin::saying("second"),
    );
    let (_director, at) = dip_with_backup(&first, &second, "threshold DIP 2\nretry DIP 600\n");
    for _ in 0..5 {
        first.refuse();
        assert_eq!(get(at, "/").text(), "second");
        first.resume();
        assert_eq!(get(at, "/").text(), "first");
    }
}

#[test]
fn without_autounfail_only_the_operator_brings_it_back() {
    let (first, second) = (Origin::saying("first"), Origin::saying("second"));
    let settings = "threshold DIP 1\nretry DIP 1\nno autounfail DIP\n";
    let (director, at) = dip_with_backup(&first, &second, settings);
    first.refuse();
    failed(at, "second");
    first.resume();
    let began = Instant::now();
    let mut trials = 0;
    while began.elapsed() < Duration::from_secs(3) {
        trials += usize::from(get(at, "/").text() == "first");
    }
    // A trial may reach it once a second, but it does not come back for everybody.
    assert!(
        trials <= 4,
        "{trials} requests went to a server that nobody put back"
    );
    let base = std::fs::read_to_string(director.file()).expect("its configuration");
    director.reload(&format!("{base}out-of-service dip {at}\n"));
    director.reload(&base);
    assert_eq!(
        get(at, "/").text(),
        "first",
        "`in-service` that changes the intent ends a measured failure"
    );
}

#[test]
fn states_of_the_operator_keep_new_clients_away() {
    let (one, two) = (Origin::saying("one"), Origin::saying("two"));
    let (at, r1, r2) = (free(), one.address, two.address);
    let base = format!("virtual {at}\nreal {r1}\nreal {r2}\nbind {at} {r1} {r2}\n");
    let director = Director::start(&base);
    for state in ["", "oos", "maintenance", "sticky", "failed"] {
        director.reload(&format!("{base}out-of-service real {r1} {state}\n"));
        for _ in 0..6 {
            assert_eq!(get(at, "/").text(), "two", "state `{state}`");
        }
    }
    director.reload(&base);
    let ones = (0..10).filter(|_| get(at, "/").text() == "one").count();
    assert_eq!(ones, 5);
}

#[test]
fn sticky_drains_one_server_of_a_redirect_farm() {
    let (one, two) = (Origin::saying("one"), Origin::saying("two"));
    let (at, d1, d2) = (free(), free(), free());
    let base = format!(
        "virtual {at}\nurl u1 http://{d1}/%d\nurl u2 http://{d2}/%d\nbind {at} u1 u2\n\
         dip {d1} {}\ndip {d2} {}\nlink u1 {d1}\nlink u2 {d2}\nbackup {d1} {at}\nbackup {d2} {at}\n",
        one.address, two.address
    );
    let director = Director::start(&base);
    director.reload(&format!("{base}out-of-service dip {d1} sticky\n"));
    for _ in 0..6 {
        assert_eq!(
            get(at, "/").location(),
            format!("http://{d2}/"),
            "new clients go elsewhere"
        );
        assert_eq!(
            get(d1, "/").text(),
            "one",
            "whoever holds its address is served"
        );
    }
    director.reload(&format!("{base}out-of-service dip {d1}\n"));
    for _ in 0..6 {
        assert_eq!(get(at, "/").location(), format!("http://{d2}/"));
        assert_eq!(
            get(d1, "/").location(),
            format!("http://{d2}/"),
            "and now they are sent to the other"
        );
    }
}

#[test]
fn a_failed_server_is_no_longer_redirected_to() {
    let (one, two) = (Origin::saying("one"), Origin::saying("two"));
    let (at, d1, d2) = (free(), free(), free());
    let _director = Director::start(&format!(
        "virtual {at}\nurl u1 http://{d1}/%d\nurl u2 http://{d2}/%d\nbind {at} u1 u2\n\
         dip {d1} {}\ndip {d2} {}\nlink u1 {d1}\nlink u2 {d2}\nbackup {d1} {at}\nbackup {d2} {at}\nthreshold {d1} 1\n",
        one.address, two.address
    ));
    one.refuse();
    eventually("the dip sends its clients elsewhere", || {
        get(d1, "/").location() == format!("http://{d2}/")
    });
    eventually("no new client is sent there", || {
        (0..6).all(|_| get(at, "/").location() == format!("http://{d2}/"))
    });
}

#[test]
fn a_url_s_backup_fills_its_slot() {
    let one = Origin::saying("one");
    let (at, dip) = (free(), free());
    let base = format!(
        "virtual {at}\nurl u1 http://{dip}/%d\nurl spare http://spare.example/%d\nurl other http://other.example/%d\n\
         bind {at} u1 other\ndip {dip} {}\nlink u1 {dip}\nbackup u1 spare\n",
        one.address
    );
    let director = Director::start(&format!("{base}out-of-service dip {dip}\n"));
    let mut seen = [
        get(at, "/").location().to_owned(),
        get(at, "/").location().to_owned(),
    ];
    seen.sort();
    assert_eq!(seen, ["http://other.example/", "http://spare.example/"]);
    director.counts(&["spare", "backup", "1"]);
    director.reload(&base);
    let mut seen = [
        get(at, "/").location().to_owned(),
        get(at, "/").location().to_owned(),
    ];
    seen.sort();
    assert_eq!(
        seen,
        [format!("http://{dip}/"), "http://other.example/".to_owned()]
    );
}

#[test]
fn a_virtual_out_of_service_is_stood_in_for() {
    let (at, second, real) = (free(), free(), Origin::saying("real"));
    let base = format!(
        "virtual {at}\nvirtual {second}\nurl a http://a.example/%d\nurl b http://b.example/%d\nbind {at} a\nbind {second} b\n\
         real {}\n",
        real.address
    );
    let director = Director::start(&format!("{base}out-of-service virtual {at}\n"));
    let answer = get(at, "/");
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").is_some());
    director.counts(&["none-usable", "1"]);
    director.reload(&format!(
        "{base}out-of-service virtual {at}\nbackup {at} {second}\n"
    ));
    assert_eq!(get(at, "/").location(), "http://b.example/");
    director.counts(&["b", "virtual-backup", "1"]);
    director.reload(&format!(
        "{base}out-of-service url a\nbackup {at} {}\n",
        real.address
    ));
    assert_eq!(get(at, "/").text(), "real", "an empty virtual's backup");
}

#[test]
fn chains_that_lead_back_end() {
    let (at, dip, real) = (free(), free(), Origin::saying("never"));
    let _director = Director::start(&format!(
        "virtual {at}\ndip {dip} {}\nurl a http://{dip}/%d\nbind {at} a\nlink a {dip}\nbackup {dip} {at}\nbackup {at} {dip}\n\
         out-of-service dip {dip}\n",
        real.address
    ));
    assert_eq!((get(at, "/").status, get(dip, "/").status), (503, 503));
}

#[test]
fn a_server_at_maxconns_is_passed_over() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let receive = std::sync::Mutex::new(receive);
    let first = Origin::start(move |exchange| {
        let _ = receive
            .lock()
            .unwrap()
            .recv_timeout(2 * crate::support::PATIENCE);
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")?;
        Ok(After::Keep)
    });
    let second = Origin::saying("second");
    let (director, at) = dip_with_backup(&first, &second, "maxconns DIP 2\n");
    let mut busy: Vec<Client> = (0..2).map(|_| Client::to(at)).collect();
    for client in &mut busy {
        client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    eventually("both are at the origin", || first.requests().len() == 2);
    for _ in 0..5 {
        assert_eq!(get(at, "/").text(), "second");
    }
    let base = std::fs::read_to_string(director.file()).expect("its configuration");
    director.reload(&base.replace(&format!("backup {at} {}\n", second.address), ""));
    assert_eq!(get(at, "/").status, 503);
    director.counts(&["all-full", "1"]);
    for _ in 0..busy.len() {
        send.send(()).expect("the origin waits");
    }
    for client in &mut busy {
        assert_eq!(client.answer().text(), "first");
    }
    send.send(()).expect("the origin is there");
    assert_eq!(get(at, "/").text(), "first", "the places are free again");
}

#[test]
fn redirects_and_forwarding_mix() {
    let real = Origin::saying("forwarded");
    let at = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl a http://a.example/%d\nreal {0}\nbind {at} a {0}\n",
        real.address
    ));
    let statuses: Vec<u16> = (0..6).map(|_| get(at, "/").status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 302).count(),
        3,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        3,
        "{statuses:?}"
    );
}

#[test]
fn the_table_at_the_end_says_what_happened() {
    let (first, second) = (Origin::saying("first"), Origin::saying("second"));
    let (mut director, at) = dip_with_backup(&first, &second, "");
    for _ in 0..3 {
        get(at, "/");
    }
    director.terminate();
    assert_eq!(director.wait().code(), Some(0));
    director.last_counts(&[&at.to_string(), "direct", "3"]);
}

#[test]
fn a_url_that_leads_back_is_a_fault_in_log_and_counts() {
    let (at, gone) = (free(), free());
    let director = Director::start(&format!(
        "dip {at} {gone}\nurl back http://{at}/%d\nurl away http://away.example/%d\nbackup {at} back\nbackup back away\n"
    ));
    for _ in 0..3 {
        assert_eq!(get(at, "/x").location(), "http://away.example/x");
    }
    director.counts(&["back", "loop", "3"]);
    let log = director.log();
    assert!(log.contains("url back: passed over"), "{log}");
}
