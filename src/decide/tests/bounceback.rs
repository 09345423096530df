//! A client that asks again so soon did not reach the server that it was sent to.

use super::*;
use crate::model::BounceBack;

fn noticing(observe: bool) -> Builder {
    let rule = BounceBack {
        observe,
        seconds: 5,
        clients: 3,
    };
    Builder::redirecting(3).tune("1.1.1.1", |v| v.bounceback = Some(rule))
}

fn asked(n: u32, target: &'static str) -> Ask<'static> {
    Ask {
        target: target.into(),
        ..from("1.1.1.1", n)
    }
}

fn tell(farm: &mut TestFarm, ask: &Ask<'_>) -> (String, Option<(String, bool)>) {
    let mut attempt = Attempt::default();
    let (decision, _) = farm.hold(ask, &mut attempt);
    let back = attempt.came_back;
    let back = back.map(|(node, suspect)| (farm.snapshot.id(node).to_string(), suspect));
    (farm.words(decision), back)
}

#[test]
fn a_client_that_comes_back_is_sent_elsewhere_and_enough_of_them_make_a_server_suspect() {
    let mut farm = noticing(false).farm();
    for n in 0..3 {
        farm.loads.gauges(farm.node("1.1.1.1")).set_turns(0);
        assert_eq!(
            tell(&mut farm, &asked(n, "/x")),
            ("-> u1 predicted".into(), None)
        );
        farm.loads.gauges(farm.node("1.1.1.1")).set_turns(0);
        farm.pass(900);
        let (text, back) = tell(&mut farm, &asked(n, "/x"));
        assert_eq!(text, "-> u2 bounce-back");
        assert_eq!(back, Some(("2.0.0.1".into(), n == 2)), "client {n}");
    }
}

#[test]
fn the_same_client_counts_once() {
    let mut farm = noticing(false).farm();
    for target in ["/1", "/2", "/3", "/4", "/5"] {
        let (first, _) = tell(&mut farm, &asked(1, target));
        let (second, back) = tell(&mut farm, &asked(1, target));
        assert_ne!(first, second);
        assert!(!back.expect("it came back").1);
    }
}

#[test]
fn who_arrived_did_not_come_back() {
    let mut farm = noticing(false).farm();
    assert_eq!(tell(&mut farm, &asked(1, "/x")).0, "-> u1 predicted");
    assert_eq!(farm.tell(&from(&dip(1), 1)), "2.0.0.1 direct");
    assert_eq!(
        tell(&mut farm, &asked(1, "/x")),
        ("-> u2 predicted".into(), None)
    );
}

#[test]
fn late_other_and_unsafe_requests_come_from_nowhere() {
    let mut farm = noticing(false).farm();
    let none = |farm: &mut TestFarm, ask: &Ask<'_>| assert_eq!(tell(farm, ask).1, None, "{ask:?}");
    none(&mut farm, &asked(1, "/x"));
    none(&mut farm, &asked(1, "/y"));
    none(&mut farm, &asked(2, "/x"));
    farm.pass(5_300);
    none(&mut farm, &asked(1, "/x"));
    let posted = Ask {
        method: "POST".into(),
        ..asked(3, "/form")
    };
    none(&mut farm, &posted);
    none(&mut farm, &posted);
    let host = |host: &'static str| Ask {
        host: host.into(),
        ..asked(4, "/x")
    };
    none(&mut farm, &host("a.com"));
    none(&mut farm, &host("b.com"));
    assert!(tell(&mut farm, &host("A.com")).1.is_some());
}

#[test]
fn reloads_players_and_pollers_are_left_alone() {
    let mut farm = noticing(false).farm();
    let reload = Ask {
        past: Past {
            reload: true,
            ..Past::default()
        },
        ..asked(1, "/x")
    };
    tell(&mut farm, &asked(1, "/x"));
    assert_eq!(tell(&mut farm, &reload).1, None);
    for target in ["/live.m3u8", "/live.MPD?t=1", "/a.pls"] {
        tell(&mut farm, &asked(1, target));
        assert_eq!(tell(&mut farm, &asked(1, target)).1, None, "{target}");
    }
    // A second coming in a row is no failure.
    tell(&mut farm, &asked(2, "/status"));
    assert!(tell(&mut farm, &asked(2, "/status")).1.is_some());
    for _ in 0..5 {
        farm.pass(3_000);
        assert_eq!(tell(&mut farm, &asked(2, "/status")).1, None);
    }
}

#[test]
fn observed_only_it_is_counted_and_nothing_else() {
    let mut farm = noticing(true).farm();
    let turns = ["-> u1 predicted", "-> u2 predicted", "-> u3 predicted"];
    let mut noticed = 0;
    for turn in turns {
        let (text, back) = tell(&mut farm, &asked(1, "/x"));
        assert_eq!(text, turn);
        noticed += usize::from(back.is_some());
    }
    assert_eq!(noticed, 1);
}

#[test]
fn better_where_it_came_back_from_than_nowhere() {
    let mut farm = noticing(false).farm();
    farm.set(&dip(2), Health::Failed);
    farm.set(&dip(3), Health::Failed);
    assert_eq!(tell(&mut farm, &asked(1, "/x")).0, "-> u1 predicted");
    assert_eq!(tell(&mut farm, &asked(1, "/x")).0, "-> u1 predicted");
}

#[test]
fn a_sticky_client_that_cannot_reach_its_server_moves() {
    let by = StickyBy::Source { v6_prefix: 64 };
    let mut farm = noticing(false).sticky("1.1.1.1", by).farm();
    assert_eq!(tell(&mut farm, &asked(1, "/x")).0, "-> u1 predicted");
    let (text, _) = tell(&mut farm, &asked(1, "/x"));
    assert!(text.ends_with("bounce-back"), "{text}");
    let stays = text.replace("bounce-back", "sticky");
    assert_eq!(tell(&mut farm, &asked(1, "/y")).0, stays);
}

#[test]
fn an_explanation_tells_that_the_client_came_back_and_counts_nothing() {
    let mut farm = noticing(false).farm();
    tell(&mut farm, &asked(1, "/x"));
    farm.pass(2_100);
    for _ in 0..3 {
        let told = farm.told(&asked(1, "/x"));
        assert!(
            told.contains(
                "u1: the client was sent here 2.1 s ago and came back, so it is left out"
            ),
            "{told}"
        );
    }
    let node = farm.node(&dip(1));
    assert_eq!(farm.loads.gauges(node).bounced_back(farm.now), 0);
}
