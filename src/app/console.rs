//! What the console is told of the running director, and what it does to it beside changing its configuration.
//!
//! One task takes the questions; each is answered in a task of its own. What the writer alone knows it is asked for in parts, and what is
//! made of it is made on a thread where nobody waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::console::{Question, Scene, What};
use crate::control::{Door, Farm, Orders, Standing, Writer, count_each};
use crate::health::Latest;
use crate::model::{Endpoint, Model, Probe};
use crate::telemetry::{Counts, LogCounts};

mod act;
mod debug;
mod gather;
mod memory;

use gather::{Pieces, refs};
use memory::{FRESH_MS, Memory, STALE_MS};

/// Questions of the console that may wait.
const QUESTIONS_WAITING: usize = 64;

/// What the desk asks the writer and may wait there.
const ASKED: usize = 16;

/// Standings that are told at a stretch: some milliseconds of the writer's time.
const STANDINGS: usize = 256;

/// How long workers and writer may take to tell all they know.
const GATHER: Duration = Duration::from_secs(30);

/// Asked of the writer.
#[derive(Debug)]
pub(super) enum Ask {
    /// The configuration, and where it listens.
    Configured(oneshot::Sender<Configured>),
    /// How everybody stands, from so many on; and what their probes last brought back.
    Part(usize, bool, oneshot::Sender<Part>),
}

/// A configuration and its listeners.
#[derive(Debug)]
pub(super) struct Configured {
    model: Arc<Model>,
    doors: Vec<(Endpoint, Door)>,
}

/// How some of the servers of a configuration stand.
#[derive(Debug)]
pub(super) struct Part {
    model: Arc<Model>,
    some: Vec<Seen>,
    last: bool,
}

/// How one server stands.
#[derive(Debug)]
struct Seen {
    standing: Standing,
    latest: Vec<(Arc<Probe>, Latest)>,
}

/// Answers the desk for the writer.
pub(super) fn tell(writer: &Writer, ask: Ask) {
    // Who asked may have given up.
    match ask {
        Ask::Configured(reply) => drop(reply.send(Configured {
            model: writer.configured(),
            doors: writer.doors().to_vec(),
        })),
        Ask::Part(from, probes, reply) => {
            let standings = writer.some_standings(from, STANDINGS);
            let last = standings.len() < STANDINGS;
            let seen = |standing: Standing| Seen {
                latest: match probes {
                    true => writer.latest(&standing.id),
                    false => Vec::new(),
                },
                standing,
            };
            drop(reply.send(Part {
                model: writer.configured(),
                some: standings.into_iter().map(seen).collect(),
                last,
            }));
        }
    }
}

/// What there is to ask.
#[derive(Debug)]
pub(super) struct Desk {
    farm: Arc<Farm>,
    workers: Vec<Orders>,
    writer: mpsc::Sender<Ask>,
    lines: Arc<LogCounts>,
    started: Timestamp,
    memory: Mutex<Memory>,
}

/// Somebody did not tell in time, or the director is ending.
const SILENT: &str = "the director did not answer in time, or is ending; try again";

impl Desk {
    /// Starts the task that answers the console; where to ask it, and what it asks the writer.
    pub(super) fn open(writer: &Writer) -> (mpsc::Sender<Question>, mpsc::Receiver<Ask>) {
        let (ask, asked) = mpsc::channel(ASKED);
        let (send, mut questions) = mpsc::channel(QUESTIONS_WAITING);
        let desk = Arc::new(Desk {
            farm: Arc::clone(writer.farm()),
            workers: writer.workers().to_vec(),
            writer: ask,
            lines: Arc::clone(writer.log_counts()),
            started: Timestamp::now(),
            memory: Mutex::default(),
        });
        tokio::spawn(async move {
            while let Some(question) = questions.recv().await {
                tokio::spawn(Arc::clone(&desk).answer(question));
            }
        });
        (send, asked)
    }

    async fn answer(self: Arc<Self>, question: Question) {
        // Who asked may have given up: then nothing goes on for him.
        match question {
            Question::Scene { what, reply } => reply_to(reply, self.scene(what)).await,
            Question::Explain { what, reply } => reply_to(reply, self.explain(what)).await,
            Question::Clear { what, reply } => reply_to(reply, self.clear(what)).await,
            Question::Ping { address, reply } => reply_to(reply, act::ping(address)).await,
            Question::TestProbe { probe, id, reply } => {
                reply_to(reply, self.test_probe(&probe, id.as_deref())).await;
            }
            Question::Debug {
                from,
                seconds,
                lines,
            } => self.debug(from, seconds, lines).await,
            Question::Words { rule, begun, reply } => {
                let words = self.words(&rule, &begun).await;
                drop(reply.send(words.unwrap_or_default()));
            }
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the operator wants, and where it listens.
    async fn configured(&self) -> Result<Configured, String> {
        let (reply, told) = oneshot::channel();
        let asked = async {
            self.writer.send(Ask::Configured(reply)).await.ok()?;
            told.await.ok()
        };
        let told = timeout(GATHER, asked).await.ok().flatten();
        told.ok_or_else(|| SILENT.to_owned())
    }

    /// How everybody stands of one configuration, begun anew where that changed in between.
    async fn seen(&self, probes: bool) -> Option<(Arc<Model>, Vec<Seen>)> {
        let mut all: Vec<Seen> = Vec::new();
        let mut of: Option<Arc<Model>> = None;
        loop {
            let (reply, told) = oneshot::channel();
            let ask = Ask::Part(all.len(), probes, reply);
            self.writer.send(ask).await.ok()?;
            let part = told.await.ok()?;
            let begun = of.get_or_insert_with(|| Arc::clone(&part.model));
            if !Arc::ptr_eq(begun, &part.model) {
                of = None;
                all.clear();
                continue;
            }
            if all.is_empty() {
                // Grown bit by bit, a large one would be copied over and over on the writer's thread.
                all.reserve_exact(refs(&part.model).count());
            }
            all.extend(part.some);
            if part.last {
                return Some((part.model, all));
            }
        }
    }

    async fn counts(&self) -> Result<Vec<Counts>, String> {
        let counts = timeout(GATHER, count_each(&self.workers)).await;
        counts.map_err(|_| SILENT.to_owned())
    }

    /// Everything at one moment.
    async fn scene(self: &Arc<Self>, what: What) -> Result<Scene, String> {
        let Configured { model, doors } = self.configured().await?;
        let (model, seen) = match what {
            What::Director => (model, Vec::new()),
            What::Farm | What::Probes => {
                let seen = timeout(GATHER, self.seen(what == What::Probes)).await;
                seen.ok().flatten().ok_or(SILENT)?
            }
        };
        let mut counts = self.counts().await?;
        if what != What::Director {
            // A rate wants two looks.
            loop {
                let (looked, wait) = self.look(counts).await?;
                counts = looked;
                let Some(wait) = wait else {
                    break;
                };
                sleep(wait).await;
                counts = self.counts().await?;
            }
        }
        let desk = Arc::clone(self);
        let live = self.farm.live().load_full();
        aside(move || {
            let counts = Counts::sum(counts);
            let now = desk.farm.now();
            let mut memory = desk.memory();
            let pieces = Pieces {
                farm: &desk.farm,
                live: &live,
                model: &model,
                counts: &counts,
                memory: &memory,
                now,
                probed: what == What::Probes,
            };
            let mut scene = pieces.scene(seen);
            pieces.tell_director(&mut scene, &doors);
            scene.director.workers = desk.workers.len();
            scene.director.started = desk.started;
            scene.totals.lines = [desk.lines.written(), desk.lines.dropped()];
            if what != What::Director {
                memory.note(&counts, now);
            }
            scene
        })
        .await
    }

    /// How long to wait for a second look; the first one is noted.
    async fn look(
        self: &Arc<Self>,
        counts: Vec<Counts>,
    ) -> Result<(Vec<Counts>, Option<Duration>), String> {
        let desk = Arc::clone(self);
        aside(move || {
            let now = desk.farm.now();
            let mut memory = desk.memory();
            let wait_ms = match memory.looked_ms_ago(now) {
                Some(ago) if ago <= STALE_MS => FRESH_MS.saturating_sub(ago),
                _ => {
                    memory.look(&counts, now);
                    FRESH_MS
                }
            };
            let wait = (wait_ms > 0).then(|| Duration::from_millis(wait_ms));
            drop(memory);
            (counts, wait)
        })
        .await
    }
}

/// Does what takes its time where nobody waits.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let done = spawn_blocking(work).await;
    done.map_err(|e| format!("what is known could not be put together: {e}"))
}

/// Answers, unless nobody waits for it any more.
async fn reply_to<T>(
    mut reply: crate::control::Reply<T>,
    answer: impl Future<Output = Result<T, String>>,
) {
    tokio::select! {
        biased;
        () = reply.closed() => {}
        answer = answer => drop(reply.send(answer)),
    }
}

#[cfg(test)]
mod tests;
