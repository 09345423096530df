//! RELIABILITY.md D: which fields pass in either direction, and what Signpost says of itself.

use crate::forward::forwarding;
use crate::support::{Client, Origin, Received};

#[track_caller]
fn forwarded(head: &str) -> Received {
    let origin = Origin::saying("ok");
    let (_director, at) = forwarding(&origin);
    assert_eq!(
        Client::to(at)
            .send(format!("{head}\r\n\r\n"))
            .answer()
            .status,
        200
    );
    origin.request()
}

#[test]
fn hop_by_hop_fields_stay_behind() {
    let request = forwarded(
        "GET /a?b HTTP/1.1\r\nHost: Named.example:8080\r\nConnection: keep-alive, X-Hop, Cookie, Host, X-Forwarded-For\r\n\
         X-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers, gzip\r\nCookie: a=b\r\n\
         Authorization: Basic eA==\r\nX-Kept: yes\r\nProxy-Authorization: Basic eA==",
    );
    assert!(
        request.head.starts_with("GET /a?b HTTP/1.1\r\n"),
        "{request:?}"
    );
    for name in ["x-hop", "keep-alive", "proxy-connection"] {
        assert_eq!(
            request.values(name),
            Vec::<&str>::new(),
            "{name}: {request:?}"
        );
    }
    assert!(
        !request
            .values("connection")
            .iter()
            .any(|value| value.to_lowercase().contains("hop")),
        "{request:?}"
    );
    assert!(
        !request
            .values("te")
            .iter()
            .any(|value| value.contains("gzip")),
        "{request:?}"
    );
    assert_eq!(
        request.values("host"),
        ["Named.example:8080"],
        "Host is kept"
    );
    for (name, value) in [
        ("cookie", "a=b"),
        ("authorization", "Basic eA=="),
        ("x-kept", "yes"),
    ] {
        assert_eq!(request.values(name), [value], "{request:?}");
    }
    assert_eq!(request.values("x-forwarded-for").len(), 1, "{request:?}");
}

#[test]
fn forwarding_fields_are_set_anew() {
    let request = forwarded(
        "GET / HTTP/1.1\r\nHost: h.example:81\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Host: evil",
    );
    let [forwarded] = request.values("forwarded")[..] else {
        panic!("{request:?}")
    };
    let forwarded = forwarded.to_lowercase();
    for part in ["for=127.0.0.1", "proto=http", "h.example:81"] {
        assert!(forwarded.contains(part), "{part} is missing in {forwarded}");
    }
    assert_eq!(request.values("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(request.values("x-forwarded-proto"), ["http"]);
    assert_eq!(request.values("x-forwarded-host"), ["h.example:81"]);
    assert!(
        !request.head.contains("6.6.6.6") && !request.head.contains("evil"),
        "{request:?}"
    );
    let [via] = request.values("via")[..] else {
        panic!("{request:?}")
    };
    assert!(via.starts_with("1.1 "), "{via}");
}

#[test]
fn an_own_via_coming_back_is_508() {
    let origin = Origin::saying("ok");
    let (_director, at) = forwarding(&origin);
    Client::to(at)
        .send("GET / HTTP/1.1\r\nHost: x\r\nVia: 1.0 before\r\n\r\n")
        .answer();
    let via = origin.request().values("via").join(", ");
    let own = via.rsplit(", ").next().expect("an own one").to_owned();
    let answer = Client::to(at)
        .send(format!(
            "GET / HTTP/1.1\r\nHost: x\r\nVia: {own}, 1.1 after\r\n\r\n"
        ))
        .answer();
    assert_eq!((answer.status, origin.requests().len()), (508, 1));
}

#[test]
fn hop_by_hop_fields_of_the_answer_stay_behind() {
    let origin = Origin::sending(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         Server: origin\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok",
    );
    let (_director, at) = forwarding(&origin);
    let mut client = Client::to(at);
    for _ in 0..2 {
        let answer = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").answer();
        assert_eq!(
            (answer.field("x-hop"), answer.field("keep-alive")),
            (None, None),
            "{answer:?}"
        );
        assert_eq!(answer.field("server"), Some("origin"));
        let cookies: Vec<&str> = answer
            .fields
            .iter()
            .filter(|field| field.0 == "set-cookie")
            .map(|field| field.1.as_str())
            .collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
    }
}
