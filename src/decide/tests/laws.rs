//! Laws that hold of every farm.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::predictors::{Shares, golden, schedule};
use super::recipes::*;
use super::shares::{counts, plain};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Random farms, cyclic backups and mutual virtuals included: every walk ends, none ends at a server that is not
    /// usable, and none is refused while a bound server is.
    #[test]
    fn nobody_gets_an_unusable_server_and_nobody_is_refused_a_usable_one(recipe in recipes()) {
        let (builder, facts) = cook(&recipe);
        let (snapshot, loads) = Snapshot::compile(&builder.model, &facts, None);
        let mut farm = TestFarm { snapshot, loads, now: Millis(1_000_000), draw: 7 };
        let mut held = vec![];
        for n in 0..30 {
            for (d, door) in doors().iter().enumerate() {
                let asked = Ask { client: client(n), ..ask(door) };
                let mut attempt = Attempt::default();
                let moment = farm.moment();
                let oracle = Oracle { model: &builder.model, facts: &facts, loads: &farm.loads, snapshot: &farm.snapshot };
                let must = d < VIRTUALS && oracle.must_find(d);
                let full_before: Vec<bool> = (0..NODES as u32).map(|i| {
                    let node = farm.snapshot.node(&id(&names()[i as usize])).expect("a node");
                    let r = oracle.of(node);
                    matches!(r, Ref::Url(_)) || oracle.usable(r, true)
                }).collect();
                let decision = decide(&asked, &farm.snapshot, &farm.loads, moment, &mut attempt);
                match decision.action {
                    Action::Refuse => prop_assert!(!must, "{door} was refused: {decision:?}"),
                    Action::Redirect { url, .. } => {
                        let r = oracle.of(url);
                        prop_assert!(oracle.usable(r, decision.reason == Reason::Trial), "{:?}", farm.words(decision));
                    }
                    Action::Forward { server } => {
                        let r = oracle.of(server);
                        let direct = d >= VIRTUALS && farm.snapshot.id(server) == &id(door);
                        let name = farm.snapshot.id(server).to_string();
                        let i = names().iter().position(|n| *n == name).expect("a name");
                        let stuck = direct && oracle.intent(r) == Intent::Sticky;
                        prop_assert!(full_before[i] || stuck, "{}", farm.words(decision));
                        let health = facts.measured[&id(&name)].health;
                        prop_assert!(health != Health::Testing || decision.reason == Reason::Trial);
                        let place = farm.loads.place(server);
                        if n % 3 == 0 { held.push(place); }
                    }
                }
            }
        }
    }

    /// A flip of health gives the very snapshot that a compilation from nothing would.
    #[test]
    fn a_flip_is_as_good_as_a_compilation(recipe in recipes(), flips in prop::collection::vec((0..REALS + DIPS, 0..3u8), 1..12)) {
        let (builder, mut facts) = cook(&recipe);
        let (mut snapshot, loads) = Snapshot::compile(&builder.model, &facts, None);
        for (i, health) in flips {
            let name = &names()[VIRTUALS + i];
            let health = [Health::Up, Health::Failed, Health::Testing][health as usize];
            facts.measured.insert(id(name), health.into());
            let node = snapshot.node(&id(name)).expect("a node");
            snapshot = snapshot.with_health(&[(node, health)]);
            let (fresh, _) = Snapshot::compile(&builder.model, &facts, Some((&snapshot, &loads)));
            prop_assert_eq!(format!("{:?}", snapshot.marks), format!("{:?}", fresh.marks));
        }
    }

    /// Every prefix of a schedule gives each slot its exact share, less than one turn off.
    #[test]
    fn a_schedule_is_never_a_turn_off(weights in prop::collection::vec(1u64..60, 1..40)) {
        let table = schedule(&weights, 1 << 17).expect("a short period");
        let sum: u64 = weights.iter().sum();
        let mut got = vec![0u64; weights.len()];
        for (turn, &slot) in (1u64..).zip(table.iter()) {
            got[slot as usize] += 1;
            for (got, weight) in got.iter().zip(&weights) {
                prop_assert!((got * sum).abs_diff(weight * turn) < sum);
            }
        }
    }

    /// Where a schedule would be too long, shares are exact in the long run and never far off.
    #[test]
    fn the_golden_sequence_keeps_shares(weights in prop::collection::vec(1u64..1_000_000, 2..50)) {
        let shares = Shares::new(&weights);
        let sum: u64 = weights.iter().sum();
        let mut got = vec![0u64; weights.len()];
        for turn in 0..20_000 {
            got[shares.at(golden(turn))] += 1;
        }
        for (got, weight) in got.iter().zip(&weights) {
            let want = 20_000.0 * *weight as f64 / sum as f64;
            prop_assert!((*got as f64 - want).abs() < 5.0, "{} of {}", got, want);
        }
    }

    /// Every draw falls on the slot whose part of the sum it is.
    #[test]
    fn shares_are_found_through_the_guide(weights in prop::collection::vec(prop_oneof![1u64..4, 1u64..100_000], 1..200), draws in prop::collection::vec(any::<u64>(), 50)) {
        let shares = Shares::new(&weights);
        let sum: u64 = weights.iter().sum();
        for draw in draws {
            let mut point = ((u128::from(draw) * u128::from(sum)) >> 64) as u64;
            let want = weights.iter().position(|&w| point < w || { point -= w; false });
            prop_assert_eq!(Some(shares.at(draw)), want);
        }
    }

    /// n requests in a row to n filled slots reach each once, wherever the row begins.
    #[test]
    fn n_in_a_row_reach_n(n in 1usize..40, down in prop::collection::vec(any::<bool>(), 40), skip in 0u32..100) {
        let (builder, ids) = plain(Predictor::RoundRobin, &vec![1; n]);
        let mut farm = builder.farm();
        let flips: Vec<_> = ids.iter().zip(&down).filter(|(_, down)| **down)
            .map(|(id, _)| (farm.node(id), Health::Failed)).collect();
        farm.snapshot = farm.snapshot.with_health(&flips);
        let filled = n - flips.len();
        counts(&mut farm, skip);
        let got = counts(&mut farm, filled as u32);
        prop_assert_eq!(got.len(), filled);
        prop_assert!(filled == 0 || !got.contains_key("refused"));
    }
}

#[test]
fn long_chains_and_rings_are_linear() {
    let ids: Vec<String> = (0..50_000)
        .map(|i| format!("3.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255))
        .collect();
    let mut builder = Builder::default().virtuals(&["1.1.1.1"]);
    for id in &ids {
        builder = builder.dips(&[id]).maxconns(id, 0);
    }
    builder = builder.bind("1.1.1.1", &[&ids[0]]);
    for pair in ids.windows(2) {
        builder = builder.backup(&pair[0], &pair[1]);
    }
    // The whole ring is full; then but for its last.
    let mut ring = builder.backup(&ids[ids.len() - 1], &ids[0]);
    let mut farm = ring.farm();
    assert_eq!(farm.get("1.1.1.1"), "refused all-full");
    ring.serving_of(&ids[ids.len() - 1]).maxconns = None;
    let mut farm = ring.farm();
    assert_eq!(
        farm.get("1.1.1.1"),
        format!("{} backup", ids[ids.len() - 1])
    );
    farm.set(&ids[ids.len() - 1], Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "refused all-full");
}

#[test]
fn gauges_are_kept_by_id() {
    let (builder, ids) = plain(Predictor::RoundRobin, &[1, 1]);
    let farm = builder.farm();
    let (more, _) = plain(Predictor::RoundRobin, &[1, 1, 1]);
    let before = Some((&farm.snapshot, &farm.loads));
    let (snapshot, loads) = Snapshot::compile(&more.model, &Facts::default(), before);
    let kept: HashMap<_, _> = ids
        .iter()
        .map(|i| (i, farm.loads.gauges(farm.node(i))))
        .collect();
    for id_text in &ids {
        let node = snapshot.node(&id(id_text)).expect("a node");
        assert!(Arc::ptr_eq(kept[id_text], loads.gauges(node)));
    }
}
