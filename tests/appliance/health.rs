//! What the log tells of a server's health, and 5xx answers that count.

use crate::support::{Director, Origin, answer, eventually, free, get};

/// The one line of the log about `server` with this word; `None`: it is not there yet.
fn line(director: &Director, word: &str) -> Option<String> {
    let log = director.log();
    let mut lines = log.lines().filter(|line| line.contains(word));
    let line = lines.next()?.to_owned();
    assert_eq!(lines.next(), None, "told once: {log}");
    Some(line)
}

/// `line` from `from` on, with `TIME` for each time of day.
fn timeless(line: &str, from: &str) -> String {
    let at = line.find(from).unwrap_or_else(|| panic!("{line}"));
    let time =
        |word: &str| word.split(':').count() == 3 && word.starts_with(|c: char| c.is_ascii_digit());
    let words = line[at..]
        .split(' ')
        .map(|word| match word.trim_end_matches([',', ';']) {
            bare if time(bare) && bare.len() == 8 => word.replace(bare, "TIME"),
            _ => word.to_owned(),
        });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_failure_and_the_way_back_are_told_with_since_and_why() {
    let (first, second) = (
        Origin::sending(answer(200, "first")),
        Origin::saying("second"),
    );
    let (at, real, backup) = (free(), first.address, second.address);
    let director = Director::start(&format!(
        "virtual {at}\nreal {real}\nreal {backup}\nbind {at} {real}\nbackup {real} {backup}\nthreshold {real} 3\nretry {real} 1\n"
    ));
    first.refuse();
    for _ in 0..3 {
        assert_eq!(get(at, "/").text(), "second");
    }
    eventually("it is told", || line(&director, ": FAILED").is_some());
    let told = line(&director, ": FAILED").expect("it is told");
    assert_eq!(
        timeless(&told, "server"),
        format!(
            "server {real}: FAILED: connect refused at TIME, 3 of 3, the last for client 127.0.0.1; tried again in 1 s"
        )
    );
    first.resume();
    eventually("it is back", || get(at, "/").text() == "first");
    eventually("it is told", || line(&director, ": IS").is_some());
    let told = line(&director, ": IS").expect("it is told");
    assert_eq!(
        timeless(&told, "server"),
        format!("server {real}: IS: answered on trial at TIME")
    );
}

#[test]
fn server_errors_fail_a_server_only_where_the_operator_says_so() {
    let (failing, second) = (
        Origin::sending(answer(503, "failing")),
        Origin::saying("second"),
    );
    let (at, real, backup) = (free(), failing.address, second.address);
    let base = format!(
        "virtual {at}\nreal {real}\nreal {backup}\nbind {at} {real}\nbackup {real} {backup}\nthreshold {real} 1\n"
    );
    let director = Director::start(&base);
    for _ in 0..10 {
        assert_eq!(get(at, "/").text(), "failing");
    }
    director.reload(&format!("{base}error-threshold {real} 4\n"));
    for _ in 0..4 {
        assert_eq!(get(at, "/").text(), "failing");
    }
    eventually("it is FAILED", || get(at, "/").text() == "second");
    let told = line(&director, ": FAILED").expect("it is told");
    assert!(
        told.contains("server error (5xx) at ") && told.contains(", 4 of 4"),
        "{told}"
    );
}
