//! A redirect is a promise: the server counts as loaded before the client comes.

use super::*;

fn least(promise_s: u32) -> TestFarm {
    let mut builder = Builder::redirecting(4).predictor("1.1.1.1", Predictor::LeastConns);
    for i in 1..=4 {
        builder.serving_of(&dip(i)).promise_s = promise_s;
    }
    builder.farm()
}

/// Redirects a burst of clients that do not come yet, at a farm of which one server has nothing to do.
fn herd(farm: &mut TestFarm, burst: u32) -> Vec<u32> {
    let mut held = vec![];
    for i in 2..=4 {
        for n in 0..20 {
            held.push(
                farm.hold(&from(&dip(i), 10_000 + n), &mut Attempt::default())
                    .1,
            );
        }
    }
    let mut got = vec![0; 4];
    for n in 0..burst {
        let url = farm.got(n);
        got[url[1..].parse::<usize>().expect("a number") - 1] += 1;
    }
    got
}

#[test]
fn a_herd_does_not_run_to_one_server() {
    assert_eq!(herd(&mut least(10), 340), [100, 80, 80, 80]);
    assert_eq!(herd(&mut least(0), 340), [340, 0, 0, 0], "blind without");
}

#[test]
fn a_promise_ends_when_its_client_comes_or_in_time() {
    let mut farm = least(10);
    for n in 0..8 {
        farm.got(n);
    }
    let promises = |farm: &TestFarm| -> Vec<u32> {
        let dips = (1..=4).map(|i| farm.node(&dip(i)));
        dips.map(|d| farm.loads.promises(d, farm.now)).collect()
    };
    assert_eq!(promises(&farm), [2; 4]);
    assert_eq!(farm.tell(&from(&dip(1), 0)), "2.0.0.1 direct");
    assert_eq!(
        farm.tell(&from(&dip(1), 77)),
        "2.0.0.1 direct",
        "somebody else"
    );
    assert_eq!(promises(&farm), [1, 2, 2, 2]);
    farm.pass(10_000);
    assert_eq!(promises(&farm), [0; 4]);
}

#[test]
fn a_server_that_is_promised_full_is_full_for_redirects_and_open_to_who_comes() {
    let mut farm = Builder::redirecting(2)
        .maxconns(&dip(1), 2)
        .maxconns(&dip(2), 1)
        .farm();
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> u1 predicted");
    assert_eq!(farm.tell(&from("1.1.1.1", 2)), "-> u2 predicted");
    assert_eq!(farm.tell(&from("1.1.1.1", 3)), "-> u1 predicted");
    assert_eq!(farm.tell(&from("1.1.1.1", 4)), "refused all-full");
    // Its own promise does not keep a client out.
    assert_eq!(farm.tell(&from("1.1.1.1", 2)), "-> u2 predicted");
    let (decision, held) = farm.hold(&from(&dip(2), 2), &mut Attempt::default());
    assert_eq!(farm.words(decision), "2.0.0.2 direct");
    assert_eq!(farm.tell(&from("1.1.1.1", 5)), "refused all-full");
    drop(held);
    assert_eq!(farm.tell(&from("1.1.1.1", 5)), "-> u2 predicted");
}

#[test]
fn the_load_of_a_url_that_is_linked_to_nothing_is_taken_from_its_redirects() {
    let mut builder = Builder::default()
        .virtuals(&["1.1.1.1"])
        .url("near", "http://near.acme.com/%d")
        .url("far", "http://far.acme.com/%d")
        .bind("1.1.1.1", &["near", "far"])
        .predictor("1.1.1.1", Predictor::LeastConns);
    builder.url_of("far").maxconns = Some(10);
    let mut farm = builder.farm();
    let far = (0..60).filter(|&n| farm.got(n) == "far").count();
    assert_eq!(far, 10, "as far as its maxconns");
    farm.pass(60_000);
    // After one time constant a third of it is left.
    let far = (0..60).filter(|&n| farm.got(n) == "far").count();
    assert!((6..=7).contains(&far), "{far}");
}

#[test]
fn an_explanation_tells_promises_and_makes_none() {
    let mut farm = least(10);
    for n in 0..4 {
        farm.got(n);
    }
    for _ in 0..2 {
        let told = farm.told(&from("1.1.1.1", 9));
        assert!(told.contains("promised 1 client, and this one"), "{told}");
    }
}

#[test]
fn who_comes_to_a_full_server_is_still_to_come_until_it_has_a_place() {
    let mut builder = Builder::redirecting(1).maxconns(&dip(1), 1);
    builder.serving_of(&dip(1)).promise_s = 10;
    let mut farm = builder.farm();
    assert_eq!(farm.got(1), "u1");
    let server = farm.node(&dip(1));
    let (_, held) = farm.hold(&from(&dip(1), 2), &mut Attempt::default());
    let promises = |farm: &TestFarm| farm.loads.promises(server, farm.now);
    assert_eq!(farm.tell(&from(&dip(1), 1)), "refused all-full");
    assert_eq!(promises(&farm), 1, "it waits");
    drop(held);
    assert_eq!(farm.tell(&from("1.1.1.1", 3)), "refused all-full");
    assert_eq!(farm.tell(&from(&dip(1), 1)), "2.0.0.1 direct");
    assert_eq!(promises(&farm), 0);
}
