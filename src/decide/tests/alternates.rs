//! The clients of one server spread over all others when it fails.

use super::sticky::dip_of;
use super::*;

const SOURCE: StickyBy = StickyBy::Source { v6_prefix: 64 };

fn weighted(returns: bool) -> TestFarm {
    let mut builder = Builder::redirecting(5)
        .predictor("1.1.1.1", Predictor::Weighted)
        .sticky("1.1.1.1", SOURCE)
        .tune("1.1.1.1", |v| v.returns = returns);
    for i in 1..=5 {
        builder = builder.weight(&dip(i), i as u16);
    }
    builder.farm()
}

/// Where so many clients are, by the servers' names.
fn everybody(farm: &mut TestFarm, count: u32) -> Vec<String> {
    (0..count).map(|n| farm.got(n)).collect()
}

#[test]
fn clients_of_a_failed_server_spread_by_weight_and_stay_there() {
    let mut farm = weighted(false);
    let before = everybody(&mut farm, 6_000);
    farm.set(&dip(5), Health::Failed);
    let after = everybody(&mut farm, 6_000);
    let mut spread = BTreeMap::<&str, f64>::new();
    for (was, is) in before.iter().zip(&after) {
        match was == "u5" {
            true => *spread.entry(is).or_default() += 1.0,
            false => assert_eq!(was, is, "nobody else moves"),
        }
    }
    let moved: f64 = spread.values().sum();
    for i in 1..=4 {
        let got = spread[&*format!("u{i}")];
        let want = moved * f64::from(i) / 10.0;
        assert!((got - want).abs() < want * 0.2, "u{i}: {got} of {want}");
    }
    farm.set(&dip(5), Health::Up);
    assert_eq!(everybody(&mut farm, 6_000), after, "nobody comes back");
}

#[test]
fn with_return_they_come_back() {
    let mut farm = weighted(true);
    let before = everybody(&mut farm, 600);
    farm.set(&dip(5), Health::Failed);
    let away = everybody(&mut farm, 600);
    assert!(away.iter().all(|url| url != "u5"));
    assert_eq!(everybody(&mut farm, 600), away, "to one second choice");
    farm.set(&dip(5), Health::Up);
    assert_eq!(everybody(&mut farm, 600), before);
}

#[test]
fn one_after_the_other_may_fail() {
    let mut farm = weighted(false);
    everybody(&mut farm, 400);
    for down in [5, 4, 3, 2] {
        farm.set(&dip(down), Health::Failed);
        let now = everybody(&mut farm, 400);
        assert!(now.iter().all(|url| url[1..] < *down.to_string()));
        assert_eq!(everybody(&mut farm, 400), now);
    }
}

#[test]
fn at_a_failed_dip_its_clients_find_their_alternates_by_its_backup() {
    let builder = Builder::redirecting(4)
        .sticky("1.1.1.1", SOURCE)
        .backup(&dip(1), "1.1.1.1");
    let mut farm = builder.farm();
    let own: Vec<String> = everybody(&mut farm, 80);
    farm.set(&dip(1), Health::Failed);
    let mut seen = BTreeMap::<String, u32>::new();
    for (n, _) in (0..).zip(&own).filter(|(_, url)| *url == "u1") {
        let text = farm.tell(&from(&dip(1), n));
        assert!(text.ends_with("alternate"), "{text}");
        let url = text.split(' ').nth(1).expect("a url").to_owned();
        assert_eq!(farm.tell(&from("1.1.1.1", n)), format!("-> {url} sticky"));
        *seen.entry(url).or_default() += 1;
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn clients_are_counted_at_their_primary() {
    let mut farm = weighted(false);
    let at = |farm: &TestFarm| -> Vec<u32> {
        let urls = (1..=5).map(|i| farm.node(&format!("u{i}")));
        urls.map(|u| farm.loads.gauges(u).clients()).collect()
    };
    everybody(&mut farm, 150);
    assert_eq!(at(&farm), [10, 20, 30, 40, 50]);
    everybody(&mut farm, 150);
    assert_eq!(at(&farm), [10, 20, 30, 40, 50]);
    farm.set(&dip_of("u5"), Health::Failed);
    everybody(&mut farm, 150);
    assert_eq!(at(&farm)[4], 0);
    assert_eq!(at(&farm).iter().sum::<u32>(), 150);
}

#[test]
fn among_a_thousand_servers_second_choices_differ_too() {
    let mut farm = Builder::redirecting(1_000).sticky("1.1.1.1", SOURCE).farm();
    let ticket = (0..200).map(|n| (n * 1_000, farm.got(n * 1_000)));
    let own: Vec<(u32, String)> = ticket.collect();
    let mut seen = BTreeMap::<String, u32>::new();
    for (n, url) in own {
        farm.set(&dip_of(&url), Health::Failed);
        *seen.entry(farm.got(n)).or_default() += 1;
    }
    assert!(seen.values().all(|n| *n <= 5), "{seen:?}");
}
