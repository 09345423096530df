//! All that the answers are made of, gathered from workers and writer.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::limits::GATHER;
use crate::control::{Farm, Kind, Live, Orders, Standing, count};
use crate::decide::Millis;
use crate::health::State;
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
    pub writer: mpsc::Sender<Question>,
    /// Lines of the access log so far: written, dropped.
    pub lines: Arc<dyn Fn() -> [u64; 2] + Send + Sync>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

/// What is asked of the writer: in parts, so that it has its hands free in between.
#[derive(Debug)]
pub enum Question {
    /// Who is in which state, from so many on.
    States(usize, oneshot::Sender<Part<(Id, Kind, State)>>),
    /// How everybody stands, from so many on.
    Standings(usize, oneshot::Sender<Part<Standing>>),
}

/// A part of what the writer knows.
#[derive(Debug)]
pub struct Part<T> {
    /// Some of it, in the order of the configuration.
    pub some: Vec<T>,
    /// There is no more.
    pub last: bool,
    /// The urls that are linked to nothing: whom they redirect is not seen again. The same one in each part of one configuration.
    pub unlinked: Arc<HashSet<Id>>,
}

/// Everything at one moment.
pub(super) struct Scene {
    pub(super) counts: Counts,
    pub(super) live: Arc<Live>,
    pub(super) now: Millis,
    pub(super) states: Vec<(Id, Kind, State)>,
    pub(super) unlinked: Arc<HashSet<Id>>,
    pub(super) probes: BTreeMap<Box<str>, Probed>,
    pub(super) reloads: [u64; 2],
    pub(super) reloaded_at: Option<u64>,
    pub(super) lines: [u64; 2],
    /// Each certificate, and when it ends, in seconds since 1970.
    pub(super) certificates: Vec<(Box<str>, i64)>,
}

/// Somebody did not tell in time, or the director is ending.
#[derive(Debug)]
pub(super) struct Silent;

impl Source {
    /// How everybody stands.
    pub(super) async fn standings(&self) -> Result<Vec<Standing>, Silent> {
        Ok(self.all(Question::Standings).await?.0)
    }

    /// Everything.
    pub(super) async fn scene(&self) -> Result<Scene, Silent> {
        let (states, unlinked) = self.all(Question::States).await?;
        let counts = timeout(GATHER, count(&self.workers));
        let ledger = self.farm.ledger();
        Ok(Scene {
            counts: counts.await.map_err(|_| Silent)?,
            live: self.farm.live().load_full(),
            now: self.farm.now(),
            states,
            unlinked,
            probes: ledger.probes(),
            reloads: ledger.reloads(),
            reloaded_at: ledger.reloaded_at(),
            lines: (self.lines)(),
            certificates: certificates(&self.farm),
        })
    }

    /// All parts of what the writer knows of one configuration, begun anew where that changed in between.
    async fn all<T>(
        &self,
        question: impl Fn(usize, oneshot::Sender<Part<T>>) -> Question,
    ) -> Result<(Vec<T>, Arc<HashSet<Id>>), Silent> {
        let asked = async {
            let mut all: Vec<T> = Vec::new();
            let mut of: Option<Arc<HashSet<Id>>> = None;
            loop {
                let (reply, told) = oneshot::channel();
                let question = question(all.len(), reply);
                self.writer.send(question).await.map_err(|_| Silent)?;
                let part = told.await.map_err(|_| Silent)?;
                let begun = of.get_or_insert_with(|| Arc::clone(&part.unlinked));
                if !Arc::ptr_eq(begun, &part.unlinked) {
                    of = None;
                    all.clear();
                    continue;
                }
                all.extend(part.some);
                if part.last {
                    return Ok((all, part.unlinked));
                }
            }
        };
        timeout(GATHER, asked).await.map_err(|_| Silent)?
    }
}

#[cfg(feature = "tls")]
fn certificates(farm: &Farm) -> Vec<(Box<str>, i64)> {
    let keys = farm.keys().load();
    let held = keys.certificates().iter();
    held.map(|held| (held.name.clone(), held.loaded.not_after_s))
        .collect()
}

#[cfg(not(feature = "tls"))]
fn certificates(_: &Farm) -> Vec<(Box<str>, i64)> {
    Vec::new()
}
