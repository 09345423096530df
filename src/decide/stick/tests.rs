use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::decide::table::WAYS;

const IDLE_MS: u64 = 60_000;

fn at(ms: u64) -> Millis {
    Millis(ms)
}

fn stuck(primary: u32) -> Stuck {
    Stuck {
        primary,
        alternate: primary + 1,
        bounced: primary as u8,
    }
}

/// A key as [`client_key`] makes them.
fn key(n: u32) -> u64 {
    client_key(&[5; 32], 1, n.to_be_bytes().into(), 64)
}

/// Primaries of the living entries, found by sweeping them all away.
fn swept(table: &StickTable) -> HashMap<u32, i64> {
    let mut living = HashMap::new();
    // Beyond every idle time that the tests give.
    table.sweep(0..usize::MAX, at(u64::from(u32::MAX)), |tag| {
        *living.entry(tag).or_default() += 1
    });
    living
}

#[test]
fn a_client_is_found_until_it_was_away_for_its_time() {
    let table = StickTable::new(1_000);
    assert_eq!(table.find(1, at(0)), None);
    assert_eq!(table.put(1, stuck(5), at(1_000), IDLE_MS), None);
    assert_eq!(table.find(1, at(1_000)), Some(stuck(5)));
    assert_eq!(table.find(1, at(60_999)), Some(stuck(5)));
    assert_eq!(table.find(1, at(61_250)), None);
    // Renewed; finding alone does not renew.
    assert_eq!(table.put(1, stuck(5), at(50_000), IDLE_MS), Some(5));
    assert_eq!(table.find(1, at(109_999)), Some(stuck(5)));
    assert_eq!(table.put(1, stuck(9), at(50_000), IDLE_MS), Some(5));
    assert_eq!(table.find(1, at(50_000)), Some(stuck(9)));
    assert_eq!(table.remove(1, at(50_000)), Some(9));
    assert_eq!(table.remove(1, at(50_000)), None);
    assert_eq!(table.find(1, at(50_000)), None);
}

#[test]
fn associations_of_some_servers_are_forgotten_before_their_time() {
    let table = StickTable::new(1_000);
    for n in 0..100 {
        table.put(key(n), stuck(n % 2), at(0), IDLE_MS);
    }
    let mut lost = (0, 0);
    table.forget(
        0..table.parts(),
        |tag| tag == 1,
        |tag, alive| {
            assert_eq!(tag, 1);
            lost.0 += usize::from(alive(at(59_000)));
            lost.1 += usize::from(alive(at(61_000)));
        },
    );
    assert_eq!(lost, (50, 0));
    for n in 0..100 {
        let left = table.find(key(n), at(0)).map(|stuck| stuck.primary);
        assert_eq!(left, (n % 2 == 0).then_some(0), "{n}");
    }
    table.forget(0..table.parts(), |_| true, |_, _| {});
    assert!(swept(&table).is_empty());
}

#[test]
fn every_key_and_value_can_be_kept() {
    let table = StickTable::new(1_000);
    let all = Stuck {
        primary: u32::MAX,
        alternate: u32::MAX,
        bounced: u8::MAX,
    };
    for key in [0, u64::MAX, 1 << 32, u64::from(u32::MAX)] {
        assert_eq!(table.put(key, all, at(u64::MAX), u64::MAX), None);
        assert_eq!(table.find(key, at(u64::MAX)), Some(all), "{key}");
    }
    // No time at all is no association.
    assert_eq!(table.put(8, stuck(1), at(1_000), 0), None);
    assert_eq!(table.find(8, at(1_000)), None);
}

#[test]
fn where_all_is_full_the_one_that_expires_first_gives_way() {
    let table = StickTable::new(WAYS / 2);
    assert_eq!(table.parts(), 1);
    for n in 0..WAYS as u32 {
        assert_eq!(table.put(key(n), stuck(n), at(n.into()), IDLE_MS * 2), None);
    }
    assert_eq!(table.put(key(3), stuck(3), at(100), IDLE_MS), Some(3));
    assert_eq!(table.put(key(99), stuck(99), at(200), IDLE_MS * 2), Some(3));
    assert_eq!(table.find(key(3), at(200)), None);
    for n in [0, 1, 2, 4, 5, 6, 7, 99] {
        assert_eq!(table.find(key(n), at(200)), Some(stuck(n)));
    }
    // What expired gives way before anything that lives, and says so.
    table.put(key(5), stuck(5), at(200), 1_000);
    assert_eq!(table.put(key(98), stuck(98), at(2_000), IDLE_MS), Some(5));
}

#[test]
fn sweeping_takes_what_expired_and_no_more() {
    let table = StickTable::new(4_096);
    for n in 1..=100 {
        let idle = if n % 2 == 0 { 1_000 } else { IDLE_MS };
        table.put(key(n), stuck(n), at(0), idle);
    }
    let mut lost = vec![];
    for part in 0..table.parts() {
        table.sweep(part..part + 1, at(30_000), |tag| lost.push(tag));
    }
    lost.sort_unstable();
    assert_eq!(lost, (1..=50).map(|n| n * 2).collect::<Vec<_>>());
    assert_eq!(swept(&table).len(), 50);
    assert_eq!(swept(&table).len(), 0);
}

#[test]
fn a_million_clients_are_kept_within_their_memory() {
    let table = StickTable::new(STICK_CLIENTS);
    assert!(table.bytes_most() <= 64 << 20, "{}", table.bytes_most());
    let clients = STICK_CLIENTS as u32;
    // The table scatters keys by itself; hashing a million addresses is another test's.
    let key = u64::from;
    let lost = |n: &u32| table.put(key(*n), stuck(*n), at(0), IDLE_MS).is_some();
    let evicted = (0..clients).filter(lost).count();
    assert!(evicted < STICK_CLIENTS / 1_000, "{evicted} evicted");
    let some = (0..clients).step_by(16);
    let found = some.filter(|n| table.find(key(*n), at(1)) == Some(stuck(*n)));
    assert!(found.count() >= STICK_CLIENTS / 16 - evicted);
    // One more is kept as well, and costs no memory.
    table.put(key(clients), stuck(1), at(0), IDLE_MS);
    assert_eq!(table.find(key(clients), at(1)), Some(stuck(1)));
    assert!(table.bytes_most() <= 64 << 20);
}

#[test]
fn keys_tell_virtuals_prefixes_and_secrets_apart() {
    let key = |secret: u8, at, client: &str, prefix| {
        let client = client.parse().expect("an address");
        client_key(&[secret; 32], at, client, prefix)
    };
    let one = key(1, 1, "192.0.2.1", 64);
    assert_eq!(one, key(1, 1, "::ffff:192.0.2.1", 56));
    assert_ne!(one, key(2, 1, "192.0.2.1", 64));
    assert_ne!(one, key(1, 2, "192.0.2.1", 64));
    assert_ne!(one, key(1, 1, "192.0.2.2", 64));
    let net = |client, prefix| key(1, 1, client, prefix);
    assert_eq!(net("2001:db8::1", 64), net("2001:db8::ffff:2", 64));
    assert_ne!(net("2001:db8::1", 64), net("2001:db8:0:1::1", 64));
    assert_eq!(net("2001:db8::1", 48), net("2001:db8:0:1::1", 48));
    assert_ne!(net("2001:db8::1", 128), net("2001:db8::2", 128));
    assert_ne!(net("2001:db8::1", 255), net("2001:db8::2", 255));
    assert_eq!(net("2001:db8::1", 0), net("fe80::2", 0));
}

/// Counts as a caller of [`StickTable::put`] does.
struct Counts(Vec<AtomicI64>);

impl Counts {
    fn new() -> Counts {
        Counts((0..PRIMARIES).map(|_| AtomicI64::new(0)).collect())
    }

    fn add(&self, tag: u32, by: i64) {
        self.0[tag as usize].fetch_add(by, Ordering::Relaxed);
    }

    fn put(&self, table: &StickTable, key: u64, stuck: Stuck, now: Millis, idle_ms: u64) {
        self.add(stuck.primary, 1);
        if let Some(lost) = table.put(key, stuck, now, idle_ms) {
            self.add(lost, -1);
        }
    }

    fn told(&self) -> HashMap<u32, i64> {
        let counts = self.0.iter().map(|c| c.load(Ordering::Relaxed));
        let counts = (0..).zip(counts);
        counts.filter(|(_, count)| *count != 0).collect()
    }
}

const PRIMARIES: u32 = 64;

/// What thread `t` puts for client `n`: told apart from every other client's, and never torn.
fn of_thread(t: u32, n: u32) -> Stuck {
    Stuck {
        primary: (n * 7 + t) % PRIMARIES,
        alternate: n << 4 | t,
        bounced: (n ^ t) as u8,
    }
}

fn fits(n: u32, found: Stuck) -> bool {
    found.alternate >> 4 == n && found == of_thread(found.alternate & 15, n)
}

#[test]
fn threads_see_whole_associations_and_the_counts_add_up() {
    // Small, so that they evict each other all the time; and large enough, so that they do not.
    for clients in [16, 4_096] {
        let (table, counts) = (StickTable::new(clients), Counts::new());
        thread::scope(|scope| {
            for t in 0..4 {
                let (table, counts) = (&table, &counts);
                scope.spawn(move || {
                    for step in 0..8_000u32 {
                        let n = (step.wrapping_mul(2_654_435_761) >> 7) % 96;
                        let now = at(u64::from(step) / 4);
                        match (step + t) % 8 {
                            0..4 => {
                                counts.put(table, key(n), of_thread(t, n), now, 1_000);
                            }
                            4..7 => {
                                let found = table.find(key(n), now);
                                assert!(found.is_none_or(|found| fits(n, found)), "{n}: {found:?}");
                            }
                            _ => {
                                let lost = table.remove(key(n), now);
                                lost.into_iter().for_each(|tag| counts.add(tag, -1));
                                let part = step as usize % table.parts();
                                table.sweep(part..part + 8, now, |tag| counts.add(tag, -1));
                            }
                        }
                    }
                });
            }
        });
        let told = counts.told();
        assert!(!told.is_empty());
        assert_eq!(swept(&table), told);
    }
}

#[test]
fn a_client_that_everybody_writes_is_read_whole() {
    let table = StickTable::new(4);
    let (now, key) = (at(0), key(1));
    thread::scope(|scope| {
        for t in 0..2 {
            let table = &table;
            scope.spawn(move || {
                for _ in 0..50_000 {
                    table.put(key, of_thread(t, 1), now, IDLE_MS);
                }
            });
            scope.spawn(move || {
                for _ in 0..100_000 {
                    let found = table.find(key, now);
                    assert!(found.is_none_or(|found| fits(1, found)), "{found:?}");
                }
            });
        }
    });
    // Whatever was in whose way, one association is left.
    assert_eq!(swept(&table).into_values().sum::<i64>(), 1);
}

proptest! {
    #[test]
    fn what_is_found_is_what_was_put_last_and_counts_add_up(
        clients in 1usize..40,
        steps in prop::collection::vec((0u32..60, 0u32..PRIMARIES, 0u64..3_000, 0u8..10), 0..200),
    ) {
        let (table, counts) = (StickTable::new(clients), Counts::new());
        let mut last: HashMap<u32, (Stuck, u64)> = HashMap::new();
        let mut now = 0;
        for (i, (n, primary, wait, what)) in steps.into_iter().enumerate() {
            now += wait;
            match what {
                0..7 => {
                    counts.put(&table, key(n), stuck(primary), at(now), 10_000);
                    prop_assert_eq!(table.find(key(n), at(now)), Some(stuck(primary)));
                    last.insert(n, (stuck(primary), now + 10_000));
                }
                7 => {
                    let lost = table.remove(key(n), at(now));
                    lost.into_iter().for_each(|tag| counts.add(tag, -1));
                    prop_assert_eq!(table.find(key(n), at(now)), None);
                    last.remove(&n);
                }
                _ => table.sweep(0..table.parts(), at(now), |tag| counts.add(tag, -1)),
            }
            for n in (0..60).filter(|_| i % 16 == 15) {
                // Evicted, or as it was put; a quarter of a second of grace.
                let found = table.find(key(n), at(now));
                let wanted = last.get(&n).filter(|(_, until)| now < until + 250);
                prop_assert!(found.is_none() || found == wanted.map(|(stuck, _)| *stuck));
            }
        }
        prop_assert_eq!(swept(&table), counts.told());
    }
}
