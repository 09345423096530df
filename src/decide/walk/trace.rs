//! What happens on a walk, for those who watch.

use super::{Lost, Ratio};
use crate::model::Priority;

/// Why a node was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decide) enum Why {
    /// Its own intent or health, or that of what it is linked to.
    State,
    /// On trial, and another client tries it.
    OnTrial,
    Full,
    Tried,
    /// The client came back from it.
    CameBack,
    /// A client's own server that is not configured any more.
    Gone,
    /// A client's own server that the virtual does not lead to any more.
    Unbound,
    /// A virtual that was asked already, or a url linked to an id that was.
    Visited,
    TooDeep,
    LeadsBack,
    /// The IPv6 address asked for would become a part of a name.
    NoUrl,
    /// A virtual within which nothing was found.
    Empty,
}

/// What happens on a walk, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::decide) enum Note {
    /// Somebody asked at this one's address.
    Asked(u32),
    /// A virtual that is bound or a backup decides within itself.
    Entered(u32),
    /// A virtual's predictor or a trial or a retry leads to the slot of this target.
    Slot {
        of: u32,
        target: u32,
        how: How,
    },
    Rejected {
        node: u32,
        why: Why,
    },
    /// `node` is not usable: on to its backup.
    Backup {
        node: u32,
        backup: u32,
    },
    Taken {
        node: u32,
        trial: bool,
    },
    /// A redirect to `server` is a promise, beside those to others.
    Promised {
        server: u32,
        others: u32,
    },
    /// The client is known at `of`, and `node` is its own server.
    Own {
        of: u32,
        node: u32,
        how: Knows,
    },
    /// The client's own server is not taken.
    Lost {
        of: u32,
        node: u32,
        lost: Lost,
    },
    /// The client's alternate is asked in the place of its primary.
    Second {
        of: u32,
        node: u32,
        primary: u32,
    },
    /// The client is known at `of` from now on.
    Assigned {
        of: u32,
        node: u32,
        alternate: u32,
    },
    /// A server that takes only a part of its share did not take this client.
    Spared {
        node: u32,
        percent: u8,
    },
    /// A server that is over the mark passes the client on.
    Over {
        node: u32,
        ratio: Ratio,
    },
    /// The client came back from where `url` leads.
    CameBack {
        url: u32,
        ago_ms: u64,
        observe: bool,
    },
    /// Every slot of a virtual is down, and its operator chose `url`, or with `NONE` the last good ones.
    AllDown {
        of: u32,
        url: u32,
    },
    /// The slots of this priority come in, as none before it serves.
    Priority {
        of: u32,
        priority: Priority,
    },
}

/// What tells a virtual who a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decide) enum Knows {
    Table,
    Cookie,
    Referer,
}

/// What leads to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decide) enum How {
    Predictor,
    Trial,
    Retry,
    /// The predictor's picks came to nothing: one after the other.
    Scan,
    /// What the predictor named is over the mark: this one has the lowest ratio.
    Bounced,
    /// Only servers that are ramping up are left.
    Ramping,
    /// It was filled before every server went down.
    LastGood,
}

/// Watches a walk. The data path's does nothing.
pub(in crate::decide) trait Trace {
    const ON: bool;
    fn note(&mut self, note: Note);
}

/// Watches nothing.
pub(super) struct Blind;

impl Trace for Blind {
    const ON: bool = false;
    fn note(&mut self, _: Note) {}
}
