//! The state machine of one server's measured health (LANGUAGE.md §3, passive detection).
//!
//! Observations go in with the time they were made, changes of [`Health`] come out. Enter at [`Watch`].
//!
//! Deliberately unknown here: what the operator wants, who asks for the state, what a connection is.

mod sounding;

use std::net::IpAddr;

use crate::decide::{Health, Millis};
use crate::model::Watching;

pub use sounding::Sounding;

/// What was seen of a server while it was asked for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The head of an answer came.
    Success,
    /// A connection refused, reset or unanswered.
    Failure {
        /// On whose behalf.
        client: IpAddr,
        /// Whether another address asked this server within the last `retry` seconds.
        others_asked: bool,
    },
}

/// The measured health of one server, from its first failure on.
#[derive(Clone, Debug)]
pub struct Watch {
    settings: Watching,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// In service, with the failures counted since the last success and whose they were.
    Up { failures: u32, counted: Vec<IpAddr> },
    /// Failed; tried again at this time, or only by the operator's word.
    Failed { retry_at: Option<Millis> },
    /// On trial.
    Testing,
}

impl Phase {
    const fn fresh() -> Phase {
        Phase::Up {
            failures: 0,
            counted: Vec::new(),
        }
    }
}

impl Watch {
    /// A server that nothing is held against.
    pub fn new(settings: Watching) -> Watch {
        Watch {
            settings,
            phase: Phase::fresh(),
        }
    }

    /// What was measured, as decisions see it.
    pub fn health(&self) -> Health {
        match self.phase {
            Phase::Up { .. } => Health::Up,
            Phase::Failed { .. } => Health::Failed,
            Phase::Testing => Health::Testing,
        }
    }

    /// Failures counted since the last success.
    pub fn failures(&self) -> u32 {
        match self.phase {
            Phase::Up { failures, .. } => failures,
            Phase::Failed { .. } | Phase::Testing => self.settings.threshold,
        }
    }

    /// Whether nothing is held against the server, so that it need not be watched.
    pub fn is_clear(&self) -> bool {
        self.phase == Phase::fresh()
    }

    /// Takes the operator's new settings; a failed server waits as it was told when it failed, unless
    /// `autounfail` changed.
    pub fn configure(&mut self, settings: Watching, now: Millis) {
        let turned = settings.autounfail != self.settings.autounfail;
        self.settings = settings;
        if turned && matches!(self.phase, Phase::Failed { .. } | Phase::Testing) {
            self.phase = self.failed(now);
        }
    }

    /// Takes an observation; `Some` where the health changed by it.
    pub fn observe(&mut self, seen: Observation, now: Millis) -> Option<Health> {
        let before = self.health();
        match (&mut self.phase, seen) {
            (Phase::Up { .. } | Phase::Testing, Observation::Success) => {
                self.phase = Phase::fresh()
            }
            (
                Phase::Up { failures, counted },
                Observation::Failure {
                    client,
                    others_asked,
                },
            ) => {
                let again = counted.contains(&client);
                if !(again && others_asked) {
                    *failures += 1;
                    if !again {
                        counted.push(client);
                    }
                }
                if *failures >= self.settings.threshold {
                    self.phase = self.failed(now);
                }
            }
            (Phase::Testing, Observation::Failure { .. }) => self.phase = self.failed(now),
            // What was under way when it failed proves nothing about new connections.
            (Phase::Failed { .. }, _) => {}
        }
        self.changed_from(before)
    }

    /// When [`tick`](Self::tick) will have something to do.
    pub fn due(&self) -> Option<Millis> {
        match self.phase {
            Phase::Failed { retry_at } => retry_at,
            _ => None,
        }
    }

    /// Lets time pass; `Some` where the health changed by it.
    pub fn tick(&mut self, now: Millis) -> Option<Health> {
        let before = self.health();
        if self.due().is_some_and(|at| at <= now) {
            self.phase = Phase::Testing;
        }
        self.changed_from(before)
    }

    fn failed(&self, now: Millis) -> Phase {
        let wait = Millis(now.0 + u64::from(self.settings.retry_s) * 1000);
        Phase::Failed {
            retry_at: self.settings.autounfail.then_some(wait),
        }
    }

    fn changed_from(&self, before: Health) -> Option<Health> {
        (self.health() != before).then(|| self.health())
    }
}

#[cfg(test)]
mod tests;
