//! The limits that the operator sets: they bound, are counted, and change while connections are open (RELIABILITY.md E, G).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::support::{After, Client, Director, Origin, PATIENCE, eventually, free, get};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn farm(at: SocketAddr, limits: &str) -> String {
    format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\nkeepalive {at}\n{limits}")
}

/// What `show limits` says of one.
fn shown(director: &Director, limit: &str) -> Value {
    let text = director.typed(&["show limits | json"]);
    let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let found = all.into_iter().find(|one| one["limit"] == limit);
    found.expect("it is listed")
}

#[test]
fn a_client_address_has_so_many_connections_and_a_trusted_proxy_any_number() {
    let at = free();
    let config = farm(at, "limit connections-per-client 3\n");
    let director = Director::start(&config);
    let mut few: Vec<Client> = (0..3).map(|_| Client::to(at)).collect();
    for client in &mut few {
        assert_eq!(client.send(REQUEST).answer().status, 302);
    }
    Client::to(at).closed();
    assert_eq!(shown(&director, "connections-per-client")["hits"], 1);
    let few_more = |few: &mut Vec<Client>| few.push(Client::to(at));
    few.pop();
    eventually("the place is free again", || {
        let mut again = Client::to(at);
        again.send(REQUEST).try_answer("GET").is_ok()
    });
    assert_eq!(
        few[0].send(REQUEST).answer().status,
        302,
        "the others went on"
    );
    director.reload(&format!("{config}trusted-proxy 127.0.0.0/8\n"));
    (0..5).for_each(|_| few_more(&mut few));
    for client in &mut few {
        assert_eq!(client.send(REQUEST).answer().status, 302);
    }
}

#[test]
fn times_are_the_operators_and_what_they_ended_is_counted() {
    let (at, metrics) = (free(), free());
    let limits = format!("limit head-seconds 1\nmetrics {metrics}\n");
    let director = Director::start(&farm(at, &limits));
    let mut slow = Client::to(at);
    assert_eq!(slow.send("GET / HTTP/1.1\r\nHo").answer().status, 408);
    director.typed(&["configure terminal", "limit idle-seconds 1", "end"]);
    Client::to(at).closed();
    for (limit, value, default) in [("head-seconds", 1, 10), ("idle-seconds", 1, 60)] {
        let one = shown(&director, limit);
        assert_eq!(
            (&one["value"], &one["default"]),
            (&value.into(), &default.into())
        );
        assert_eq!(one["hits"], 1, "{limit}");
        let line = format!("signpost_limit_hits_total{{limit=\"{limit}\"}} 1\n");
        let told = get(metrics, "/metrics").text();
        assert!(told.contains(&line), "{told}");
    }
    director.typed(&["configure terminal", "no limit head-seconds", "end"]);
    assert_eq!(shown(&director, "head-seconds")["value"], 10);
    let wrong = director.console(&["configure terminal", "limit head-seconds 301"]);
    let told = String::from_utf8_lossy(&wrong.stdout).into_owned();
    assert!(
        !wrong.status.success() && told.contains("expected 1 to 300"),
        "{told}"
    );
}

#[test]
fn first_keep_alive_goes_then_idle_connections_then_requests_and_the_admin_stays() {
    let (at, metrics) = (free(), free());
    let limits = format!("limit connections 40\nmetrics {metrics}\n");
    let director = Director::start(&farm(at, &limits));
    assert_eq!(
        Client::to(at).send(REQUEST).answer().field("connection"),
        None
    );

    let mut crowd: Vec<Client> = (0..38).map(|_| Client::to(at)).collect();
    eventually("keep-alive goes", || {
        let answer = Client::to(at).send(REQUEST).try_answer("GET");
        answer.is_ok_and(|answer| answer.field("connection") == Some("close"))
    });
    // Who has done nothing for a second makes room.
    let ended = |client: &Client| {
        let unblocked = client.stream.set_nonblocking(true);
        unblocked.expect("set");
        matches!(client.stream.peek(&mut [0]), Ok(0))
    };
    eventually("idle connections are closed", || crowd.iter().any(ended));
    crowd.clear();
    // Half a request each: whoever is busy is not closed.
    let (half, rest) = REQUEST.split_at(REQUEST.len() - 2);
    eventually("requests are refused", || {
        while crowd.len() < 40 {
            let mut asking = Client::to(at);
            let _ = asking.stream.write_all(half.as_bytes());
            crowd.push(asking);
        }
        let mut asking = crowd.remove(0);
        let _ = asking.stream.write_all(rest.as_bytes());
        let answer = asking.try_answer("GET");
        answer.is_ok_and(|answer| answer.status == 503)
    });
    let told = get(metrics, "/metrics");
    assert_eq!(told.status, 200);
    let told = told.text();
    assert!(
        told.contains("signpost_refused_requests_total{rule=\"overload\"}"),
        "{told}"
    );
    assert!(director.typed(&["show version"]).contains("is up"));
    drop(crowd);
    eventually("all is well again", || {
        let answer = Client::to(at).send(REQUEST).try_answer("GET");
        answer.is_ok_and(|answer| answer.status == 302 && answer.field("connection").is_none())
    });
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short one");
    let head = [&length.to_be_bytes()[1..], &[kind, flags]].concat();
    [&head, &stream.to_be_bytes()[..], payload].concat()
}

/// `GET http://x/` with these fields, compressed, behind it.
fn asks(stream: u32, more: &[u8]) -> Vec<u8> {
    let block = [&[0x82, 0x86, 0x84, 0x01, 1, b'x'], more].concat();
    frame(1, 0x05, stream, &block)
}

fn resets(stream: u32) -> Vec<u8> {
    frame(3, 0, stream, &8u32.to_be_bytes())
}

/// A connection that said its preface, its settings and this.
fn speaks_http2(at: SocketAddr, settings: &[u8], said: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(at).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let hello = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &frame(4, 0, 0, settings)[..],
    ]
    .concat();
    stream.write_all(&[&hello, said].concat()).expect("sent");
    stream
}

/// The payload of the next frame of this kind on this stream.
fn hears(from: &mut TcpStream, kind: u8, stream: u32) -> Vec<u8> {
    loop {
        let mut head = [0; 9];
        from.read_exact(&mut head).expect("a frame");
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        from.read_exact(&mut payload).expect("its payload");
        if head[3] == kind && head[5..] == stream.to_be_bytes() {
            return payload;
        }
    }
}

#[test]
fn connections_of_http_2_begin_with_the_operators_limits_and_hits_are_counted() {
    let at = free();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = silent.local_addr().expect("bound");
    let limits = "limit http2-streams 2\nlimit http2-resets 1\nlimit http2-header-bytes 1024\nlimit idle-seconds 1\n";
    let director = Director::start(&format!(
        "virtual {at}\nreal {server}\nbind {at} {server}\n{limits}"
    ));
    let hits = |limit: &str| shown(&director, limit)["hits"].clone();

    let three = [asks(1, b""), asks(3, b""), asks(5, b"")].concat();
    let mut client = speaks_http2(at, b"", &three);
    let settings = hears(&mut client, 4, 0);
    for (id, value) in [(3, 2), (6, 1024)] {
        let said = settings.chunks(6).find(|setting| setting[1] == id);
        assert_eq!(said.expect("it is said")[2..], u32::to_be_bytes(value));
    }
    assert_eq!(hears(&mut client, 3, 5), 7u32.to_be_bytes(), "refused");
    assert_eq!(hits("http2-streams"), 1);

    let twice = [asks(1, b""), resets(1), asks(3, b""), resets(3)].concat();
    let mut client = speaks_http2(at, b"", &twice);
    assert_eq!(hears(&mut client, 7, 0)[4..8], 11u32.to_be_bytes(), "calm");
    assert_eq!(hits("http2-resets"), 1);

    let field = [&[0, 1, b'a', 0x7f, 0xcd, 7], &[b'v'; 1100][..]].concat();
    let mut client = speaks_http2(at, b"", &asks(1, &field));
    hears(&mut client, 1, 1);
    assert_eq!(hits("http2-header-bytes"), 1);
    hears(&mut client, 7, 0);
    assert_eq!(hits("idle-seconds"), 1);
}

#[test]
fn who_takes_nothing_of_an_answer_over_http_2_holds_so_much_of_it_and_not_for_long() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")?;
        for _ in 0..10_000 {
            exchange.send([b'x'; 100_000])?;
        }
        Ok(After::Keep)
    });
    let at = free();
    let limits = "limit http2-send-bytes 16384\nlimit stalled-write-seconds 1\n";
    let director = Director::start(&format!(
        "virtual {at}\nreal {0}\nbind {at} {0}\n{limits}",
        origin.address
    ));
    let wide = [&[0, 4], &0x7fff_ffff_u32.to_be_bytes()[..]].concat();
    let wider = frame(8, 0, 0, &0x7000_0000_u32.to_be_bytes());
    let mut client = speaks_http2(at, &wide, &[wider, asks(1, b"")].concat());
    // Once it is full, what the client says goes unheard.
    eventually("it is full and told so", || {
        let _ = client.write_all(&frame(6, 0, 0, b"are you?"));
        shown(&director, "http2-send-bytes")["hits"] != 0
    });
    eventually("the client is given up", || {
        shown(&director, "stalled-write-seconds")["hits"] != 0
    });
}

#[test]
fn bodies_over_http_2_have_to_come_as_fast_as_others_whatever_frames_they_come_in() {
    let origin = Origin::start(|exchange| {
        exchange.read_body()?;
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(After::Keep)
    });
    let at = free();
    let director = Director::start(&format!(
        "virtual {at}\nreal {0}\nbind {at} {0}\nlimit body-grace-seconds 1\n",
        origin.address
    ));
    // `POST http://x/`.
    let asks = frame(1, 0x04, 1, &[0x83, 0x86, 0x84, 0x01, 1, b'x']);
    let status = |client: &mut TcpStream| {
        let head = hears(client, 1, 1);
        match head[..] {
            [0x88, ..] => 200,
            [8, 3, b'4', b'0', b'8', ..] => 408,
            _ => panic!("{head:?}"),
        }
    };
    let nothing = speaks_http2(at, b"", &asks);
    let half_a_frame = speaks_http2(
        at,
        b"",
        &[&asks, &frame(0, 1, 1, &[0; 999])[..500]].concat(),
    );
    let mut crumbs = speaks_http2(at, b"", &asks);
    let mut slow = speaks_http2(at, b"", &asks);
    let long = frame(0, 1, 1, &[0; 8000]);
    for piece in long.chunks(1000) {
        // It may be told that it is too slow, and be gone.
        let _ = crumbs.write_all(&frame(0, 0, 1, b"x"));
        slow.write_all(piece).expect("sent");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(status(&mut slow), 200, "a frame that takes its time");
    for mut client in [nothing, half_a_frame, crumbs] {
        assert_eq!(status(&mut client), 408);
    }
    assert_eq!(shown(&director, "body-rate")["hits"], 3);
}

#[test]
fn heads_are_as_large_as_the_operator_says_and_at_once() {
    let (at, metrics) = (free(), free());
    let director = Director::start(&farm(at, &format!("metrics {metrics}\n")));
    let target = |length: usize| {
        let target = "t".repeat(length - 1);
        format!("GET /{target} HTTP/1.1\r\nHost: x\r\n\r\n")
    };
    let fields = |lines: &str| format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
    let field = |length: usize| fields(&format!("A: {}\r\n", "v".repeat(length - 3)));
    // The line of the host is 9 bytes, and one of these 250.
    let long = |more: usize| {
        let line = format!("A: {}\r\n", "v".repeat(245));
        fields(&format!("{}A: {}\r\n", line.repeat(4), "v".repeat(more)))
    };
    let many = |count: usize| fields(&"A: b\r\n".repeat(count - 1));
    let cases = [
        ("target-bytes", 300, target(300), target(301), 414),
        ("field-bytes", 500, field(500), field(501), 431),
        ("fields-bytes", 1024, long(10), long(11), 431),
        ("fields", 9, many(9), many(10), 431),
    ];
    let typed = |line: &str| director.typed(&["configure terminal", line, "end"]);
    let mut open = Client::to(at);
    for (limit, value, good, bad, status) in cases {
        assert_eq!(open.send(&bad).answer().status, 302, "{limit} by default");
        typed(&format!("limit {limit} {value}"));
        assert_eq!(open.send(&good).answer().status, 302, "{limit}");
        assert_eq!(Client::to(at).send(&bad).answer().status, status, "{limit}");
        let one = shown(&director, limit);
        assert_eq!((&one["value"], &one["hits"]), (&value.into(), &1.into()));
        let line = format!("signpost_limit_hits_total{{limit=\"{limit}\"}} 1\n");
        let told = get(metrics, "/metrics").text();
        assert!(told.contains(&line), "{told}");
        typed(&format!("no limit {limit}"));
    }
    typed("limit fields-bytes 40448");
    typed("limit field-bytes 40448");
    let head = fields(&format!("A: {}\r\n", "v".repeat(40_448 - 9 - 5)));
    assert_eq!(open.send(&head).answer().status, 302);

    typed("limit http2-fields 16");
    let more = [0, 1, b'a', 0].repeat(12);
    for (fields, hits) in [
        (more.clone(), 0),
        ([&more[..], &[0, 1, b'a', 0]].concat(), 1),
    ] {
        let mut client = speaks_http2(at, b"", &asks(1, &fields));
        let refused = hears(&mut client, 1, 1).starts_with(&[8, 3, b'4', b'3', b'1']);
        assert_eq!(refused, hits == 1);
        assert_eq!(shown(&director, "http2-fields")["hits"], hits);
    }
}
