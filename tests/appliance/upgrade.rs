//! Another process takes over: no request fails, nothing that runs is lost, and where it cannot the first goes on (issue 5, 7).

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::thread;

use crate::reload::Load;
use crate::support::{
    After, Client, Director, Exchange, Origin, PATIENCE, answer, eventually, free, get,
};

/// Answers 101 and sends every byte back.
fn echo(exchange: &mut Exchange<'_>) -> std::io::Result<After> {
    exchange
        .send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")?;
    while let Ok(bytes) = exchange.some(65_536) {
        exchange.send(bytes)?;
    }
    Ok(After::Close)
}

fn tunnel(at: SocketAddr) -> Client {
    let mut client = Client::to(at);
    client.send("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(client.answer().status, 101);
    client
}

#[track_caller]
fn echoes(client: &mut Client, what: &str) {
    client.send(what);
    let back = client.exactly(what.len()).expect("an echo");
    assert_eq!(String::from_utf8_lossy(&back), what);
}

fn redirects(at: SocketAddr) -> String {
    format!("virtual {at}\nkeepalive {at}\nurl t http://t.example/%d\nbind {at} t\n")
}

#[test]
fn no_request_fails_and_websockets_go_on() {
    let (front, behind, sockets) = (free(), free(), free());
    let (plain, echoing) = (Origin::saying("good"), Origin::start(echo));
    let (real, ws) = (plain.address, echoing.address);
    let mut director = Director::start(&format!(
        "{}virtual {behind}\nreal {real}\nbind {behind} {real}\nvirtual {sockets}\nreal {ws}\nbind {sockets} {ws}\n",
        redirects(front)
    ));
    let mut kept = tunnel(sockets);
    let loads = [
        Load::on(front, |status, to| {
            status == 302 && to == "http://t.example/load"
        }),
        Load::on(behind, |status, body| status == 200 && body == "good"),
    ];
    for turn in 0..3 {
        for load in &loads {
            let before = load.done();
            eventually("the load goes on", || load.done() > before + 50);
        }
        director.upgrade(&[]);
        echoes(&mut kept, &format!("after {turn}"));
    }
    for load in loads {
        let before = load.done();
        eventually("the load goes on", || load.done() > before + 50);
        load.end();
    }
    echoes(&mut kept, "still");
    assert_eq!(director.ended(), None, "a WebSocket is open in it");
    kept.finish();
    kept.closed();
    assert_eq!(director.wait().code(), Some(0));
    assert_eq!(get(behind, "/").text(), "good");
}

#[test]
fn a_kept_connection_is_answered_once_more_and_an_idle_one_is_not_cut() {
    let at = free();
    let mut director = Director::start(&redirects(at));
    let mut asked = Client::to(at);
    let request = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(asked.send(request).answer().field("connection"), None);
    let mut silent = Client::to(at);
    let mut half = Client::to(at);
    half.send("GET /half HTTP/1.1\r\n");
    // What is in its hands before the upgrade is known once it has answered behind them.
    assert_eq!(get(at, "/").status, 302);
    director.upgrade(&[]);
    half.send("Host: x\r\n\r\n");
    for client in [&mut asked, &mut silent, &mut half] {
        // The workers hear of it a moment after whoever asked for it.
        while client.send(request).answer().field("connection") != Some("close") {}
        client.rest().expect("it is closed");
    }
    let mut fresh = Client::to(at);
    assert_eq!(fresh.send(request).answer().field("connection"), None);
    assert_eq!(director.wait().code(), Some(0));
}

#[test]
fn a_process_that_cannot_serve_changes_nothing_and_says_why() {
    let at = free();
    let mut director = Director::start(&redirects(at));
    for (arguments, why) in [
        (&["--binary", "/nowhere/signpost"][..], "cannot be started"),
        (&["--binary", "/bin/false"], "exit status: 1"),
        (&["--", "--workers", "0"], "exit status: 2"),
    ] {
        let output = director.try_upgrade(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("goes on") && said.contains(why), "{said}");
        eventually("it is logged", || {
            director.log().contains("no upgrade, this process goes on")
        });
        assert_eq!(get(at, "/x").location(), "http://t.example/x");
    }
    director.upgrade(&[]);
    assert_eq!(director.wait().code(), Some(0));
    assert_eq!(get(at, "/x").location(), "http://t.example/x");
    assert!(director.typed(&["show version"]).contains("Signpost"));
}

/// What a process says that calls, in the old one's tongue.
pub(crate) fn calls(director: &Director, protocol: u32) -> UnixStream {
    let mut stream = UnixStream::connect(director.socket()).expect("it is there");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let hello = format!(
        r#"{{"terminal":false,"columns":0,"rows":0,"command":null,"upgrade":{{"Take":{{"protocol":{protocol},"version":"9","pid":1,"socket":"/x","acknowledges":true}}}}}}"#
    );
    writeln!(stream, "{hello}").expect("said");
    stream
}

pub(crate) fn hears(stream: &mut UnixStream) -> String {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a word");
    let mut word = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut word).expect("all of it");
    String::from_utf8(word).expect("text")
}

pub(crate) fn says(stream: &mut UnixStream, word: &str) {
    let length = (word.len() as u32).to_be_bytes();
    stream.write_all(&length).expect("said");
    stream.write_all(word.as_bytes()).expect("said");
}

#[test]
fn who_speaks_otherwise_or_goes_away_changes_nothing() {
    let at = free();
    let mut director = Director::start(&redirects(at));
    let said = hears(&mut calls(&director, 77));
    assert!(
        said.contains("No") && said.contains("another way (77)"),
        "{said}"
    );
    let mut gone = calls(&director, 1);
    assert!(hears(&mut gone).starts_with(r#"{"Take":"#));
    drop(gone);
    eventually("it says so", || {
        director
            .log()
            .contains("this process goes on: the new process ")
    });
    let mut failed = calls(&director, 1);
    hears(&mut failed);
    // The sockets came with one byte.
    failed.read_exact(&mut [0]).expect("the sockets");
    says(&mut failed, r#"{"Failed":"a reason of its own"}"#);
    assert!(hears(&mut failed).contains("a reason of its own"));
    assert_eq!(get(at, "/x").location(), "http://t.example/x");
    director.upgrade(&[]);
    assert_eq!(get(at, "/x").location(), "http://t.example/x");
}

#[test]
fn while_a_process_is_silent_who_looks_is_answered_and_a_change_waits() {
    let at = free();
    let director = Director::start(&redirects(at));
    let mut silent = calls(&director, 1);
    hears(&mut silent);
    for _ in 0..2 {
        let shown = director.typed(&["show startup-config"]);
        assert!(shown.contains(&at.to_string()), "{shown}");
        assert_eq!(get(at, "/x").status, 302);
    }
    thread::scope(|scope| {
        let change = scope.spawn(|| director.typed(&["write memory"]));
        director.typed(&["show running-config"]);
        let log = director.log();
        assert!(!log.contains("this process goes on"), "{log}");
        drop(silent);
        let said = change.join().expect("it is made");
        assert!(said.contains("stored in"), "{said}");
    });
    let log = director.log();
    assert!(
        log.contains("the new process did not serve: it ended"),
        "{log}"
    );
}

#[test]
fn fewer_and_more_workers_take_over_from_one_another() {
    let (at, extra) = (free(), free());
    let mut director = Director::start_with(&redirects(at), &["--workers", "3"]);
    let load = Load::on(at, |status, _| status == 302);
    for workers in ["1", "4", "2", "3"] {
        director.upgrade(&["--", "--workers", workers]);
        let before = load.done();
        eventually("the load goes on", || load.done() > before + 50);
        // Every socket is accepted from: none of these waits for ever.
        for _ in 0..32 {
            assert_eq!(get(at, "/x").status, 302);
        }
    }
    load.end();
    director.reload(&format!(
        "{}virtual {extra}\nbind {extra} t\n",
        redirects(at)
    ));
    assert_eq!(get(extra, "/x").status, 302);
    director.reload(&redirects(at).replace(&at.to_string(), &extra.to_string()));
    eventually("the listener is gone with all its copies", || {
        Client::try_to(at).is_err()
    });
    assert_eq!(get(extra, "/x").status, 302);
}

#[test]
fn what_runs_goes_along_and_not_only_what_is_saved() {
    let (at, metrics) = (free(), free());
    let mut director = Director::start(&format!(
        "{}! of the second\nurl u http://u.example/%d\nbind {at} u\nmetrics {metrics}\n",
        redirects(at)
    ));
    director.typed(&["configure", "hostname edge", "oos url t", "end"]);
    director.typed(&[
        "configure candidate",
        "url v http://v.example/%d",
        "commit confirmed 10",
    ]);
    let before = director.typed(&["show running-config"]);
    assert!(
        before.contains("! of the second") && before.contains("hostname edge"),
        "{before}"
    );
    director.upgrade(&[]);
    assert_eq!(director.wait().code(), Some(0));
    assert_eq!(director.typed(&["show running-config"]), before);
    for _ in 0..4 {
        assert_eq!(get(at, "/x").location(), "http://u.example/x");
    }
    assert_eq!(get(metrics, "/metrics").status, 200);
    let refused = director.console(&["write memory"]);
    assert!(!refused.status.success(), "a change waits still");
    director.typed(&["confirm"]);
    director.typed(&["write memory"]);
    director.upgrade(&[]);
    let stored = std::fs::read_to_string(director.file()).expect("it is there");
    assert!(stored.contains("http://v.example/"), "{stored}");
    assert_eq!(director.typed(&["show running-config"]), before);
}

#[test]
fn clients_stay_with_their_servers_though_the_key_is_the_processs_own() {
    let at = free();
    let mut director = Director::start(&format!(
        "virtual {at}\nurl a http://a.example/%d\nurl b http://b.example/%d\nurl c http://c.example/%d\n\
         bind {at} a b c\nsticky {at} 10 cookie route\n"
    ));
    let first = get(at, "/x");
    let cookie = first.field("set-cookie").expect("a cookie");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    director.upgrade(&[]);
    let request = format!("GET /x HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n");
    for _ in 0..4 {
        let answer = Client::to(at).send(&request).answer();
        assert_eq!(answer.location(), first.location());
    }
}

/// Where a client of this address is sent.
fn sent(from: [u8; 4], at: SocketAddr) -> String {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    let from = SocketAddr::from((from, 0));
    socket.bind(&from.into()).expect("bound");
    socket.connect(&at.into()).expect("connected");
    let mut stream = std::net::TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let request = "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let location = answer.lines().find(|line| line.starts_with("Location: "));
    location.expect("a redirect").to_owned()
}

#[test]
fn clients_stay_with_their_servers_by_their_addresses_too() {
    let at = free();
    let mut director = Director::start(&format!(
        "virtual {at}\nurl a http://a.example/%d\nurl b http://b.example/%d\nurl c http://c.example/%d\n\
         bind {at} a b c\nsticky {at} 10\n"
    ));
    let clients = [[127, 9, 9, 1], [127, 9, 9, 2], [127, 9, 9, 3]];
    let before = clients.map(|client| sent(client, at));
    director.upgrade(&[]);
    // In another order: by turns alone they would go elsewhere.
    for nth in [2, 0, 1, 2, 1, 0] {
        assert_eq!(sent(clients[nth], at), before[nth]);
    }
    director.upgrade(&[]);
    assert_eq!(sent(clients[1], at), before[1]);
}

#[test]
fn what_was_found_of_servers_goes_along() {
    let (failing, second) = (
        Origin::sending(answer(200, "first")),
        Origin::saying("second"),
    );
    let (at, real, backup) = (free(), failing.address, second.address);
    let mut director = Director::start(&format!(
        "virtual {at}\nreal {real}\nreal {backup}\nbind {at} {real}\nbackup {real} {backup}\nthreshold {real} 1\nretry {real} 600\n"
    ));
    failing.refuse();
    assert_eq!(get(at, "/").text(), "second");
    eventually("it is FAILED", || director.log().contains(": FAILED"));
    failing.resume();
    director.upgrade(&[]);
    assert_eq!(director.wait().code(), Some(0));
    for _ in 0..4 {
        assert_eq!(get(at, "/").text(), "second", "it waits for its trial");
    }
}
