//! Intent and measurement combined, in one word.

use crate::decide::{Health, Measured, Readiness};
use crate::model::Intent;

/// What a server is, all in all (LANGUAGE.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// In service.
    InService,
    /// Out of service.
    OutOfService,
    /// In maintenance: clients keep their association.
    Maintenance,
    /// Only clients that are stuck to it.
    Sticky,
    /// Failed.
    Failed,
    /// Failed, and on trial.
    Testing,
    /// At its limit of connections.
    Maxconns,
}

impl State {
    /// All states.
    pub const ALL: [State; 7] = [
        State::InService,
        State::OutOfService,
        State::Maintenance,
        State::Sticky,
        State::Failed,
        State::Testing,
        State::Maxconns,
    ];

    /// Of what the operator wants, what was measured, and whether as many connections as it may have are open. Of several reasons
    /// to keep clients away the one that keeps most of them away gives the word, the operator's own before a measured one.
    pub fn of(intent: Intent, measured: &Measured, full: bool) -> State {
        let drained = measured.readiness == Readiness::Drain || measured.share == 0;
        match (intent, measured.health) {
            (Intent::OutOfService, _) => State::OutOfService,
            (Intent::Failed, _) | (_, Health::Failed) => State::Failed,
            (Intent::Maintenance, _) => State::Maintenance,
            _ if measured.readiness == Readiness::Maint => State::Maintenance,
            (_, Health::Testing) => State::Testing,
            (Intent::Sticky, _) => State::Sticky,
            _ if drained => State::Sticky,
            _ if full => State::Maxconns,
            _ => State::InService,
        }
    }

    /// Of two states, such as those of a url and of what it is linked to, the one that keeps more clients away.
    pub fn worse(self, other: State) -> State {
        // The order in which `of` looks for a reason.
        const WORST_FIRST: [State; 7] = [
            State::OutOfService,
            State::Failed,
            State::Maintenance,
            State::Testing,
            State::Sticky,
            State::Maxconns,
            State::InService,
        ];
        let either = |state: &State| *state == self || *state == other;
        WORST_FIRST.into_iter().find(either).unwrap_or(self)
    }

    /// The word that is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::InService => "IS",
            State::OutOfService => "OOS",
            State::Maintenance => "MAINT",
            State::Sticky => "STICKY",
            State::Failed => "FAILED",
            State::Testing => "TESTING",
            State::Maxconns => "MAXCONNS",
        }
    }
}
