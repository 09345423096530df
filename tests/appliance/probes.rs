//! Servers are asked as the operator says, and only then.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Instant;

use crate::support::{Director, Origin, PATIENCE, answer, eventually, free, get};

/// A dip of `origin` that is watched by a probe of this kind once a second.
fn watched(origin: &Origin, kind: &str) -> String {
    let (at, real) = (free(), origin.address);
    format!("probe p {kind} interval 1\ndip {at} {real}\nwatch {at} p\n")
}

#[test]
fn http_is_asked_as_it_was_told_once_an_interval() {
    let origin = Origin::sending(answer(200, "all is well"));
    let config = watched(
        &origin,
        "http method HEAD path /status?full=1 host www.example.com",
    );
    let _director = Director::start(&config);
    eventually("the first one", || !origin.requests().is_empty());
    let first = Instant::now();
    eventually("three more", || origin.requests().len() >= 4);
    let took = first.elapsed().as_millis();
    assert!(
        (2_000..8_000).contains(&took),
        "3 intervals of 1 s took {took} ms"
    );
    for request in origin.requests() {
        assert!(request.head.starts_with("HEAD /status?full=1 HTTP/1.1\r\n"));
        assert_eq!(request.values("host"), ["www.example.com"]);
        assert_eq!(request.values("connection"), ["close"]);
    }
}

#[test]
fn what_is_watched_no_more_is_left_alone() {
    let (first, second) = (Origin::saying("first"), Origin::saying("second"));
    let kept = watched(&second, "http");
    let config = watched(&first, "http")
        .replace("probe p", "probe q")
        .replace(" p\n", " q\n");
    let director = Director::start(&format!("{kept}{config}"));
    eventually("both are asked", || {
        first.accepted() > 0 && second.accepted() > 0
    });
    director.reload(&kept);
    // What was under way has ended by the time the other one was asked twice more.
    let before = second.accepted();
    eventually("asked on", || second.accepted() >= before + 2);
    let (asked, before) = (first.accepted(), second.accepted());
    eventually("asked on", || second.accepted() >= before + 3);
    assert_eq!(first.accepted(), asked);
}

#[test]
fn probes_that_come_with_a_reload_are_run() {
    let origin = Origin::saying("hello");
    let config = watched(&origin, "http");
    let unwatched: String = config
        .lines()
        .filter(|line| line.starts_with("dip"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let director = Director::start(&unwatched);
    director.reload(&config);
    eventually("it is asked", || !origin.requests().is_empty());
}

#[test]
fn a_program_knows_whom_it_is_to_ask_and_ends_with_the_director() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let script = format!(
        "echo $SIGNPOST_ID $SIGNPOST_ADDRESS $SIGNPOST_PORT $1 > {0}/told; echo $$ > {0}/id; sleep 1000 & wait",
        folder.path().display()
    );
    fs::write(file("script"), script).expect("it is written");
    let origin = Origin::saying("hello");
    let command = format!("exec \"sh {} word\"", file("script").display());
    let config = watched(&origin, &command).replace("interval 1", "interval 3 timeout 3");
    let mut director = Director::start(&config);
    let mut id = String::new();
    eventually("it is run", || {
        id = fs::read_to_string(file("id")).unwrap_or_default();
        id.ends_with('\n')
    });
    let at = config
        .lines()
        .find_map(|line| line.strip_prefix("dip "))
        .expect("a dip");
    let (id_told, _) = at.split_once(' ').expect("id and real");
    let real = origin.address;
    let told = fs::read_to_string(file("told")).expect("written before");
    assert_eq!(
        told,
        format!("{id_told} {} {} word\n", real.ip(), real.port())
    );
    let asked = Instant::now();
    director.terminate();
    director.wait();
    assert!(asked.elapsed() < PATIENCE, "the program held it up");
    let process = Path::new("/proc").join(id.trim());
    eventually("the program is gone", || {
        // A zombie waits for whoever takes in orphans here.
        fs::read_to_string(process.join("stat")).map_or(true, |stat| stat.contains(") Z "))
    });
}

/// A dip of `first` that is watched by this probe; `second` stands in for it.
fn backed_up(first: &Origin, second: &Origin, probe: &str) -> (Director, SocketAddr) {
    let (at, real, backup) = (free(), first.address, second.address);
    let config = format!(
        "probe p {probe} interval 1 rise 1 fall 1\ndip {at} {real}\nreal {backup}\nbackup {at} {backup}\nwatch {at} p\n"
    );
    (Director::start(&config), at)
}

#[test]
fn a_server_that_refuses_is_failed_before_any_client_asks_it_and_comes_back() {
    let (first, second) = (Origin::saying("first"), Origin::saying("second"));
    let (director, at) = backed_up(&first, &second, "tcp");
    first.refuse();
    eventually("it is told", || director.log().contains("FAILED"));
    assert!(
        director.log().contains("connect refused"),
        "{}",
        director.log()
    );
    assert_eq!(get(at, "/").text(), "second");
    first.resume();
    eventually("it is back", || get(at, "/").text() == "first");
}

#[test]
fn an_agents_word_is_in_the_log() {
    let agent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = agent.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = agent.accept() {
            let _ = stream.write_all(b"maint\n");
        }
    });
    let (first, second) = (Origin::saying("first"), Origin::saying("second"));
    let probe = format!("agent address 127.0.0.1 port {port}");
    let (director, _) = backed_up(&first, &second, &probe);
    eventually("it is out", || {
        director
            .log()
            .contains("MAINT: probe p: the agent said maint")
    });
}
