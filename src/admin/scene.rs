//! All that the answers are made of, gathered from workers and writer.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::limits::GATHER;
use crate::control::{Farm, Live, Orders, count};
use crate::decide::Millis;
use crate::model::Id;
use crate::telemetry::{Counts, Probed};

/// Whom to ask.
#[derive(Clone)]
pub struct Source {
    /// The published snapshot, the clock, the ledger.
    pub farm: Arc<Farm>,
    /// The workers, for their counts.
    pub workers: Vec<Orders>,
    /// The writer's task, for what it alone knows.
    pub writer: mpsc::Sender<oneshot::Sender<Sight>>,
    /// Lines of the access log so far: written, dropped.
    pub lines: Arc<dyn Fn() -> [u64; 2] + Send + Sync>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

/// What the writer alone knows.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Every virtual, real, dip and url.
    pub standings: Vec<Standing>,
    /// The urls that are linked to nothing: whom they redirect is not seen again.
    pub unlinked: Arc<HashSet<Id>>,
}

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A virtual.
    Virtual,
    /// A real.
    Real,
    /// A dip.
    Dip,
    /// A url.
    Url,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 4] = [Kind::Virtual, Kind::Real, Kind::Dip, Kind::Url];

    /// The statement's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Virtual => "virtual",
            Kind::Real => "real",
            Kind::Dip => "dip",
            Kind::Url => "url",
        }
    }
}

/// The words for a state (LANGUAGE.md §3).
pub(super) const STATES: [&str; 7] = [
    "IS", "OOS", "MAINT", "STICKY", "FAILED", "TESTING", "MAXCONNS",
];

/// How one server stands: what the operator wants, what was measured, and both combined.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Who.
    pub id: Id,
    /// What.
    pub kind: Kind,
    /// Both combined, one of LANGUAGE.md §3's words.
    pub state: &'static str,
    /// What the operator wants.
    pub intent: Fact,
    /// What was measured.
    pub measured: Fact,
    /// What else is known of it.
    pub figures: Vec<Figure>,
}

/// A fact, since when it holds, and why.
#[derive(Clone, Debug)]
pub struct Fact {
    /// In one word.
    pub word: &'static str,
    /// Since when; zero: from the start.
    pub since: Millis,
    /// Why; may be empty.
    pub why: String,
}

/// A named number of a server.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Who says so: a probe, `traffic`, `agent`.
    pub source: String,
    /// When it was said.
    pub at: Millis,
    /// When it holds no longer.
    pub expires: Option<Millis>,
}

/// Everything at one moment.
pub(super) struct Scene {
    pub(super) counts: Counts,
    pub(super) live: Arc<Live>,
    pub(super) now: Millis,
    pub(super) sight: Sight,
    pub(super) probes: BTreeMap<Box<str>, Probed>,
    pub(super) reloads: [u64; 2],
    pub(super) reloaded_at: Option<u64>,
    pub(super) lines: [u64; 2],
}

/// Somebody did not tell in time, or the director is ending.
#[derive(Debug)]
pub(super) struct Silent;

impl Source {
    /// What the writer knows, and the moment it was told.
    pub(super) async fn sight(&self) -> Result<(Sight, Moment), Silent> {
        let (send, receive) = oneshot::channel();
        let told = async {
            self.writer.send(send).await.map_err(|_| Silent)?;
            receive.await.map_err(|_| Silent)
        };
        let sight = timeout(GATHER, told).await.map_err(|_| Silent)??;
        let moment = Moment {
            now: self.farm.now(),
            wall: SystemTime::now(),
        };
        Ok((sight, moment))
    }

    /// Everything.
    pub(super) async fn scene(&self) -> Result<Scene, Silent> {
        let (sight, Moment { now, .. }) = self.sight().await?;
        let counts = timeout(GATHER, count(&self.workers));
        let ledger = self.farm.ledger();
        Ok(Scene {
            counts: counts.await.map_err(|_| Silent)?,
            live: self.farm.live().load_full(),
            now,
            sight,
            probes: ledger.probes(),
            reloads: ledger.reloads(),
            reloaded_at: ledger.reloaded_at(),
            lines: (self.lines)(),
        })
    }
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Millis,
    pub(super) wall: SystemTime,
}
