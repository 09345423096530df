use std::thread;

use proptest::prelude::*;

use super::*;

fn at(seconds: f64) -> Millis {
    Millis(1_000_000 + (seconds * 1_000.0) as u64)
}

fn near(found: f32, wanted: f64) -> bool {
    (f64::from(found) - wanted).abs() <= wanted * 0.01 + 1e-6
}

#[test]
fn a_count_is_a_third_after_its_time() {
    let decay = Decay::default();
    assert_eq!(decay.value(at(0.0), 60), 0.0);
    for _ in 0..100 {
        decay.add(at(0.0), 60);
    }
    assert_eq!(decay.value(at(0.0), 60), 100.0);
    assert!(near(decay.value(at(60.0), 60), 100.0 / 1f64.exp()));
    assert!(near(decay.value(at(600.0), 60), 100.0 / 10f64.exp()));
    assert!(decay.value(at(86_400.0), 60) < 1e-30);
}

#[test]
fn a_rate_settles_at_rate_times_tau() {
    let decay = Decay::default();
    let mut value = 0.0;
    for n in 0..12_000 {
        decay.add(at(f64::from(n) * 0.05), 60);
        value = decay.value(at(f64::from(n) * 0.05), 60);
    }
    assert!(near(value, 20.0 * 60.0), "{value}");
}

#[test]
fn a_clock_a_little_behind_changes_nothing_and_the_past_is_past() {
    let decay = Decay::default();
    decay.add(at(100.0), 10);
    decay.add(at(99.0), 10);
    assert_eq!(decay.value(at(98.0), 10), 2.0);
    assert_eq!(decay.value(at(100.0), 10), 2.0);
    // 300 days later, where half of the ticks have gone by.
    assert_eq!(decay.value(at(300.0 * 86_400.0), 86_400), 0.0);
}

#[test]
fn without_a_time_nothing_stays() {
    let decay = Decay::default();
    decay.add(at(0.0), 0);
    assert_eq!(decay.value(at(0.01), 0), 0.0);
}

#[test]
fn it_counts_to_its_limit_and_stays_there() {
    let most = 16_777_216f32;
    let word = u64::from((most - 1.0).to_bits()) << 32 | u64::from(ticks(at(0.0)));
    let decay = Decay(AtomicU64::new(word));
    decay.add(at(0.0), 60);
    assert_eq!(decay.value(at(0.0), 60), most);
    decay.add(at(0.0), 60);
    assert_eq!(decay.value(at(0.0), 60), most);
}

#[test]
fn threads_lose_no_count() {
    let decay = Decay::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| decay.add(at(5.0), 60)));
        }
    });
    assert_eq!(decay.value(at(5.0), 60), 4_000.0);
}

proptest! {
    #[test]
    fn it_follows_the_exponential_law(
        steps in prop::collection::vec(0u64..5_000, 1..60),
        start in any::<u32>(),
        tau_s in 2u32..1_000,
        after in 0u64..10_000,
    ) {
        let decay = Decay::default();
        let (mut now, mut wanted) = (u64::from(start) * 1_000, 0.0);
        let fade = |ms: u64| (-(ms as f64) / 1_000.0 / f64::from(tau_s)).exp();
        for step in steps {
            now += step;
            wanted = wanted * fade(step) + 1.0;
            decay.add(Millis(now), tau_s);
            prop_assert!(near(decay.value(Millis(now), tau_s), wanted));
        }
        let found = decay.value(Millis(now + after), tau_s);
        prop_assert!(near(found, wanted * fade(after)), "{found}");
    }

    #[test]
    fn between_two_counts_it_only_falls(
        counts in 1usize..50,
        tau_s in 0u32..86_400,
        steps in prop::collection::vec(0u64..100_000, 1..50),
    ) {
        let decay = Decay::default();
        let mut now = 12_345;
        (0..counts).for_each(|_| decay.add(Millis(now), tau_s));
        let mut last = decay.value(Millis(now), tau_s);
        for step in steps {
            now += step;
            let value = decay.value(Millis(now), tau_s);
            prop_assert!(value >= 0.0 && value <= last);
            last = value;
        }
    }
}
