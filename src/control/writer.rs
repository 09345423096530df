//! The task that owns the model and the facts, and alone publishes.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{info, warn};

use super::errands;
use super::log::Logging;
use super::{Door, Farm, Live, Outcome, PrepareError, Report, prepare};
use crate::decide::{Facts, Gauges, Health, Millis, Snapshot};
use crate::health::{Observation, Watch};
use crate::model::{Endpoint, Id, Intent, Model, Watching};
use crate::telemetry::Journal;

/// Reports that may wait for the writer; more are dropped, as the writer then has enough to act on.
pub const REPORTS_WAITING: usize = 4096;

/// Flips of health that come within this time of one another are gathered into one swap of the snapshot.
const GATHER: Duration = Duration::from_millis(2);

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
    /// Write the access log there from now on, or nowhere.
    Log(Option<Arc<Journal>>),
    /// Send a copy of the counts.
    Count(oneshot::Sender<crate::telemetry::Table>),
    /// Stop accepting, close what is idle, end when the rest is done.
    Drain,
}

/// A worker as the writer knows it.
pub type Orders = mpsc::Sender<Order>;

/// Owns model, facts and listeners; publishes into a [`Farm`].
#[derive(Debug)]
pub struct Writer {
    farm: Arc<Farm>,
    pub(super) workers: Vec<Orders>,
    pub(super) logging: Logging,
    model: Model,
    watches: HashMap<Id, (Arc<Gauges>, Watch)>,
    /// Flips of health that are not published yet.
    flips: HashMap<Id, (Arc<Gauges>, Health)>,
    /// When flips were published last.
    published: Option<Instant>,
    doors: Vec<(Endpoint, Door)>,
}

impl Writer {
    /// A writer over a farm without anything, and the farm's end of its reports.
    pub fn new(workers: Vec<Orders>) -> (Writer, mpsc::Receiver<Report>) {
        let (send, receive) = mpsc::channel(REPORTS_WAITING);
        let model = Model::default();
        let (snapshot, loads) = Snapshot::compile(&model, &Facts::default(), None);
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
                model,
                watches: HashMap::new(),
                flips: HashMap::new(),
                published: None,
                doors: Vec::new(),
            },
            receive,
        )
    }

    /// What the workers share.
    pub fn farm(&self) -> &Arc<Farm> {
        &self.farm
    }

    /// Every listener that is open, in the order of the model.
    pub fn doors(&self) -> &[(Endpoint, Door)] {
        &self.doors
    }

    /// Replaces the configuration by `model`, whole or not at all. Listeners that stay are left alone.
    ///
    /// # Errors
    /// Where it cannot be served; nothing has changed then.
    pub async fn replace(
        &mut self,
        model: Model,
        handed: HashMap<Endpoint, Vec<TcpListener>>,
    ) -> Result<(), PrepareError> {
        let open_now = self.doors.iter().map(|(at, _)| *at).collect();
        let prepared = prepare(model, &open_now, handed, self.workers.len())?;
        let wanted = prepared.model.globals.access_log.as_ref();
        let log = self.logging.prepare(wanted).map_err(PrepareError::Log)?;
        self.apply(prepared).await;
        if let Some(log) = log {
            self.log_to(log).await;
        }
        Ok(())
    }

    async fn apply(&mut self, prepared: super::Prepared) {
        let before = std::mem::replace(&mut self.model, prepared.model);
        self.carry_health(&before);
        // What the watches say is compiled in. A flip published later would bring back what carrying over has just ended, and
        // no watch would ever lift it.
        let flips = std::mem::take(&mut self.flips);
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
        end_trials(&flips);
        let probes: Vec<_> = self.model.probes.iter().cloned().map(Arc::new).collect();
        self.farm
            .publish_errands(errands::errands(&self.model, &probes));
        self.doors = prepared.doors;
        for mut listener in prepared.open {
            for worker in &self.workers {
                let Some(socket) = listener.sockets.pop() else {
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
        for at in prepared.close {
            for worker in &self.workers {
                self.order(worker, Order::Close { at }).await;
            }
        }
        for worker in &self.workers {
            self.order(worker, Order::Forget(Arc::clone(&living))).await;
        }
    }

    pub(super) async fn order(&self, worker: &Orders, order: Order) {
        // A worker that is gone is told of by whoever supervises it.
        let _ = worker.send(order).await;
    }

    fn facts(&self) -> Facts {
        let measured = self
            .watches
            .iter()
            .map(|(id, (_, watch))| (id.clone(), watch.health().into()))
            .collect();
        Facts {
            measured,
            ..Facts::default()
        }
    }

    /// Health of an id lives on over a change, but where its endpoint is another one or the operator
    /// changed its intent back to `in-service`.
    fn carry_health(&mut self, before: &Model) {
        let old: HashMap<Id, Watched> = watched(before).collect();
        let new: HashMap<Id, Watched> = watched(&self.model).collect();
        let now = self.farm.now();
        self.watches.retain(|id, (gauges, watch)| {
            let keep = match (old.get(id), new.get(id)) {
                (Some(old), Some(new)) => {
                    watch.configure(new.watching, now);
                    old.real == new.real && (old.in_service || !new.in_service)
                }
                _ => false,
            };
            if !keep {
                gauges.suspect.store(false, Ordering::Relaxed);
                gauges.end_trial();
            }
            keep
        });
    }

    /// Takes reports and lets time pass, until the channel is closed. Cancel safe: to be raced against
    /// whatever else there is to do.
    pub async fn watch(&mut self, reports: &mut mpsc::Receiver<Report>) {
        loop {
            if !self.flips.is_empty() {
                self.gather(reports).await;
                self.publish();
            }
            let due = self
                .watches
                .values()
                .filter_map(|(_, watch)| watch.due())
                .min();
            tokio::select! {
                biased;
                report = reports.recv() => match report {
                    Some(report) => self.take(report),
                    None => return,
                },
                () = sleep_until(&self.farm, due) => {}
            }
            self.tick();
        }
    }

    /// A lone flip is published at once. Those that come soon after another are waited for, so that a rack that loses its power
    /// costs a few swaps and not one a server.
    async fn gather(&mut self, reports: &mut mpsc::Receiver<Report>) {
        let gathered = self.published.map_or_else(Instant::now, |at| at + GATHER);
        while let Ok(Some(report)) = tokio::time::timeout_at(gathered, reports.recv()).await {
            self.take(report);
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Exchange {
                server,
                client,
                outcome,
                now,
            } => self.take_exchange(&server, client, outcome, now),
            Report::Sounding(_) => {}
            Report::Suspect { server, .. } => self.ask_at_once(&server.id),
        }
    }

    /// Has a server probed at once: by its own probes, else by a connection.
    fn ask_at_once(&self, id: &Id) {
        let errands = self.farm.errands();
        let mut asked = false;
        for errand in errands.borrow().iter().filter(|errand| errand.id == *id) {
            asked = true;
            self.farm.hurry(errand.clone());
        }
        if !asked && let Some(errand) = errands::suspicion(&self.model, id) {
            self.farm.hurry(errand);
        }
    }

    fn take_exchange(
        &mut self,
        server: &Arc<Gauges>,
        client: IpAddr,
        outcome: Outcome,
        now: Millis,
    ) {
        let id = &server.id;
        let Some(settings) = watching(&self.farm, id) else {
            return;
        };
        let seen = match outcome {
            Outcome::Answered | Outcome::ServerError => Observation::Success,
            Outcome::Refused | Outcome::Reset | Outcome::Unanswered | Outcome::BadAnswer => {
                let since = Millis(now.0.saturating_sub(u64::from(settings.retry_s) * 1000));
                let others_asked = server.others_asked_since(client, since);
                Observation::Failure {
                    client,
                    others_asked,
                }
            }
        };
        let (gauges, watch) = self
            .watches
            .entry(id.clone())
            .or_insert_with(|| (Arc::clone(server), Watch::new(settings)));
        let flip = watch.observe(seen, now);
        gauges.suspect.store(!watch.is_clear(), Ordering::Relaxed);
        if let Some(health) = flip {
            let flip = (Arc::clone(gauges), health);
            self.flips.insert(id.clone(), flip);
            match health {
                Health::Failed => warn!(
                    "server {id}: FAILED: {} while asked for client {} ({} of {}); {}",
                    outcome_word(outcome),
                    client,
                    watch.failures(),
                    settings.threshold,
                    if settings.autounfail {
                        format!("tried again in {} s", settings.retry_s)
                    } else {
                        "back only by the operator's word (no autounfail)".to_owned()
                    },
                ),
                Health::Up => info!("server {id}: IS: it answered on trial"),
                Health::Testing => {}
            }
        }
        if watch.is_clear() {
            self.watches.remove(id);
        }
    }

    fn tick(&mut self) {
        let now = self.farm.now();
        for (id, (gauges, watch)) in &mut self.watches {
            if let Some(health) = watch.tick(now) {
                gauges.suspect.store(true, Ordering::Relaxed);
                let flip = (Arc::clone(gauges), health);
                self.flips.insert(id.clone(), flip);
                info!("server {id}: TESTING: the next client tries it");
            }
        }
    }

    fn publish(&mut self) {
        let live = self.farm.live().load_full();
        let flips = std::mem::take(&mut self.flips);
        let changes: Vec<_> = flips
            .iter()
            .filter_map(|(id, (_, health))| Some((live.snapshot.node(id)?, *health)))
            .collect();
        let snapshot = live.snapshot.with_health(&changes);
        self.farm.live().store(Arc::new(Live {
            snapshot,
            loads: Arc::clone(&live.loads),
        }));
        end_trials(&flips);
        self.published = Some(Instant::now());
    }

    /// Asks every worker for its counts and adds them up.
    pub async fn counts(&self) -> crate::telemetry::Table {
        let mut table = crate::telemetry::Table::default();
        for worker in &self.workers {
            let (send, receive) = oneshot::channel();
            self.order(worker, Order::Count(send)).await;
            if let Ok(counted) = receive.await {
                table.merge(&counted);
            }
        }
        table
    }

    /// Tells every worker to stop accepting and to end when what is under way is done.
    pub async fn drain(&self) {
        for worker in &self.workers {
            self.order(worker, Order::Drain).await;
        }
    }
}

/// Ends the trials that led to `flips`. Not before the flips are in force: else the next client would be let through to a server that
/// has just failed its trial.
fn end_trials(flips: &HashMap<Id, (Arc<Gauges>, Health)>) {
    for (gauges, _) in flips.values() {
        gauges.end_trial();
    }
}

async fn sleep_until(farm: &Farm, due: Option<Millis>) {
    match due {
        Some(due) => {
            tokio::time::sleep(Duration::from_millis(due.0.saturating_sub(farm.now().0))).await
        }
        None => std::future::pending().await,
    }
}

const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered | Outcome::ServerError => "answered",
        Outcome::Refused => "connection refused",
        Outcome::Reset => "connection reset before an answer",
        Outcome::Unanswered => "no answer",
        Outcome::BadAnswer => "bad answer",
    }
}

/// What of a real or dip decides over its health's life.
struct Watched {
    real: Endpoint,
    in_service: bool,
    watching: Watching,
}

fn watched(model: &Model) -> impl Iterator<Item = (Id, Watched)> + '_ {
    let reals = model.reals.iter().map(|r| {
        let in_service = r.intent == Intent::InService;
        (
            Id::Endpoint(r.id),
            Watched {
                real: r.id,
                in_service,
                watching: r.serving.watching,
            },
        )
    });
    let dips = model.dips.iter().map(|d| {
        let in_service =
            d.virtual_intent == Intent::InService && d.real_intent == Intent::InService;
        (
            Id::Endpoint(d.id),
            Watched {
                real: d.real,
                in_service,
                watching: d.serving.watching,
            },
        )
    });
    reals.chain(dips)
}

/// The settings of a server that is configured now.
fn watching(farm: &Farm, id: &Id) -> Option<Watching> {
    let live = farm.live().load();
    let node = live.snapshot.node(id)?;
    Some(live.snapshot.serving(node).watching)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Action, Ask, Attempt, Moment, NodeIndex, Past, Place, decide};
    use crate::model::Scheme;

    /// A writer over a dip that fails at once and is tried again after a second, and where it listens.
    async fn writer() -> (Writer, Endpoint) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        drop(listener);
        let at = Endpoint::new(address.ip(), address.port().try_into().expect("a port"));
        let (mut writer, _reports) = Writer::new(Vec::new());
        let replaced = writer.replace(dip(1, at), HashMap::new()).await;
        replaced.expect("it can be bound");
        (writer, at)
    }

    fn dip(real: u16, at: Endpoint) -> Model {
        let text = format!("dip {at} 127.0.0.1:{real}\nthreshold {at} 1\nretry {at} 1\n");
        crate::model::load("test", text.as_bytes())
            .model
            .expect("it holds")
    }

    fn refused(writer: &Writer, now: Millis) -> Report {
        let live = writer.farm.live().load();
        Report::Exchange {
            server: Arc::clone(live.loads.gauges(NodeIndex(0))),
            client: [127, 0, 0, 1].into(),
            outcome: Outcome::Refused,
            now,
        }
    }

    fn health(writer: &Writer) -> Health {
        writer.farm.live().load().snapshot.health(NodeIndex(0))
    }

    /// Whether the `nth` client is let through at `now`.
    fn let_through(writer: &Writer, at: Endpoint, nth: u8, now: Millis) -> Option<Place> {
        let ask = Ask {
            at,
            client: [127, 0, 0, nth].into(),
            scheme: Scheme::Http,
            method: "GET".into(),
            host: "www.example.com".into(),
            port: 80,
            target: "/".into(),
            past: Past::default(),
        };
        let live = writer.farm.live().load();
        let attempt = &mut Attempt::default();
        let moment = Moment { now, draw: 0 };
        match decide(&ask, &live.snapshot, &live.loads, moment, attempt).action {
            Action::Forward { server } => Some(live.loads.place(server)),
            Action::Redirect { .. } | Action::Refuse => None,
        }
    }

    #[tokio::test]
    async fn a_flip_that_waits_does_not_outlive_the_endpoint_it_speaks_of() {
        let (mut writer, at) = writer().await;
        writer.take(refused(&writer, Millis(1)));
        let replaced = writer.replace(dip(2, at), HashMap::new()).await;
        replaced.expect("nothing new to bind");
        writer.publish();
        assert_eq!(health(&writer), Health::Up);
    }

    #[tokio::test]
    async fn a_trial_that_failed_lets_nobody_through_while_its_flip_waits() {
        let (mut writer, at) = writer().await;
        writer.take(refused(&writer, Millis(1)));
        writer.publish();
        let now = Millis(1_500);
        let (_, watch) = writer.watches.values_mut().next().expect("it is watched");
        let testing = watch.tick(now).expect("it is due");
        let gauges = Arc::clone(writer.farm.live().load().loads.gauges(NodeIndex(0)));
        writer.flips.insert(Id::Endpoint(at), (gauges, testing));
        writer.publish();
        assert!(let_through(&writer, at, 1, now).is_some(), "on trial");
        writer.take(refused(&writer, now));
        assert!(let_through(&writer, at, 2, now).is_none(), "not in force");
        writer.publish();
        assert_eq!(health(&writer), Health::Failed);
        assert!(let_through(&writer, at, 2, now).is_none(), "in force");
    }
}
