//! A bounded table of atomics that threads share without waiting for each other.
//!
//! Set-associative: a key has its place in one of two sets of eight entries, looked at in turn, so that a table half
//! full loses next to nothing and a look-up reads at most six lines of cache. An entry is written by whoever turns
//! its version odd by one compare-and-swap, and read between two looks at that version (a sequence lock, after Boehm,
//! "Can Seqlocks Get Along With Programming Language Memory Models?", 2012). Nobody waits for a writer: who meets one
//! tries a few times, then does without.

use std::hint::spin_loop;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::Millis;
use super::predictors::mix;

/// Entries of a set.
pub(super) const WAYS: usize = 8;

/// The most entries that a table may have: 384 MiB of them.
pub(super) const ENTRIES_MOST: usize = 1 << 24;

/// The unit of an expiry, in milliseconds: 31 bits of it are 17 years.
pub(super) const TICK_MS: u64 = 250;

/// The longest idle time, in milliseconds: what is further away than half of all ticks lies in the past.
const IDLE_MOST_MS: u64 = i32::MAX as u64 * TICK_MS - 2 * TICK_MS;

/// Entries of a page: 3 KiB.
const PAGE: usize = 16 * WAYS;

/// How often a writer in the way is waited for, before a reader or another writer does without.
const PATIENCE: usize = 16;

/// One step of an entry's version; odd: being written.
const STEP: u64 = 1 << 40;

/// Rows that come into being in pages of `PAGE`, when first written to.
#[derive(Debug)]
pub(super) struct Pages<T, const PAGE: usize> {
    // The lock in it is held for storing a pointer, once a page in a table's life.
    pages: Box<[OnceLock<Box<[T]>>]>,
}

impl<T: Default, const PAGE: usize> Pages<T, PAGE> {
    /// Room for `count` rows.
    pub(super) fn new(count: usize) -> Pages<T, PAGE> {
        let pages = (0..count.div_ceil(PAGE)).map(|_| OnceLock::new());
        Pages {
            pages: pages.collect(),
        }
    }

    /// `count` rows from `first` on, all of one page, unless nothing was ever written there.
    pub(super) fn find(&self, first: usize, count: usize) -> Option<&[T]> {
        let page = self.pages.get(first / PAGE)?.get()?;
        page.get(first % PAGE..first % PAGE + count)
    }

    /// As [`find`](Self::find), to be written to; `None` only beyond the end.
    pub(super) fn make(&self, first: usize, count: usize) -> Option<&[T]> {
        let page = self.pages.get(first / PAGE)?;
        if page.get().is_none() {
            // Made beforehand, so that others wait for no more than a pointer; another's may be there by now.
            let _ = page.set((0..PAGE).map(|_| T::default()).collect());
        }
        self.find(first, count)
    }

    /// Bytes in use when every page has come into being.
    pub(super) fn bytes_most(&self) -> usize {
        self.pages.len() * (PAGE * size_of::<T>() + size_of::<OnceLock<Box<[T]>>>())
    }
}

/// 24 bytes; all zeros: empty.
#[derive(Debug, Default)]
struct Entry {
    /// 0: empty.
    key: AtomicU64,
    value: AtomicU64,
    /// 24 bits of version, 8 of note, 32 of expiry in ticks.
    meta: AtomicU64,
}

/// What stands beside a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) value: u64,
    pub(super) note: u8,
}

/// What became of a row that was to be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It stands, in place of this value: its key's own, an expired or an evicted one.
    Stored { lost: Option<u64> },
    /// Others were writing there all the while.
    Busy,
}

/// Rows by key, each until it was idle for its time.
#[derive(Debug)]
pub(super) struct Table {
    sets: usize,
    pages: Pages<Entry, PAGE>,
}

impl Entry {
    fn is_busy(meta: u64) -> bool {
        meta & STEP != 0
    }

    fn is_alive(meta: u64, now: Millis) -> bool {
        (meta as u32).wrapping_sub((now.0 / TICK_MS) as u32) as i32 > 0
    }

    fn note(meta: u64) -> u8 {
        (meta >> 32) as u8
    }

    /// The entry's row and meta, if it is `key`'s.
    fn read(&self, key: u64) -> Option<(Row, u64)> {
        for _ in 0..PATIENCE {
            let meta = self.meta.load(Ordering::Acquire);
            if self.key.load(Ordering::Relaxed) != key {
                return None;
            }
            let value = self.value.load(Ordering::Relaxed);
            fence(Ordering::Acquire);
            if !Entry::is_busy(meta) && self.meta.load(Ordering::Relaxed) == meta {
                let note = Entry::note(meta);
                return Some((Row { value, note }, meta));
            }
            spin_loop();
        }
        None
    }

    /// Takes the right to write, unless something changed since `meta` was read.
    fn claim(&self, meta: u64) -> bool {
        // What was read of the entry after `meta` must not be newer than what is compared here.
        fence(Ordering::Acquire);
        let odd = meta.wrapping_add(STEP);
        let claimed = self
            .meta
            .compare_exchange(meta, odd, Ordering::Acquire, Ordering::Relaxed);
        // A reader who sees what is written next must see the odd version too.
        fence(Ordering::Release);
        claimed.is_ok()
    }

    /// Writes and gives the right back; `meta` as it was claimed.
    fn write(&self, meta: u64, key: u64, row: Row, expiry: u32) {
        self.key.store(key, Ordering::Relaxed);
        self.value.store(row.value, Ordering::Relaxed);
        let version = (meta & !(STEP - 1)).wrapping_add(2 * STEP);
        let rest = u64::from(row.note) << 32 | u64::from(expiry);
        self.meta.store(version | rest, Ordering::Release);
    }

    /// Empties the entry and tells its value, unless something changed since `meta` was read.
    fn clear(&self, meta: u64) -> Option<u64> {
        if !self.claim(meta) {
            return None;
        }
        let value = self.value.load(Ordering::Relaxed);
        self.write(meta, 0, Row { value: 0, note: 0 }, 0);
        Some(value)
    }
}

/// Where a row may be put: an entry, with what was read of it.
struct Spot<'a> {
    entry: &'a Entry,
    key: u64,
    meta: u64,
}

impl Spot<'_> {
    fn ends_before(&self, other: &Spot<'_>) -> bool {
        ((self.meta as u32).wrapping_sub(other.meta as u32) as i32) < 0
    }
}

impl Table {
    /// A table of `entries`, at most [`ENTRIES_MOST`], rounded up to whole sets.
    pub(super) fn new(entries: usize) -> Table {
        let sets = entries.clamp(1, ENTRIES_MOST).div_ceil(WAYS);
        Table {
            sets,
            pages: Pages::new(sets * WAYS),
        }
    }

    /// How many sets there are to [`sweep`](Self::sweep).
    pub(super) fn sets(&self) -> usize {
        self.sets
    }

    /// Bytes in use when every page has come into being.
    pub(super) fn bytes_most(&self) -> usize {
        self.pages.bytes_most()
    }

    /// The first entries of the two sets that `key` may stand in.
    fn places(&self, key: u64) -> [usize; 2] {
        let hash = mix(key);
        let set = |half: u64| ((half * self.sets as u64) >> 32) as usize * WAYS;
        [set(hash >> 32), set(hash & 0xFFFF_FFFF)]
    }

    /// The row of `key`, unless it expired.
    pub(super) fn find(&self, key: u64, now: Millis) -> Option<Row> {
        let key = key.max(1);
        let sets = self.places(key).into_iter();
        let mut entries = sets.filter_map(|set| self.pages.find(set, WAYS)).flatten();
        entries.find_map(|entry| {
            let (row, meta) = entry.read(key)?;
            Entry::is_alive(meta, now).then_some(row)
        })
    }

    /// Puts a row in place of the key's own, an empty, an expired or, of sixteen, the one that expires first.
    pub(super) fn put(&self, key: u64, row: Row, now: Millis, idle_ms: u64) -> Put {
        let key = key.max(1);
        let until = now.0.saturating_add(idle_ms.min(IDLE_MOST_MS));
        let expiry = until.div_ceil(TICK_MS) as u32;
        for tried in 0..PATIENCE {
            let Some(spot) = self.spot(key, now, tried < PATIENCE / 2) else {
                spin_loop();
                continue;
            };
            if spot.entry.claim(spot.meta) {
                let was = spot.entry.value.load(Ordering::Relaxed);
                spot.entry.write(spot.meta, key, row, expiry);
                let lost = (spot.key != 0).then_some(was);
                return Put::Stored { lost };
            }
            spin_loop();
        }
        Put::Busy
    }

    /// Where `key` may be put. `None`: something is being written there (where `patient`), or everywhere.
    fn spot(&self, key: u64, now: Millis, patient: bool) -> Option<Spot<'_>> {
        let mut free: Option<Spot<'_>> = None;
        let mut oldest: Option<Spot<'_>> = None;
        for set in self.places(key) {
            // The second set is only searched for the key itself where the first has room.
            let entries = match free {
                Some(_) => self.pages.find(set, WAYS),
                None => self.pages.make(set, WAYS),
            };
            for entry in entries.into_iter().flatten() {
                let meta = entry.meta.load(Ordering::Acquire);
                let found = entry.key.load(Ordering::Relaxed);
                if Entry::is_busy(meta) {
                    // Perhaps this very key, put by a parallel connection of the same client.
                    if patient || found == key {
                        return None;
                    }
                    continue;
                }
                let spot = Spot {
                    entry,
                    key: found,
                    meta,
                };
                if found == key {
                    return Some(spot);
                }
                if found == 0 || !Entry::is_alive(meta, now) {
                    free.get_or_insert(spot);
                } else if oldest.as_ref().is_none_or(|o| spot.ends_before(o)) {
                    oldest = Some(spot);
                }
            }
        }
        free.or(oldest)
    }

    /// Takes the row of `key` away and tells its value, expired or not.
    pub(super) fn remove(&self, key: u64) -> Option<u64> {
        let key = key.max(1);
        let sets = self.places(key).into_iter();
        for entry in sets.filter_map(|set| self.pages.find(set, WAYS)).flatten() {
            for _ in 0..PATIENCE {
                let Some((_, meta)) = entry.read(key) else {
                    break;
                };
                if let Some(value) = entry.clear(meta) {
                    return Some(value);
                }
            }
        }
        None
    }

    /// Takes the rows of these sets away whose value `ends`, and tells each value and whether it had not expired at a time. One that
    /// is being written at this moment stays.
    pub(super) fn forget(
        &self,
        sets: Range<usize>,
        ends: impl Fn(u64) -> bool,
        mut lost: impl FnMut(u64, &dyn Fn(Millis) -> bool),
    ) {
        for set in sets.start..sets.end.min(self.sets) {
            for entry in self.pages.find(set * WAYS, WAYS).into_iter().flatten() {
                let meta = entry.meta.load(Ordering::Acquire);
                let key = entry.key.load(Ordering::Relaxed);
                if key == 0 || Entry::is_busy(meta) || !ends(entry.value.load(Ordering::Relaxed)) {
                    continue;
                }
                // Where somebody wrote there meanwhile it is another row.
                if let Some(value) = entry.clear(meta) {
                    lost(value, &|now| Entry::is_alive(meta, now));
                }
            }
        }
    }

    /// Tells every row that has not expired: its key, and how many milliseconds it has left. One that is being written at this moment
    /// may be left out.
    pub(super) fn each(&self, now: Millis, mut tell: impl FnMut(u64, Row, u64)) {
        for set in 0..self.sets {
            for entry in self.pages.find(set * WAYS, WAYS).into_iter().flatten() {
                let key = entry.key.load(Ordering::Relaxed);
                let read = entry.read(key).filter(|_| key != 0);
                if let Some((row, meta)) = read.filter(|(_, meta)| Entry::is_alive(*meta, now)) {
                    let ticks = (meta as u32).wrapping_sub((now.0 / TICK_MS) as u32);
                    tell(key, row, u64::from(ticks) * TICK_MS);
                }
            }
        }
    }

    /// Takes expired rows of these sets away and tells their values.
    pub(super) fn sweep(&self, sets: Range<usize>, now: Millis, mut lost: impl FnMut(u64)) {
        for set in sets.start..sets.end.min(self.sets) {
            for entry in self.pages.find(set * WAYS, WAYS).into_iter().flatten() {
                let meta = entry.meta.load(Ordering::Acquire);
                let empty = entry.key.load(Ordering::Relaxed) == 0;
                if !empty && !Entry::is_busy(meta) && !Entry::is_alive(meta, now) {
                    entry.clear(meta).into_iter().for_each(&mut lost);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
