//! What the workers share: the published pointer and the way back to the writer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{broadcast, mpsc, watch};

use super::{Challenges, Keys, Outcome, Report, Sounded};
use crate::decide::{Gauges, Loads, Millis, Snapshot};
use crate::model::{Id, Probe};
use crate::telemetry::Ledger;

/// Urgent errands that wait for the probes; where there are more the oldest are forgotten, as their servers are probed soon anyway.
pub const URGENT_WAITING: usize = 256;

/// A snapshot with its live gauges, as published.
#[derive(Debug)]
pub struct Live {
    /// What decisions read.
    pub snapshot: Snapshot,
    /// The atomics beside it; shared with the snapshots before and after where only health changed.
    pub loads: Arc<Loads>,
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
    /// A url's host, else the server's address (IPv6 without brackets): the name to look up without `to`, and what an HTTP probe
    /// without a `host` of its own names in Host and asks of a certificate.
    pub host: Box<str>,
    /// The port to ask at where `to` is none.
    pub port: u16,
}

/// What the workers share.
#[derive(Debug)]
pub struct Farm {
    live: ArcSwap<Live>,
    reports: mpsc::Sender<Report>,
    epoch: Instant,
    errands: watch::Sender<Arc<Vec<Errand>>>,
    ledger: Ledger,
    urgent: broadcast::Sender<Errand>,
    challenges: Challenges,
    keys: ArcSwap<Keys>,
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
            urgent: broadcast::Sender::new(URGENT_WAITING),
            challenges: Challenges::default(),
            keys: ArcSwap::default(),
        }
    }

    /// What certificate authorities ask to be shown.
    pub fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// How every listener that speaks TLS shakes hands.
    pub fn keys(&self) -> &ArcSwap<Keys> {
        &self.keys
    }

    /// Counts of reloads and probes.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// All that is to be probed, published anew with every configuration.
    pub fn errands(&self) -> watch::Receiver<Arc<Vec<Errand>>> {
        self.errands.subscribe()
    }

    /// What is to be asked at once and once only, from now on: all errands of a server that is suspect, or a tcp connection where
    /// it has none. Bounded: whoever lags learns so and may go on.
    pub fn urgent(&self) -> broadcast::Receiver<Errand> {
        self.urgent.subscribe()
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
        // Dropped where the writer is far behind: the next one says as much, and where none comes the last one expires.
        let _ = self.reports.try_send(Report::Sounding(sounded));
    }

    /// Says that clients come back from a server: it is probed at once.
    pub fn suspect(&self, server: &Arc<Gauges>) {
        let _ = self.reports.try_send(Report::Suspect {
            server: Arc::clone(server),
            now: self.now(),
        });
    }

    /// The published pointer: a request loads it once and keeps it to its end.
    pub fn live(&self) -> &ArcSwap<Live> {
        &self.live
    }

    /// Milliseconds since this farm began.
    pub fn now(&self) -> Millis {
        self.at(Instant::now())
    }

    /// Milliseconds from this farm's beginning to `at`.
    pub fn at(&self, at: Instant) -> Millis {
        Millis(at.saturating_duration_since(self.epoch).as_millis() as u64)
    }

    /// The time of day at `at`, by what the clock of the host shows now.
    pub fn time_of_day(&self, at: Millis) -> Timestamp {
        let ago = i128::from(self.now().0) - i128::from(at.0);
        let ago = SignedDuration::from_millis(i64::try_from(ago).unwrap_or(0));
        let now = Timestamp::now();
        now.checked_sub(ago).unwrap_or(now)
    }

    /// Sends a report; successes only where the server is suspect, so that the usual case costs one load.
    pub fn report(&self, server: &Arc<Gauges>, client: IpAddr, outcome: Outcome) {
        if outcome == Outcome::Answered && !server.suspect.load(Ordering::Relaxed) {
            return;
        }
        // A full queue means the writer is far behind; what it has is enough to act on.
        let _ = self.reports.try_send(Report::Exchange {
            server: Arc::clone(server),
            client,
            outcome,
            now: self.now(),
        });
    }

    /// Publishes what is to be probed.
    pub(super) fn publish_errands(&self, errands: Vec<Errand>) {
        self.errands.send_replace(Arc::new(errands));
    }

    /// Passes an errand on at once.
    pub(super) fn hurry(&self, errand: Errand) {
        // Nobody listens where there are no probes (tests, `demo`).
        let _ = self.urgent.send(errand);
    }
}
