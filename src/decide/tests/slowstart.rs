//! A server that returns gets its share back little by little.

use std::sync::atomic::Ordering;

use super::*;
use crate::model::HashKey;

fn returning(predictor: Predictor) -> (TestFarm, u64) {
    let farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&["2.0.0.1", "2.0.0.2", "2.0.0.3", "2.0.0.4"])
        .bind("1.1.1.1", &["2.0.0.1", "2.0.0.2", "2.0.0.3", "2.0.0.4"])
        .predictor("1.1.1.1", predictor)
        .tune("1.1.1.1", |v| v.slowstart_s = 100)
        .farm();
    let back = farm.loads.gauges(farm.node("2.0.0.1"));
    back.back_since.store(farm.now.0, Ordering::Relaxed);
    let since = farm.now.0;
    (farm, since)
}

/// The returning server's part of a full share, after so many seconds.
fn share(farm: &mut TestFarm, since: u64, s: u64, held: &mut Vec<Option<Place>>) -> f64 {
    farm.now = Millis(since + s * 1_000);
    let mut got = 0;
    for n in 0..4_000 {
        let (decision, place) = farm.hold(&from("1.1.1.1", n), &mut Attempt::default());
        got += u32::from(farm.words(decision).starts_with("2.0.0.1 "));
        held.push(place);
        // Each stays for 200 requests.
        if held.len() > 200 {
            held.remove(0);
        }
    }
    f64::from(got) / 1_000.0
}

#[test]
fn its_share_grows_evenly_under_every_predictor() {
    for predictor in [
        Predictor::RoundRobin,
        Predictor::Weighted,
        Predictor::Random,
        Predictor::LeastConns,
        Predictor::Loaded,
        Predictor::Fastest,
        Predictor::Hash(HashKey::Source),
    ] {
        let (mut farm, since) = returning(predictor);
        let mut held = vec![];
        let fill = share(&mut farm, since, 0, &mut held);
        assert!(fill < 0.02, "{predictor:?} at once: {fill}");
        for s in [10, 25, 50, 75, 90] {
            let want = s as f64 / 100.0;
            let got = share(&mut farm, since, s, &mut held);
            assert!(
                (got - want).abs() < 0.14,
                "{predictor:?} after {s} s: {got}"
            );
        }
        let full = share(&mut farm, since, 100, &mut held);
        assert!(
            (full - 1.0).abs() < 0.14,
            "{predictor:?} in the end: {full}"
        );
    }
}

#[test]
fn under_hash_a_client_that_came_stays() {
    let (mut farm, since) = returning(Predictor::Hash(HashKey::Source));
    let mut before = vec![false; 1_000];
    for s in [5, 20, 40, 80, 100] {
        farm.now = Millis(since + s * 1_000);
        let now: Vec<bool> = (0..1_000).map(|n| farm.got(n) == "2.0.0.1").collect();
        assert!(before.iter().zip(&now).all(|(was, is)| !was || *is));
        before = now;
    }
}

#[test]
fn where_there_is_no_other_it_is_taken_at_once() {
    let (mut farm, _) = returning(Predictor::RoundRobin);
    for id in ["2.0.0.2", "2.0.0.3", "2.0.0.4"] {
        farm.set(id, Health::Failed);
    }
    for _ in 0..5 {
        assert_eq!(farm.get("1.1.1.1"), "2.0.0.1 predicted");
    }
    let told = farm.told(&from("1.1.1.1", 1));
    for want in [
        "2.0.0.1: passed over: it takes 0 % of its share by now, and this client is not in it",
        "2.0.0.1: bound to 1.1.1.1: ramping up, but there is no other",
    ] {
        assert!(told.contains(want), "{want}\n is missing in\n{told}");
    }
}

#[test]
fn all_at_once_they_share_as_ever() {
    let (mut farm, since) = returning(Predictor::RoundRobin);
    for id in ["2.0.0.2", "2.0.0.3", "2.0.0.4"] {
        let gauges = farm.loads.gauges(farm.node(id));
        gauges.back_since.store(since, Ordering::Relaxed);
    }
    farm.now = Millis(since + 10_000);
    let mut counts = BTreeMap::<String, u32>::new();
    for n in 0..4_000 {
        *counts.entry(farm.got(n)).or_default() += 1;
    }
    assert!(
        counts.values().all(|n| (850..1_150).contains(n)),
        "{counts:?}"
    );
}

#[test]
fn a_url_that_returns_ramps_up_though_its_dip_was_there_all_the_while() {
    let mut farm = Builder::redirecting(2)
        .tune("1.1.1.1", |v| v.slowstart_s = 100)
        .farm();
    let back = farm.loads.gauges(farm.node("u1"));
    back.back_since.store(farm.now.0, Ordering::Relaxed);
    assert!((0..20).all(|n| farm.got(n) == "u2"));
    farm.pass(100_000);
    assert!((0..20).any(|n| farm.got(n) == "u1"));
}
