//! What share each server gets, by predictor.

use std::collections::BTreeMap;

use super::super::predictors::HashTable;
use super::*;
use crate::model::HashKey;

pub(super) fn plain(predictor: Predictor, weights: &[u16]) -> (Builder, Vec<String>) {
    let ids: Vec<String> = (0..weights.len())
        .map(|i| format!("2.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255))
        .collect();
    let mut builder = Builder::default().virtuals(&["1.1.1.1"]);
    for (id, &weight) in ids.iter().zip(weights) {
        builder = builder
            .reals(&[id])
            .weight(id, weight)
            .bind("1.1.1.1", &[id]);
    }
    (builder.predictor("1.1.1.1", predictor), ids)
}

pub(super) fn server(farm: &mut TestFarm, n: u32) -> String {
    let ask = Ask {
        client: client(n),
        ..ask("1.1.1.1")
    };
    let text = farm.tell(&ask);
    text.split(' ').next().unwrap_or_default().to_owned()
}

pub(super) fn counts(farm: &mut TestFarm, asks: u32) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for n in 0..asks {
        *counts.entry(server(farm, n)).or_default() += 1;
    }
    counts
}

#[test]
fn shares_follow_weights() {
    let weights = [1u16, 2, 3, 0, 6];
    for predictor in [
        Predictor::Weighted,
        Predictor::Random,
        Predictor::Hash(HashKey::Source),
    ] {
        let (builder, ids) = plain(predictor, &weights);
        let got = counts(&mut builder.farm(), 24_000);
        for (id, &weight) in ids.iter().zip(&weights) {
            let got = f64::from(got.get(id).copied().unwrap_or(0));
            let want = f64::from(weight) * 2_000.0;
            assert!(
                (got - want).abs() <= want * 0.1,
                "{predictor:?} {id}: {got} of {want}"
            );
        }
    }
}

#[test]
fn open_connections_even_out_by_weight() {
    for (predictor, want) in [
        (Predictor::LeastConns, [40, 40, 40]),
        (Predictor::Loaded, [20, 40, 60]),
    ] {
        let (builder, ids) = plain(predictor, &[1, 2, 3]);
        let mut farm = builder.farm();
        let mut held = vec![];
        for n in 0..120 {
            let ask = Ask {
                client: client(n),
                ..ask("1.1.1.1")
            };
            held.push(farm.hold(&ask, &mut Attempt::default()).1);
        }
        for (id, want) in ids.iter().zip(want) {
            let open = farm.loads.gauges(farm.node(id)).connections();
            assert_eq!(open, want, "{predictor:?} {id}");
        }
    }
}

#[test]
fn ties_go_in_turn() {
    for predictor in [Predictor::LeastConns, Predictor::Loaded, Predictor::Fastest] {
        let (builder, ids) = plain(predictor, &[2; 5]);
        let got = counts(&mut builder.farm(), 25);
        assert!(ids.iter().all(|id| got[id] == 5), "{predictor:?} {got:?}");
    }
}

#[test]
fn samples_of_many_stay_fair() {
    for predictor in [Predictor::LeastConns, Predictor::Loaded, Predictor::Fastest] {
        let (builder, ids) = plain(predictor, &[1; 500]);
        let mut farm = builder.farm();
        let mut held = vec![];
        for n in 0..10_000 {
            let ask = Ask {
                client: client(n),
                ..ask("1.1.1.1")
            };
            held.push(farm.hold(&ask, &mut Attempt::default()).1);
        }
        let open = ids
            .iter()
            .map(|id| farm.loads.gauges(farm.node(id)).connections());
        let (least, most) = open.fold((u32::MAX, 0), |(a, b), n| (a.min(n), b.max(n)));
        let (low, high) = match predictor {
            // Nothing is measured, so all are alike: as at random.
            Predictor::Fastest => (2, 45),
            _ => (17, 23),
        };
        assert!(
            low <= least && most <= high,
            "{predictor:?}: {least} to {most}"
        );
    }
}

#[test]
fn the_fastest_gets_most_and_the_others_are_not_forgotten() {
    let (builder, ids) = plain(Predictor::Fastest, &[1; 4]);
    let mut farm = builder.farm();
    for (id, micros) in ids.iter().zip([900, 300, 700, 500]) {
        let gauges = farm.loads.gauges(farm.node(id));
        gauges.answered_in(micros, farm.now);
    }
    let got = counts(&mut farm, 3_200);
    assert_eq!(got[&ids[1]], 3_100 + 25);
    assert!(ids.iter().all(|id| got[id] >= 25), "{got:?}");
    farm.now = Millis(farm.now.0 + RESPONSE_TIME_MS + 1_000);
    farm.loads
        .gauges(farm.node(&ids[1]))
        .answered_in(300, farm.now);
    let got = counts(&mut farm, 30);
    assert!(
        got.get(&ids[1]).is_none_or(|&n| n <= 1),
        "unmeasured first: {got:?}"
    );
}

#[test]
fn a_url_of_unknown_load_counts_as_the_mean() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&["2.0.0.1", "2.0.0.2"])
        .url("far", "http://far.acme.com")
        .bind("1.1.1.1", &["2.0.0.1", "2.0.0.2", "far"])
        .predictor("1.1.1.1", Predictor::LeastConns)
        .farm();
    let mut held = vec![];
    let mut far = 0;
    for n in 0..300 {
        let ask = Ask {
            client: client(n),
            ..ask("1.1.1.1")
        };
        let (decision, place) = farm.hold(&ask, &mut Attempt::default());
        far += u32::from(matches!(decision.action, Action::Redirect { .. }));
        held.push(place);
    }
    assert!((80..=120).contains(&far), "{far}");
}

#[test]
fn a_hash_keeps_its_clients_when_another_server_goes() {
    let (builder, ids) = plain(Predictor::Hash(HashKey::Source), &[1, 1, 2, 1, 3]);
    let mut farm = builder.farm();
    let before: Vec<String> = (0..3_000).map(|n| server(&mut farm, n)).collect();
    for gone in &ids {
        farm.set(gone, Health::Failed);
        let mut spread = BTreeMap::<String, u32>::new();
        for (n, was) in (0..).zip(&before) {
            let now = server(&mut farm, n);
            if was == gone {
                assert_ne!(&now, gone);
                *spread.entry(now).or_default() += 1;
            } else {
                assert_eq!(&now, was);
            }
        }
        assert_eq!(
            spread.len(),
            ids.len() - 1,
            "its clients spread over all others"
        );
        farm.set(gone, Health::Up);
        assert!(
            (0..)
                .zip(&before)
                .all(|(n, was)| &server(&mut farm, n) == was)
        );
    }
}

#[test]
fn a_hash_does_not_care_for_order_and_unbinding_moves_only_its_own() {
    let slots = |ids: &[u64]| {
        ids.iter()
            .map(|&i| (i.wrapping_mul(0x1234_5678_9ABC_DEF1), i % 3 + 1))
            .collect()
    };
    let ids: Vec<u64> = (1..20).collect();
    let table = HashTable::new(4_096, slots(&ids));
    let mut turned = ids.clone();
    turned.reverse();
    let other = HashTable::new(4_096, slots(&turned));
    let mut fewer = ids.clone();
    fewer.remove(7);
    let without = HashTable::new(4_096, slots(&fewer));
    for key in 0..20_000 {
        let owner = ids[table.owner(key, 0).expect("one") as usize];
        assert_eq!(turned[other.owner(key, 0).expect("one") as usize], owner);
        if owner != ids[7] {
            assert_eq!(fewer[without.owner(key, 0).expect("one") as usize], owner);
        }
    }
}

#[test]
fn a_hash_comes_out_the_same_on_every_director() {
    let (builder, _) = plain(Predictor::Hash(HashKey::Source), &[1, 2, 3]);
    let mut farm = builder.farm();
    let got: String = (0..24)
        .filter_map(|n| server(&mut farm, n).chars().last())
        .collect();
    assert_eq!(
        got, PINNED,
        "a change here moves every client of every farm at the next update"
    );
}

/// Which of 2.0.0.0 to 2.0.0.2 the clients 198.18.0.0 and after get.
const PINNED: &str = "220111011121122221221122";

#[test]
fn nested_hashes_do_not_see_the_same_part_of_the_clients() {
    let mut builder = Builder::default().virtuals(&["1.1.1.1", "1.1.1.2", "1.1.1.3"]);
    for (v, ids) in [
        ("1.1.1.2", ["2.0.0.1", "2.0.0.2"]),
        ("1.1.1.3", ["2.0.0.3", "2.0.0.4"]),
    ] {
        builder = builder
            .reals(&ids)
            .bind(v, &ids)
            .predictor(v, Predictor::Hash(HashKey::Source));
    }
    let builder = builder
        .bind("1.1.1.1", &["1.1.1.2", "1.1.1.3"])
        .predictor("1.1.1.1", Predictor::Hash(HashKey::Source));
    let got = counts(&mut builder.farm(), 8_000);
    assert!(
        got.len() == 4 && got.values().all(|n| (1_800..2_200).contains(n)),
        "{got:?}"
    );
}

#[test]
fn when_most_are_out_the_rest_still_share_evenly() {
    for predictor in [
        Predictor::RoundRobin,
        Predictor::Weighted,
        Predictor::Random,
        Predictor::Hash(HashKey::Source),
    ] {
        let (builder, ids) = plain(predictor, &[3; 200]);
        let mut farm = builder.farm();
        let down: Vec<_> = ids[4..]
            .iter()
            .map(|id| (farm.node(id), Health::Failed))
            .collect();
        farm.snapshot = farm.snapshot.with_health(&down);
        let got = counts(&mut farm, 4_000);
        assert!(
            got.len() == 4 && got.values().all(|n| (850..1_150).contains(n)),
            "{predictor:?} {got:?}"
        );
    }
}

#[test]
fn slots_that_fill_up_share_out_evenly() {
    for predictor in [
        Predictor::RoundRobin,
        Predictor::Random,
        Predictor::Hash(HashKey::Source),
    ] {
        let (mut builder, ids) = plain(predictor, &[1; 10]);
        for id in &ids[..5] {
            builder = builder.maxconns(id, 0);
        }
        let got = counts(&mut builder.farm(), 5_000);
        let most = if predictor == Predictor::RoundRobin {
            5_001
        } else {
            1_250
        };
        assert!(
            got.len() == 5 && got.values().all(|&n| n <= most),
            "{predictor:?} {got:?}"
        );
    }
}
