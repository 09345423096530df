//! The access log tells what became of every request, and holds none up (issue 3, 12).

use std::io::Read;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Client, Director, Origin, eventually, free, get, raw, run};

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// The lines of a log, once there are so many.
#[track_caller]
fn lines(path: &Path, count: usize) -> Vec<String> {
    let read = || std::fs::read_to_string(path).unwrap_or_default();
    eventually("the lines are written", || read().lines().count() >= count);
    let lines: Vec<String> = read().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), count, "{lines:#?}");
    lines
}

/// The lines of a JSON log.
#[track_caller]
fn entries(path: &Path, count: usize) -> Vec<Value> {
    let parse = |line: &String| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    lines(path, count).iter().map(parse).collect()
}

#[test]
fn redirects_refusals_and_faults_are_told_and_hostile_text_stays_text() {
    let folder = folder();
    let log = folder.path().join("log");
    let (at, empty) = (free(), free());
    let _director = Director::start(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\nvirtual {empty}\naccess-log file {}\n",
        log.display()
    ));
    let hostile = b"x\"},{\\n \x80\xff\xc2\x9b\t\x01"
        .split_last()
        .expect("bytes")
        .1;
    let mut client = Client::to(at);
    client
        .send(b"GET /a\"b?c HTTP/1.1\r\nHost: www.example.com\r\nReferer: \"r\\\r\nUser-Agent: ")
        .send(hostile)
        .send(b"\r\n\r\n");
    let answer = client.rest().expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 302 "));
    let first = &entries(&log, 1)[0];
    let expected: [(&str, Value); 15] = [
        ("virtual", at.to_string().into()),
        ("client", "127.0.0.1".into()),
        ("method", "GET".into()),
        ("host", "www.example.com".into()),
        ("target", "/a\"b?c".into()),
        ("version", "HTTP/1.1".into()),
        ("status", 302.into()),
        ("bytes_out", answer.len().into()),
        ("action", "redirect".into()),
        ("reason", "predicted".into()),
        ("server", "t".into()),
        ("location", "http://t.example/a%22b?c".into()),
        ("tries", 0.into()),
        ("referer", "\"r\\".into()),
        ("user_agent", "x\"},{\\n \u{80}\u{ff}\u{9b}".into()),
    ];
    for (name, value) in expected {
        assert_eq!(first[name], value, "{name}: {first}");
    }
    assert!(
        first["peer"]
            .as_str()
            .is_some_and(|p| p.starts_with("127.0.0.1:"))
    );
    assert!(first["total_ms"].is_number() && first["decide_us"].is_number());
    let time = first["time"].as_str().expect("a text");
    assert!(time.ends_with('Z') && time.len() == 24, "{time}");

    assert_eq!(get(empty, "/x").status, 503);
    raw(at, "BREW\u{1}\r\n\r\n");
    raw(
        at,
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    let entries = entries(&log, 4);
    let told = |n: usize| {
        let text = |name: &str| entries[n][name].as_str().unwrap_or_default().to_owned();
        (text("action"), text("reason"), entries[n]["status"].clone())
    };
    let expect = |action: &str, reason: &str, status: u16| {
        (action.to_owned(), reason.to_owned(), Value::from(status))
    };
    // Two workers write: each connection may have been either's.
    let all: Vec<_> = (1..4).map(told).collect();
    for one in [
        expect("refuse", "none-usable", 503),
        expect("fault", "method", 400),
        expect("options", "options", 204),
    ] {
        assert!(all.contains(&one), "{one:?} is not among {all:?}");
    }
}

#[test]
fn forwards_tell_server_tries_and_times() {
    let folder = folder();
    let log = folder.path().join("log");
    let origin = Origin::saying("the page");
    let (at, gone, real) = (free(), free(), origin.address);
    let mut director = Director::start(&format!(
        "virtual {at}\nreal {gone}\nreal {real}\nbind {at} {gone} {real}\naccess-log file {} combined\n",
        log.display()
    ));
    let body = "x".repeat(1000);
    let answer = Client::to(at)
        .send(format!(
            "POST /form HTTP/1.1\r\nHost: a\r\nUser-Agent: c\"url\r\nContent-Length: 1000\r\n\r\n{body}"
        ))
        .answer();
    assert_eq!(answer.text(), "the page");
    director.terminate();
    assert_eq!(director.wait().code(), Some(0));
    // Nothing is lost at the end.
    let line = &lines(&log, 1)[0];
    for words in [
        "127.0.0.1 - - [".to_owned(),
        " +0000] \"POST /form HTTP/1.1\" 200 ".to_owned(),
        " \"-\" \"c\\x22url\" peer=127.0.0.1:".to_owned(),
        format!(" virtual={at} host=\"a\" in="),
        format!(
            " action=forward reason=reassigned server={real} location=\"-\" tries=1 decide_us="
        ),
        " connect_ms=".to_owned(),
    ] {
        assert!(line.contains(&words), "no `{words}` in: {line}");
    }
    let number = |name: &str| -> f64 {
        let from = line.split(name).nth(1).expect("it is there");
        let text = from.split(' ').next().unwrap_or_default();
        text.parse()
            .unwrap_or_else(|_| panic!("{name}{text}: {line}"))
    };
    assert!(number(" in=") > 1000.0);
    let (first, total) = (number(" first_byte_ms="), number(" total_ms="));
    assert!(number(" connect_ms=") <= first && first <= total, "{line}");
}

#[test]
fn failed_forwards_tell_why() {
    let folder = folder();
    let log = folder.path().join("log");
    let origin =
        Origin::sending("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
    let (at, real) = (free(), origin.address);
    let _director = Director::start(&format!(
        "virtual {at}\nreal {real}\nbind {at} {real}\naccess-log file {}\n",
        log.display()
    ));
    assert_eq!(get(at, "/").status, 502);
    let entry = &entries(&log, 1)[0];
    assert_eq!(
        (&entry["action"], &entry["reason"], &entry["status"]),
        (&"forward".into(), &"bad-answer".into(), &502.into()),
        "{entry}"
    );
    assert_eq!(entry["server"].as_str(), Some(&*real.to_string()));
}

#[test]
fn standard_output_is_a_log_too() {
    let at = free();
    let director = Director::start(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\naccess-log stdout\n"
    ));
    get(at, "/one");
    get(at, "/two");
    for target in ["\"/one\"", "\"/two\""] {
        let lines = director.printed(&["\"action\":\"redirect\"", target], 1);
        assert!(
            lines[0].starts_with('{') && lines[0].ends_with('}'),
            "{lines:?}"
        );
    }
}

#[test]
fn logrotate_moves_the_file_and_has_it_opened_anew() {
    let folder = folder();
    let (log, old) = (folder.path().join("log"), folder.path().join("log.1"));
    let at = free();
    let director = Director::start(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\naccess-log file {}\n",
        log.display()
    ));
    get(at, "/before");
    lines(&log, 1);
    std::fs::rename(&log, &old).expect("renamed");
    get(at, "/between");
    assert!(lines(&old, 2)[1].contains("/between"));
    director.reopen_log();
    get(at, "/after");
    assert!(lines(&log, 1)[0].contains("/after"));
    lines(&old, 2);
}

#[test]
fn a_log_that_cannot_be_opened_changes_nothing() {
    let folder = folder();
    let log = folder.path().join("log");
    let at = free();
    let with = |log: &Path, url: &str| {
        format!(
            "virtual {at}\nurl t http://{url}/%d\nbind {at} t\naccess-log file {}\n",
            log.display()
        )
    };
    let director = Director::start(&with(&log, "one"));
    let nowhere = folder.path().join("no").join("log");
    let said = director.reload_refused(&with(&nowhere, "two"));
    assert!(said.contains("mkdir -p"), "{said}");
    assert_eq!(get(at, "/x").location(), "http://one/x");
    lines(&log, 1);
    director.reload(&with(&folder.path().join("other"), "two"));
    assert_eq!(get(at, "/y").location(), "http://two/y");
    assert!(lines(&folder.path().join("other"), 1)[0].contains("/y"));
    lines(&log, 1);
    drop(director);

    let config = folder.path().join("config");
    std::fs::write(&config, with(&nowhere, "two")).expect("written");
    let output = run(&["serve", "--config", &config.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("cannot open the access log"), "{said}");
}

/// Serves more than the log's way out could hold, and ends in time.
#[track_caller]
fn serves_on(log: &Path) -> String {
    let at = free();
    let mut director = Director::start(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\nkeepalive {at}\naccess-log file {}\n",
        log.display()
    ));
    let mut client = Client::to(at);
    let long = "x".repeat(2000);
    for _ in 0..300 {
        let request = format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.send(request).answer().status, 302);
    }
    director.terminate();
    assert_eq!(director.wait().code(), Some(0));
    director.log()
}

#[test]
fn a_full_disk_holds_no_request_up() {
    let said = serves_on(Path::new("/dev/full"));
    assert!(said.contains("the access log cannot be written"), "{said}");
}

#[test]
fn a_reader_that_does_not_read_holds_no_request_up() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    let mut both = std::fs::OpenOptions::new();
    let mut reader = both.read(true).write(true).open(&pipe).expect("opened");
    serves_on(&pipe);
    let mut first = [0; 9];
    reader.read_exact(&mut first).expect("what went in");
    assert_eq!(&first, b"{\"time\":\"");
}
