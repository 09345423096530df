//! Whose request it is where proxies stand before the director: `trusted-proxy` and `proxy-protocol` (issue 3, 9).

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::support::{Client, Director, Origin, PATIENCE, eventually, free};

/// A client that connects from another loopback address than usual.
fn client_from(from: Ipv4Addr, to: SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket
        .bind(&SocketAddr::from((from, 0)).into())
        .expect("bound");
    socket
        .connect_timeout(&to.into(), PATIENCE)
        .expect("connected");
    let mut client = Client::to(to);
    client.stream = TcpStream::from(socket);
    client.stream.set_nodelay(true).expect("set");
    client.stream.set_read_timeout(Some(PATIENCE)).expect("set");
    client
}

/// The last entry of the log, once there are so many.
#[track_caller]
fn entry(log: &Path, count: usize) -> Value {
    let read = || std::fs::read_to_string(log).unwrap_or_default();
    eventually("it is logged", || read().matches('\n').count() >= count);
    let text = read();
    serde_json::from_str(text.lines().nth(count - 1).expect("counted")).expect("JSON")
}

struct Rig {
    director: Director,
    origin: Origin,
    at: SocketAddr,
    folder: TempDir,
}

impl Rig {
    /// One virtual before an origin; `more` has `AT` for the virtual.
    fn new(more: &str) -> Rig {
        let folder = TempDir::new().expect("a folder");
        let origin = Origin::saying("ok");
        let (at, real) = (free(), origin.address);
        let more = more.replace("AT", &at.to_string());
        let log = folder.path().join("log");
        let director = Director::start_with(
            &format!(
                "virtual {at}\nreal {real}\nbind {at} {real}\naccess-log file {}\n{more}",
                log.display()
            ),
            &["--workers", "1"],
        );
        Rig {
            director,
            origin,
            at,
            folder,
        }
    }

    /// The client's address and the status in the entry of this number, from 1.
    #[track_caller]
    fn logged(&self, number: usize) -> (String, u64) {
        let entry = entry(&self.folder.path().join("log"), number);
        let client = entry["client"].as_str().expect("a text").to_owned();
        (client, entry["status"].as_u64().expect("a number"))
    }

    /// What the origin was told in the last request, in these fields.
    fn told(&self, name: &str) -> Vec<String> {
        let last = self.origin.requests().pop().expect("a request");
        last.values(name).into_iter().map(str::to_owned).collect()
    }
}

const TRUSTED: &str = "trusted-proxy 127.0.0.1 10.0.0.0/8\n";

#[test]
fn a_trusted_proxy_tells_whose_request_it_is_and_is_added_to_what_it_told() {
    let rig = Rig::new(TRUSTED);
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9, 203.0.113.9\r\n\
        x-forwarded-for: 10.1.2.3\r\nForwarded: for=203.0.113.9\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-Host: outer\r\nX-Forwarded-Port: 443\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n";
    assert_eq!(Client::to(rig.at).send(request).answer().status, 200);
    assert_eq!(rig.logged(1), ("203.0.113.9".to_owned(), 200));
    assert_eq!(
        rig.told("x-forwarded-for"),
        ["9.9.9.9, 203.0.113.9, 10.1.2.3, 127.0.0.1"]
    );
    assert_eq!(
        rig.told("forwarded"),
        ["for=203.0.113.9, for=127.0.0.1;host=\"a\";proto=http"]
    );
    assert_eq!(rig.told("x-forwarded-proto"), ["https"]);
    assert_eq!(rig.told("x-forwarded-host"), ["outer"]);
    assert_eq!(rig.told("x-forwarded-port"), ["443"]);
    assert!(rig.told("x_forwarded_for").is_empty());

    let malformed = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9, garbage\r\n\r\n";
    Client::to(rig.at).send(malformed).answer();
    assert_eq!(rig.logged(2).0, "127.0.0.1");
}

#[test]
fn from_others_it_means_nothing() {
    let rig = Rig::new(TRUSTED);
    let mut client = client_from(Ipv4Addr::new(127, 0, 0, 2), rig.at);
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\r\n",
    );
    assert_eq!(client.answer().status, 200);
    assert_eq!(rig.logged(1), ("127.0.0.2".to_owned(), 200));
    assert_eq!(rig.told("x-forwarded-for"), ["127.0.0.2"]);
    assert_eq!(
        rig.told("forwarded"),
        ["for=127.0.0.2;host=\"a\";proto=http"]
    );
    assert_eq!(rig.told("x-forwarded-proto"), ["http"]);
    assert!(rig.told("x-forwarded-port").is_empty());
}

#[test]
fn a_trusted_proxy_tells_how_the_client_asked() {
    let at = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl up https://%h/%d 301\nbind {at} up\n{TRUSTED}"
    ));
    let untrusted = Ipv4Addr::new(127, 0, 0, 2);
    let asked = |from: Ipv4Addr, told: &str| {
        let mut client = client_from(from, at);
        let request = format!("GET /x HTTP/1.1\r\nHost: a.example\r\n{told}\r\n");
        let answer = client.send(request).answer();
        let location = answer.field("location").map(str::to_owned);
        (answer.status, location)
    };
    let up = (301, Some("https://a.example/x".to_owned()));
    // It would lead to where the client is already.
    for told in [
        "X-Forwarded-Proto: https\r\n",
        "Forwarded: for=203.0.113.9;proto=https\r\n",
    ] {
        assert_eq!(asked(Ipv4Addr::LOCALHOST, told), (503, None), "{told}");
        assert_eq!(asked(untrusted, told), up, "{told}");
    }
    for told in [
        "",
        "X-Forwarded-Proto: http\r\n",
        "X-Forwarded-Proto: x\r\n",
    ] {
        assert_eq!(asked(Ipv4Addr::LOCALHOST, told), up, "{told}");
    }
}

#[test]
fn sticky_clients_are_those_that_the_proxy_names() {
    let origins = [Origin::saying("one"), Origin::saying("two")];
    let at = free();
    let [one, two] = [origins[0].address, origins[1].address];
    let _director = Director::start(&format!(
        "virtual {at}\nreal {one}\nreal {two}\nbind {at} {one} {two}\nsticky {at} 10 source\n{TRUSTED}"
    ));
    let ask = |client: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {client}\r\n\r\n");
        Client::to(at).send(request).answer().text()
    };
    let servers: Vec<_> = (1..9).map(|n| ask(&format!("203.0.113.{n}"))).collect();
    assert!(servers.iter().any(|s| s == "one") && servers.iter().any(|s| s == "two"));
    for (n, server) in (1..9).zip(&servers) {
        assert_eq!(&ask(&format!("203.0.113.{n}")), server);
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const V1: &[u8] = b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 80\r\n";

fn v2() -> Vec<u8> {
    let mut head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f".to_vec();
    head.extend([203, 0, 113, 9, 192, 0, 2, 1, 0x13, 0x88, 0, 80, 4, 0, 0]);
    head
}

#[test]
fn a_proxy_protocol_head_names_the_client_however_it_arrives() {
    let rig = Rig::new(&format!("proxy-protocol AT\n{TRUSTED}"));
    let mut number = 0;
    for head in [V1.to_vec(), v2()] {
        let all = [&head, GET.as_bytes()].concat();
        for cut in [0, 1, 5, 13, head.len() - 1, head.len(), head.len() + 3] {
            let mut client = Client::to(rig.at);
            client.send(&all[..cut]);
            // The second half is a packet of its own, most times.
            std::thread::yield_now();
            client.send(&all[cut..]);
            assert_eq!(client.answer().status, 200, "cut at {cut}");
            number += 1;
            assert_eq!(rig.logged(number), ("203.0.113.9".to_owned(), 200));
        }
        let mut client = Client::to(rig.at);
        for byte in &all {
            client.send([*byte]);
        }
        assert_eq!(client.answer().status, 200);
        number += 1;
        assert_eq!(rig.logged(number).0, "203.0.113.9");
    }
    assert_eq!(rig.told("x-forwarded-for"), ["203.0.113.9"]);
    for nobody in ["PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        let answer = Client::to(rig.at).send(nobody).send(GET).answer();
        assert_eq!(answer.status, 200);
        number += 1;
        assert_eq!(rig.logged(number).0, "127.0.0.1");
    }
}

#[test]
fn a_trusted_proxy_without_a_head_is_closed_and_counted() {
    let rig = Rig::new(&format!("proxy-protocol AT\n{TRUSTED}"));
    for bytes in [
        GET.as_bytes(),
        b"PROXY TCP4 nonsense\r\n",
        b"\r\n\r\n\0\r\nQUOT\n",
    ] {
        Client::to(rig.at).send(bytes).closed();
    }
    let mut half = Client::to(rig.at);
    half.send("PROXY TCP4 203").finish();
    half.closed();
    rig.director.counts_until(&["proxy-head", "4"]);
    assert!(rig.origin.requests().is_empty());
    assert_eq!(rig.logged(4), ("127.0.0.1".to_owned(), 0));
}

#[test]
fn from_others_no_head_is_taken() {
    let rig = Rig::new(&format!("proxy-protocol AT\n{TRUSTED}"));
    let from = Ipv4Addr::new(127, 0, 0, 2);
    for head in [V1.to_vec(), v2()] {
        let mut client = client_from(from, rig.at);
        client.send([&head, GET.as_bytes()].concat());
        assert_eq!(client.answer().status, 400);
    }
    let answer = client_from(from, rig.at).send(GET).answer();
    assert_eq!(answer.status, 200);
    assert_eq!(rig.logged(3), ("127.0.0.2".to_owned(), 200));
}

#[test]
fn a_reload_turns_heads_on_and_off() {
    let origin = Origin::saying("ok");
    let (at, real) = (free(), origin.address);
    let without = format!("virtual {at}\nreal {real}\nbind {at} {real}\n{TRUSTED}");
    let with = format!("{without}proxy-protocol {at}\n");
    let director = Director::start(&without);
    assert_eq!(Client::to(at).send(GET).answer().status, 200);
    director.reload(&with);
    let status = |bytes: &[u8]| {
        Client::to(at)
            .send(bytes)
            .try_answer("GET")
            .map(|a| a.status)
    };
    let headed = [V1, GET.as_bytes()].concat();
    // Each worker learns it a moment after the snapshot is out.
    eventually("all workers want heads", || {
        (0..8).all(|_| status(&headed).is_ok_and(|status| status == 200))
    });
    director.reload(&without);
    eventually("no worker wants one", || {
        (0..8).all(|_| status(GET.as_bytes()).is_ok_and(|status| status == 200))
    });
}
