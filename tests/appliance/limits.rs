//! The limits that the operator sets: they bound, are counted, and change while connections are open (RELIABILITY.md E, G).

use std::io::Write;
use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{Client, Director, eventually, free, get};

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
