//! Laws of the language: what is printed is read as the same, any bytes are read, sizes are limited where they say.

use proptest::prelude::*;
use signpost::language::{FILE_BYTES, LINE_BYTES, Style};
use signpost::model;

#[path = "../fuzz/laws/config.rs"]
mod config;

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

fn line() -> impl Strategy<Value = String> {
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
        1 => Just("hostname h".to_owned()),
    ]
}

/// A text that holds: lines are added one by one, and one that would be an error is left out, but for those that a later one mends.
fn holding(lines: Vec<String>) -> String {
    let mut text = String::new();
    for line in lines {
        let longer = format!("{text}{line}\n");
        if model::load("", longer.as_bytes()).model.is_some() {
            text = longer;
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_printed_is_read_as_the_same(lines in prop::collection::vec(line(), 1..60)) {
        let text = holding(lines);
        config::check(text.as_bytes());
    }

    #[test]
    fn lines_in_any_order_of_faults_are_read(lines in prop::collection::vec(prop_oneof![line(), line().prop_map(|l| format!("no {l}"))], 1..40)) {
        config::check(lines.join("\n").as_bytes());
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        config::check(&bytes);
    }

    #[test]
    fn any_text_behind_a_keyword_is_read(keyword in prop::sample::select(vec!["url u ", "bind ", "virtual ", "description 1.1.1.1 ", "probe p ", "probe p http body ", "probe p exec ", "watch 1.1.1.1 ", "bounce 1.1.1.1 ", "trusted-proxy ", "ticket-key 1 ", "metrics ", "access-log file ", "no ", "url u http://"]), rest in "\\PC{0,40}") {
        config::check(format!("virtual 1.1.1.1\n{keyword}{rest}").as_bytes());
    }
}

#[test]
fn a_line_is_as_long_as_it_says_and_no_longer() {
    let comment = |length: usize| format!("#{}\nvirtual 1.1.1.1\n", "x".repeat(length - 1));
    assert!(
        model::load("F", comment(LINE_BYTES).as_bytes())
            .model
            .is_some()
    );
    let loaded = model::load("F", comment(LINE_BYTES + 1).as_bytes());
    assert!(loaded.model.is_none());
    assert!(
        loaded
            .report(Style::Plain)
            .contains("F:1:4097: error: the line has 4097 bytes"),
        "{}",
        loaded.report(Style::Plain)
    );
}

#[test]
fn a_file_is_as_large_as_it_says_and_no_larger() {
    let mut bytes = b"\n".repeat(FILE_BYTES);
    assert!(model::load("F", &bytes).model.is_some());
    bytes.push(b'\n');
    let loaded = model::load("F", &bytes);
    assert!(loaded.model.is_none());
    assert!(
        loaded
            .report(Style::Plain)
            .starts_with("F: error: the configuration has 67108865 bytes")
    );
}

#[test]
fn colours_are_for_terminals() {
    let loaded = model::load("F", b"nonsense");
    assert!(loaded.report(Style::Coloured).contains('\x1b'));
    assert!(!loaded.report(Style::Plain).contains('\x1b'));
}

#[test]
fn lists_and_texts_are_as_long_as_they_say_and_no_longer() {
    let holds = |text: &str| model::load("F", text.as_bytes()).model.is_some();
    let trusting = |count: u32| {
        (0..count).fold(String::new(), |text, n| {
            text + &format!("trusted-proxy 10.0.{}.{}\n", n / 256, n % 256)
        })
    };
    assert!(holds(&trusting(1_024)));
    assert!(!holds(&trusting(1_025)));
    let again = "trusted-proxy 10.0.0.0\n";
    assert!(holds(&(trusting(1_024) + again)));
    for (least, most, line) in [
        (16, 256, "ticket-key 1 "),
        (1, 1_024, "probe p exec "),
        (1, 1_024, "probe p http body "),
        (1, 1_024, "access-log file "),
    ] {
        let with = |length: usize| holds(&format!("{line}\"{}\"\n", "x".repeat(length)));
        assert!(with(least) && with(most), "{line}");
        assert!(!with(least - 1) && !with(most + 1), "{line}");
    }
}

#[test]
fn the_longest_probe_is_printed_on_a_line_that_is_read() {
    let path = format!("/{}", "x".repeat(1_023));
    let host = format!("{}example:65535", "x.".repeat(122));
    // A quotation mark takes two bytes where it is printed between quotation marks.
    let body = "\\\" ".repeat(340);
    let codes = vec!["100-599"; 16].join(",");
    let text = format!(
        "probe {} https address 2001:db8:1111:2222:3333:4444:5555:6666 port 65535 interval 86399 timeout 3599 rise 255 fall 255 \
        settle 255 from-down method {} path {path} host {host} expect {codes} body \"{body}\" verify\n",
        "n".repeat(40),
        "M".repeat(32),
    );
    let loaded = model::load("F", text.as_bytes());
    assert!(loaded.model.is_some(), "{}", loaded.report(Style::Plain));
    config::check(text.as_bytes());
}

#[test]
fn no_message_repeats_a_secret() {
    const SECRET: &str = "Zq7-secret-of-mine";
    for line in [
        "ticket-key 0 S",
        "ticket-key S 1",
        "ticket-key S",
        "no ticket-key S",
        "ticket-key 1 x S",
        "ticket-key 1 \"S",
        "ticket-key 1 \"S\" \"S\"",
        "ticket-key 1 \"S\"S",
        "ticket-key 1 \"S\\S\"",
        "ticket-key 1 S\nticket-key 1 otherS",
        "ticket-key 1 SSSSSSSSSSSSSSSSSSSS",
        "ticket-kei 1 S",
        "Ticket-Key\t1 S S",
    ] {
        let text = line.replace('S', SECRET);
        let loaded = model::load("F", text.as_bytes());
        assert!(!loaded.diagnostics.is_empty(), "{text}");
        for told in &loaded.diagnostics {
            let help = told.help.as_deref().unwrap_or_default();
            for part in [told.message.as_ref(), told.label.as_ref(), help] {
                assert!(!part.contains(SECRET), "{text}: {part}");
            }
        }
    }
    let loaded = model::load("F", format!("ticket-key 1 {SECRET}").as_bytes());
    let model = loaded.model.expect("it holds");
    assert!(!format!("{model:?}").contains(SECRET));
    assert!(model::print(&model).contains(SECRET));
}
