//! LANGUAGE.md §2.1, §4 "Redirect"; RELIABILITY.md C.

use std::net::SocketAddr;

use crate::support::{Client, Director, Origin, Response, free, get, raw};

/// A director whose one virtual has this url; and where it listens.
fn redirecting(url: &str, settings: &str) -> (Director, SocketAddr) {
    let at = free();
    let director = Director::start(&format!(
        "virtual {at}\nurl target {url}\nbind {at} target\n{settings}"
    ));
    (director, at)
}

#[track_caller]
fn ask(at: SocketAddr, head: &str) -> Response {
    Client::to(at).send(format!("{head}\r\n\r\n")).answer()
}

#[test]
fn the_code_follows_the_method() {
    let (_director, at) = redirecting("http://t.example/%d", "");
    for (method, code) in [
        ("GET", 302),
        ("POST", 307),
        ("PUT", 307),
        ("PATCH", 307),
        ("DELETE", 307),
        ("BREW", 307),
    ] {
        let answer = ask(at, &format!("{method} /a HTTP/1.1\r\nHost: x"));
        assert_eq!(
            (answer.status, answer.location()),
            (code, "http://t.example/a"),
            "{method}"
        );
    }
    let answer = ask(at, "OPTIONS /a HTTP/1.1\r\nHost: x");
    assert_eq!(answer.status, 307, "OPTIONS");
}

#[test]
fn a_code_of_the_url_is_sent_as_it_stands() {
    let at = free();
    let mut config = format!("virtual {at}\n");
    for code in [301, 302, 303, 307, 308] {
        config += &format!("url u{code} http://u{code}.example/%d {code}\nbind {at} u{code}\n");
    }
    let _director = Director::start(&config);
    for method in ["GET", "POST"] {
        for code in [301, 302, 303, 307, 308] {
            let answer = ask(at, &format!("{method} /x HTTP/1.1\r\nHost: x"));
            assert_eq!(
                (answer.status, answer.location()),
                (code, format!("http://u{code}.example/x").as_str())
            );
            let permanent = matches!(code, 301 | 308);
            assert_eq!(
                answer.field("cache-control"),
                (!permanent).then_some("no-store"),
                "{code}"
            );
        }
    }
}

#[test]
fn the_fields_of_a_redirect() {
    let (_director, at) = redirecting("http://t.example/%d", "");
    let mut client = Client::to(at);
    let answer = client
        .send("GET /a?b=1&c=2 HTTP/1.1\r\nHost: x\r\n\r\n")
        .answer();
    assert_eq!(answer.line, "HTTP/1.1 302 Found");
    assert_eq!(answer.field("server"), Some("Signpost"));
    assert_eq!(
        answer.field("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!(
        answer.field("content-length"),
        Some(answer.body.len().to_string().as_str())
    );
    assert!(
        answer
            .field("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close")),
        "{answer:?}"
    );
    let date = answer.field("date").expect("a date");
    let date = httpdate::parse_http_date(date).expect("an IMF-fixdate");
    let off = std::time::SystemTime::now()
        .duration_since(date)
        .unwrap_or_default();
    assert!(off.as_secs() < 5, "the date is {off:?} old");
    let body = answer.text();
    assert!(
        body.contains(r#"href="http://t.example/a?b=1&amp;c=2""#),
        "the body does not link to it: {body}"
    );
    assert_eq!(body.trim_end().lines().count(), 1, "{body}");
    client.closed();
}

#[test]
fn head_is_answered_without_a_body() {
    let (_director, at) = redirecting("http://t.example/%d", "");
    let mut client = Client::to(at);
    client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = client.try_answer("HEAD").expect("a head");
    assert_eq!(
        (answer.status, answer.location()),
        (302, "http://t.example/a")
    );
    client.closed();
}

#[test]
fn the_client_cannot_write_markup_into_the_body() {
    let (_director, at) = redirecting("http://t.example/%d", "");
    let answer = ask(
        at,
        "GET /?\"><script>alert('1')</script>&x HTTP/1.1\r\nHost: x",
    );
    assert_eq!(
        answer.location(),
        "http://t.example/?%22%3E%3Cscript%3Ealert('1')%3C/script%3E&x"
    );
    let body = answer.text();
    assert!(!body.contains("<script") && !body.contains("&x"), "{body}");
}

#[test]
fn keepalive_keeps_the_connection_and_answers_in_order() {
    let at = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\nkeepalive {at}"
    ));
    let mut client = Client::to(at);
    for turn in 0..3 {
        let answer = client
            .send(format!("GET /{turn} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .answer();
        assert_eq!(answer.location(), format!("http://t.example/{turn}"));
        assert_ne!(answer.field("connection"), Some("close"));
    }
    let pipelined: String = (0..32)
        .map(|turn| format!("GET /p{turn} HTTP/1.1\r\nHost: x\r\n\r\n"))
        .collect();
    client.send(pipelined);
    for turn in 0..32 {
        assert_eq!(
            client.answer().location(),
            format!("http://t.example/p{turn}")
        );
    }
    let last = client.send("GET /l HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /n HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    assert!(
        last.field("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    );
    client.closed();
}

#[test]
fn a_body_that_a_redirect_does_not_want_is_drained() {
    let (_director, at) = redirecting("http://t.example/%d", "");
    let at_keep = free();
    let _keeping = Director::start(&format!(
        "virtual {at_keep}\nurl t http://t.example/%d\nbind {at_keep} t\nkeepalive {at_keep}"
    ));
    let body = "x".repeat(50_000);
    let post = format!(
        "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = Client::to(at);
    assert_eq!(client.send(&post).answer().status, 307);
    client.closed();
    let mut client = Client::to(at_keep);
    assert_eq!(client.send(&post).answer().status, 307);
    let chunked = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n";
    assert_eq!(client.send(chunked).answer().status, 307);
    assert_eq!(
        client
            .send("GET /g HTTP/1.1\r\nHost: x\r\n\r\n")
            .answer()
            .status,
        302
    );
}

#[test]
fn a_large_upload_gets_its_answer_and_not_a_reset() {
    let (_director, at) = redirecting("http://t.example/%d", "");
    let mut client = Client::to(at);
    client.send(format!(
        "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        64 << 20
    ));
    for _ in 0..16 {
        client.send(vec![b'x'; 65_536]);
    }
    assert_eq!(client.answer().status, 307);
}

#[test]
fn expect_continue_gets_the_final_status_at_once() {
    let (_director, at) = redirecting("http://t.example/%d", "");
    let head = "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue";
    assert_eq!(ask(at, head).status, 307);
}

#[test]
fn macros_stand_for_the_parts_of_the_request() {
    let long = format!("GET /{} HTTP/1.1\r\nHost: h.example", "a".repeat(8_000));
    let expanded = format!("http://t.example/{}", "a".repeat(8_000));
    let get = |target: &str, host: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}");
    let cases = [
        (
            "http://t.example",
            get("/x?y", "h.example"),
            "http://t.example/",
        ),
        (
            "https://t.example/%d",
            get("/x/y?z=1", "h.example"),
            "https://t.example/x/y?z=1",
        ),
        (
            "http://t.example/%p",
            get("/x/y?z=1", "h.example"),
            "http://t.example/x/y?z=1",
        ),
        (
            "http://t.example/%u",
            get("/x/y?z=1", "h.example"),
            "http://t.example/x/y",
        ),
        (
            "http://t.example/a?%q",
            get("/x?z=1", "h.example"),
            "http://t.example/a?z=1",
        ),
        (
            "http://t.example/a?%q",
            get("/x", "h.example"),
            "http://t.example/a",
        ),
        (
            "http://t.example/a?%q",
            get("/x?", "h.example"),
            "http://t.example/a",
        ),
        (
            "https://%h:%s/%d",
            get("/x", "h.example"),
            "https://h.example:80/x",
        ),
        (
            "https://%h:%s/%d",
            get("/x", "h.example:8080"),
            "https://h.example:8080/x",
        ),
        (
            "https://%h/%d",
            get("/x", "h.example.:8080"),
            "https://h.example/x",
        ),
        (
            "https://%h:8443/%d",
            get("/x", "[2001:db8::1]:81"),
            "https://[2001:db8::1]:8443/x",
        ),
        (
            "http://t.example/100%%/%u",
            get("/x", "h.example"),
            "http://t.example/100%25/x",
        ),
        (
            "http://t.example/%D0%B0/%u",
            get("/x", "h.example"),
            "http://t.example/%D0%B0/x",
        ),
        (
            "http://t.example/%d",
            get("/a%2Fb//c/../d", "h.example"),
            "http://t.example/a%2Fb//c/../d",
        ),
        (
            "http://t.example/%d",
            get("/100%/%zz?%4", "h.example"),
            "http://t.example/100%25/%25zz?%254",
        ),
        (
            "http://t.example/%d",
            get("/%h%s%d%q", "h.example"),
            "http://t.example/%25h%25s%25d%25q",
        ),
        (
            "http://t.example/%d",
            get("/|{}^[]\\\"<>`", "h.example"),
            "http://t.example/%7C%7B%7D%5E%5B%5D%5C%22%3C%3E%60",
        ),
        (
            "http://t.example/%d",
            get("//evil.example/x", "h.example"),
            "http://t.example//evil.example/x",
        ),
        (
            "http://t.example/%d",
            get("/\\evil.example", "h.example"),
            "http://t.example/%5Cevil.example",
        ),
        (
            "http://t.example/%d",
            get("http://h.example/abs?q", "h.example"),
            "http://t.example/abs?q",
        ),
        (
            "http://t.example/%d",
            get("http://h.example?q", "h.example"),
            "http://t.example/?q",
        ),
        ("http://t.example/%d", long, expanded.as_str()),
    ];
    let listeners: Vec<SocketAddr> = cases.iter().map(|_| free()).collect();
    let mut config = String::new();
    for (number, (case, at)) in cases.iter().zip(&listeners).enumerate() {
        config += &format!(
            "virtual {at}\nurl u{number} {}\nbind {at} u{number}\n",
            case.0
        );
    }
    let _director = Director::start(&config);
    for ((url, head, location), at) in cases.iter().zip(listeners) {
        assert_eq!(
            ask(at, head).location(),
            *location,
            "{url} asked with {head}"
        );
    }
}

#[test]
fn without_a_host_the_address_stands_in() {
    let (_director, at) = redirecting("https://%h:%s/%d", "");
    let answer = raw(at, "GET /x HTTP/1.0\r\n\r\n");
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.contains(&format!(
            "\r\nLocation: https://{}:{}/x\r\n",
            at.ip(),
            at.port()
        )),
        "{answer}"
    );
}

#[test]
fn fields_of_the_client_do_not_move_the_target() {
    let (_director, at) = redirecting("https://%h/%d", "");
    let forged = "X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\nX-Original-URL: /evil\r\n\
                  X-Forwarded-Proto: https\r\nX-Rewrite-URL: /evil";
    let answer = ask(
        at,
        &format!("GET /x HTTP/1.1\r\nHost: h.example\r\n{forged}"),
    );
    assert_eq!(answer.location(), "https://h.example/x");
}

#[test]
fn a_location_that_grows_too_long_is_414() {
    let (_director, at) = redirecting("http://t.example/%d", "");
    let answer = ask(
        at,
        &format!("GET /{} HTTP/1.1\r\nHost: x", "\"".repeat(8_000)),
    );
    assert_eq!(answer.status, 414);
}

#[test]
fn turns_are_counted_over_all_workers() {
    let at = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl a http://a.example/%d\nurl b http://b.example/%d\nurl c http://c.example/%d\nbind {at} a b c\n"
    ));
    for _ in 0..20 {
        let mut seen: Vec<String> = (0..3).map(|_| get(at, "/").location().to_owned()).collect();
        // A connection that asks nothing takes no turn.
        drop(Client::to(at));
        seen.sort();
        assert_eq!(
            seen,
            [
                "http://a.example/",
                "http://b.example/",
                "http://c.example/"
            ]
        );
    }
}

#[test]
fn weights_are_kept() {
    let at = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl a http://a.example/%d\nurl b http://b.example/%d\nurl z http://z.example/%d\n\
         bind {at} a b z\npredictor {at} weighted\nweight a 3\nweight b 1\nweight z 0\n"
    ));
    let seen: Vec<String> = (0..40)
        .map(|_| get(at, "/").location().to_owned())
        .collect();
    let share = |name: &str| {
        seen.iter()
            .filter(|location| location.contains(name))
            .count()
    };
    assert!(
        share("//a.").abs_diff(30) <= 2 && share("//b.").abs_diff(10) <= 2 && share("//z.") == 0,
        "{seen:?}"
    );
}

#[test]
fn a_redirect_to_the_very_url_asked_for_is_a_loop() {
    let at = free();
    let director = Director::start(&format!(
        "virtual {at}\nurl me http://{at}/%d\nbind {at} me\n"
    ));
    let answer = get(at, "/x");
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").is_some(), "{answer:?}");
    director.counts(&["loop", "1"]);
}

#[test]
fn a_url_linked_to_the_dip_just_visited_is_not_taken() {
    let (at, dip1, dip2) = (free(), free(), free());
    let (gone, alive) = (Origin::saying("one"), Origin::saying("two"));
    gone.refuse();
    let _director = Director::start(&format!(
        "virtual {at}\nurl u1 http://{dip1}/%d\nurl u2 http://{dip2}/%d\nbind {at} u1 u2\n\
         dip {dip1} {}\ndip {dip2} {}\nlink u1 {dip1}\nlink u2 {dip2}\nbackup {dip1} {at}\n",
        gone.address, alive.address
    ));
    for turn in 0..6 {
        let answer = get(dip1, &format!("/{turn}"));
        assert_eq!(
            (answer.status, answer.location()),
            (302, format!("http://{dip2}/{turn}").as_str())
        );
    }
}

#[test]
fn what_is_served_is_named_when_it_listens() {
    let (at, more, dip) = (free(), free(), free());
    let director = Director::start(&format!(
        "virtual {at}\nlisten {at} {more}\nurl t http://t.example/%d\nbind {at} t\ndip {dip} {}\n",
        free()
    ));
    let mut named = director.listening.clone();
    named.sort();
    let mut wanted = vec![at, more, dip];
    wanted.sort();
    assert_eq!(named, wanted);
    assert_eq!(get(more, "/m").location(), "http://t.example/m");
}
