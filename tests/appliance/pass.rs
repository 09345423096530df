//! `pass`: further ports of a dip, joined unread to the same real.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};

use crate::support::{Client, Director, PATIENCE, eventually, free, get, raw, run};

/// A server of bytes: what it does with each connection.
fn bytes(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind(free()).expect("a free port");
    let at = listener.local_addr().expect("its address");
    std::thread::spawn(move || listener.incoming().flatten().for_each(&serve));
    at
}

/// Sends back what came, once the client has said all.
fn echo(mut stream: TcpStream) {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let _ = stream.write_all(&all);
}

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&at, PATIENCE).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    stream
}

/// A dip's own address, its port 8080 unless said otherwise.
fn dip() -> (IpAddr, SocketAddr) {
    let at = free();
    (at.ip(), at)
}

/// What comes back; nothing where the connection is reset, however early.
fn said(at: SocketAddr, text: &str) -> String {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(text.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut all = String::new();
        stream.read_to_string(&mut all).map(|_| all)
    };
    match ask() {
        Ok(all) => all,
        Err(error) => {
            use std::io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
            let reset = [ConnectionReset, BrokenPipe, NotConnected];
            assert!(reset.contains(&error.kind()), "{error}");
            String::new()
        }
    }
}

#[test]
fn bytes_pass_both_ways_and_each_side_ends_for_itself() {
    let server = bytes(echo);
    let (address, at) = dip();
    let http = SocketAddr::new(server.ip(), 9);
    let director = Director::start(&format!("dip {at} {http}\npass {at} {}\n", server.port()));
    let passed = SocketAddr::new(address, server.port());
    assert_eq!(director.listening, [at, passed]);
    // An end of the client's, far more than what is kept on the way, then all of it back.
    let mut stream = connect(passed);
    let mut writer = stream.try_clone().expect("a second handle");
    let long: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sent = long.clone();
    let sender = std::thread::spawn(move || {
        writer.write_all(&sent).expect("all sent");
        writer.shutdown(Shutdown::Write).expect("half closed");
    });
    let mut back = Vec::new();
    stream.read_to_end(&mut back).expect("all of it");
    sender.join().expect("no panic");
    assert!(back == long, "{} bytes", back.len());
    // What no HTTP is passes as well, and nothing is added to it.
    assert_eq!(said(passed, "\u{0}\r\nGET"), "\u{0}\r\nGET");
    director.counts_until(&[&at.to_string(), "passed"]);
    let shown = director.typed(&["show dip"]);
    assert!(shown.contains(&server.port().to_string()), "{shown}");
}

#[test]
fn a_server_stands_in_at_the_same_port_and_a_url_never_does() {
    let server = bytes(echo);
    let port = server.port();
    let (address, at) = dip();
    let down = free();
    let (url, backup) = ("url book http://book.example/%d\n", server);
    let first = format!("dip {at} {down}\npass {at} {port}\n");
    let other = SocketAddr::new(backup.ip(), 9);
    // The chain leads by a url to a real: the url is passed over.
    let config = format!("{first}{url}backup {at} book\nreal {other}\nbackup book {other}\n");
    let director = Director::start(&config);
    let passed = SocketAddr::new(address, port);
    assert_eq!(said(passed, "cart"), "cart");
    assert_eq!(get(at, "/").status, 302);
    // A url alone: reset and counted.
    director.reload(&format!("{first}{url}backup {at} book\n"));
    assert_eq!(said(passed, "cart"), "");
    director.counts_until(&["pass-unserved"]);
    // Out of service as a whole.
    director.reload(&format!(
        "dip {at} {other}\npass {at} {port}\noos dip {at}\n"
    ));
    assert_eq!(said(passed, "cart"), "");
}

#[test]
fn it_shares_the_places_of_the_real() {
    let server = bytes(echo);
    let (address, at) = dip();
    let config = |most: &str| {
        format!(
            "dip {at} {}:{}\npass {at} {}\n{most}timeout {at} 60\n",
            server.ip(),
            9,
            server.port()
        )
    };
    let director = Director::start(&config(&format!("maxconns {at} 1\n")));
    let passed = SocketAddr::new(address, server.port());
    let mut held = connect(passed);
    held.write_all(b"x").expect("sent");
    eventually("the connection counts", || {
        director.typed(&["show connections"]).contains('1')
            && raw(at, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .starts_with(b"HTTP/1.1 503")
    });
    assert_eq!(said(passed, "full"), "", "one place, and it is taken");
    held.shutdown(Shutdown::Write).expect("half closed");
    let mut back = String::new();
    held.read_to_string(&mut back).expect("its echo");
    assert_eq!(back, "x");
    eventually("there is a place again", || said(passed, "room") == "room");
}

#[test]
fn a_reset_is_the_other_sides_reset() {
    let server = bytes(|mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 8]);
        let linger = Some(std::time::Duration::ZERO);
        let _ = socket2::SockRef::from(&stream).set_linger(linger);
    });
    let (address, at) = dip();
    let _director = Director::start(&format!(
        "dip {at} {}:9\npass {at} {}\n",
        server.ip(),
        server.port()
    ));
    let mut stream = connect(SocketAddr::new(address, server.port()));
    stream.write_all(b"x").expect("sent");
    let error = stream.read(&mut [0; 8]).expect_err("no orderly end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn ports_come_and_go_with_reloads_and_the_log_tells() {
    let server = bytes(echo);
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let log = folder.path().join("log");
    let (address, at) = dip();
    let plain = format!(
        "dip {at} {}:9\naccess-log file {}\n",
        server.ip(),
        log.display()
    );
    let director = Director::start(&plain);
    let passed = SocketAddr::new(address, server.port());
    TcpStream::connect(passed).expect_err("nobody listens");
    director.reload(&format!("{plain}pass {at} {}\n", server.port()));
    let mut held = connect(passed);
    held.write_all(b"held").expect("sent");
    director.counts_until(&["passed"]);
    director.reload(&plain);
    eventually("the port is closed", || TcpStream::connect(passed).is_err());
    // Who is there already stays.
    held.shutdown(Shutdown::Write).expect("half closed");
    let mut back = String::new();
    held.read_to_string(&mut back).expect("its echo");
    assert_eq!(back, "held");
    let line = || std::fs::read_to_string(&log).unwrap_or_default();
    eventually("it is logged", || line().contains("\"PASS\""));
    let told: serde_json::Value =
        serde_json::from_str(line().lines().next().expect("a line")).expect("JSON");
    let server_port = server.port().to_string();
    for (field, value) in [
        ("method", "PASS"),
        ("target", &server_port),
        ("action", "forward"),
        ("reason", "direct"),
    ] {
        assert_eq!(told[field], value, "{told}");
    }
    assert_eq!(
        (&told["bytes_in"], &told["bytes_out"]),
        (&4.into(), &4.into()),
        "{told}"
    );
}

#[test]
fn a_port_that_turns_from_bytes_to_requests_stays_open() {
    let server = bytes(echo);
    let (address, at) = dip();
    let passed = SocketAddr::new(address, server.port());
    let head = format!("dip {at} {}:9\n", server.ip());
    let director = Director::start(&format!("{head}pass {at} {}\n", server.port()));
    assert_eq!(said(passed, "bytes"), "bytes");
    director.reload(&format!(
        "{head}virtual {passed}\nurl t http://t.example/%d\nbind {passed} t\n"
    ));
    assert_eq!(get(passed, "/").status, 302);
    let mut client = Client::to(passed);
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.answer().status, 302);
}

#[test]
fn what_another_listens_at_is_not_passed_on() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(
        file.path(),
        "dip 127.0.0.9:8080 127.0.0.9:8081\npass 127.0.0.9:8080 22\n",
    )
    .expect("written");
    let output = run(&["check", file.path().to_str().expect("a path")]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("port 22 cannot be passed on"), "{told}");
}

#[test]
fn who_is_joined_may_finish_while_the_director_ends() {
    let server = bytes(echo);
    let (address, at) = dip();
    let mut director = Director::start(&format!(
        "dip {at} {}:9\npass {at} {}\n",
        server.ip(),
        server.port()
    ));
    let mut held = connect(SocketAddr::new(address, server.port()));
    held.write_all(b"last").expect("sent");
    director.counts_until(&["passed"]);
    director.terminate();
    eventually("nobody new is taken", || TcpStream::connect(at).is_err());
    held.write_all(b" words").expect("sent");
    held.shutdown(Shutdown::Write).expect("half closed");
    let mut back = String::new();
    held.read_to_string(&mut back).expect("its echo");
    assert_eq!(back, "last words");
    assert!(director.wait().success());
}
