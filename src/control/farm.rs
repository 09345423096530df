//! What the workers share: the published pointer and the way back to the writer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use crate::decide::{Gauges, Loads, Millis, Snapshot};
use crate::health::Sounding;
use crate::model::{Id, Probe};
use crate::telemetry::Ledger;

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

/// What is to be asked of whom: one probe of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The real, dip or url.
    pub id: Id,
    /// How it is asked.
    pub probe: Arc<Probe>,
    /// Where it is asked: the probe's own address and port, else the server's. A url with a host name has none: it is looked up
    /// each time.
    pub to: Option<SocketAddr>,
    /// The Host that an HTTP probe names, the name to look up without `to`, and the name in a certificate.
    pub host: Box<str>,
    /// The port to ask at where `to` is none.
    pub port: u16,
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

/// What the workers share.
#[derive(Debug)]
pub struct Farm {
    live: ArcSwap<Live>,
    reports: mpsc::Sender<Report>,
    epoch: Instant,
    errands: watch::Sender<Arc<Vec<Errand>>>,
    ledger: Ledger,
}

impl Farm {
    /// A farm that publishes `live` and sends reports to `reports`.
    pub fn new(live: Live, reports: mpsc::Sender<Report>) -> Farm {
        Farm {
            live: ArcSwap::from_pointee(live),
            reports,
            epoch: Instant::now(),
            errands: watch::Sender::new(Arc::default()),
            ledger: Ledger::default(),
        }
    }

    /// Counts of reloads and probes.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// All that is to be probed, published anew with every configuration.
    pub fn errands(&self) -> watch::Receiver<Arc<Vec<Errand>>> {
        self.errands.subscribe()
    }

    /// Sends what a probe brought back.
    pub fn sounded(&self, sounded: Sounded) {
        let Sounded {
            id,
            probe,
            sounding,
            ..
        } = &sounded;
        self.ledger
            .sounded(id, &probe.name, sounding.ok, sounding.took_us);
    }

    /// Says that clients come back from a server: it is probed at once.
    pub fn suspect(&self, _server: &Arc<Gauges>) {}

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
