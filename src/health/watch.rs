//! Passive detection: what the traffic shows of one server (LANGUAGE.md §3).

use std::net::IpAddr;

use crate::decide::{Health, Millis};
use crate::model::Watching;

/// What was wrong with an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The connection was refused or could not be made.
    Refused,
    /// The connection broke before the head of an answer.
    Reset,
    /// No connection or no head of an answer in time.
    Unanswered,
    /// What came was no answer by HTTP's rules.
    BadAnswer,
    /// A status of 500 to 599: counted apart from the others, and only where the operator wants it counted.
    ServerError,
}

impl Fault {
    /// In a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::Refused => "connect refused",
            Fault::Reset => "connection reset before an answer",
            Fault::Unanswered => "no answer",
            Fault::BadAnswer => "bad answer",
            Fault::ServerError => "server error (5xx)",
        }
    }
}

/// What was seen of a server while it was asked for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The head of an answer came, and nothing was wrong with it.
    Success,
    /// Something was wrong.
    Failure {
        /// What.
        fault: Fault,
        /// On whose behalf it was asked.
        client: IpAddr,
        /// Whether another address asked this server within the last `retry` seconds.
        others_asked: bool,
    },
}

/// The measured health of one server by its traffic alone.
#[derive(Clone, Debug)]
pub struct Watch {
    settings: Watching,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// In service, with what was counted since the last success.
    Up { failures: Count, errors: Count },
    /// Failed; tried again at this time, or only by the operator's word.
    Failed { retry_at: Option<Millis> },
    /// On trial.
    Testing,
}

/// Faults in a row, and whose they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Count {
    number: u32,
    clients: Vec<IpAddr>,
}

impl Count {
    /// Counts a client's repeated faults once while others ask.
    fn add(&mut self, client: IpAddr, others_asked: bool) -> u32 {
        let again = self.clients.contains(&client);
        if !(again && others_asked) {
            self.number += 1;
            if !again {
                self.clients.push(client);
            }
        }
        self.number
    }
}

impl Phase {
    const fn fresh() -> Phase {
        const NONE: Count = Count {
            number: 0,
            clients: Vec::new(),
        };
        Phase::Up {
            failures: NONE,
            errors: NONE,
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

    /// The operator's settings.
    pub fn settings(&self) -> Watching {
        self.settings
    }

    /// What was measured, as decisions see it.
    pub fn health(&self) -> Health {
        match self.phase {
            Phase::Up { .. } => Health::Up,
            Phase::Failed { .. } => Health::Failed,
            Phase::Testing => Health::Testing,
        }
    }

    /// Failures counted since the last answer.
    pub fn failures(&self) -> u32 {
        match &self.phase {
            Phase::Up { failures, .. } => failures.number,
            Phase::Failed { .. } | Phase::Testing => self.settings.threshold,
        }
    }

    /// Answers of 5xx counted since the last other one.
    pub fn errors(&self) -> u32 {
        match &self.phase {
            Phase::Up { errors, .. } => errors.number,
            Phase::Failed { .. } | Phase::Testing => 0,
        }
    }

    /// How many faults like this one in a row fail the server; `None`: any number does not.
    pub fn limit(&self, fault: Fault) -> Option<u32> {
        match fault {
            Fault::ServerError => self.settings.errors,
            _ => Some(self.settings.threshold),
        }
    }

    /// Whether nothing is held against the server, so that a success is no news.
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
        match seen {
            Observation::Failure {
                fault,
                client,
                others_asked,
            } => match self.limit(fault) {
                Some(limit) => self.fault(fault, limit, (client, others_asked), now),
                None => self.success(),
            },
            Observation::Success => self.success(),
        }
        self.changed_from(before)
    }

    fn success(&mut self) {
        // What was under way when it failed proves nothing about new connections.
        if !matches!(self.phase, Phase::Failed { .. }) {
            self.phase = Phase::fresh();
        }
    }

    fn fault(&mut self, fault: Fault, limit: u32, (client, others): (IpAddr, bool), now: Millis) {
        let fails = match &mut self.phase {
            Phase::Up { failures, errors } => {
                let counted = if fault == Fault::ServerError {
                    // It answered, after all.
                    *failures = Count::default();
                    errors.add(client, others)
                } else {
                    failures.add(client, others)
                };
                counted >= limit
            }
            Phase::Testing => true,
            Phase::Failed { .. } => false,
        };
        if fails {
            self.phase = self.failed(now);
        }
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

    /// Of a server that failed or is on trial, in how many milliseconds it is tried again; nothing within: by the operator's word.
    pub fn left(&self, now: Millis) -> Option<Option<u64>> {
        match self.phase {
            Phase::Up { .. } => None,
            Phase::Failed { retry_at } => Some(retry_at.map(|at| at.0.saturating_sub(now.0))),
            Phase::Testing => Some(Some(0)),
        }
    }

    /// It failed before, and is tried again then.
    pub fn fail(&mut self, retry_at: Option<Millis>) {
        self.phase = Phase::Failed { retry_at };
    }

    fn failed(&self, now: Millis) -> Phase {
        let wait = now
            .0
            .saturating_add(u64::from(self.settings.retry_s) * 1000);
        Phase::Failed {
            retry_at: self.settings.autounfail.then_some(Millis(wait)),
        }
    }

    fn changed_from(&self, before: Health) -> Option<Health> {
        (self.health() != before).then(|| self.health())
    }
}
