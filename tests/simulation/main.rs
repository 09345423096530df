//! Health and capacity of whole farms under a virtual clock: each seed is a farm, its clients, its failures and its operator over
//! a virtual hour. What must always hold is checked at every step ([`laws`]).
//!
//! A hundred seeds run with the other tests. `tests/long/simulate` runs 10,000; `SIGNPOST_SEEDS=FROM..TO` names them here.

mod dice;
mod laws;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use world::World;

/// Seeds that run with the other tests.
const SEEDS: std::ops::Range<u64> = 0..100;

#[test]
fn a_virtual_hour_of_every_seed_keeps_the_laws() {
    let seeds = match std::env::var("SIGNPOST_SEEDS") {
        Ok(text) => range(&text),
        Err(_) => SEEDS,
    };
    let mut totals = world::Totals::default();
    for seed in seeds.clone() {
        let ran = catch_unwind(AssertUnwindSafe(|| World::new(seed).run()));
        match ran {
            Ok(told) => totals.add(&told),
            Err(_) => panic!("seed {seed}: run it alone with SIGNPOST_SEEDS={seed}..{}", seed + 1),
        }
    }
    println!("{} seeds: {totals}", seeds.end - seeds.start);
    // A simulation in which nothing happens proves nothing.
    assert!(totals.all_happened(), "{totals}");
}

fn range(text: &str) -> std::ops::Range<u64> {
    let (from, to) = text.split_once("..").expect("SIGNPOST_SEEDS=FROM..TO");
    from.parse().expect("a number")..to.parse().expect("a number")
}
