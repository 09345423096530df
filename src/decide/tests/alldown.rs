//! What the operator chose for when every server is down.

use super::*;
use crate::model::AllDown;

fn down(all_down: impl FnOnce(&Builder) -> AllDown) -> Builder {
    let builder = Builder::redirecting(3).url("sorry", "http://sorry.acme.com/");
    let all_down = all_down(&builder);
    builder.tune("1.1.1.1", |v| v.all_down = all_down)
}

fn fail(farm: &mut TestFarm, dips: &[usize]) {
    for &i in dips {
        farm.set(&dip(i), Health::Failed);
    }
}

#[test]
fn a_url_answers_when_all_are_down_and_only_then() {
    let mut farm = down(|b| AllDown::Url(b.at("sorry"))).farm();
    fail(&mut farm, &[1, 2]);
    assert_eq!(farm.get("1.1.1.1"), "-> u3 predicted");
    fail(&mut farm, &[3]);
    assert_eq!(farm.get("1.1.1.1"), "-> sorry all-down");
    let told = farm.told(&from("1.1.1.1", 1));
    assert!(
        told.contains("1.1.1.1: all servers are down: on to sorry"),
        "{told}"
    );
    farm.set("sorry", Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "refused none-usable");
    farm.set(&dip(2), Health::Up);
    assert_eq!(farm.get("1.1.1.1"), "-> u2 predicted");
}

#[test]
fn full_is_not_down() {
    let mut farm = down(|b| AllDown::Url(b.at("sorry")))
        .maxconns(&dip(1), 0)
        .maxconns(&dip(2), 0)
        .maxconns(&dip(3), 0)
        .farm();
    assert_eq!(farm.get("1.1.1.1"), "refused all-full");
}

#[test]
fn a_backup_comes_before_the_last_resort() {
    let mut farm = down(|_| AllDown::LastGood)
        .reals(&["9.0.0.1"])
        .backup("1.1.1.1", "9.0.0.1")
        .farm();
    fail(&mut farm, &[1, 2, 3]);
    assert_eq!(farm.get("1.1.1.1"), "9.0.0.1 virtual-backup");
    farm.set("9.0.0.1", Health::Failed);
    assert!(farm.get("1.1.1.1").ends_with("last-good"));
}

#[test]
fn the_servers_that_were_usable_last_go_on() {
    let builder = down(|_| AllDown::LastGood);
    let mut farm = builder.farm();
    fail(&mut farm, &[1]);
    let both: Vec<_> = [2, 3].map(|i| (farm.node(&dip(i)), Health::Failed)).into();
    farm.snapshot = farm.snapshot.with_health(&both);
    let turns: Vec<String> = (0..4).map(|_| farm.get("1.1.1.1")).collect();
    assert!(
        turns
            .iter()
            .all(|t| t.ends_with("last-good") && !t.contains("u1"))
    );
    assert_ne!(turns[0], turns[1]);
    assert_eq!(turns[0], turns[2]);
    // Over a reload that moves them about, too.
    let mut other = Builder::default().virtuals(&["7.7.7.7"]);
    other.model.virtuals.clear();
    let moved = down(|_| AllDown::LastGood).tune("1.1.1.1", |v| v.targets.reverse());
    farm.reload(&moved);
    for _ in 0..4 {
        let text = farm.get("1.1.1.1");
        assert!(
            text.ends_with("last-good") && !text.contains("u1"),
            "{text}"
        );
    }
    // The operator's word holds.
    farm.reload(&moved.intent(&dip(2), Intent::OutOfService));
    assert_eq!(farm.get("1.1.1.1"), "-> u3 last-good");
    farm.set(&dip(1), Health::Up);
    assert_eq!(farm.get("1.1.1.1"), "-> u1 predicted");
}

#[test]
fn nothing_was_ever_good_then_all_are_asked() {
    let builder = down(|_| AllDown::LastGood);
    let mut facts = Facts::default();
    for i in 1..=3 {
        facts.measured.insert(id(&dip(i)), Health::Failed.into());
    }
    let (snapshot, loads) = Snapshot::compile(&builder.model, &facts, None);
    let mut farm = TestFarm {
        snapshot,
        loads,
        ..builder.farm()
    };
    let mut seen: Vec<String> = (0..3).map(|_| farm.get("1.1.1.1")).collect();
    seen.sort();
    assert_eq!(
        seen,
        ["-> u1 last-good", "-> u2 last-good", "-> u3 last-good"]
    );
}

#[test]
fn a_dip_whose_backup_is_the_virtual_has_its_last_resort_too() {
    let mut farm = down(|b| AllDown::Url(b.at("sorry")))
        .backup(&dip(1), "1.1.1.1")
        .farm();
    fail(&mut farm, &[1, 2, 3]);
    assert_eq!(farm.get("1.1.1.1"), "-> sorry all-down");
    assert_eq!(farm.get(&dip(1)), "-> sorry all-down");
}

#[test]
fn one_client_tries_a_server_while_the_others_go_to_the_last_resort() {
    let mut farm = down(|b| AllDown::Url(b.at("sorry"))).farm();
    fail(&mut farm, &[1, 2]);
    farm.set(&dip(3), Health::Testing);
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> u3 trial");
    assert_eq!(farm.tell(&from("1.1.1.1", 2)), "-> sorry all-down");
}
