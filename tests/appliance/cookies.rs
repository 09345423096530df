//! Clients that are kept by a signed cookie, seen from outside (issue 3, 9).

use std::process::Command;

use tempfile::TempDir;

use crate::support::{Client, Director, Origin, Response, free};

/// Runs curl, or says loudly that it is missing.
fn curl(arguments: &[&str]) -> Option<String> {
    let output = Command::new("timeout")
        .args(["30", "curl", "--noproxy", "*", "-sS", "--max-time", "10"])
        .args(arguments)
        .output()
        .expect("coreutils are installed");
    if output.status.code() == Some(127) {
        #[expect(clippy::print_stderr, reason = "a check that did not run must be seen")]
        {
            eprintln!("NOT CHECKED: `curl` is not installed; bash tests/run installs it");
        }
        return None;
    }
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

const KEY: &str = "ticket-key 1 a-secret-that-directors-share\n";

#[test]
fn a_jar_keeps_its_server_and_servers_do_not_see_the_cookie() {
    let origins = ["one", "two", "three"].map(Origin::saying);
    let at = free();
    let reals = origins.each_ref().map(|o| o.address.to_string());
    let defined: String = reals.iter().map(|r| format!("real {r}\n")).collect();
    let config = format!(
        "virtual {at}\n{defined}bind {at} {}\nsticky {at} 10 cookie route\n{KEY}",
        reals.join(" ")
    );
    let director = Director::start(&config);
    let folder = TempDir::new().expect("a folder");
    let jar = folder.path().join("jar").display().to_string();
    let url = format!("http://{at}/page");
    let ask = || curl(&["-c", &jar, "-b", &jar, "-b", "theirs=1", &url]);
    let with_jar = || curl(&["-c", &jar, "-b", &jar, &url]);
    let Some(first) = with_jar() else {
        return;
    };
    for _ in 0..6 {
        assert_eq!(with_jar().as_ref(), Some(&first));
    }
    let others: Vec<_> = (0..3).filter_map(|_| curl(&[&url])).collect();
    assert!(others.iter().any(|other| *other != first), "{others:?}");
    // On another director with the same key, and after a restart, it holds as well.
    drop(director);
    let _director = Director::start(&config);
    for _ in 0..3 {
        assert_eq!(with_jar().as_ref(), Some(&first));
    }
    let said = ask().expect("curl is there");
    assert!(["one", "two", "three"].contains(&said.as_str()), "{said}");
    for request in origins.iter().flat_map(Origin::requests) {
        assert!(!request.head.contains("route="), "{request:?}");
    }
}

/// The cookie that an answer sets: name and value, and its attributes.
fn set_cookie(answer: &Response) -> Option<(String, String)> {
    let (pair, attributes) = answer.field("set-cookie")?.split_once("; ")?;
    Some((pair.to_owned(), attributes.to_owned()))
}

fn ask(at: std::net::SocketAddr, cookie: &str) -> Response {
    let request = format!("GET /x HTTP/1.1\r\nHost: a\r\n{cookie}\r\n");
    Client::to(at).send(request).answer()
}

#[test]
fn a_redirect_carries_the_cookie_itself_and_nobody_keeps_it() {
    for code in [301, 302, 307, 308] {
        let at = free();
        let _director = Director::start(&format!(
            "virtual {at}\nurl u1 http://one.example/%d {code}\nurl u2 http://two.example/%d {code}\n\
             url u3 http://three.example/%d {code}\nbind {at} u1 u2 u3\nsticky {at} 10 cookie route\n{KEY}"
        ));
        let first = ask(at, "");
        assert_eq!(first.status, code);
        assert_eq!(first.field("cache-control"), Some("no-store"));
        let (pair, attributes) = set_cookie(&first).expect("a cookie");
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Max-Age=600");
        // Base64 has no dot, but may have any two letters.
        assert!(
            pair.starts_with("route=") && !pair.contains("one."),
            "{pair}"
        );
        for _ in 0..4 {
            let again = ask(at, &format!("Cookie: a=b; {pair}\r\n"));
            assert_eq!(again.location(), first.location());
            assert_eq!(set_cookie(&again), None, "it has one that is fresh");
            assert_eq!(again.field("cache-control"), Some("no-store"));
        }
        let forged = pair.replace("route=A", "route=B");
        let answer = ask(at, &format!("Cookie: {forged}\r\nCookie: route=x\r\n"));
        assert!(
            set_cookie(&answer).is_some(),
            "a forged one counts for nothing"
        );
        let second = ask(at, &format!("Cookie: {forged}\r\nCookie: {pair}\r\n"));
        assert_eq!(
            second.location(),
            first.location(),
            "the good one among them"
        );
    }
}

#[test]
fn a_forwarded_answer_sets_it_beside_the_servers_own_and_other_cookies_go_on() {
    let origin = Origin::sending(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: theirs=1\r\nCache-Control: max-age=60\r\n\r\nok",
    );
    let (at, real) = (free(), origin.address);
    let _director = Director::start(&format!(
        "virtual {at}\nreal {real}\nbind {at} {real}\nsticky {at} 10 cookie route\n{KEY}"
    ));
    let values = |answer: &Response, name: &str| -> Vec<String> {
        let fields = answer.fields.iter().filter(|f| f.0 == name);
        fields.map(|f| f.1.clone()).collect()
    };
    let answer = ask(at, "Cookie: a=b\r\n");
    let cookies = values(&answer, "set-cookie");
    assert!(
        cookies.len() == 2 && cookies[0] == "theirs=1" && cookies[1].starts_with("route="),
        "{cookies:?}"
    );
    let kept = values(&answer, "cache-control");
    assert_eq!(kept, ["max-age=60", "private=\"set-cookie\""]);
    let pair = cookies[1].split(';').next().expect("a pair");
    let again = ask(
        at,
        &format!("Cookie: a=b; {pair}; c=d\r\nCookie: {pair}\r\n"),
    );
    assert_eq!(values(&again, "set-cookie"), ["theirs=1"]);
    assert_eq!(values(&again, "cache-control"), ["max-age=60"]);
    let seen = origin.requests().pop().expect("a request");
    assert_eq!(seen.values("cookie"), ["a=b; c=d"]);
}
