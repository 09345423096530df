//! The task that owns the model and the facts, and alone publishes.

use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::hold::Held;
use super::keys::Keyring;
use super::log::Logging;
use super::standing::Intents;
use super::wards::{Flip, Wards};
use super::{
    Door, Farm, Files, Keys, Live, PrepareError, Reader, Report, clock, errands, packets, prepare,
    told,
};
use crate::decide::{Facts, Millis, Snapshot};
use crate::health::Latest;
use crate::model::{Endpoint, Id, Model, Probe};
use crate::telemetry::{Counts, Ear, Journal};

/// Reports that may wait for the writer; more are dropped, as the writer then has enough to act on.
pub const REPORTS_WAITING: usize = 16_384;

/// Flips of health that come within this time of one another are gathered into one swap of the snapshot.
const GATHER: Duration = Duration::from_millis(5);

/// The same of changes of shares and limits, which agents tell all the time.
const GATHER_SHARES: Duration = Duration::from_millis(100);

/// From one round of what is to be done now and then to the next, in milliseconds.
const CHORES_MS: u64 = 1_000;

/// The table of sticky clients is swept once in so many rounds.
const ROUNDS_PER_SWEEP: usize = 60;

/// The ends of certificates are looked at once in so many rounds.
const ROUNDS_PER_LOOK: usize = 600;

/// A suspect server is not probed again because of that for this long, in milliseconds.
const SUSPECT_MS: u64 = 1_000;

/// What the writer asks of a worker.
#[derive(Debug)]
pub enum Order {
    /// Accept connections here too.
    Open {
        /// The endpoint that is spoken for.
        at: Endpoint,
        /// This worker's own listening socket.
        listener: TcpListener,
    },
    /// Accept what waits here, then no more.
    Close {
        /// The endpoint that is given up.
        at: Endpoint,
    },
    /// Servers came and went: gauges at these addresses live on.
    Forget(Arc<HashSet<usize>>),
    /// Look at what is published for each listener.
    Heed,
    /// Write the access log there from now on, or nowhere.
    Log(Option<Arc<Journal>>),
    /// Tell of every request that is answered from now on, too.
    Listen(Arc<Ear>),
    /// Send a copy of the counts.
    Count(oneshot::Sender<Counts>),
    /// Say that it goes round.
    Ping(oneshot::Sender<()>),
    /// Stop accepting, close what is idle, end when the rest is done.
    Drain,
    /// Stop accepting from sockets that another process accepts from, let each connection end after its next answer.
    Retire,
}

/// A worker as the writer knows it.
pub type Orders = mpsc::Sender<Order>;

/// Owns model, facts and listeners; publishes into a [`Farm`].
#[derive(Debug)]
pub struct Writer {
    farm: Arc<Farm>,
    pub(super) workers: Vec<Orders>,
    pub(super) logging: Logging,
    pub(super) keyring: Keyring,
    /// Who serves the listeners that are not the workers'; nobody: they are bound and not served.
    pub(super) rooms: Vec<(Door, Orders)>,
    model: Arc<Model>,
    pub(super) secret: [u8; 32],
    intents: Intents,
    pub(super) wards: Wards,
    /// The suspect servers that are being probed, and when that began.
    hurried: HashMap<Id, Millis>,
    /// When flips were published last.
    published: Option<Instant>,
    swaps: u64,
    /// When the next round of chores is due, and how many there were.
    chores_at: Millis,
    rounds: usize,
    doors: Vec<(Endpoint, Door)>,
    pub(super) held: Held,
}

impl Writer {
    /// A writer over a farm without anything, and the farm's end of its reports.
    pub fn new(workers: Vec<Orders>) -> (Writer, mpsc::Receiver<Report>) {
        let (send, receive) = mpsc::channel(REPORTS_WAITING);
        let model = Arc::<Model>::default();
        let secret = clock::secret();
        let facts = Facts {
            secret,
            ..Facts::default()
        };
        let (snapshot, loads) = Snapshot::compile(&model, &facts, None);
        let farm = Arc::new(Farm::new(
            Live {
                snapshot,
                loads: Arc::new(loads),
            },
            send,
        ));
        (
            Writer {
                farm,
                workers,
                logging: Logging::default(),
                keyring: Keyring::default(),
                rooms: Vec::new(),
                model,
                secret,
                intents: Intents::default(),
                wards: Wards::default(),
                hurried: HashMap::new(),
                published: None,
                swaps: 0,
                chores_at: Millis(0),
                rounds: 0,
                doors: Vec::new(),
                held: Held::default(),
            },
            receive,
        )
    }

    /// Hands listeners of the kind `door` to `room` from now on.
    pub fn admit(&mut self, door: Door, room: Orders) {
        self.rooms.retain(|(other, _)| *other != door);
        self.rooms.push((door, room));
    }

    /// What the workers share.
    pub fn farm(&self) -> &Arc<Farm> {
        &self.farm
    }

    /// What the operator wants.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The same, to be looked at for as long as it takes.
    pub fn configured(&self) -> Arc<Model> {
        Arc::clone(&self.model)
    }

    /// What each probe of a server last brought back.
    pub fn latest(&self, id: &Id) -> Vec<(Arc<Probe>, Latest)> {
        let ward = self.wards.ward(id);
        ward.map(|ward| ward.latest().collect()).unwrap_or_default()
    }

    /// How often a snapshot was published because of what was measured.
    pub fn swaps(&self) -> u64 {
        self.swaps
    }

    pub(super) fn intents(&self) -> &Intents {
        &self.intents
    }

    pub(super) fn wards(&self) -> &Wards {
        &self.wards
    }

    /// Every listener that is open, in the order of the model.
    pub fn doors(&self) -> &[(Endpoint, Door)] {
        &self.doors
    }

    /// What reads the files of a configuration, to be given to [`Writer::replace_by`] or [`Writer::adopt`].
    pub fn reader(&self) -> Reader {
        Reader(self.keyring.reader(&self.farm))
    }

    /// Replaces the configuration by `model`, whose files are read here, as [`Writer::replace_by`] does.
    ///
    /// # Errors
    /// Where it cannot be served; nothing has changed then.
    pub async fn replace(
        &mut self,
        model: impl Into<Arc<Model>>,
        handed: HashMap<Endpoint, Vec<TcpListener>>,
    ) -> Result<(), PrepareError> {
        let model = model.into();
        let files = self.reader().read(&model)?;
        self.replace_by(model, files, handed).await
    }

    /// Replaces the configuration by `model`, whose `files` were read, whole or not at all. Listeners that stay are left alone.
    ///
    /// # Errors
    /// Where it cannot be served; nothing has changed then.
    pub async fn replace_by(
        &mut self,
        model: Arc<Model>,
        files: Files,
        handed: HashMap<Endpoint, Vec<TcpListener>>,
    ) -> Result<(), PrepareError> {
        let now = (&*self.model, &*self.doors);
        let prepared = prepare(model, now, handed, self.workers.len())?;
        let wanted = prepared.model.globals.access_log.as_ref();
        let log = self.logging.prepare(wanted).map_err(PrepareError::Log)?;
        self.farm.trust().store(Arc::new(files.trust));
        self.show(&prepared.model, files.keys);
        packets::tell_if_stale(&self.model, &prepared.model);
        self.apply(prepared).await;
        if let Some(log) = log {
            self.log_to(log).await;
        }
        Ok(())
    }

    /// Takes relative paths of certificates from `folder`, that of the startup configuration, from now on.
    pub fn settle_in(&mut self, folder: impl Into<PathBuf>) {
        self.keyring.folder = folder.into();
    }

    /// The folder that relative paths of certificates are taken from.
    pub fn folder(&self) -> &Path {
        &self.keyring.folder
    }

    /// Takes into use what was read anew for the running configuration, from the next connection on.
    pub async fn adopt(&mut self, files: Files) {
        self.farm.trust().store(Arc::new(files.trust));
        self.adopt_keys(files.keys).await;
    }

    /// Shows other certificates for the running configuration, from the next connection on.
    pub async fn adopt_keys(&mut self, keys: Keys) {
        let model = Arc::clone(&self.model);
        self.show(&model, keys);
        for worker in &self.workers {
            self.order(worker, Order::Heed).await;
        }
    }

    /// Publishes what was read for `model`.
    fn show(&mut self, model: &Model, keys: Keys) {
        let keys = Arc::new(keys);
        let before = self.farm.keys().swap(Arc::clone(&keys));
        self.keyring.started = true;
        self.keyring.tell_new(model, &keys, &before);
        self.keyring.tell_ends(&keys);
    }

    async fn apply(&mut self, prepared: super::Prepared) {
        self.model = prepared.model;
        self.intents.configure(&self.model, self.farm.now());
        let mut turned = self.wards.configure(&self.model, &self.farm);
        let legacies = std::mem::take(&mut self.held.legacies);
        self.wards.inherit(legacies, self.farm.now(), &mut turned);
        let live = self.farm.live().load_full();
        let (snapshot, loads) = Snapshot::compile(
            &self.model,
            &self.facts(),
            Some((&live.snapshot, &live.loads)),
        );
        let living = Arc::new(
            loads
                .all()
                .map(|gauges| Arc::as_ptr(gauges) as usize)
                .collect(),
        );
        self.farm.live().store(Arc::new(Live {
            snapshot,
            loads: Arc::new(loads),
        }));
        if let Some(clients) = self.held.clients.take() {
            let now = self.farm.now();
            self.farm.live().load().loads.adopt(&clients, now);
        }
        self.farm.ledger().forget_all_but(&self.model);
        turned.bring(&self.farm, &self.wards);
        self.hurried.clear();
        let errands = errands::errands(&self.model, self.wards.probes());
        self.farm.publish_errands(errands);
        self.doors = prepared.doors;
        self.turn(prepared.turns);
        for listener in prepared.open {
            self.held.sockets.insert(listener.at, listener.held);
            for (nth, socket) in listener.sockets.into_iter().enumerate() {
                let behind = self.behind(listener.door);
                let Some(worker) = behind.get(nth % behind.len().max(1)) else {
                    break;
                };
                self.order(
                    worker,
                    Order::Open {
                        at: listener.at,
                        listener: socket,
                    },
                )
                .await;
            }
        }
        for (at, door) in prepared.close {
            self.held.sockets.remove(&at);
            for worker in self.behind(door) {
                self.order(worker, Order::Close { at }).await;
            }
        }
        for worker in &self.workers {
            self.order(worker, Order::Forget(Arc::clone(&living))).await;
        }
    }

    /// Who accepts at such a listener.
    fn behind(&self, door: Door) -> &[Orders] {
        match door {
            Door::Virtual | Door::Dip | Door::Pass => &self.workers,
            Door::Admin | Door::Telnet | Door::Ssh => {
                let room = self.rooms.iter().find(|(of, _)| *of == door);
                room.map(|(_, orders)| std::slice::from_ref(orders))
                    .unwrap_or_default()
            }
        }
    }

    pub(super) async fn order(&self, worker: &Orders, order: Order) {
        // A worker that is gone is told of by whoever supervises it.
        let _ = worker.send(order).await;
    }

    fn facts(&self) -> Facts {
        Facts {
            measured: self.wards.measured(),
            secret: self.secret,
        }
    }

    /// Takes reports and lets time pass, until the channel is closed. Cancel safe: to be raced against
    /// whatever else there is to do.
    pub async fn watch(&mut self, reports: &mut mpsc::Receiver<Report>) {
        loop {
            if self.wards.has_flips() {
                self.gather(reports).await;
                self.publish();
            }
            let due = self
                .wards
                .due()
                .map_or(self.chores_at, |due| due.min(self.chores_at));
            let wait = Duration::from_millis(due.0.saturating_sub(self.farm.now().0));
            tokio::select! {
                biased;
                report = reports.recv() => match report {
                    Some(report) => self.take(report),
                    None => return,
                },
                () = tokio::time::sleep(wait) => {}
            }
            self.tick();
        }
    }

    /// A lone flip is published at once. Those that come soon after another are waited for, so that a rack that loses its power
    /// costs a few swaps and not one a server.
    async fn gather(&mut self, reports: &mut mpsc::Receiver<Report>) {
        let Some(published) = self.published else {
            return;
        };
        loop {
            let pressed = self.wards.is_pressed();
            let gathered = published + if pressed { GATHER } else { GATHER_SHARES };
            if Instant::now() >= gathered {
                return;
            }
            match tokio::time::timeout_at(gathered, reports.recv()).await {
                Ok(Some(report)) => self.take(report),
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Exchange {
                server,
                client,
                outcome,
                now,
            } => self
                .wards
                .exchange(&self.farm, &server, (client, outcome), now),
            Report::Sounding(sounded) => {
                self.wards.sounded(&self.farm, &sounded);
                if sounded.sounding.ok && self.hurried.remove(&sounded.id).is_some() {
                    self.acquit(&sounded.id);
                }
            }
            Report::Suspect { server, now } => self.suspect(&server.id, now),
        }
    }

    fn suspect(&mut self, id: &Id, now: Millis) {
        let recently = |began: &Millis| now.0.saturating_sub(began.0) < SUSPECT_MS;
        if self.hurried.get(id).is_some_and(recently) {
            return;
        }
        self.hurried.retain(|_, began| recently(began));
        self.hurried.insert(id.clone(), now);
        told::suspect(id);
        self.ask_at_once(id);
    }

    /// A suspect server answered: it takes as many clients again to make it suspect.
    fn acquit(&self, id: &Id) {
        let live = self.farm.live().load();
        if let Some(node) = live.snapshot.node(id) {
            live.loads.gauges(node).forget_bounced_back();
        }
    }

    /// Has a server probed at once: by its own probes, else by a connection.
    fn ask_at_once(&self, id: &Id) {
        let Some(setting) = self.wards.setting(id) else {
            return;
        };
        for errand in errands::at_once(&self.model, setting.at, self.wards.probes()) {
            self.farm.hurry(errand);
        }
    }

    fn tick(&mut self) {
        let now = self.farm.now();
        self.wards.tick(&self.farm, now);
        if now >= self.chores_at {
            self.chores_at = Millis(now.0 + CHORES_MS);
            self.chores(now);
        }
    }

    /// What is to be done now and then.
    fn chores(&mut self, now: Millis) {
        for id in self.wards.ask_again(now) {
            self.ask_at_once(&id);
        }
        let live = self.farm.live().load();
        if let Some(sticks) = live.loads.sticks() {
            let round = self.rounds % ROUNDS_PER_SWEEP;
            let edge = |round: usize| sticks.parts() * round / ROUNDS_PER_SWEEP;
            live.loads.sweep(edge(round)..edge(round + 1), now);
        }
        if self.rounds.is_multiple_of(ROUNDS_PER_LOOK) {
            let keys = self.farm.keys().load_full();
            self.keyring.tell_ends(&keys);
        }
        self.keyring.rotate(now);
        self.rounds = self.rounds.wrapping_add(1);
    }

    fn publish(&mut self) {
        let live = self.farm.live().load_full();
        let flips = self.wards.take_flips();
        let changes: Vec<_> = flips
            .iter()
            .filter_map(|(id, flip)| Some((live.snapshot.node(id)?, flip.measured)))
            .collect();
        let snapshot = live.snapshot.with_measured(&changes);
        self.farm.live().store(Arc::new(Live {
            snapshot,
            loads: Arc::clone(&live.loads),
        }));
        end_trials(&live, &flips);
        self.published = Some(Instant::now());
        self.swaps += 1;
    }

    /// The workers, to ask them for their counts by [`count`].
    pub fn workers(&self) -> &[Orders] {
        &self.workers
    }

    /// Tells every worker to stop accepting and to end when what is under way is done.
    pub async fn drain(&mut self) {
        // A copy would keep a socket listening that nobody accepts from.
        self.held.sockets.clear();
        for worker in &self.workers {
            self.order(worker, Order::Drain).await;
        }
    }
}

/// Asks every worker for its counts and adds them up.
pub async fn count(workers: &[Orders]) -> Counts {
    Counts::sum(count_each(workers).await)
}

/// Asks every worker for its counts.
pub async fn count_each(workers: &[Orders]) -> Vec<Counts> {
    let mut counted = Vec::with_capacity(workers.len());
    for worker in workers {
        let (send, receive) = oneshot::channel();
        // A worker that is gone is told of by whoever supervises it.
        if worker.send(Order::Count(send)).await.is_ok() {
            counted.push(receive);
        }
    }
    let mut counts = Vec::with_capacity(counted.len());
    for counted in counted {
        counts.extend(counted.await);
    }
    counts
}

/// Ends the trials that led to `flips`. Not before the flips are in force: else the next client would be let through to a server that
/// has just failed its trial.
fn end_trials(live: &Live, flips: &HashMap<Id, Flip>) {
    for (id, _) in flips.iter().filter(|(_, flip)| flip.health) {
        if let Some(node) = live.snapshot.node(id) {
            live.loads.gauges(node).end_trial();
        }
    }
}

#[cfg(test)]
mod tests;
