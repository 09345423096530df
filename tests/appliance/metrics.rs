//! The admin listener: what it shows, to whom, and how it comes and goes.

use std::net::SocketAddr;

use signpost::admin::{FAMILIES, limits};

use crate::exposition::Exposition;
use crate::support::{
    After, Client, Director, Origin, Response, answer, eventually, free, get, raw, run,
};

#[track_caller]
fn scrape(at: SocketAddr) -> Exposition {
    let answer = get(at, "/metrics");
    assert_eq!(answer.status, 200, "{answer:?}");
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(answer.field("content-type"), Some(media_type));
    Exposition::read(&answer.text()).unwrap_or_else(|what| panic!("{what}\n{}", answer.text()))
}

fn ask(at: SocketAddr, request: &str) -> Response {
    Client::to(at).send(request).answer()
}

/// A farm with something of everything, and traffic over it.
struct Farm {
    director: Director,
    config: String,
    admin: SocketAddr,
    front: SocketAddr,
    behind: SocketAddr,
    good: SocketAddr,
    dead: SocketAddr,
    _origin: Origin,
}

fn farm() -> Farm {
    let origin = Origin::start(|exchange| {
        exchange.read_body()?;
        exchange.send(answer(200, "served"))?;
        Ok(After::Keep)
    });
    let (front, behind, dip, admin, dead) = (free(), free(), free(), free(), free());
    let good = origin.address;
    let config = format!(
        "virtual {front}\nurl a http://a.example/%d\nbind {front} a\n\
         virtual {behind}\nreal {good}\nreal {dead}\nbind {behind} {good} {dead}\n\
         dip {dip} {good}\nurl to-dip http://{dip}/%d\nlink to-dip {dip}\nbind {front} to-dip\n\
         out-of-service url to-dip maintenance\nmetrics {admin}\n"
    );
    Farm {
        director: Director::start(&config),
        config,
        admin,
        front,
        behind,
        good,
        dead,
        _origin: origin,
    }
}

#[test]
fn a_scrape_holds_and_tells_what_happened() {
    let farm = farm();
    for _ in 0..6 {
        assert_eq!(get(farm.front, "/x").status, 302);
        assert_eq!(get(farm.behind, "/x").status, 200);
    }
    raw(farm.front, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
    let (good, dead) = (farm.good.to_string(), farm.dead.to_string());
    let is = |seen: &Exposition, name: &str, labels: &[(&str, &str)], value: f64| {
        assert_eq!(
            seen.value(name, labels),
            Some(value),
            "{name} {labels:?}\n{seen:?}"
        );
    };
    let seen = scrape(farm.admin);
    is(&seen, "signpost_requests_total", &[], 12.0);
    is(&seen, "signpost_redirects_total", &[("server", "a")], 6.0);
    let predicted = [("server", "a"), ("reason", "predicted")];
    is(&seen, "signpost_decisions_total", &predicted, 6.0);
    is(
        &seen,
        "signpost_refused_requests_total",
        &[("rule", "host")],
        1.0,
    );
    let forwards = seen.value("signpost_forwards_total", &[("server", &good)]);
    assert!(forwards.is_some_and(|count| count >= 6.0), "{forwards:?}");
    let left = [("server", &*dead), ("cause", "no-connection")];
    let left = seen
        .value("signpost_reassignments_total", &left)
        .expect("it is dead");
    let failed = [("server", &*dead), ("cause", "connect-failed")];
    is(&seen, "signpost_server_failures_total", &failed, left);
    is(
        &seen,
        "signpost_servers",
        &[("kind", "url"), ("state", "MAINT")],
        1.0,
    );
    let state = [("server", "to-dip"), ("kind", "url"), ("state", "MAINT")];
    is(&seen, "signpost_server_state", &state, 1.0);
    is(&seen, "signpost_reloads_total", &[("result", "ok")], 0.0);
    assert!(seen.value("process_resident_memory_bytes", &[]) > Some(1e6));

    farm.director.reload_refused("bogus\n");
    farm.director.reload(
        &farm
            .config
            .replace(" a\n", " a b\nurl b http://b.example/%d\n"),
    );
    let seen = scrape(farm.admin);
    is(&seen, "signpost_reloads_total", &[("result", "ok")], 1.0);
    is(
        &seen,
        "signpost_reloads_total",
        &[("result", "refused")],
        1.0,
    );
    assert!(seen.value("signpost_last_reload_timestamp_seconds", &[]) > Some(1.7e9));
    is(&seen, "signpost_redirects_total", &[("server", "a")], 6.0);
    let gone = farm
        .config
        .replace("url a http://a.example/%d", "url c http://c.example/%d");
    farm.director.reload(&gone.replace(" a\n", " c\n"));
    let seen = scrape(farm.admin);
    is(
        &seen,
        "signpost_redirects_total",
        &[("server", "(removed)")],
        6.0,
    );
    assert_eq!(
        seen.value("signpost_redirects_total", &[("server", "a")]),
        None
    );
}

#[test]
fn every_family_is_shown_as_it_is_listed() {
    let farm = farm();
    assert_eq!(get(farm.front, "/x").status, 302);
    let seen = scrape(farm.admin);
    let shown: Vec<_> = seen
        .0
        .iter()
        .map(|(n, f)| (n.as_str(), f.sort.as_str()))
        .collect();
    let mut listed: Vec<_> = FAMILIES.iter().map(|f| (f.name, f.sort.as_str())).collect();
    listed.sort();
    assert_eq!(shown, listed);
    for family in FAMILIES {
        for (_, labels) in seen.0[family.name].samples.keys() {
            let names: Vec<_> = labels
                .iter()
                .map(|(n, _)| &**n)
                .filter(|n| *n != "le")
                .collect();
            let mut expected = family.labels.to_vec();
            expected.sort();
            assert_eq!(names, expected, "{}", family.name);
        }
    }
}

#[test]
fn servers_are_told_in_json() {
    let farm = farm();
    let answer = get(farm.admin, "/servers");
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let told: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let servers = told["servers"].as_array().expect("a list");
    assert_eq!(servers.len(), 7, "{told}");
    let url = servers
        .iter()
        .find(|s| s["id"] == "to-dip")
        .expect("it is told");
    assert_eq!(
        (&url["kind"], &url["state"], &url["intent"]["is"]),
        (&"url".into(), &"MAINT".into(), &"maintenance".into())
    );
    let up = &url["measured"];
    assert_eq!((&up["is"], &up["share"]), (&"up".into(), &100.into()));
    for fact in [url, &url["intent"], &url["measured"]] {
        let since = fact["since"].as_str().expect("a time");
        assert!(
            since.ends_with('Z') && since.len() == "2026-01-01T00:00:00.000Z".len(),
            "{since}"
        );
        assert!(fact["why"].as_str().is_some_and(|why| !why.is_empty()));
    }
}

#[test]
fn the_printed_table_says_who_is_in_which_state_and_why() {
    let farm = farm();
    farm.director
        .counts(&["to-dip", "url", "MAINT", "set at the start at "]);
    farm.director
        .counts(&[&farm.good.to_string(), "real", "IS"]);
}

#[test]
fn a_failure_is_seen_with_its_time_and_reason() {
    let (front, dead, admin) = (free(), free(), free());
    let director = Director::start(&format!(
        "virtual {front}\nreal {dead}\nthreshold {dead} 1\nbind {front} {dead}\nmetrics {admin}\n"
    ));
    assert_eq!(get(front, "/x").status, 503);
    let state = [
        ("server", &*dead.to_string()),
        ("kind", "real"),
        ("state", "FAILED"),
    ];
    eventually("it is FAILED", || {
        scrape(admin).value("signpost_server_state", &state) == Some(1.0)
    });
    let told: serde_json::Value =
        serde_json::from_slice(&get(admin, "/servers").body).expect("JSON");
    let real = &told["servers"][1];
    assert_eq!(real["measured"]["is"], "failed", "{told}");
    assert!(
        real["measured"]["why"]
            .as_str()
            .is_some_and(|why| why.contains("refused")),
        "{told}"
    );
    director.counts(&[&dead.to_string(), "FAILED", "refused"]);
}

#[test]
fn who_may_not_ask_is_turned_away() {
    let farm = farm();
    let port = farm.admin.port();
    let host = |host: &str| format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(ask(farm.admin, &host("evil.example")).status, 421);
    assert_eq!(
        ask(farm.admin, &host(&format!("evil.example:{port}"))).status,
        421
    );
    assert_eq!(
        ask(farm.admin, &host(&format!("localhost:{port}"))).status,
        200
    );
    assert_eq!(ask(farm.admin, "GET /metrics HTTP/1.1\r\n\r\n").status, 400);
    assert_eq!(get(farm.admin, "/nothing").status, 404);
    let post = format!(
        "POST /metrics HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n\r\n",
        farm.admin
    );
    let refused = ask(farm.admin, &post);
    assert_eq!(
        (refused.status, refused.field("allow")),
        (405, Some("GET, HEAD"))
    );
    assert_eq!(
        get(farm.admin, "/").field("content-type"),
        Some("text/html; charset=utf-8")
    );
    let long = "a".repeat(limits::HEAD_BYTES);
    assert_eq!(
        ask(farm.admin, &host(&format!("localhost\r\nX-Long: {long}"))).status,
        431
    );
    let many = "X: y\r\n".repeat(limits::FIELDS);
    assert_eq!(
        ask(farm.admin, &host(&format!("localhost\r\n{many}A: b"))).status,
        431
    );
}

#[test]
fn further_connections_wait_until_a_slow_one_is_cut_off() {
    let farm = farm();
    let mut idle: Vec<_> = (1..limits::CONNECTIONS)
        .map(|_| Client::to(farm.admin))
        .collect();
    assert_eq!(get(farm.admin, "/").status, 200, "one less than the limit");
    idle.push(Client::to(farm.admin));
    // Answered once the first of the silent ones are cut off, well within the client's patience.
    let began = std::time::Instant::now();
    assert_eq!(get(farm.admin, "/").status, 200);
    assert!(
        began.elapsed() > limits::HEAD / 2,
        "answered beside {} others",
        idle.len()
    );
}

#[test]
fn the_listener_comes_moves_and_goes() {
    let (front, first, second) = (free(), free(), free());
    let base = format!("virtual {front}\nurl a http://a.example/%d\nbind {front} a\n");
    let director = Director::start(&base);
    assert!(Client::try_to(first).is_err());
    director.reload(&format!("{base}metrics {first}\n"));
    scrape(first);
    director.reload(&format!("{base}metrics {second}\n"));
    scrape(second);
    eventually("the first is gone", || Client::try_to(first).is_err());
    director.reload(&base);
    eventually("the second is gone", || Client::try_to(second).is_err());
    assert_eq!(get(front, "/x").status, 302);
}

#[test]
fn an_address_that_is_held_is_told_with_the_others_and_nothing_changes() {
    let (front, admin, held, other) = (free(), free(), free(), free());
    let _holders = [held, other].map(|at| std::net::TcpListener::bind(at).expect("bound"));
    let base = format!("virtual {front}\nurl a http://a.example/%d\nbind {front} a\n");
    let director = Director::start(&format!("{base}metrics {admin}\n"));
    director.reload_refused(&format!(
        "{base}virtual {other}\nbind {other} a\nmetrics {held}\n"
    ));
    eventually("both are told", || {
        [held, other]
            .iter()
            .all(|at| director.log().contains(&at.to_string()))
    });
    scrape(admin);
    // What was a virtual's cannot become the admin listener in one step: its socket is still open.
    let said = director.reload_refused(&format!(
        "virtual {admin}\nbind {admin} a\nurl a http://a.example/%d\n"
    ));
    assert!(said.contains(&admin.to_string()), "{said}");
    scrape(admin);
}

#[test]
fn nothing_but_metrics_is_nothing_to_serve() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("c");
    std::fs::write(&file, format!("metrics {}\n", free())).expect("written");
    let output = run(&["serve", "--config", file.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
}
