//! What is shown, to the letter.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::decide::{Action, Gauges, NodeIndex, Reason};
use crate::health::State;
use crate::model::{Endpoint, Id, Intent, Level, Limit, UrlId};
use crate::telemetry::{Came, Cause, Event, Numbers, Tally};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn at(text: &str) -> Endpoint {
    text.parse().expect("an endpoint")
}

fn id(text: &str) -> Id {
    Id::Endpoint(at(text))
}

fn url(text: &str) -> Id {
    Id::Url(UrlId(text.into()))
}

fn server(id: Id, kind: Kind, own: Own) -> Server {
    Server {
        id,
        kind,
        description: None,
        intent: Intent::InService,
        state: State::InService,
        since: time("2026-11-21T09:00:00Z"),
        why: "set at the start at 09:00:00".into(),
        connections: 0,
        promises: 0,
        clients: 0,
        waiting: 0,
        rate: Some(0.0),
        response_us: None,
        numbers: Numbers::default(),
        came: Came::default(),
        backup: None,
        probes: Vec::new(),
        figures: Vec::new(),
        own,
    }
}

fn certificate(name: &str, state: &'static str, until: &str) -> CertificateSeen {
    CertificateSeen {
        name: name.into(),
        state,
        from: time("2026-11-01T00:00:00Z"),
        until: time(until),
        names: vec!["www.shop.example".into(), "shop.example".into()],
        shown_at: vec![at("1.1.1.1:443"), at("1.1.1.2:443")],
        key: "ECDSA P-256".into(),
        issuer: "CN=An Authority".into(),
        source: "/etc/signpost/shop.crt".into(),
        fingerprint: "00ff".into(),
        issuing: None,
    }
}

fn serving() -> ServingSeen {
    ServingSeen {
        weight: 1,
        share: 100,
        maxconns: None,
        threshold: 8,
        retry_s: 60,
        priority: None,
    }
}

fn numbers(count: impl Fn(&Tally, &Arc<Gauges>)) -> Numbers {
    let tally = Tally::default();
    let gauges = Arc::new(Gauges::new(id("192.0.2.1")));
    count(&tally, &gauges);
    let mut counts = tally.counts();
    counts.rows.pop().map(|row| row.numbers).unwrap_or_default()
}

fn virtual_server() -> Server {
    let own = VirtualSeen {
        targets: vec![
            (url("coyote"), Kind::Url),
            (id("10.0.0.1:8080"), Kind::Real),
        ],
        predictor: "leastconns".into(),
        slowstart_s: 30,
        sticky: Some((30, "source".into())),
        ..VirtualSeen::default()
    };
    Server {
        connections: 12,
        promises: 3,
        rate: Some(123.45),
        came: Came {
            redirects: 1000,
            forwards: 20,
            refused: 1,
        },
        backup: Some(url("coyote")),
        ..server(id("1.1.1.1"), Kind::Virtual, Own::Virtual(own))
    }
}

fn real_server() -> Server {
    let own = ServingSeen {
        weight: 5,
        maxconns: Some(100),
        ..serving()
    };
    Server {
        connections: 12,
        clients: 7,
        state: State::Failed,
        since: time("2026-11-20T23:59:00Z"),
        why: "connect refused at 23:59:00, 8 of 8".into(),
        response_us: Some(1234),
        rate: Some(3.0),
        probes: vec!["web".into()],
        numbers: numbers(|tally, server| {
            tally.decided(Some(server), Reason::Predicted);
            tally.happened(server, Event::Answered);
            tally.reassigned(server, Cause::NoAnswer);
            for cause in [Cause::NoConnection, Cause::Reset, Cause::NoConnection] {
                tally.reassigned(server, cause);
            }
        }),
        ..server(id("10.0.0.1:8080"), Kind::Real, Own::Real(own))
    }
}

fn dip_server() -> Server {
    let own = DipSeen {
        listens: Vec::new(),
        passes: vec![21, 443],
        real: at("10.0.0.2"),
        virtual_state: State::InService,
        real_state: State::OutOfService,
        serving: serving(),
    };
    Server {
        intent: Intent::OutOfService,
        state: State::OutOfService,
        backup: Some(id("1.1.1.1")),
        ..server(id("1.1.1.2"), Kind::Dip, Own::Dip(own))
    }
}

fn url_server() -> Server {
    let own = UrlSeen {
        url: "http://coyote.example/%d".into(),
        code: Some(303),
        state: State::InService,
        weight: 4,
        maxconns: None,
        link: Some(Inherited {
            id: id("1.1.1.2"),
            state: State::OutOfService,
            weight: 1,
            maxconns: Some(9),
        }),
    };
    Server {
        state: State::OutOfService,
        why: "1.1.1.2: set by the operator at 09:30:00".into(),
        description: Some("\x1b]0;owned\x07".into()),
        ..server(url("coyote"), Kind::Url, Own::Url(own))
    }
}

/// A virtual, a real, a dip and a url of every kind of bond.
pub(in crate::console) fn scene() -> Scene {
    Scene {
        now: time("2026-11-21T10:14:03Z"),
        director: About {
            hostname: "edge".into(),
            version: "0.1.0".into(),
            features: vec!["tls"],
            started: time("2026-11-19T10:14:00Z"),
            process: 42,
            workers: 2,
            listeners: vec![(at("1.1.1.1"), "virtual")],
            generation: 3,
            startup: "/etc/signpost/startup-config".into(),
            reloads: [1, 0],
            confirm: Some((90, "root".into())),
            ..About::default()
        },
        servers: vec![virtual_server(), real_server(), dip_server(), url_server()],
        names: vec![("web1".into(), [10, 0, 0, 1].into())],
        totals: Totals {
            requests: 1021,
            rate: Some(120.0),
            connected: 500,
            open: 13,
            words: vec![("none-usable", 1)],
            ..Totals::default()
        },
        probes: vec![ProbeSeen {
            name: "web".into(),
            asks: "http path /health".into(),
            interval_s: 10,
            timeout_s: 3,
            rise: 2,
            fall: 3,
            results: [7, 2],
            servers: vec![
                Sounded {
                    id: id("10.0.0.1:8080"),
                    last: Some(Last {
                        ok: false,
                        why: "connect refused".into(),
                        took_us: 456,
                        at: time("2026-11-21T10:14:00Z"),
                        next: time("2026-11-21T10:14:10Z"),
                    }),
                },
                Sounded {
                    id: url("coyote"),
                    last: None,
                },
            ],
        }],
        limits: vec![
            (Limit::Head, 20, 7),
            (
                Limit::ConnectionsPerClient,
                Limit::ConnectionsPerClient.default(),
                0,
            ),
        ],
        log: vec!["one".into(), "two \x1b[2J".into(), "three".into()],
        sessions: vec![SessionSeen {
            number: 3,
            user: "root".into(),
            level: Level::Configure,
            from: "192.0.2.7".into(),
            over: "ssh",
            since: time("2026-11-21T10:00:00Z"),
            idle_s: 5,
            own: true,
        }],
        users: vec![UserSeen {
            name: "root".into(),
            level: Level::Configure,
            secret: true,
            keys: 2,
        }],
        certificates: vec![
            certificate("shop", "valid", "2027-02-03T04:05:06Z"),
            CertificateSeen {
                names: vec!["*.far.example".into()],
                shown_at: Vec::new(),
                source: "acme".into(),
                ..certificate("far", "expired", "2026-11-20T23:59:59Z")
            },
        ],
        running: "virtual 1.1.1.1\n".into(),
        ..Scene::default()
    }
}

fn command(name: &str, words: &[(&str, &str)]) -> Command {
    Command {
        name: name.into(),
        words: (words
            .iter()
            .map(|(rule, word)| ((*rule).into(), (*word).into())))
        .collect(),
    }
}

fn shown(name: &str, words: &[(&str, &str)], columns: u16) -> String {
    show(&command(name, words), &scene(), false, columns).unwrap_or_else(|why| format!("% {why}\n"))
}

fn json(name: &str, words: &[(&str, &str)]) -> Value {
    let text = show(&command(name, words), &scene(), true, 80).expect("it is there");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    serde_json::from_str(&text).expect("JSON")
}

/// Compares with what stands in the case file of this name; `SIGNPOST_WRITE_CASES=1` writes it anew.
fn check(name: &str, got: &str) {
    let path = format!(
        "{}/tests/cases/show/{name}.case",
        env!("CARGO_MANIFEST_DIR")
    );
    if std::env::var_os("SIGNPOST_WRITE_CASES").is_some() {
        std::fs::write(&path, got).expect("the case is written");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(got, wanted, "{path}");
}

const COMMANDS: [&str; 20] = [
    "show_virtual",
    "show_real",
    "show_url",
    "show_dip",
    "show_bind",
    "show_link",
    "show_backup",
    "show_predictor",
    "show_sticky",
    "show_connections",
    "show_statistics",
    "show_probe",
    "show_certificate",
    "show_version",
    "show_who",
    "show_users",
    "show_limits",
    "show_archive",
    "show_log",
    "show_tech_support",
];

#[test]
fn every_table_to_the_letter() {
    let mut all = String::new();
    for name in COMMANDS.iter().filter(|name| **name != "show_tech_support") {
        for columns in [0, 80] {
            all.push_str(&format!(
                "----- {name} {columns}\n{}",
                shown(name, &[], columns)
            ));
        }
    }
    check("tables", &all);
}

#[test]
fn every_json_to_the_letter() {
    let mut all = String::new();
    for name in COMMANDS.iter().filter(|name| **name != "show_tech_support") {
        let text = show(&command(name, &[]), &scene(), true, 80).expect("it is there");
        all.push_str(&format!("----- {name}\n{text}"));
    }
    check("json", &all);
}

#[test]
fn every_table_fits_every_window() {
    use unicode_width::UnicodeWidthStr;
    for name in COMMANDS {
        for columns in 20..=200u16 {
            for line in shown(name, &[], columns).lines() {
                assert!(!line.contains(char::is_control), "{name}: {line:?}");
                // Lines that are no table are not cut: a terminal wraps them.
                let prose = [
                    "show_version",
                    "show_connections",
                    "show_statistics",
                    "show_log",
                    "show_tech_support",
                ];
                let fits = line.width() <= usize::from(columns);
                assert!(fits || prose.contains(&name), "{name} {columns}: {line:?}");
            }
        }
    }
}

#[test]
fn json_is_an_array_of_objects() {
    for name in COMMANDS {
        let value = json(name, &[]);
        let objects = value.as_array().expect("an array");
        assert!(objects.iter().all(Value::is_object), "{name}");
        assert!(!objects.is_empty() || name == "show_archive", "{name}");
    }
}

#[test]
fn fields_of_an_id_may_be_left_out() {
    let ids = |name: &str, rule: &str, word: &str| -> Vec<String> {
        let value = json(name, &[(rule, word)]);
        let ids = value.as_array().expect("an array").iter();
        ids.map(|row| row["id"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(ids("show_real", "real_id", "10.0.0.1"), ["10.0.0.1:8080"]);
    assert_eq!(ids("show_real", "real_id", "web1"), ["10.0.0.1:8080"]);
    assert_eq!(ids("show_real", "real_id", ":8080"), ["10.0.0.1:8080"]);
    // A dip by either half.
    assert_eq!(ids("show_real", "real_id", "10.0.0.2"), ["1.1.1.2"]);
    assert_eq!(ids("show_virtual", "virtual_id", "1.1.1.2"), ["1.1.1.2"]);
    assert_eq!(ids("show_url", "url_id", "coyote"), ["coyote"]);
    assert_eq!(
        json("show_real", &[("all", "all")])
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[test]
fn what_is_not_there_is_an_error_that_names_what_is_near() {
    for (name, rule, word, said) in [
        (
            "show_real",
            "real_id",
            "10.0.0.3",
            "% `10.0.0.3` is no real or dip; near it: 10.0.0.1:8080\n",
        ),
        (
            "show_url",
            "url_id",
            "coyot",
            "% `coyot` is no url; near it: coyote\n",
        ),
        (
            "show_url",
            "url_id",
            "1.1.1.1",
            "% `1.1.1.1` is no url of this configuration\n",
        ),
        (
            "show_probe",
            "probe_name",
            "wep",
            "% `wep` is no probe; near it: web\n",
        ),
        ("show_log", "lines", "-1", "% `-1` is no number of lines\n"),
        (
            "show_nothing",
            "id",
            "x",
            "% there is nothing to show of `show_nothing` here\n",
        ),
    ] {
        assert_eq!(shown(name, &[(rule, word)], 80), said);
    }
}

#[test]
fn an_empty_farm_says_so() {
    let scene = Scene::default();
    for name in ["show_virtual", "show_probe", "show_bind", "show_who"] {
        let told = show(&command(name, &[]), &scene, false, 80);
        assert_eq!(told.as_deref(), Ok("there is none\n"), "{name}");
        let told = show(&command(name, &[]), &scene, true, 80);
        assert_eq!(told.as_deref(), Ok("[]\n"), "{name}");
    }
}

#[test]
fn the_log_is_told_from_its_end() {
    assert_eq!(shown("show_log", &[("lines", "1")], 80), "three\n");
    assert_eq!(
        shown("show_log", &[("lines", "2")], 80),
        "two \\u{1b}[2J\nthree\n"
    );
    assert_eq!(shown("show_log", &[("lines", "9")], 80).lines().count(), 3);
}

#[test]
fn what_came_to_an_address_is_counted_there() {
    let tally = Tally::default();
    let here = Arc::new(Gauges::new(id("1.1.1.1")));
    tally.came(&here, Action::Refuse);
    tally.came(
        &here,
        Action::Forward {
            server: NodeIndex(0),
        },
    );
    let counts = tally.counts();
    assert_eq!(counts.doors[0].came.all(), 2);
    assert_eq!(counts.doors[0].came.refused, 1);
}
