//! What the other rooms tell the writer.

use std::net::IpAddr;
use std::sync::Arc;

use crate::decide::{Gauges, Millis};
use crate::health::Sounding;
use crate::model::{Id, Probe};

/// What became of an exchange with a server, as passive detection counts it (LANGUAGE.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The head of an answer came.
    Answered,
    /// The head of an answer came, with a status of 500 to 599. For servers with an `error-threshold` only; others answered.
    ServerError,
    /// The connection was refused or could not be made.
    Refused,
    /// The TLS handshake failed, or HTTP/2 was not agreed upon.
    Handshake,
    /// The connection was reset or closed before the head of an answer.
    Reset,
    /// No connection or no head of an answer in time.
    Unanswered,
    /// What came was no answer by HTTP's rules.
    BadAnswer,
}

/// What a probe brought back.
#[derive(Debug)]
pub struct Sounded {
    /// Of whom.
    pub id: Id,
    /// By which probe.
    pub probe: Arc<Probe>,
    /// What it came to.
    pub sounding: Sounding,
    /// When.
    pub now: Millis,
}

/// Tells the writer what was seen of a server.
#[derive(Debug)]
pub enum Report {
    /// What became of an exchange.
    Exchange {
        /// The server.
        server: Arc<Gauges>,
        /// The client on whose behalf it was asked.
        client: IpAddr,
        /// What happened.
        outcome: Outcome,
        /// When.
        now: Millis,
    },
    /// What a probe brought back.
    Sounding(Sounded),
    /// Enough different clients came back from this server: it is to be probed at once.
    Suspect {
        /// The real, dip or url.
        server: Arc<Gauges>,
        /// When.
        now: Millis,
    },
}
