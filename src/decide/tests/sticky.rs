//! Clients keep their server (LANGUAGE.md §3, the column of stuck clients).

use super::*;
use crate::model::Queue;

const SOURCE: StickyBy = StickyBy::Source { v6_prefix: 64 };

fn by_source(count: usize) -> Builder {
    Builder::redirecting(count).sticky("1.1.1.1", SOURCE)
}

/// The dip behind a url of [`Builder::redirecting`].
pub(super) fn dip_of(url: &str) -> String {
    dip(url[1..].parse().expect("a number"))
}

#[test]
fn a_client_stays_until_it_was_away_for_its_time() {
    let mut farm = by_source(3).farm();
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> u1 predicted");
    assert_eq!(farm.tell(&from("1.1.1.1", 2)), "-> u2 predicted");
    for _ in 0..4 {
        farm.pass(29 * 60_000);
        assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> u1 sticky");
    }
    farm.pass(30 * 60_000 + 1_000);
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> u3 predicted");
}

#[test]
fn ipv6_clients_are_told_by_their_prefix() {
    let mut farm = by_source(2).farm();
    let at = |text: &str| Ask {
        client: text.parse().expect("an address"),
        ..ask("1.1.1.1")
    };
    assert_eq!(farm.tell(&at("2001:db8:1:2::1")), "-> u1 predicted");
    assert_eq!(farm.tell(&at("2001:db8:1:2:ffff::9")), "-> u1 sticky");
    assert_eq!(farm.tell(&at("2001:db8:1:3::1")), "-> u2 predicted");
}

/// What becomes of a client of `u1` while that is in a state, and after.
fn through(
    into: impl Fn(Builder) -> Builder,
    measured: impl Fn(&mut Measured),
    back: bool,
) -> (String, String) {
    let mut farm = by_source(3).farm();
    assert_eq!(farm.got(1), "u1");
    farm.reload(&into(by_source(3)));
    farm.measure(&dip(1), measured);
    let during = farm.tell(&from("1.1.1.1", 1));
    if back {
        farm.reload(&by_source(3));
        farm.measure(&dip(1), |m| *m = Measured::default());
    }
    (during, farm.tell(&from("1.1.1.1", 1)))
}

#[test]
fn states_let_stuck_clients_through_as_the_table_says() {
    let as_is = |b| b;
    let intent = |intent| move |b: Builder| b.intent(&dip(1), intent);
    let nothing = |_: &mut Measured| {};
    let (during, _) = through(intent(Intent::Sticky), nothing, false);
    assert_eq!(during, "-> u1 sticky");
    let (during, _) = through(as_is, |m| m.readiness = Readiness::Drain, false);
    assert_eq!(during, "-> u1 sticky");
    let (during, _) = through(as_is, |m| m.share = 0, false);
    assert_eq!(during, "-> u1 sticky");
    // Kept for its return.
    let kept = [
        through(intent(Intent::Maintenance), nothing, true),
        through(as_is, |m| m.readiness = Readiness::Maint, true),
        through(
            intent(Intent::Maintenance),
            |m| m.health = Health::Failed,
            true,
        ),
        through(as_is, |m| m.maxconns = Some(0), true),
    ];
    for (during, after) in kept {
        assert!(during.ends_with("alternate"), "{during}");
        assert_eq!(after, "-> u1 sticky");
    }
    // Moved for good.
    let moved = [
        through(intent(Intent::OutOfService), nothing, true),
        through(intent(Intent::Failed), nothing, true),
        through(as_is, |m| m.health = Health::Failed, true),
        through(as_is, |m| m.health = Health::Testing, true),
    ];
    for (during, after) in moved {
        assert!(during.ends_with("alternate"), "{during}");
        assert_eq!(after, during.replace("alternate", "sticky"));
    }
}

#[test]
fn new_clients_are_kept_from_a_server_that_drains() {
    let mut farm = by_source(2).farm();
    farm.measure(&dip(1), |m| m.readiness = Readiness::Drain);
    for n in 0..6 {
        assert_eq!(farm.got(n), "u2");
    }
    // Whoever comes to the dip's own address is stuck to it.
    assert_eq!(farm.get(&dip(1)), "2.0.0.1 direct");
    farm.measure(&dip(1), |m| m.readiness = Readiness::Maint);
    assert_eq!(farm.get(&dip(1)), "refused none-usable");
}

/// Asks as a client that keeps its cookie.
fn with_cookie(farm: &mut TestFarm, jar: &mut Option<Ticket>) -> String {
    let asked = Ask {
        past: Past {
            ticket: *jar,
            ..Past::default()
        },
        ..ask("1.1.1.1")
    };
    let (decision, _) = farm.hold(&asked, &mut Attempt::default());
    *jar = decision.ticket.or(*jar);
    farm.words(decision)
}

#[test]
fn a_cookie_keeps_its_client_without_a_table() {
    let mut farm = Builder::redirecting(3)
        .sticky("1.1.1.1", StickyBy::Cookie(None))
        .farm();
    let mut jar = None;
    assert_eq!(with_cookie(&mut farm, &mut jar), "-> u1 predicted");
    let ticket = jar.expect("a ticket");
    assert_eq!(ticket.epoch, 0, "to be filled in");
    for _ in 0..3 {
        assert_eq!(with_cookie(&mut farm, &mut jar), "-> u1 sticky");
        assert_eq!(jar, Some(ticket), "nothing but time is to be renewed");
    }
    assert_eq!(with_cookie(&mut farm, &mut None), "-> u2 predicted");
    farm.set(&dip(1), Health::Failed);
    let text = with_cookie(&mut farm, &mut jar);
    assert!(text.ends_with("alternate"), "{text}");
    farm.set(&dip(1), Health::Up);
    assert_eq!(
        with_cookie(&mut farm, &mut jar),
        text.replace("alternate", "sticky")
    );
}

#[test]
fn a_ticket_counts_at_its_own_virtual_only() {
    let other = |b: Builder| {
        b.virtuals(&["1.1.1.9"])
            .bind("1.1.1.9", &["u1", "u2", "u3"])
            .sticky("1.1.1.9", StickyBy::Cookie(None))
    };
    let mut farm = other(Builder::redirecting(3).sticky("1.1.1.1", StickyBy::Cookie(None))).farm();
    let mut jar = None;
    assert_eq!(with_cookie(&mut farm, &mut jar), "-> u1 predicted");
    let elsewhere = |farm: &mut TestFarm| {
        let asked = Ask {
            past: Past {
                ticket: jar,
                ..Past::default()
            },
            ..ask("1.1.1.9")
        };
        farm.tell(&asked)
    };
    assert_eq!(elsewhere(&mut farm), "-> u1 predicted");
    assert_eq!(elsewhere(&mut farm), "-> u2 predicted");
}

#[test]
fn a_ticket_counts_at_another_director_with_the_same_servers_under_its_own_address() {
    let cookie = StickyBy::Cookie(None);
    let mut here = Builder::redirecting(3)
        .sticky("1.1.1.1", cookie.clone())
        .farm();
    let director = |urls: &[&str]| {
        let mut builder = Builder::default().virtuals(&["1.1.1.8"]);
        for url in urls {
            builder = builder
                .url(url, &format!("http://{url}.acme.com/%d"))
                .bind("1.1.1.8", &[url]);
        }
        builder.sticky("1.1.1.8", cookie.clone()).farm()
    };
    let mut there = director(&["u3", "u2", "u1"]);
    let mut stranger = director(&["u7", "u8"]);
    let with = |farm: &mut TestFarm, jar: &mut Option<Ticket>| {
        let mut asked = ask("1.1.1.8");
        asked.past.ticket = *jar;
        let (decision, _) = farm.hold(&asked, &mut Attempt::default());
        *jar = decision.ticket.or(*jar);
        farm.words(decision)
    };
    let mut jar = None;
    assert_eq!(with_cookie(&mut here, &mut jar), "-> u1 predicted");
    let ticket = jar;
    for _ in 0..3 {
        assert_eq!(with(&mut there, &mut jar), "-> u1 sticky");
        assert_eq!(with_cookie(&mut here, &mut jar), "-> u1 sticky");
        assert_eq!(jar, ticket, "it is not set anew by either");
    }
    // Where the servers are others it says nothing.
    assert_eq!(with(&mut stranger, &mut jar), "-> u7 predicted");
}

#[test]
fn a_referer_leads_back_to_the_server_that_it_names() {
    let mut farm = Builder::redirecting(3)
        .url("odd", "http://ODD.acme.com:8080/%d")
        .url("usual", "http://usual.acme.com:80/%d")
        .bind("1.1.1.1", &["odd", "usual"])
        .sticky("1.1.1.1", StickyBy::Referer)
        .farm();
    let mut referred = |host: &'static str| {
        let asked = Ask {
            past: Past {
                referer: Some(host.into()),
                ..Past::default()
            },
            ..ask("1.1.1.1")
        };
        farm.tell(&asked)
    };
    assert_eq!(referred("u3.acme.com"), "-> u3 referer");
    assert_eq!(referred("odd.acme.com:8080"), "-> odd referer");
    assert_eq!(referred("odd.acme.com"), "-> u1 predicted");
    assert_eq!(referred("usual.acme.com"), "-> usual referer");
    assert_eq!(referred("elsewhere.com"), "-> u2 predicted");
}

#[test]
fn what_is_bound_no_more_keeps_no_client() {
    let mut farm = by_source(3).farm();
    assert_eq!(farm.got(1), "u1");
    let mut less = by_source(3);
    less.model.virtuals[0].targets.remove(0);
    farm.reload(&less);
    assert!(farm.tell(&from("1.1.1.1", 1)).ends_with("alternate"));
    // A client that lives on over a reload is still known.
    let kept = farm.got(1);
    farm.reload(&by_source(4));
    assert_eq!(farm.got(1), kept);
}

#[test]
fn clients_stick_within_nested_virtuals_while_these_are_in_service() {
    let nested = |intent| {
        Builder::default()
            .virtuals(&["1.1.1.1", "1.1.1.2"])
            .reals(&["2.0.0.1", "2.0.0.2", "2.0.0.3"])
            .bind("1.1.1.2", &["2.0.0.1", "2.0.0.2"])
            .bind("1.1.1.1", &["1.1.1.2", "2.0.0.3"])
            .intent("1.1.1.2", intent)
            .sticky("1.1.1.1", SOURCE)
    };
    let mut farm = nested(Intent::InService).farm();
    let own: Vec<String> = (0..8).map(|n| farm.got(n)).collect();
    assert!(own.iter().any(|o| o == "2.0.0.1") && own.iter().any(|o| o == "2.0.0.2"));
    for (n, own) in (0..).zip(&own) {
        assert_eq!(farm.tell(&from("1.1.1.1", n)), format!("{own} sticky"));
    }
    farm.reload(&nested(Intent::Maintenance));
    assert!((0..8).all(|n| farm.got(n) == "2.0.0.3"));
    farm.reload(&nested(Intent::InService));
    let again: Vec<String> = (0..8).map(|n| farm.got(n)).collect();
    assert_eq!(again, own, "maintenance keeps associations");
    farm.reload(&nested(Intent::OutOfService));
    assert!((0..8).all(|n| farm.got(n) == "2.0.0.3"));
    farm.reload(&nested(Intent::InService));
    assert!((0..8).all(|n| farm.got(n) == "2.0.0.3"), "moved for good");
}

#[test]
fn a_virtual_open_to_its_own_clients_takes_only_those() {
    let mut farm = by_source(2).farm();
    assert_eq!(farm.got(1), "u1");
    farm.reload(&by_source(2).intent("1.1.1.1", Intent::Sticky));
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> u1 sticky");
    assert_eq!(farm.tell(&from("1.1.1.1", 2)), "refused none-usable");
}

#[test]
fn a_refused_connection_moves_its_client() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&["2.0.0.1", "2.0.0.2"])
        .bind("1.1.1.1", &["2.0.0.1", "2.0.0.2"])
        .sticky("1.1.1.1", SOURCE)
        .farm();
    let mut attempt = Attempt::default();
    let (first, _) = farm.hold(&from("1.1.1.1", 1), &mut attempt);
    assert_eq!(farm.words(first), "2.0.0.1 predicted");
    attempt.tried.push(farm.node("2.0.0.1"));
    let (second, _) = farm.hold(&from("1.1.1.1", 1), &mut attempt);
    assert_eq!(farm.words(second), "2.0.0.2 reassigned");
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "2.0.0.2 sticky");
}

#[test]
fn what_a_request_is_read_for_is_said_by_where_it_comes_in() {
    let farm = Builder::redirecting(2)
        .virtuals(&["1.1.1.2", "1.1.1.3"])
        .bind("1.1.1.2", &["1.1.1.1"])
        .bind("1.1.1.3", &["u1"])
        .backup(&dip(1), "1.1.1.1")
        .sticky("1.1.1.1", StickyBy::Cookie(Some("where".into())))
        .farm();
    for (at, cookie) in [
        ("1.1.1.1", Some("where")),
        ("1.1.1.2", Some("where")),
        ("2.0.0.1", Some("where")),
        ("1.1.1.3", None),
        ("2.0.0.2", None),
    ] {
        let node = farm.node(at);
        assert_eq!(farm.snapshot.minds(node).cookie, cookie, "{at}");
        assert_eq!(farm.snapshot.sticky_minutes(node), cookie.map(|_| 30));
    }
    let farm = Builder::redirecting(1)
        .sticky("1.1.1.1", StickyBy::Cookie(None))
        .farm();
    let minds = farm.snapshot.minds(farm.node("1.1.1.1"));
    assert_eq!(minds.cookie, Some(TICKET_COOKIE));
}

#[test]
fn virtuals_and_dips_say_how_requests_come_in_and_wait() {
    let queue = Queue {
        length: 7,
        seconds: 3,
    };
    let mut builder = Builder::redirecting(2).tune("1.1.1.1", |v| v.proxy_protocol = true);
    builder.model.dips[1].queue = Some(queue);
    let farm = builder.farm();
    let said = |at: &str| {
        let node = farm.node(at);
        let snapshot = &farm.snapshot;
        (snapshot.queue(node), snapshot.proxy_protocol(node))
    };
    assert_eq!(said("1.1.1.1"), (None, true));
    assert_eq!(said("2.0.0.1"), (None, false));
    assert_eq!(said("2.0.0.2"), (Some(queue), false));
    assert_eq!(said("u1"), (None, false));
}

#[test]
fn an_explanation_tells_why_a_client_gets_its_server_and_assigns_nobody() {
    let mut farm = by_source(3).farm();
    let told = farm.told(&from("1.1.1.1", 1));
    assert!(
        told.contains("u1: the client's own server at 1.1.1.1 from now on; its alternate is u"),
        "{told}"
    );
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> u1 predicted");
    let told = farm.told(&from("1.1.1.1", 1));
    assert!(
        told.contains("u1: the client's own server, by the table, at 1.1.1.1"),
        "{told}"
    );
    assert!(
        told.contains(
            "not taken: u2 for 1.1.1.1, because usable: the client has a server of its own"
        ),
        "{told}"
    );
    farm.set(&dip(1), Health::Failed);
    let told = farm.told(&from("1.1.1.1", 1));
    for want in [
        "u1: the client's own server at 1.1.1.1, which the client leaves: of 2.0.0.1, to which it is linked: it has failed",
        "the client's alternate at 1.1.1.1, as u1 is not taken",
        "(alternate)",
    ] {
        assert!(told.contains(want), "{want}\n is missing in\n{told}");
    }
}

#[test]
fn a_linked_virtual_that_drains_keeps_the_clients_that_it_knows() {
    let farm = |sticky: bool, intent| {
        let mut builder = Builder::default()
            .virtuals(&["1.1.1.1", "1.1.1.9"])
            .reals(&["3.0.0.1", "3.0.0.2"])
            .bind("1.1.1.9", &["3.0.0.1"])
            .url("inner", "http://inner.acme.com/%d")
            .link("inner", "1.1.1.9")
            .bind("1.1.1.1", &["inner", "3.0.0.2"])
            .sticky("1.1.1.1", SOURCE)
            .intent("1.1.1.9", intent);
        if sticky {
            builder = builder.sticky("1.1.1.9", SOURCE);
        }
        builder
    };
    for (knows, at_first, there) in [
        (true, "-> inner sticky", "3.0.0.1 sticky"),
        // It would refuse whom it does not know.
        (false, "3.0.0.2 alternate", "refused none-usable"),
    ] {
        let mut tested = farm(knows, Intent::InService).farm();
        assert_eq!(tested.tell(&from("1.1.1.1", 1)), "-> inner predicted");
        assert_eq!(tested.tell(&from("1.1.1.9", 1)), "3.0.0.1 predicted");
        tested.reload(&farm(knows, Intent::Sticky));
        assert_eq!(tested.tell(&from("1.1.1.1", 1)), at_first);
        assert_eq!(tested.tell(&from("1.1.1.9", 1)), there);
        assert_eq!(tested.got(2), "3.0.0.2", "nobody new");
    }
}
