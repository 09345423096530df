//! What servers say of themselves, and urls' own health.

use super::*;
use crate::model::HashKey;

fn counts(farm: &mut TestFarm, asks: u32) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for n in 0..asks {
        *counts.entry(farm.got(n)).or_default() += 1;
    }
    counts
}

#[test]
fn weights_are_what_is_configured_times_what_the_server_says() {
    for predictor in [
        Predictor::Weighted,
        Predictor::Random,
        Predictor::Hash(HashKey::Source),
    ] {
        let mut farm = Builder::redirecting(3)
            .weight(&dip(2), 4)
            .predictor("1.1.1.1", predictor)
            .farm();
        farm.measure(&dip(2), |m| m.share = 25);
        farm.measure(&dip(3), |m| m.share = 200);
        let got = counts(&mut farm, 8_000);
        for (url, want) in [("u1", 2_000.0), ("u2", 2_000.0), ("u3", 4_000.0)] {
            let got = f64::from(got[url]);
            assert!((got - want).abs() < 250.0, "{predictor:?} {url}: {got}");
        }
    }
}

#[test]
fn a_share_moves_only_its_own_clients_under_hash() {
    let mut farm = Builder::redirecting(4)
        .predictor("1.1.1.1", Predictor::Hash(HashKey::Source))
        .farm();
    let before: Vec<String> = (0..2_000).map(|n| farm.got(n)).collect();
    farm.measure(&dip(1), |m| m.share = 50);
    let half: Vec<String> = (0..2_000).map(|n| farm.got(n)).collect();
    farm.measure(&dip(1), |m| m.share = 20);
    let less: Vec<String> = (0..2_000).map(|n| farm.got(n)).collect();
    for ((before, half), less) in before.iter().zip(&half).zip(&less) {
        assert!(half == before || before == "u1");
        assert!(
            less != "u1" || half == "u1",
            "a client that left does not come back"
        );
    }
    let at_u1 = |list: &[String]| list.iter().filter(|u| *u == "u1").count();
    let (all, half, less) = (at_u1(&before), at_u1(&half), at_u1(&less));
    assert!(
        half * 10 > all * 4 && half * 10 < all * 6,
        "{half} of {all}"
    );
    assert!(less * 10 > all && less * 10 < all * 3, "{less} of {all}");
}

#[test]
fn a_share_of_0_takes_no_new_clients() {
    let mut farm = Builder::redirecting(2).farm();
    farm.measure(&dip(1), |m| m.share = 0);
    assert_eq!(counts(&mut farm, 6).get("u1"), None);
    let told = farm.told(&from("1.1.1.1", 1));
    assert!(
        told.contains("it says that it takes no new clients"),
        "{told}"
    );
    farm.measure(&dip(2), |m| m.share = 0);
    assert_eq!(farm.get("1.1.1.1"), "refused none-usable");
    farm.measure(&dip(1), |m| m.share = 1);
    assert_eq!(counts(&mut farm, 6)["u1"], 6);
}

#[test]
fn the_limit_that_a_server_says_holds_beside_the_configured_one() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&["2.0.0.1"])
        .bind("1.1.1.1", &["2.0.0.1"])
        .maxconns("2.0.0.1", 2)
        .farm();
    let held: Vec<_> = (0..2)
        .map(|n| farm.hold(&from("1.1.1.1", n), &mut Attempt::default()))
        .collect();
    assert_eq!(farm.get("1.1.1.1"), "refused all-full");
    farm.measure("2.0.0.1", |m| m.maxconns = Some(3));
    assert_eq!(farm.get("1.1.1.1"), "refused all-full");
    drop(held);
    farm.measure("2.0.0.1", |m| m.maxconns = Some(0));
    assert_eq!(farm.get("1.1.1.1"), "refused all-full");
}

#[test]
fn a_url_fails_by_itself_and_with_its_dip() {
    let mut farm = Builder::redirecting(2)
        .url("alone", "http://alone.acme.com/%d")
        .bind("1.1.1.1", &["alone"])
        .farm();
    farm.set("u1", Health::Failed);
    farm.set("alone", Health::Failed);
    assert_eq!(counts(&mut farm, 6)["u2"], 6);
    assert_eq!(farm.get(&dip(1)), "2.0.0.1 direct", "its dip works");
    farm.set(&dip(2), Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "refused none-usable");
    farm.set("alone", Health::Testing);
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> alone trial");
    assert_eq!(farm.tell(&from("1.1.1.1", 2)), "refused none-usable");
    farm.pass(TRIAL_MS);
    assert_eq!(farm.tell(&from("1.1.1.1", 2)), "-> alone trial");
}
