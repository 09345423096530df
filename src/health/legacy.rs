//! What was found of a server, for the process that takes over: its clock is another, so that times are told by how much is left.

use serde::{Deserialize, Serialize};

use crate::decide::Readiness;

/// What was found of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Legacy {
    /// By each of its probes.
    pub probes: Vec<Found>,
    /// Its traffic failed it: why, and in how many milliseconds it is tried again (nothing: by the operator's word).
    pub failed: Option<(String, Option<u64>)>,
}

/// What one probe found of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The probe's name.
    pub probe: String,
    /// Why it is down by this probe.
    pub down: Option<String>,
    /// It has not answered since the director knows it.
    pub waiting: bool,
    /// An agent said that it is down: why.
    pub said_down: Option<String>,
    /// An agent said: only clients that are stuck to it (1), nobody (2).
    pub closed: u8,
    /// An agent's share, in percent.
    pub share: Option<u16>,
    /// An agent's limit.
    pub maxconns: Option<u32>,
}

/// How [`Found::closed`] tells it.
pub(super) const fn closed(readiness: Readiness) -> u8 {
    match readiness {
        Readiness::Ready => 0,
        Readiness::Drain => 1,
        Readiness::Maint => 2,
    }
}

/// The other way; what is not known is nothing that was said.
pub(super) const fn readiness(closed: u8) -> Readiness {
    match closed {
        1 => Readiness::Drain,
        2 => Readiness::Maint,
        _ => Readiness::Ready,
    }
}
