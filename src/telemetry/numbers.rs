//! The numbers that are kept of one server.

use super::{Cause, Event};
use crate::decide::Reason;

const REASONS: usize = Reason::ALL.len();
const EVENTS: usize = Event::ALL.len();
const COLUMNS: usize = REASONS + EVENTS + Cause::ALL.len();

/// The upper bounds of a histogram's buckets, in microseconds; beyond the last one is one bucket more.
pub const BOUNDS_US: [u32; 13] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000, 60_000_000,
];

/// How often something took how long. Its memory is the same however much it has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Of each bucket by itself; the last one is of what took longer than the last bound.
    pub buckets: [u64; BOUNDS_US.len() + 1],
    /// All of it added up, in microseconds.
    pub sum_us: u64,
}

impl Histogram {
    /// Adds what took `micros` microseconds.
    pub fn add(&mut self, micros: u32) {
        let bucket = BOUNDS_US.partition_point(|bound| *bound < micros);
        self.buckets[bucket] += 1;
        self.sum_us += u64::from(micros);
    }

    /// How many were added.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Histogram) {
        for (mine, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += more;
        }
        self.sum_us += other.sum_us;
    }
}

/// What passed between clients and one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of requests.
    pub to_server: u64,
    /// Bytes of answers.
    pub to_client: u64,
    /// Times to the head of an answer.
    pub answers: Histogram,
}

/// All that is counted of one server or url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    counts: [u64; COLUMNS],
    /// None while nothing was forwarded there: a url never needs it.
    traffic: Option<Box<Traffic>>,
}

impl Default for Numbers {
    fn default() -> Self {
        Numbers {
            counts: [0; COLUMNS],
            traffic: None,
        }
    }
}

impl Numbers {
    /// Decisions for this server with this reason.
    pub fn decisions(&self, reason: Reason) -> u64 {
        self.counts[reason as usize]
    }

    /// How often it happened.
    pub fn events(&self, event: Event) -> u64 {
        self.counts[REASONS + event as usize]
    }

    /// Requests that left this server for another one.
    pub fn left(&self, cause: Cause) -> u64 {
        self.counts[REASONS + EVENTS + cause as usize]
    }

    /// What passed; `None` where nothing did yet.
    pub fn traffic(&self) -> Option<&Traffic> {
        self.traffic.as_deref()
    }

    /// All decisions that picked it; a url that was only passed over ([`Reason::Loop`]) was not picked.
    pub fn picked(&self) -> u64 {
        let all: u64 = self.counts[..REASONS].iter().sum();
        all - self.decisions(Reason::Loop)
    }

    /// Counts, and returns the count.
    pub(super) fn count(&mut self, column: Column) -> u64 {
        let count = &mut self.counts[column.0];
        *count += 1;
        *count
    }

    pub(super) fn traffic_mut(&mut self) -> &mut Traffic {
        self.traffic.get_or_insert_default()
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Numbers) {
        for (mine, more) in self.counts.iter_mut().zip(&other.counts) {
            *mine += more;
        }
        if let Some(more) = &other.traffic {
            let mine = self.traffic_mut();
            mine.to_server += more.to_server;
            mine.to_client += more.to_client;
            mine.answers.merge(&more.answers);
        }
    }

    /// What was counted since `base` was copied; times to answers are told from the start.
    pub fn since(&self, base: &Numbers) -> Numbers {
        let mut since = self.clone();
        for (mine, less) in since.counts.iter_mut().zip(&base.counts) {
            *mine = mine.saturating_sub(*less);
        }
        if let (Some(mine), Some(less)) = (&mut since.traffic, &base.traffic) {
            mine.to_server = mine.to_server.saturating_sub(less.to_server);
            mine.to_client = mine.to_client.saturating_sub(less.to_client);
        }
        since
    }

    /// What is not 0, by its word.
    pub fn words(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let words = Reason::ALL
            .iter()
            .map(|r| r.as_str())
            .chain(Event::ALL.iter().map(|e| e.as_str()))
            .chain(Cause::ALL.iter().map(|c| c.as_str()));
        let bytes = self.traffic.iter().flat_map(|t| {
            [
                ("bytes-to-server", t.to_server),
                ("bytes-to-client", t.to_client),
            ]
        });
        words
            .zip(self.counts)
            .chain(bytes)
            .filter(|(_, count)| *count > 0)
    }
}

/// Which of the counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column(usize);

impl From<Reason> for Column {
    fn from(reason: Reason) -> Column {
        Column(reason as usize)
    }
}

impl From<Event> for Column {
    fn from(event: Event) -> Column {
        Column(REASONS + event as usize)
    }
}

impl From<Cause> for Column {
    fn from(cause: Cause) -> Column {
        Column(REASONS + EVENTS + cause as usize)
    }
}
