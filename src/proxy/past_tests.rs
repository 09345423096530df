use super::*;

const NOW: u64 = 1_800_000_000;

fn keys() -> Keys {
    Keys::new(&[], [7; 32])
}

fn ticket(expiry: u64) -> Ticket {
    Ticket {
        key: 0,
        at: 1,
        primary: 2,
        alternate: 3,
        bounced: 0,
        hops: 0,
        epoch: 30_000_000,
        expiry: expiry as u32,
    }
}

fn cookie() -> Minds<'static> {
    Minds {
        cookie: Some("route"),
        ..Minds::default()
    }
}

fn all() -> Minds<'static> {
    Minds {
        referer: true,
        reload: true,
        ..cookie()
    }
}

fn past<'a>(minds: Minds<'_>, fields: &'a [(&'a str, &'a str)]) -> Past<'a> {
    let fields = fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
    read(minds, &keys(), NOW, fields)
}

#[test]
fn a_ticket_is_found_among_other_cookies() {
    let good = ticket(NOW + 60);
    let text = keys().sign(&good);
    for line in [
        format!("route={text}"),
        format!("a=b; route={text}; c=d"),
        format!("a=b;route={text};c"),
        format!(";; route = \"{text}\" ;"),
        format!("xroute=1; route=garbage; route=; route={text}"),
        format!("Route={text}x; route={text}"),
    ] {
        let fields = [("Accept", "x"), ("cOOkie", &line)];
        assert_eq!(past(all(), &fields).ticket, Some(good), "{line}");
        assert_eq!(past(Minds::default(), &fields).ticket, None);
    }
    let lines = [("Cookie", "a=b"), ("Cookie", &format!("route={text}"))];
    assert_eq!(past(cookie(), &lines).ticket, Some(good));
}

#[test]
fn the_first_that_is_valid_wins() {
    let keys = keys();
    let (first, second) = (ticket(NOW + 60), ticket(NOW + 61));
    let line = format!(
        "route={}; route={}; route={}",
        keys.sign(&ticket(NOW - 1)),
        keys.sign(&first),
        keys.sign(&second)
    );
    assert_eq!(past(cookie(), &[("Cookie", &line)]).ticket, Some(first));
}

#[test]
fn what_is_no_ticket_is_nothing() {
    let other = Keys::new(&[], [8; 32]).sign(&ticket(NOW + 60));
    let expired = keys().sign(&ticket(NOW));
    for value in ["", "\"", "\"\"", "a", &other, &expired, &"a".repeat(8000)] {
        let line = format!("route={value}");
        assert_eq!(past(cookie(), &[("Cookie", &line)]).ticket, None, "{line}");
    }
    let name_only = [("Cookie", "route"), ("Cookie", "=x"), ("Cookie", "")];
    assert_eq!(past(cookie(), &name_only).ticket, None);
}

#[test]
fn only_so_many_are_tried() {
    let text = keys().sign(&ticket(NOW + 60));
    let behind = |others: usize| {
        let line = format!("{}route={text}", "route=x; ".repeat(others));
        past(cookie(), &[("Cookie", &line)]).ticket.is_some()
    };
    assert!(behind(TICKETS_TRIED - 1));
    assert!(!behind(TICKETS_TRIED));
}

#[test]
fn a_referer_is_its_authority() {
    for (value, authority) in [
        ("http://A.Example/x?y", Some("a.example")),
        ("HTTPS://a.example:443", Some("a.example")),
        ("http://a.example:80/", Some("a.example")),
        ("https://a.example:80?q", Some("a.example:80")),
        ("http://[2001:DB8::1]:81#f", Some("[2001:db8::1]:81")),
        ("http://a.example./", Some("a.example")),
        ("http://user@a.example/", None),
        ("http:///x", None),
        ("ftp://a.example/", None),
        ("/relative", None),
        ("about:blank", None),
        ("", None),
    ] {
        let fields = [("Referer", value)];
        assert_eq!(
            past(all(), &fields).referer.as_deref(),
            authority,
            "{value}"
        );
        assert_eq!(past(cookie(), &fields).referer, None);
    }
}

#[test]
fn a_reload_is_told_by_either_field() {
    for (name, value, reload) in [
        ("Cache-Control", "no-cache", true),
        ("cache-control", "private , Max-Age=0", true),
        ("Cache-Control", "max-age=01", false),
        ("Cache-Control", "max-age=3600, no-store", false),
        ("Pragma", "No-Cache", true),
        ("Pragma", "x", false),
    ] {
        assert_eq!(
            past(all(), &[(name, value)]).reload,
            reload,
            "{name}: {value}"
        );
        assert!(!past(cookie(), &[(name, value)]).reload);
    }
}

#[test]
fn our_cookie_alone_is_taken_out() {
    for (line, left) in [
        ("a=b; c=\"d;e", Some("a=b; c=\"d;e")),
        ("route=1", None),
        (" route = 1 ;; ", None),
        ("a=b;  route=1;c = d ;route=2", Some("a=b;c = d")),
        ("a=b; route=1; c", Some("a=b; c")),
        ("xroute=1; route", Some("xroute=1; route")),
        ("", Some("")),
    ] {
        let left = left.map(str::as_bytes);
        assert_eq!(
            without(line.as_bytes(), b"route").as_deref(),
            left,
            "{line}"
        );
    }
}

#[test]
fn a_ticket_is_renewed_when_more_than_half_of_its_time_is_gone() {
    let (ten_minutes, half) = (10, 300);
    let again = |left| {
        let same = Some(ticket(NOW + left));
        renewed(same, same, ten_minutes, NOW)
    };
    assert_eq!(again(half), None);
    assert_eq!(again(half - 1), Some(ticket(NOW + 600)));
    assert_eq!(renewed(None, None, ten_minutes, NOW), None);
    let old = Some(ticket(NOW + 1));
    assert_eq!(renewed(None, old, ten_minutes, NOW), None);
}

#[test]
fn another_ticket_than_the_clients_gets_its_times_here() {
    let moved = Ticket {
        primary: 9,
        epoch: 0,
        ..ticket(0)
    };
    let expected = Ticket {
        epoch: (NOW / 60) as u32,
        ..Ticket {
            primary: 9,
            ..ticket(NOW + 600)
        }
    };
    for has in [None, Some(ticket(NOW + 600))] {
        assert_eq!(renewed(Some(moved), has, 10, NOW), Some(expected));
    }
    // Of the same server: chosen when it was chosen.
    let other_key = Ticket {
        key: 3,
        ..ticket(NOW + 600)
    };
    let given = renewed(Some(other_key), Some(ticket(NOW + 600)), 10, NOW);
    assert_eq!(given.map(|t| t.epoch), Some(ticket(0).epoch));
}

#[test]
fn the_line_has_every_attribute() {
    let text = keys().sign(&ticket(NOW));
    for (scheme, secure) in [(Scheme::Http, ""), (Scheme::Https, "; Secure")] {
        let line = set_cookie("route", &ticket(NOW), &keys(), (10, scheme));
        let expected = format!(
            "Set-Cookie: route={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600{secure}\r\n"
        );
        assert_eq!(String::from_utf8_lossy(&line), expected);
    }
}
