//! What the workers share: the published pointer and the way back to the writer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use crate::decide::{Gauges, Loads, Millis, Snapshot};

/// A snapshot with its live gauges, as published.
#[derive(Debug)]
pub struct Live {
    /// What decisions read.
    pub snapshot: Snapshot,
    /// The atomics beside it; shared with the snapshots before and after where only health changed.
    pub loads: Arc<Loads>,
}

/// What became of an exchange with a server, as passive detection counts it (LANGUAGE.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The head of an answer came.
    Answered,
    /// The connection was refused or could not be made.
    Refused,
    /// The connection was reset or closed before the head of an answer.
    Reset,
    /// No connection or no head of an answer in time.
    Unanswered,
}

/// Tells the writer what became of an exchange.
#[derive(Debug)]
pub struct Report {
    /// The server.
    pub server: Arc<Gauges>,
    /// The client on whose behalf it was asked.
    pub client: IpAddr,
    /// What happened.
    pub outcome: Outcome,
    /// When.
    pub now: Millis,
}

/// What the workers share.
#[derive(Debug)]
pub struct Farm {
    live: ArcSwap<Live>,
    reports: mpsc::Sender<Report>,
    epoch: Instant,
}

impl Farm {
    /// A farm that publishes `live` and sends reports to `reports`.
    pub fn new(live: Live, reports: mpsc::Sender<Report>) -> Farm {
        Farm {
            live: ArcSwap::from_pointee(live),
            reports,
            epoch: Instant::now(),
        }
    }

    /// The published pointer: a request loads it once and keeps it to its end.
    pub fn live(&self) -> &ArcSwap<Live> {
        &self.live
    }

    /// Milliseconds since this farm began.
    pub fn now(&self) -> Millis {
        Millis(self.epoch.elapsed().as_millis() as u64)
    }

    /// Sends a report; successes only where the server is suspect, so that the usual case costs one load.
    pub fn report(&self, server: &Arc<Gauges>, client: IpAddr, outcome: Outcome) {
        if outcome == Outcome::Answered
            && !server.suspect.load(std::sync::atomic::Ordering::Relaxed)
        {
            return;
        }
        // A full queue means the writer is far behind; what it has is enough to act on.
        let _ = self.reports.try_send(Report {
            server: Arc::clone(server),
            client,
            outcome,
            now: self.now(),
        });
    }
}
