//! Health and capacity of whole farms under a virtual clock: each seed is a farm, its clients, its failures and its operator over
//! a virtual hour. What must always hold is checked at every step ([`laws`]).
//!
//! A hundred seeds run with the other tests. `tests/long/simulate` runs 10,000; `SIGNPOST_SEEDS=FROM..TO` names them here.

mod dice;
mod farm;
mod laws;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use world::World;

/// Seeds that run with the other tests.
const SEEDS: std::ops::Range<u64> = 0..100;

/// Both cores of the machine.
const THREADS: u64 = 2;

#[test]
#[expect(clippy::print_stdout, reason = "the long run's figures")]
fn a_virtual_hour_of_every_seed_keeps_the_laws() {
    let seeds = match std::env::var("SIGNPOST_SEEDS") {
        Ok(text) => range(&text),
        Err(_) => SEEDS,
    };
    let mut totals = world::Totals::default();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..THREADS)
            .map(|nth| seeds.clone().skip(nth as usize).step_by(THREADS as usize))
            .map(|seeds| scope.spawn(|| run(seeds)))
            .collect();
        for ran in runs {
            totals.add(&ran.join().expect("a seed failed"));
        }
    });
    println!("{} seeds: {totals}", seeds.end - seeds.start);
    // A simulation in which nothing happens proves nothing; one seed alone need not see it all.
    assert!(
        seeds.end - seeds.start < 20 || totals.all_happened(),
        "{totals}"
    );
}

fn run(seeds: impl Iterator<Item = u64>) -> world::Totals {
    let mut totals = world::Totals::default();
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| World::new(seed).run())) {
            Ok(told) => totals.add(&told),
            Err(_) => panic!(
                "seed {seed}: run it alone with SIGNPOST_SEEDS={seed}..{}",
                seed + 1
            ),
        }
    }
    totals
}

fn range(text: &str) -> std::ops::Range<u64> {
    let (from, to) = text.split_once("..").expect("SIGNPOST_SEEDS=FROM..TO");
    from.parse().expect("a number")..to.parse().expect("a number")
}
