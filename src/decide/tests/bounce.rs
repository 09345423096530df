//! Servers near their limit pass clients on.

use super::*;
use crate::model::{Bounce, HashKey};

const SOURCE: StickyBy = StickyBy::Source { v6_prefix: 64 };

fn bouncing(count: usize, capacity: u32, times: u8) -> Builder {
    let mut builder = Builder::redirecting(count)
        // Everybody would be sent to one of them.
        .predictor("1.1.1.1", Predictor::Hash(HashKey::Path))
        .sticky("1.1.1.1", SOURCE)
        .tune("1.1.1.1", |v| {
            v.bounce = Some(Bounce { percent: 80, times })
        });
    for i in 1..=count {
        builder.serving_of(&dip(i)).capacity = Some(capacity);
    }
    builder
}

fn clients(farm: &TestFarm, count: usize) -> Vec<u32> {
    let urls = (1..=count).map(|i| farm.node(&format!("u{i}")));
    urls.map(|u| farm.loads.gauges(u).clients()).collect()
}

#[test]
fn new_clients_are_passed_on_to_the_lowest_ratio() {
    let mut farm = bouncing(3, 10, 1).farm();
    let first = farm.got(0);
    for n in 1..8 {
        assert_eq!(farm.got(n), first);
    }
    let text = farm.tell(&from("1.1.1.1", 8));
    assert!(
        text.ends_with("bounced") && !text.contains(&first),
        "{text}"
    );
    for n in 9..24 {
        farm.got(n);
    }
    assert_eq!(clients(&farm, 3), [8, 8, 8]);
    // All are over the mark: still the lowest.
    for n in 24..30 {
        farm.got(n);
    }
    assert_eq!(clients(&farm, 3), [10, 10, 10]);
}

#[test]
fn the_ratio_counts_and_not_the_number() {
    let mut builder = bouncing(3, 10, 1);
    builder.serving_of(&dip(2)).capacity = Some(100);
    let mut farm = builder.farm();
    for n in 0..120 {
        farm.got(n);
    }
    let mut got = clients(&farm, 3);
    assert_eq!(got.iter().sum::<u32>(), 120);
    assert!((98..=102).contains(&got[1]), "{got:?}");
    got.remove(1);
    assert!(got.iter().all(|n| (9..=11).contains(n)), "{got:?}");
}

#[test]
fn assigned_clients_above_the_mark_move_to_their_alternates_once() {
    let mut farm = bouncing(4, 100, 1).farm();
    for n in 0..60 {
        farm.got(n);
    }
    let before = clients(&farm, 4);
    let crowded = 1 + before.iter().position(|n| *n == 60).expect("one has all");
    // It has less room now.
    let mut less = bouncing(4, 100, 1);
    less.serving_of(&dip(crowded)).capacity = Some(50);
    farm.reload(&less);
    let mut bounced = vec![];
    for n in 0..60 {
        let text = farm.tell(&from("1.1.1.1", n));
        if text.ends_with("bounced") {
            bounced.push((n, text.replace("bounced", "sticky")));
        } else {
            assert_eq!(text, format!("-> u{crowded} sticky"));
        }
    }
    assert_eq!(bounced.len(), 20, "down to four fifths of 50");
    let others: Vec<u32> = clients(&farm, 4).into_iter().filter(|n| *n != 40).collect();
    assert!(
        others.len() == 3 && others.iter().all(|n| *n > 2),
        "{others:?}"
    );
    // Once more over the mark: who was bounced stays, the others go.
    for i in 1..=4 {
        less.serving_of(&dip(i)).capacity = Some(if i == crowded { 1_000 } else { 1 });
    }
    farm.reload(&less);
    for (n, text) in &bounced {
        assert_eq!(&farm.tell(&from("1.1.1.1", *n)), text);
    }
}

#[test]
fn without_capacity_connections_and_promises_count() {
    let mut builder = Builder::redirecting(2)
        .predictor("1.1.1.1", Predictor::Hash(HashKey::Path))
        .maxconns(&dip(1), 10)
        .maxconns(&dip(2), 10)
        .tune("1.1.1.1", |v| {
            v.bounce = Some(Bounce {
                percent: 50,
                times: 1,
            });
        });
    let mut farm = builder.farm();
    let first = farm.got(0);
    for n in 1..5 {
        assert_eq!(farm.got(n), first);
    }
    assert!(farm.tell(&from("1.1.1.1", 5)).ends_with("bounced"));
    // No limit: never.
    for i in 1..=2 {
        builder.serving_of(&dip(i)).maxconns = None;
    }
    farm.reload(&builder);
    for n in 6..40 {
        assert_eq!(farm.got(n), first);
    }
}

#[test]
fn a_dip_passes_on_whom_nobody_knows() {
    let mut farm = bouncing(2, 10, 1).farm();
    let url = farm.got(0);
    let here = sticky::dip_of(&url);
    for n in 1..7 {
        assert_eq!(farm.got(n), url);
    }
    // One that comes by itself makes eight, and is known from then on.
    let stays = format!("{here} direct");
    assert_eq!(farm.tell(&from(&here, 100)), stays);
    let text = farm.tell(&from(&here, 101));
    assert!(text.ends_with("bounced") && !text.contains(&url), "{text}");
    for n in [0, 3, 6, 100] {
        assert_eq!(farm.tell(&from(&here, n)), stays, "client {n}");
    }
    let told = farm.told(&from(&here, 102));
    assert!(
        told.contains("passes the client on: it has 8 of 10 clients"),
        "{told}"
    );
}

#[test]
fn an_explanation_tells_who_was_over_the_mark() {
    let mut farm = bouncing(3, 10, 1).farm();
    let first = farm.got(0);
    for n in 1..8 {
        farm.got(n);
    }
    let told = farm.told(&from("1.1.1.1", 8));
    for want in [
        &*format!("{first}: passes the client on: it has 8 of 10 clients"),
        "bound to 1.1.1.1: it has the lowest ratio",
        "(bounced)",
        &*format!("not taken: {first} for 1.1.1.1, because it has 8 of 10 clients"),
    ] {
        assert!(told.contains(want), "{want}\n is missing in\n{told}");
    }
}

#[test]
fn cookies_count_as_clients_for_a_while() {
    let mut builder = bouncing(2, 10, 1);
    builder = builder.sticky("1.1.1.1", StickyBy::Cookie(None));
    let mut farm = builder.farm();
    let first = farm.got(0);
    let moved = (1..30).find(|&n| farm.got(n) != first);
    assert_eq!(moved, Some(8));
}

#[test]
fn a_cookie_that_a_dip_gives_counts_no_client_twice() {
    let builder = bouncing(2, 10, 1).sticky("1.1.1.1", StickyBy::Cookie(None));
    let mut farm = builder.farm();
    let first = farm.got(0);
    for n in 0..20 {
        // The cookie of the virtual's host is not sent to the dip's.
        let url = farm.got(100 + n);
        let here = sticky::dip_of(&url);
        let stays = format!("{here} direct");
        assert_eq!(farm.tell(&from(&here, 100 + n)), stays);
        assert_eq!(url == first, n < 7, "client {n} got {url}");
        if n == 14 {
            break;
        }
    }
}

#[test]
fn only_as_many_cookies_move_as_are_above_the_mark() {
    let by_cookie = |capacity| bouncing(4, capacity, 1).sticky("1.1.1.1", StickyBy::Cookie(None));
    let mut farm = by_cookie(100).farm();
    let mut tickets = vec![];
    for n in 0..60 {
        let (decision, _) = farm.hold(&from("1.1.1.1", n), &mut Attempt::default());
        tickets.push(decision.ticket);
    }
    let mut less = by_cookie(100);
    let crowded = farm.got(0);
    less.serving_of(&sticky::dip_of(&crowded)).capacity = Some(50);
    farm.reload(&less);
    let bounced = (0..60).filter(|&n| {
        let mut ask = from("1.1.1.1", n);
        ask.past.ticket = tickets[n as usize];
        farm.tell(&ask).ends_with("bounced")
    });
    // With the one above who has no cookie there are 61: down to four fifths of 50.
    assert_eq!(bounced.count(), 21);
}

#[test]
fn a_full_dip_passes_on_where_no_client_is_remembered() {
    let mut farm = Builder::redirecting(2)
        .maxconns(&dip(1), 2)
        .maxconns(&dip(2), 2)
        .tune("1.1.1.1", |v| {
            v.bounce = Some(Bounce {
                percent: 50,
                times: 1,
            });
        })
        .farm();
    let mut held = vec![];
    for n in 0..2 {
        let (decision, place) = farm.hold(&from(&dip(1), n), &mut Attempt::default());
        assert_eq!(
            farm.words(decision),
            "2.0.0.1 direct",
            "one of its own stays"
        );
        held.push(place);
    }
    assert_eq!(farm.tell(&from(&dip(1), 2)), "-> u2 bounced");
    // Nobody has room: none is sent to and fro.
    for n in 3..5 {
        held.push(farm.hold(&from(&dip(2), n), &mut Attempt::default()).1);
    }
    assert_eq!(farm.tell(&from(&dip(2), 5)), "refused all-full");
    // The one that was passed on is not passed on again.
    held.remove(0);
    for _ in 0..3 {
        assert_eq!(farm.tell(&from(&dip(2), 2)), "refused all-full", "it waits");
    }
    assert_eq!(farm.tell(&from(&dip(2), 6)), "-> u1 bounced");
}

#[test]
fn servers_in_reserve_get_nobody_by_bouncing() {
    let mut farm = bouncing(2, 10, 1).priority(&dip(2), 'N').farm();
    for n in 0..12 {
        assert_eq!(farm.got(n), "u1", "new: {n}");
    }
    for n in 0..12 {
        assert_eq!(farm.got(n), "u1", "assigned: {n}");
    }
}
