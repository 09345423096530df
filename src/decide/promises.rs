//! A redirect is a promise: its client will come to the server, and counts there until it does or some seconds pass.
//!
//! Counts end by themselves: each stands beside its end, and what has ended is not added up. So there is no timer, and
//! what is remembered of a single client only serves to end its promise early.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Millis;
use super::table::Pages;

/// The longest promise, in seconds.
pub const PROMISE_MOST_S: u32 = 300;

/// Clients whose promise can end by their arrival, over all servers: further ones take the place of the oldest.
pub const PROMISED: usize = 65_536;

/// Counts of one server, each with an end of its own: one line of cache.
const BUCKETS: usize = 8;

/// Words of a set.
const WAYS: usize = 4;

/// Words of a page.
const PAGE: usize = 512;

/// The unit of time, in milliseconds: an eighth of a second, so that a promise of n seconds has eight buckets n wide.
/// 32 bits of it are 17 years.
const TICK_MS: u64 = 1_000 / BUCKETS as u64;

/// What ends further ahead than this, in ticks, has ended long ago: twice the longest promise, since a thread's clock
/// may be behind that of the one that made it.
const AHEAD: u32 = 2 * PROMISE_MOST_S * BUCKETS as u32;

/// How often another thread's change of the same word is met before this one gives up.
const PATIENCE: usize = 16;

/// The promises made at one server: how many end when, in words of end and count.
#[derive(Debug, Default)]
pub(super) struct Ring {
    buckets: [AtomicU64; BUCKETS],
    /// No promise ends later: whoever asks where nothing is promised reads this word only. In ticks.
    latest: AtomicU32,
}

/// Which promise was made to whom: words of a fingerprint of server and client, and the end.
#[derive(Debug)]
pub(super) struct Promised(Pages<AtomicU64, PAGE>);

fn ticks(now: Millis) -> u32 {
    (now.0 / TICK_MS) as u32
}

fn is_alive(end: u32, now: u32) -> bool {
    (1..=AHEAD).contains(&end.wrapping_sub(now))
}

/// The lower half of every word is the end.
fn end_of(word: u64) -> u32 {
    word as u32
}

/// When a promise made now ends (at most `promise_s` from now, and later than 7/8 of it), and the bucket whose turn it
/// is. `None`: no promise.
fn end_after(now: Millis, promise_s: u32) -> Option<(u32, usize)> {
    let width = u64::from(promise_s.min(PROMISE_MOST_S));
    let turn = (now.0 / TICK_MS).checked_div(width)? + BUCKETS as u64;
    Some(((turn * width) as u32, turn as usize % BUCKETS))
}

impl Ring {
    /// How many have not ended.
    pub(super) fn count(&self, now: Millis) -> u32 {
        let now = ticks(now);
        if !is_alive(self.latest.load(Ordering::Relaxed), now) {
            return 0;
        }
        let words = self.buckets.iter().map(|b| b.load(Ordering::Relaxed));
        let counts = words.filter(|w| is_alive(end_of(*w), now));
        counts.fold(0, |sum, w| sum.saturating_add((w >> 32) as u32))
    }

    /// Counts one more that ends at `end`; false: there are eight other ends, or as many as can be counted.
    ///
    /// The bucket `first` has this end or one that has passed, unless another setting held when its promises were
    /// made: then the next one that has.
    fn add(&self, end: u32, first: usize, now: u32) -> bool {
        self.latest.fetch_max(end, Ordering::Relaxed);
        let (before, from) = self.buckets.split_at(first);
        from.iter().chain(before).any(|bucket| {
            let more = |word: u64| {
                if is_alive(end_of(word), now) && word >> 32 != 0 {
                    let room = end_of(word) == end && word >> 32 < u64::from(u32::MAX);
                    room.then(|| word + (1 << 32))
                } else {
                    Some(1 << 32 | u64::from(end))
                }
            };
            let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
            bucket.fetch_update(set, fetch, more).is_ok()
        })
    }

    /// Counts one less of those that end at `end`, if there is any.
    fn take(&self, end: u32) -> bool {
        self.buckets.iter().any(|bucket| {
            let less = |word: u64| {
                (end_of(word) == end && word >> 32 != 0).then(|| word.wrapping_sub(1 << 32))
            };
            let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
            bucket.fetch_update(set, fetch, less).is_ok()
        })
    }
}

/// A server and a client, as the table knows them.
#[derive(Clone, Copy)]
struct Pair {
    set: usize,
    mark: u64,
}

impl Pair {
    fn new(server: u32, client: IpAddr) -> Pair {
        let hash = match client.to_canonical() {
            IpAddr::V4(a) => xxh3_64_with_seed(&a.octets(), server.into()),
            IpAddr::V6(a) => xxh3_64_with_seed(&a.octets(), server.into()),
        };
        Pair {
            set: (hash as u32 as usize % (PROMISED / WAYS)) * WAYS,
            // Never 0, so that a word of nobody is nobody's.
            mark: (hash >> 32).max(1),
        }
    }

    fn word(self, end: u32) -> u64 {
        self.mark << 32 | u64::from(end)
    }

    fn is(self, word: u64) -> bool {
        word >> 32 == self.mark
    }
}

impl Promised {
    pub(super) fn new() -> Promised {
        Promised(Pages::new(PROMISED))
    }

    /// Makes a promise at `server`, whose counts are `ring`; one that `client` has there already is renewed.
    pub(super) fn promise(
        &self,
        ring: &Ring,
        server: u32,
        client: IpAddr,
        now: Millis,
        promise_s: u32,
    ) {
        let pair = Pair::new(server, client);
        let Some((end, first)) = end_after(now, promise_s) else {
            return;
        };
        let now = ticks(now);
        // Counted before it can be found, so that whoever finds it can count it off.
        if !ring.add(end, first, now) {
            return;
        }
        for _ in 0..PATIENCE {
            let words = self.0.make(pair.set, WAYS);
            let Some((word, was)) = words.and_then(|words| place(pair, words, now)) else {
                break;
            };
            let own = pair.is(was) && is_alive(end_of(was), now);
            if own && end_of(was) == end {
                break;
            }
            let new = pair.word(end);
            if word
                .compare_exchange(was, new, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                // An evicted one lasts to its end.
                if own {
                    ring.take(end_of(was));
                }
                return;
            }
        }
        ring.take(end);
    }

    /// `client` came to `server`: its promise there ends. Whether there was one.
    pub(super) fn keep(&self, ring: &Ring, server: u32, client: IpAddr, now: Millis) -> bool {
        let pair = Pair::new(server, client);
        let words = self.0.find(pair.set, WAYS).unwrap_or_default();
        let mut kept = false;
        for word in words {
            // Of several connections at once only one takes it; a renewal meanwhile is taken too.
            let own = |was| pair.is(was).then_some(0);
            let taken = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, own);
            if let Ok(was) = taken
                && is_alive(end_of(was), ticks(now))
            {
                ring.take(end_of(was));
                kept = true;
            }
        }
        kept
    }

    /// Whether `client` has a promise at `server`.
    pub(super) fn is_promised(&self, server: u32, client: IpAddr, now: Millis) -> bool {
        let pair = Pair::new(server, client);
        let words = self.0.find(pair.set, WAYS).unwrap_or_default();
        let mut words = words.iter().map(|w| w.load(Ordering::Relaxed));
        words.any(|word| pair.is(word) && is_alive(end_of(word), ticks(now)))
    }
}

/// The pair's own word, else one of nobody or of the past, else the one that ends first.
fn place(pair: Pair, words: &[AtomicU64], now: u32) -> Option<(&AtomicU64, u64)> {
    let rank = |word: u64| match end_of(word).wrapping_sub(now) {
        _ if pair.is(word) => 0,
        left if (1..=AHEAD).contains(&left) => left + 1,
        _ => 1,
    };
    let words = words.iter().map(|w| (w, w.load(Ordering::Acquire)));
    words.min_by_key(|(_, word)| rank(*word))
}

#[cfg(test)]
mod tests;
