//! What the console remembers of counts: what was cleared, and what was there a moment ago. The counts themselves only grow, as
//! Prometheus wants them to.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::decide::Millis;
use crate::model::Id;
use crate::telemetry::{Came, Counts, Door, Numbers, Row, Totals};

/// A look that is younger than this, in milliseconds, tells no rate.
pub(super) const FRESH_MS: u64 = 300;

/// Nor does one that is older than this.
pub(super) const STALE_MS: u64 = 60_000;

/// A look is replaced when it is as old as this, so that a rate is of late.
const RENEW_MS: u64 = 10_000;

/// What was there when somebody looked.
#[derive(Debug)]
struct Look {
    at: Millis,
    picked: HashMap<usize, u64>,
    came: HashMap<usize, u64>,
    requests: u64,
}

/// What the console remembers of counts. Rows are told apart by the address of their gauges, which each keeps.
#[derive(Debug, Default)]
pub(super) struct Memory {
    rows: HashMap<usize, Row>,
    doors: HashMap<usize, Door>,
    totals: Totals,
    words: HashMap<&'static str, u64>,
    cleared: Option<Timestamp>,
    look: Option<Look>,
}

impl Memory {
    /// From now on all that was counted so far, or all of `id`, counts for nothing.
    pub(super) fn clear(&mut self, counts: &Counts, id: Option<&Id>) {
        let of = |whose: &Id| id.is_none_or(|id| id == whose);
        let rows = counts.rows.iter().filter(|row| of(&row.server.id));
        self.rows
            .extend(rows.map(|row| (row.address(), row.clone())));
        let doors = counts.doors.iter().filter(|door| of(&door.at.id));
        self.doors
            .extend(doors.map(|door| (Arc::as_ptr(&door.at) as usize, door.clone())));
        if id.is_none() {
            self.totals = counts.totals.clone();
            self.words = counts.totals.words().collect();
            self.cleared = Some(Timestamp::now());
        }
    }

    /// When everything was last cleared.
    pub(super) fn cleared(&self) -> Option<Timestamp> {
        self.cleared
    }

    /// What is counted of no server in particular, as it was when it was cleared.
    pub(super) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// How often `word` had happened when it was cleared.
    pub(super) fn word(&self, word: &str) -> u64 {
        self.words.get(word).copied().unwrap_or(0)
    }

    /// What was counted since it was cleared.
    pub(super) fn numbers(&self, row: &Row) -> Numbers {
        match self.rows.get(&row.address()) {
            Some(base) => row.numbers.since(&base.numbers),
            None => row.numbers.clone(),
        }
    }

    /// The same of what came to a virtual or dip.
    pub(super) fn came(&self, door: &Door) -> Came {
        let base = self.doors.get(&(Arc::as_ptr(&door.at) as usize));
        base.map_or(door.came, |base| door.came.since(&base.came))
    }

    /// How long ago the last look was.
    pub(super) fn looked_ms_ago(&self, now: Millis) -> Option<u64> {
        let look = self.look.as_ref()?;
        Some(now.0.saturating_sub(look.at.0))
    }

    /// Looks at what each worker counted.
    pub(super) fn look(&mut self, counts: &[Counts], now: Millis) {
        let mut look = Look {
            at: now,
            picked: HashMap::new(),
            came: HashMap::new(),
            requests: 0,
        };
        for counts in counts {
            look.requests += counts.totals.requests;
            for row in &counts.rows {
                *look.picked.entry(row.address()).or_default() += row.numbers.picked();
            }
            for door in &counts.doors {
                let at = Arc::as_ptr(&door.at) as usize;
                *look.came.entry(at).or_default() += door.came.all();
            }
        }
        self.look = Some(look);
    }

    /// A look in place of one that is old enough, and forgets what was cleared of servers that are gone.
    pub(super) fn note(&mut self, counts: &Counts, now: Millis) {
        if self.looked_ms_ago(now).is_some_and(|ago| ago < RENEW_MS) {
            return;
        }
        self.look(std::slice::from_ref(counts), now);
        if let Some(look) = &self.look {
            self.rows.retain(|at, _| look.picked.contains_key(at));
            self.doors.retain(|at, _| look.came.contains_key(at));
        }
    }

    /// Requests a second that a server was picked for since the last look.
    pub(super) fn rate(&self, row: &Row, now: Millis) -> Option<f64> {
        let before = |look: &Look| look.picked.get(&row.address()).copied();
        self.per_second(row.numbers.picked(), before, now)
    }

    /// Requests a second that came to a virtual or dip.
    pub(super) fn rate_at(&self, door: &Door, now: Millis) -> Option<f64> {
        let at = Arc::as_ptr(&door.at) as usize;
        self.per_second(door.came.all(), |look| look.came.get(&at).copied(), now)
    }

    /// Requests a second in all.
    pub(super) fn rate_in_all(&self, requests: u64, now: Millis) -> Option<f64> {
        self.per_second(requests, |look| Some(look.requests), now)
    }

    fn per_second(
        &self,
        count: u64,
        before: impl Fn(&Look) -> Option<u64>,
        now: Millis,
    ) -> Option<f64> {
        let look = self.look.as_ref()?;
        let ms = now.0.saturating_sub(look.at.0).max(1);
        let more = count.saturating_sub(before(look).unwrap_or(0));
        Some(more as f64 * 1000.0 / ms as f64)
    }
}
