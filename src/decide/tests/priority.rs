//! Servers of the highest priority that has usable ones are picked from.

use std::sync::atomic::Ordering;

use super::*;
use crate::model::HashKey;

fn three(predictor: Predictor) -> Builder {
    Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&["2.0.0.1", "2.0.0.2", "2.0.0.3", "2.0.0.4"])
        .bind("1.1.1.1", &["2.0.0.1", "2.0.0.2", "2.0.0.3", "2.0.0.4"])
        .priority("2.0.0.1", 'C')
        .priority("2.0.0.3", 'A')
        .priority("2.0.0.4", 'A')
        .predictor("1.1.1.1", predictor)
}

const PREDICTORS: [Predictor; 7] = [
    Predictor::RoundRobin,
    Predictor::Weighted,
    Predictor::Random,
    Predictor::LeastConns,
    Predictor::Loaded,
    Predictor::Fastest,
    Predictor::Hash(HashKey::Source),
];

fn seen(farm: &mut TestFarm) -> Vec<String> {
    let mut seen: Vec<String> = (0..60).map(|n| farm.got(n)).collect();
    seen.sort();
    seen.dedup();
    seen
}

#[test]
fn lower_ones_come_in_where_no_higher_one_is_usable() {
    for predictor in PREDICTORS {
        let mut farm = three(predictor).farm();
        assert_eq!(seen(&mut farm), ["2.0.0.3", "2.0.0.4"], "{predictor:?}");
        farm.set("2.0.0.3", Health::Failed);
        assert_eq!(seen(&mut farm), ["2.0.0.4"], "{predictor:?}");
        farm.set("2.0.0.4", Health::Failed);
        assert_eq!(seen(&mut farm), ["2.0.0.1"], "C before the default M");
        farm.set("2.0.0.1", Health::Failed);
        assert_eq!(seen(&mut farm), ["2.0.0.2"], "{predictor:?}");
        farm.set("2.0.0.4", Health::Up);
        assert_eq!(seen(&mut farm), ["2.0.0.4"], "{predictor:?}");
    }
}

#[test]
fn lower_ones_take_what_the_higher_ones_have_no_room_for() {
    for predictor in PREDICTORS {
        let mut farm = three(predictor)
            .maxconns("2.0.0.3", 1)
            .maxconns("2.0.0.4", 1)
            .maxconns("2.0.0.1", 1)
            .farm();
        let mut held = vec![];
        let mut got = vec![];
        for n in 0..5 {
            let (decision, place) = farm.hold(&from("1.1.1.1", n), &mut Attempt::default());
            held.push(place);
            let text = farm.words(decision);
            got.push(text.split(' ').next().unwrap_or_default().to_owned());
        }
        got[..2].sort();
        let want = ["2.0.0.3", "2.0.0.4", "2.0.0.1", "2.0.0.2", "2.0.0.2"];
        assert_eq!(got, want, "{predictor:?}");
    }
}

#[test]
fn a_backup_fills_a_slot_at_the_slots_priority() {
    let mut farm = three(Predictor::RoundRobin)
        .reals(&["3.0.0.1"])
        .backup("2.0.0.3", "3.0.0.1")
        .farm();
    farm.set("2.0.0.3", Health::Failed);
    assert_eq!(seen(&mut farm), ["2.0.0.4", "3.0.0.1"]);
}

#[test]
fn a_server_of_lower_priority_is_not_tried_while_higher_ones_serve() {
    let mut farm = three(Predictor::RoundRobin).farm();
    farm.set("2.0.0.1", Health::Testing);
    assert_eq!(seen(&mut farm), ["2.0.0.3", "2.0.0.4"]);
    farm.set("2.0.0.4", Health::Testing);
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "2.0.0.4 trial");
}

#[test]
fn a_links_priority_wins_over_the_urls_own() {
    let mut farm = Builder::redirecting(2)
        .priority("u1", 'A')
        .priority(&dip(2), 'B')
        .farm();
    assert_eq!(seen(&mut farm), ["u2"]);
    let told = farm.told(&from("1.1.1.1", 1));
    assert!(
        told.contains("not taken: u1 for 1.1.1.1, because its priority is M, and there are servers of priority B"),
        "{told}"
    );
}

#[test]
fn retries_go_along_the_priorities() {
    let mut farm = three(Predictor::RoundRobin).farm();
    let mut attempt = Attempt::default();
    let mut got = vec![];
    for _ in 0..4 {
        let (decision, _) = farm.hold(&from("1.1.1.1", 1), &mut attempt);
        let Action::Forward { server } = decision.action else {
            panic!("{decision:?}")
        };
        got.push(farm.snapshot.id(server).to_string());
        attempt.tried.push(server);
    }
    assert_eq!(got, ["2.0.0.3", "2.0.0.4", "2.0.0.1", "2.0.0.2"]);
}

#[test]
fn a_second_try_comes_last_to_a_server_that_fails_others() {
    let ids = ["2.0.0.1", "2.0.0.2", "2.0.0.3", "2.0.0.4"];
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&ids)
        .bind("1.1.1.1", &ids)
        .farm();
    let suspect = farm.node("2.0.0.2");
    farm.loads
        .gauges(suspect)
        .suspect
        .store(true, Ordering::Relaxed);
    let mut attempt = Attempt::default();
    let mut got = vec![];
    for _ in 0..4 {
        let (decision, _) = farm.hold(&from("1.1.1.1", 1), &mut attempt);
        let Action::Forward { server } = decision.action else {
            panic!("{decision:?}")
        };
        got.push(farm.snapshot.id(server).to_string());
        attempt.tried.push(server);
    }
    assert_eq!(got, ["2.0.0.1", "2.0.0.3", "2.0.0.4", "2.0.0.2"]);
}
