use std::collections::HashMap;
use std::thread;

use proptest::prelude::*;

use super::*;

const SERVER: u32 = 7;

fn client(n: u32) -> IpAddr {
    IpAddr::from(n.to_be_bytes())
}

/// One server's promises.
struct One {
    ring: Ring,
    promised: Promised,
}

impl One {
    fn new() -> One {
        One {
            ring: Ring::default(),
            promised: Promised::new(),
        }
    }

    fn promise(&self, n: u32, now: u64, promise_s: u32) {
        self.promised
            .promise(&self.ring, SERVER, client(n), Millis(now), promise_s);
    }

    fn keep(&self, n: u32, now: u64) -> bool {
        self.promised
            .keep(&self.ring, SERVER, client(n), Millis(now))
    }

    fn knows(&self, n: u32, now: u64) -> bool {
        self.promised.is_promised(SERVER, client(n), Millis(now))
    }

    fn count(&self, now: u64) -> u32 {
        self.ring.count(Millis(now))
    }
}

#[test]
fn a_promise_counts_until_it_is_kept_or_ends() {
    let one = One::new();
    one.promise(1, 1_000, 8);
    one.promise(2, 1_000, 8);
    assert_eq!(one.count(1_000), 2);
    assert!(one.knows(1, 1_000) && !one.knows(3, 1_000));
    assert!(one.keep(1, 2_000));
    assert!(!one.keep(1, 2_000));
    assert_eq!(one.count(2_000), 1);
    assert_eq!(one.count(8_000), 1);
    assert_eq!(one.count(9_000), 0);
    assert!(!one.knows(2, 9_000) && !one.keep(2, 9_000));
}

#[test]
fn a_client_that_asks_again_is_counted_once() {
    let one = One::new();
    for n in 0..20 {
        one.promise(1, 1_000 + n * 700, 8);
        assert_eq!(one.count(1_000 + n * 700), 1);
    }
    let last = 1_000 + 19 * 700;
    assert_eq!(one.count(last + 7_000), 1);
    assert!(one.keep(1, last + 7_000));
    assert_eq!(one.count(last + 7_000), 0);
}

#[test]
fn an_address_mapped_into_ipv6_is_the_same_client() {
    let one = One::new();
    one.promise(0x0102_0304, 0, 10);
    let mapped = "::ffff:1.2.3.4".parse().expect("an address");
    assert!(one.promised.keep(&one.ring, SERVER, mapped, Millis(1)));
}

#[test]
fn no_time_is_no_promise_and_the_longest_is_the_limit() {
    let one = One::new();
    one.promise(1, 1_000, 0);
    assert_eq!(one.count(1_000), 0);
    one.promise(1, 0, PROMISE_MOST_S);
    one.promise(2, 0, PROMISE_MOST_S + 1);
    let end = u64::from(PROMISE_MOST_S) * 1_000;
    assert_eq!((one.count(end - 1), one.count(end)), (2, 0));
}

#[test]
fn a_clock_behind_another_threads_loses_nothing() {
    let one = One::new();
    let now = 3_000_000;
    (0..5).for_each(|n| one.promise(n, now, PROMISE_MOST_S));
    for behind in [1, 500, 60_000, 300_000] {
        assert_eq!(one.count(now - behind), 5);
        assert!(one.knows(1, now - behind));
    }
    (5..9).for_each(|n| one.promise(n, now - 1, PROMISE_MOST_S));
    assert_eq!(one.count(now), 9);
    assert!((0..9).all(|n| one.keep(n, now - 1)));
    assert_eq!(one.count(now), 0);
}

#[test]
fn eight_ends_are_counted_at_once_and_not_a_ninth() {
    let ring = Ring::default();
    for n in 1..=BUCKETS as u32 {
        assert!(ring.add(n * 100, 0, 0));
    }
    assert!(!ring.add(900, 0, 0));
    assert!(ring.add(800, 0, 0));
    assert_eq!(ring.count(Millis(0)), 9);
    // The first end has passed.
    assert!(ring.add(900, 0, 100));
    assert_eq!(ring.count(Millis(100 * TICK_MS)), 9);
}

#[test]
fn a_full_set_evicts_the_oldest_promise_which_lasts_to_its_end() {
    let one = One::new();
    let set = Pair::new(SERVER, client(0)).set;
    let same: Vec<u32> = (0..)
        .filter(|n| Pair::new(SERVER, client(*n)).set == set)
        .take(WAYS + 1)
        .collect();
    for (i, n) in same.iter().enumerate() {
        one.promise(*n, i as u64 * 1_000, 16);
    }
    let now = WAYS as u64 * 1_000;
    assert_eq!(one.count(now), WAYS as u32 + 1);
    assert!(!one.keep(same[0], now));
    let kept = same[1..].iter().filter(|n| one.keep(**n, now)).count();
    assert_eq!(kept, WAYS);
    assert_eq!(one.count(now), 1);
    assert_eq!(one.count(16_000), 0);
}

#[test]
fn more_clients_than_can_be_remembered_are_counted_right() {
    let one = One::new();
    let many = PROMISED as u32 + 1;
    (0..many).for_each(|n| one.promise(n, 5, 10));
    assert_eq!(one.count(5), many);
    let kept = (0..many).filter(|n| one.keep(*n, 6)).count();
    assert!(kept > PROMISED / 2 && kept <= PROMISED, "{kept}");
    assert_eq!(one.count(6), many - kept as u32);
    assert_eq!(one.count(10_005), 0);
}

#[test]
fn threads_leave_exact_counts_behind() {
    let one = One::new();
    // Clients of each thread's own, and some that all of them contend for.
    let clients = |t: u32| (t * 1_000..t * 1_000 + 200).chain(9_000..9_020);
    thread::scope(|scope| {
        for t in 0..4 {
            let one = &one;
            scope.spawn(move || {
                for round in 0..10 {
                    let now = 1_000 + round * 300;
                    clients(t).for_each(|n| one.promise(n, now, 20));
                    let gone = clients(t).filter(|n| n % 3 == 0);
                    gone.for_each(|n| {
                        one.keep(n, now);
                    });
                }
            });
        }
    });
    let now = 4_000;
    let own = (0..4).flat_map(|t| t * 1_000..t * 1_000 + 200);
    for n in own {
        assert_eq!(one.knows(n, now), n % 3 != 0, "{n}");
    }
    for n in (0..4).flat_map(clients) {
        one.keep(n, now);
    }
    assert_eq!(one.count(now), 0);
}

#[test]
fn of_many_connections_one_keeps_the_promise() {
    let one = One::new();
    for round in 0..200 {
        one.promise(1, round, 20);
        let kept: usize = thread::scope(|scope| {
            let keep = || scope.spawn(|| usize::from(one.keep(1, round)));
            let all = [keep(), keep(), keep()];
            all.map(|t| t.join().expect("a thread")).iter().sum()
        });
        assert_eq!((kept, one.count(round)), (1, 0));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Promise(u32),
    Keep(u32),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0u32..12).prop_map(Step::Promise),
        (0u32..12).prop_map(Step::Keep),
        (0u64..3_000).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    #[test]
    fn promises_last_at_least_seven_eighths_and_always_end(
        steps in steps(),
        promise_s in 1u32..20,
        start in prop_oneof![0u64..100_000, any::<u32>().prop_map(|n| u64::from(n) * 1_000)],
    ) {
        let one = One::new();
        let most = u64::from(promise_s) * 1_000;
        let least = most - most / 8;
        let mut made: HashMap<u32, u64> = HashMap::new();
        let mut now = start;
        for step in steps {
            match step {
                Step::Promise(n) => {
                    one.promise(n, now, promise_s);
                    made.insert(n, now);
                }
                Step::Keep(n) => {
                    let kept = one.keep(n, now);
                    let age = made.remove(&n).map(|at| now - at);
                    prop_assert!(!kept || age.is_some_and(|age| age < most));
                    prop_assert!(kept || age.is_none_or(|age| age > least));
                }
                Step::Wait(ms) => now += ms,
            }
            let within = |ms| made.values().filter(|at| now - **at < ms).count() as u32;
            let count = one.count(now);
            prop_assert!(within(least) <= count && count <= within(most));
        }
        prop_assert_eq!(one.count(now + most), 0);
    }

    #[test]
    fn a_changed_setting_neither_keeps_nor_adds_any(
        steps in prop::collection::vec((0u32..12, 0u32..400, 0u64..2_000, any::<bool>()), 0..120),
    ) {
        let one = One::new();
        let mut until: HashMap<u32, u64> = HashMap::new();
        let mut now = 77;
        for (n, promise_s, wait, keep) in steps {
            one.promise(n, now, promise_s);
            let end = now + u64::from(promise_s.min(PROMISE_MOST_S)) * 1_000;
            let last = until.entry(n).or_default();
            *last = end.max(*last);
            if keep {
                one.keep(n, now);
            }
            now += wait;
            let living = until.values().filter(|end| **end > now).count() as u32;
            prop_assert!(one.count(now) <= living);
        }
        now += u64::from(PROMISE_MOST_S) * 1_000;
        prop_assert_eq!(one.count(now), 0);
    }
}
