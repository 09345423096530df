//! Says which errand is run when; takes the time as an argument and starts nothing itself.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::limits::{
    FIRST_WITHIN_MS, LATE_MS, PROGRAMS_UNDER_WAY, SILENT_UNDER_WAY, TICK_MS, UNDER_WAY,
};
use super::sound::Memory;
use crate::control::Errand;
use crate::model::{Id, ProbeKind};

/// What an errand waits behind where much is due at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Servers that answered the last time, or were not asked yet.
    Usual,
    /// Servers that did not.
    Silent,
    /// Programs.
    Program,
}

impl Class {
    const ALL: [Class; 3] = [Class::Usual, Class::Silent, Class::Program];

    /// How many of it may be under way.
    const fn most(self) -> usize {
        match self {
            Class::Usual => UNDER_WAY,
            Class::Silent => SILENT_UNDER_WAY,
            Class::Program => PROGRAMS_UNDER_WAY,
        }
    }
}

/// An errand that is to be run now. To be given back to [`Schedule::done`].
#[derive(Debug)]
pub(super) struct Start {
    pub(super) errand: Arc<Errand>,
    pub(super) memory: Arc<Memory>,
    place: usize,
    stamp: u64,
    class: Class,
}

#[derive(Debug)]
struct Entry {
    errand: Arc<Errand>,
    memory: Arc<Memory>,
    /// When it is due, or was when it began to wait or run; in milliseconds.
    due: u64,
    /// Changes with every step, so that what was noted of an earlier one is void.
    stamp: u64,
    state: State,
    silent: bool,
    /// Gone once it has been run.
    once: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Due,
    Waiting,
    Running {
        /// Asked for while it ran: it may have looked before what it is to look for happened.
        again: bool,
    },
}

/// When each errand is due, and what is under way. All times are milliseconds of one clock.
#[derive(Debug)]
pub(super) struct Schedule {
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
    places: HashMap<(Id, Box<str>), usize>,
    /// When, which place, its stamp.
    due: BinaryHeap<Reverse<(u64, usize, u64)>>,
    waiting: [VecDeque<(usize, u64)>; 3],
    under_way: [usize; 3],
    stamps: u64,
    late: u64,
    draws: u64,
}

impl Schedule {
    /// An empty one, whose times are spread by `seed`.
    pub(super) fn new(seed: u64) -> Schedule {
        Schedule {
            entries: Vec::new(),
            free: Vec::new(),
            places: HashMap::new(),
            due: BinaryHeap::new(),
            waiting: Default::default(),
            under_way: [0; 3],
            stamps: 0,
            late: 0,
            draws: seed,
        }
    }

    /// Takes the errands that hold from `now` on. One that stays as it was keeps its time; what is under way goes on.
    pub(super) fn set(&mut self, errands: &[Errand], now: u64) {
        let mut before = std::mem::take(&mut self.places);
        for errand in errands {
            let key = (errand.id.clone(), errand.probe.name.clone());
            let place = match before.remove(&key) {
                Some(place) => {
                    self.renew(place, errand, now);
                    place
                }
                None if self.places.contains_key(&key) => continue,
                None => {
                    let due = now + self.first_wait(errand);
                    self.add(errand, due)
                }
            };
            self.places.insert(key, place);
        }
        for place in before.into_values() {
            self.entries[place] = None;
            self.free.push(place);
        }
        self.forget_void();
    }

    fn renew(&mut self, place: usize, errand: &Errand, now: u64) {
        let Some(entry) = &mut self.entries[place] else {
            return;
        };
        if *entry.errand == *errand {
            // The same, but reported as the probe that is configured now.
            if !Arc::ptr_eq(&entry.errand.probe, &errand.probe) {
                entry.errand = Arc::new(errand.clone());
            }
            return;
        }
        let due = now + self.first_wait(errand);
        let new = self.entry(errand, due);
        self.note(place, new.due, new.stamp);
        self.entries[place] = Some(new);
    }

    fn add(&mut self, errand: &Errand, due: u64) -> usize {
        let entry = self.entry(errand, due);
        let place = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        self.note(place, entry.due, entry.stamp);
        self.entries[place] = Some(entry);
        place
    }

    /// Differs from server to server, and from start to start.
    fn first_wait(&mut self, errand: &Errand) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&errand.id, &errand.probe.name).hash(&mut hasher);
        (hasher.finish() ^ self.draw()) % interval(errand).min(FIRST_WITHIN_MS)
    }

    fn entry(&mut self, errand: &Errand, due: u64) -> Entry {
        Entry {
            errand: Arc::new(errand.clone()),
            memory: Arc::default(),
            due,
            stamp: self.stamp(),
            state: State::Due,
            silent: false,
            once: false,
        }
    }

    /// Runs an errand at once; one that is none of those that were set, once only.
    pub(super) fn urge(&mut self, errand: &Errand, now: u64) {
        let key = (errand.id.clone(), errand.probe.name.clone());
        let Some(&place) = self.places.get(&key) else {
            let place = self.add(errand, at_once(now));
            if let Some(entry) = &mut self.entries[place] {
                entry.once = true;
            }
            self.places.insert(key, place);
            return;
        };
        let stamp = self.stamp();
        let Some(entry) = &mut self.entries[place] else {
            return;
        };
        match &mut entry.state {
            State::Due => {
                entry.due = at_once(now);
                entry.stamp = stamp;
                self.note(place, at_once(now), stamp);
            }
            State::Waiting => {}
            State::Running { again } => *again = true,
        }
    }

    /// When [`next`](Self::next) will have something that it has not now, but for what ends before.
    pub(super) fn due(&mut self) -> Option<u64> {
        while let Some(Reverse((due, place, stamp))) = self.due.peek() {
            if self.holds(*place, *stamp) {
                return Some(tick(*due));
            }
            self.due.pop();
        }
        None
    }

    /// An errand to be run now, as long as there is one that is due and a place for it.
    pub(super) fn next(&mut self, now: u64) -> Option<Start> {
        while let Some(&Reverse((due, place, stamp))) = self.due.peek()
            && tick(due) <= now
        {
            self.due.pop();
            if !self.holds(place, stamp) {
                continue;
            }
            if let Some(entry) = &mut self.entries[place] {
                entry.state = State::Waiting;
                self.waiting[class(entry) as usize].push_back((place, stamp));
            }
        }
        Class::ALL
            .into_iter()
            .find_map(|class| self.first(class, now))
    }

    /// The one that has waited longest.
    fn first(&mut self, class: Class, now: u64) -> Option<Start> {
        while self.has_room(class) {
            let (place, stamp) = self.waiting[class as usize].pop_front()?;
            if !self.holds(place, stamp) {
                continue;
            }
            let stamp = self.stamp();
            let Some(entry) = &mut self.entries[place] else {
                continue;
            };
            if now >= entry.due + LATE_MS {
                self.late += 1;
            }
            entry.due = entry.due.max(now.saturating_sub(LATE_MS));
            entry.state = State::Running { again: false };
            entry.stamp = stamp;
            self.under_way[class as usize] += 1;
            return Some(Start {
                errand: Arc::clone(&entry.errand),
                memory: Arc::clone(&entry.memory),
                place,
                stamp,
                class,
            });
        }
        None
    }

    fn has_room(&self, class: Class) -> bool {
        self.under_way[class as usize] < class.most()
            && self.under_way.iter().sum::<usize>() < UNDER_WAY
    }

    /// Takes back what has been run; `silent`: nothing came until the time was up. Whether its result is still wanted.
    pub(super) fn done(&mut self, start: &Start, silent: bool, now: u64) -> bool {
        self.under_way[start.class as usize] -= 1;
        if !self.holds(start.place, start.stamp) {
            return false;
        }
        let (draw, stamp) = (self.draw(), self.stamp());
        let Some(entry) = &mut self.entries[start.place] else {
            return false;
        };
        if entry.once {
            self.places
                .remove(&(entry.errand.id.clone(), entry.errand.probe.name.clone()));
            self.entries[start.place] = None;
            self.free.push(start.place);
            return true;
        }
        let interval = interval(&entry.errand);
        let again = entry.state == State::Running { again: true };
        // 5 % earlier or later.
        let after = interval - interval / 20 + draw % (interval / 10 + 1);
        let due = match again {
            true => at_once(now),
            false => now.max(entry.due + after),
        };
        entry.due = due;
        entry.stamp = stamp;
        entry.silent = silent;
        entry.state = State::Due;
        self.note(start.place, due, stamp);
        true
    }

    /// How many soundings began late since this was asked for.
    pub(super) fn late(&mut self) -> u64 {
        std::mem::take(&mut self.late)
    }

    fn holds(&self, place: usize, stamp: u64) -> bool {
        self.entries[place]
            .as_ref()
            .is_some_and(|entry| entry.stamp == stamp)
    }

    fn note(&mut self, place: usize, due: u64, stamp: u64) {
        self.due.push(Reverse((due, place, stamp)));
        if self.due.len() > 2 * self.entries.len() + 64 {
            self.forget_void();
        }
    }

    /// Drops what speaks of errands that are gone or were moved.
    fn forget_void(&mut self) {
        let entries = &self.entries;
        let holds = |place: usize, stamp: u64| {
            let entry = entries[place].as_ref();
            entry.is_some_and(|entry| entry.stamp == stamp)
        };
        self.due
            .retain(|Reverse((_, place, stamp))| holds(*place, *stamp));
        for waiting in &mut self.waiting {
            waiting.retain(|(place, stamp)| holds(*place, *stamp));
        }
    }

    fn stamp(&mut self) -> u64 {
        self.stamps += 1;
        self.stamps
    }

    /// The next of a row of numbers that look random (SplitMix64; Steele, Lea, Flood 2014).
    fn draw(&mut self) -> u64 {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.draws;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// When what is due at `due` starts.
const fn tick(due: u64) -> u64 {
    due.next_multiple_of(TICK_MS)
}

/// When it must be due to start now.
const fn at_once(now: u64) -> u64 {
    now - now % TICK_MS
}

/// In milliseconds; of nothing at all, as if it were a second.
fn interval(errand: &Errand) -> u64 {
    u64::from(errand.probe.interval_s.max(1)) * 1000
}

fn class(entry: &Entry) -> Class {
    match entry.errand.probe.kind {
        ProbeKind::Exec(_) => Class::Program,
        _ if entry.silent => Class::Silent,
        _ => Class::Usual,
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
