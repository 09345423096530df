//! Lines of a small world, to make configurations of.

use proptest::prelude::*;
use signpost::model;

/// Ids of a small world, so that lines meet.
fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..5u8).prop_map(|n| format!("10.0.0.{n}")),
        (1..4u8).prop_map(|n| format!("10.0.1.{n}:8080")),
        (1..4u8).prop_map(|n| format!("[2001:db8::{n}]")),
        (1..3u8, 0..3u8).prop_map(|(n, b)| format!("10.0.2.{n}:80:{b}:tcp")),
        (1..4u8).prop_map(|n| format!("name{n}")),
        (1..3u8).prop_map(|n| format!("name{n}:81")),
        (1..6u8).prop_map(|n| format!("u{n}")),
    ]
}

fn setting() -> impl Strategy<Value = String> {
    prop_oneof![
        (id(), 0..4u32).prop_map(|(id, n)| format!("weight {id} {n}")),
        (id(), 1..4u32).prop_map(|(id, n)| format!("maxconns {id} {n}")),
        (id(), 1..4u32).prop_map(|(id, n)| format!("threshold {id} {n}")),
        (id(), 1..4u32).prop_map(|(id, n)| format!("retry {id} {n}")),
        (id(), 1..4u32).prop_map(|(id, n)| format!("timeout {id} {n}")),
        id().prop_map(|id| format!("no autounfail {id}")),
        id().prop_map(|id| format!("keepalive {id}")),
        (id(), "[ -~äβ]{1,12}").prop_map(|(id, text)| {
            format!(
                "description {id} \"{}\"",
                text.replace('\\', "\\\\").replace('"', "\\\"")
            )
        }),
        (
            id(),
            prop::sample::select(vec![
                "roundrobin",
                "weighted",
                "hash host",
                "fastest slowstart 3"
            ])
        )
            .prop_map(|(id, by)| format!("predictor {id} {by}")),
        (
            id(),
            prop::sample::select(vec![
                "0",
                "5",
                "5 source",
                "5 source 48",
                "7 cookie",
                "7 cookie c",
                "9 referer"
            ])
        )
            .prop_map(|(id, by)| format!("sticky {id} {by}")),
    ]
}

/// Settings of health and capacity.
fn care() -> impl Strategy<Value = String> {
    let numbered = prop::sample::select(vec!["error-threshold", "capacity", "promise", "decay"]);
    prop_oneof![
        (numbered, id(), 1..12u32).prop_map(|(what, id, n)| format!("{what} {id} {n}")),
        (id(), "[A-Za-z]").prop_map(|(id, letter)| format!("priority {id} {letter}")),
        (id(), prop::collection::vec(1..4u8, 1..4)).prop_map(|(id, probes)| {
            let names: Vec<String> = probes.iter().map(|n| format!("p{n}")).collect();
            format!("watch {id} {}", names.join(" "))
        }),
        (id(), 1..4u16, 1..4u8).prop_map(|(id, n, s)| format!("queue {id} {n} {s}")),
        (id(), prop::sample::select(vec!["return", "proxy-protocol"]))
            .prop_map(|(id, what)| format!("{what} {id}")),
        (
            id(),
            prop::sample::select(vec!["", " 80", " 50", " times 1", " times 3", " 7 times 2"])
        )
            .prop_map(|(id, how)| format!("bounce {id}{how}")),
        (
            id(),
            prop::sample::select(vec!["off", "on", "observe", "on 5", "on 6", "observe 5 4"])
        )
            .prop_map(|(id, how)| format!("bounceback {id} {how}")),
        (
            id(),
            prop::sample::select(vec!["refuse", "last-good", "u1", "u2", "u3"])
        )
            .prop_map(|(id, what)| format!("all-down {id} {what}")),
    ]
}

/// What holds for the whole director.
fn whole() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..4u8, "[ -~äβ]{16,20}")
            .prop_map(|(id, text)| format!("ticket-key {id} {}", quoted(&text))),
        (any::<u32>(), 0..33u32).prop_map(|(bits, length)| {
            let beyond = u32::MAX.checked_shr(length).unwrap_or(0);
            let address = std::net::Ipv4Addr::from_bits(bits & !beyond);
            format!("trusted-proxy {address}/{length} 10.0.0.3")
        }),
        (any::<u128>(), 0..129u32).prop_map(|(bits, length)| {
            let beyond = u128::MAX.checked_shr(length).unwrap_or(0);
            let address = std::net::Ipv6Addr::from_bits(bits & !beyond);
            format!("trusted-proxy {address}/{length} ::ffff:10.0.0.4")
        }),
        prop::sample::select(vec![
            "",
            " 10.0.0.4",
            " name2:80",
            " [2001:db8::1]:0",
            " [::1]:80"
        ])
        .prop_map(|at| format!("metrics{at}")),
        (
            prop::sample::select(vec!["stdout", "syslog", "file json", "file \"/a b\\\\\""]),
            prop::sample::select(vec!["", " json", " combined"])
        )
            .prop_map(|(to, format)| format!("access-log {to}{format}")),
    ]
}

/// A line about the path of packets.
fn in_path() -> impl Strategy<Value = String> {
    let dip = (1..4u8).prop_map(|n| format!("[2001:db8::{n}]"));
    prop_oneof![
        3 => (dip, prop::collection::vec(1..400u16, 1..4)).prop_map(|(id, ports)| {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            format!("pass {id} {}", ports.join(" "))
        }),
        1 => (id(), 1..400u16).prop_map(|(id, port)| format!("pass {id} {port}")),
        2 => prop::sample::select(vec!["eth0", "eth1 br-lan.7", "enp3s0 eth0"])
            .prop_map(|names| format!("inline {names}")),
        1 => id().prop_map(|id| format!("transparent {id}")),
        1 => Just("freebind".to_owned()),
        1 => (1..4u8).prop_map(|n| format!("dip 10.0.4.{n}")),
    ]
}

/// A line about the console.
fn console() -> impl Strategy<Value = String> {
    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE";
    let level = || prop::sample::select(vec!["view", "operate", "configure"]);
    let secret = || {
        prop_oneof![
            3 => "[ -~äβ]{8,12}".prop_map(|text| quoted(&text)),
            1 => Just(HASH.to_owned()),
        ]
    };
    let at = prop::sample::select(vec![
        "",
        " 127.0.0.1:23",
        " 10.0.0.9",
        " name2",
        " [::1]:0",
        " ssh",
        " ssh 10.0.0.9:22",
    ]);
    prop_oneof![
        3 => at.prop_map(|at| format!("console{at}")),
        1 => (any::<u32>(), 0..33u32).prop_map(|(bits, length)| {
            let beyond = u32::MAX.checked_shr(length).unwrap_or(0);
            let (address, mask) = (bits & !beyond, !beyond);
            let dotted = std::net::Ipv4Addr::from_bits;
            format!("telnet {} {}", dotted(address), dotted(mask))
        }),
        1 => (any::<u128>(), 0..129u32).prop_map(|(bits, length)| {
            let beyond = u128::MAX.checked_shr(length).unwrap_or(0);
            format!("telnet {}/{length}", std::net::Ipv6Addr::from_bits(bits & !beyond))
        }),
        2 => (1..4u8, level()).prop_map(|(n, level)| format!("username n{n} privilege {level}")),
        2 => (1..4u8, level(), secret())
            .prop_map(|(n, level, secret)| format!("username n{n} privilege {level} secret {secret}")),
        1 => (1..4u8).prop_map(|n| format!("username n{n} key ssh-ed25519 {KEY} n@host")),
        1 => secret().prop_map(|secret| format!("enable secret {secret}")),
        1 => (1..65u8).prop_map(|n| format!("console-sessions {n}")),
        1 => (0..12u8).prop_map(|n| format!("console-timeout {n}")),
        1 => Just("console-exec".to_owned()),
    ]
}

/// A `probe` line with any of the options of its kind, in any order.
fn probe() -> impl Strategy<Value = String> {
    let text = || "[!-~äβ][ -~äβ]{0,6}".prop_map(|text| quoted(&text));
    let any = prop_oneof![
        (1..5u8).prop_map(|n| format!("address 10.0.0.{n}")),
        (0..3u8).prop_map(|n| format!("address [2001:db8::{n}]")),
        (5..9u32).prop_map(|s| format!("interval {s}")),
        (1..6u32).prop_map(|s| format!("timeout {s}")),
        (1..7u8).prop_map(|n| format!("rise {n}")),
        (1..7u8).prop_map(|n| format!("fall {n}")),
        (1..7u8).prop_map(|n| format!("settle {n}")),
        Just("from-down".to_owned()),
    ];
    let asking = prop_oneof![
        Just("method HEAD".to_owned()),
        "/[!-\"$-~]{0,6}".prop_map(|path| format!("path {}", quoted(&path))),
        Just("host www.example.com:81".to_owned()),
        prop::sample::select(vec!["200", "200-399", "204,300-399,599"])
            .prop_map(|codes| format!("expect {codes}")),
        text().prop_map(|text| format!("body {text}")),
    ];
    let kind = prop_oneof![
        prop::sample::select(vec!["tcp", "http", "https", "ping", "hops", "https verify"])
            .prop_map(str::to_owned),
        (1..5u16).prop_map(|port| format!("agent port {port}")),
        (1..5u16).prop_map(|port| format!("http port {port}")),
        text().prop_map(|command| format!("exec {command}")),
    ];
    (
        1..4u8,
        kind,
        prop::collection::vec(any, 0..4),
        prop::collection::vec(asking, 0..4),
    )
        .prop_map(|(n, kind, mut options, asking)| {
            if kind.starts_with("http") {
                options.extend(asking);
            }
            let mut seen = Vec::new();
            options.retain(|option| {
                let word = option.split(' ').next().map(str::to_owned);
                let new = !seen.contains(&word);
                seen.push(word);
                new
            });
            format!("probe p{n} {kind} {}", options.join(" "))
        })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(crate) fn line() -> impl Strategy<Value = String> {
    let kind = || prop::sample::select(vec!["virtual", "real", "url", "dip"]);
    let state = prop::sample::select(vec![
        "",
        " oos",
        " maintenance",
        " sticky",
        " failed",
        " all",
        " sticky all",
    ]);
    let path = "[a-z/%&=?#é \\\\\"^]{0,8}";
    prop_oneof![
        3 => (1..4u8).prop_map(|n| format!("virtual 10.0.0.{n}")),
        3 => (1..4u8).prop_map(|n| format!("real 10.0.1.{n}:8080")),
        1 => (1..3u8, 0..3u8).prop_map(|(n, b)| format!("real 10.0.2.{n}:80:{b}")),
        3 => (1..4u8).prop_map(|n| format!("dip [2001:db8::{n}] 10.0.3.{n}")),
        3 => (1..6u8, path, prop::sample::select(vec!["", " 301", " 307"])).prop_map(|(n, path, code)| {
            let path = path.replace('\\', "\\\\").replace('"', "\\\"");
            format!("url u{n} \"http://a{n}.example.com/{path}\"{code}")
        }),
        1 => (1..4u8, 1..4u8).prop_map(|(n, a)| format!("name 10.0.0.{a} name{n}")),
        1 => (kind(), id()).prop_map(|(kind, id)| format!("{kind} {id}")),
        2 => (id(), prop::collection::vec(id(), 1..4)).prop_map(|(id, to)| format!("bind {id} {}", to.join(" "))),
        2 => (id(), id()).prop_map(|(id, to)| format!("link {id} {to}")),
        2 => (id(), id()).prop_map(|(id, by)| format!("backup {id} {by}")),
        1 => (id(), 1..9u8).prop_map(|(id, n)| format!("listen {id} 10.0.9.{n}")),
        1 => (kind(), id(), state).prop_map(|(kind, id, state)| format!("out-of-service {kind} {id}{state}")),
        1 => (kind(), id()).prop_map(|(kind, id)| format!("in-service {kind} {id} all")),
        4 => setting(),
        4 => care(),
        2 => probe(),
        2 => whole(),
        2 => console(),
        2 => in_path(),
        1 => Just("hostname h".to_owned()),
    ]
}

/// A text that holds: lines are added one by one, and one that would be an error is left out, but for those that a later one mends.
pub(crate) fn holding(lines: Vec<String>) -> String {
    let mut text = String::new();
    for line in lines {
        let longer = format!("{text}{line}\n");
        if model::load("", longer.as_bytes()).model.is_some() {
            text = longer;
        }
    }
    text
}
