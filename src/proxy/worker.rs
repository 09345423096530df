//! One worker: what the connections of one core share, without a lock.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use super::deadline::{self, TICK};
use super::forward::Pools;
use super::http1::{AnswerParser, Parser};
use super::limits::READ_BYTES;
use super::queue::Queues;
use crate::control::{Farm, Live};
use crate::decide::{Attempt, Moment};
use crate::telemetry::{Scribe, Tally};

/// What the connections of one core share.
pub struct Worker {
    /// The published snapshot.
    pub farm: Arc<Farm>,
    /// Connections to servers.
    pub pools: Pools,
    /// What `Via` calls this process.
    pub pseudonym: Arc<str>,
    /// Counts.
    pub tally: Tally,
    /// Writes the access log.
    pub scribe: Scribe,
    /// Requests that wait for a place.
    pub(super) queues: Queues,
    desk: Cell<Option<Box<Desk>>>,
    random: Cell<u64>,
    date: Cell<[u8; 29]>,
    date_s: Cell<u64>,
    /// When the clocks were looked at last, and what the host's showed.
    looked: Cell<(Instant, SystemTime)>,
    open: Cell<usize>,
    draining: Cell<bool>,
    /// Draining, but an idle connection is waited for: it may be about to ask.
    patient: Cell<bool>,
    idle: Notify,
}

/// The buffers that a worker lends to whichever connection is running.
pub(super) struct Desk {
    pub(super) input: Box<[u8]>,
    pub(super) out: Vec<u8>,
    pub(super) parser: Parser,
    pub(super) answers: AnswerParser,
}

impl Desk {
    fn new() -> Box<Desk> {
        Box::new(Desk {
            input: vec![0; READ_BYTES].into_boxed_slice(),
            out: Vec::with_capacity(4096),
            parser: Parser::default(),
            answers: AnswerParser::default(),
        })
    }
}

/// Counts a connection as open until dropped.
#[derive(Debug)]
pub(super) struct Open(Rc<Worker>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.tally.disconnected();
        self.0.left();
    }
}

/// Counts a connection whose hands are being shaken until dropped: a worker that drains waits for it.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(super) struct Shaking(Rc<Worker>);

#[cfg(feature = "tls")]
impl Drop for Shaking {
    fn drop(&mut self) {
        self.0.left();
    }
}

impl Worker {
    /// A worker of the current thread. `pseudonym` is the process's own for `Via`; `seed`, any number that
    /// differs from worker to worker, begins its random numbers.
    pub fn new(farm: Arc<Farm>, tally: Tally, pseudonym: Arc<str>, seed: u64) -> Rc<Worker> {
        let worker = Worker {
            farm,
            pools: Pools::default(),
            pseudonym,
            tally,
            scribe: Scribe::default(),
            queues: Queues::default(),
            desk: Cell::new(None),
            random: Cell::new(seed),
            date: Cell::new([b' '; 29]),
            date_s: Cell::new(0),
            looked: Cell::new((Instant::now(), SystemTime::now())),
            open: Cell::new(0),
            draining: Cell::new(false),
            patient: Cell::new(false),
            idle: Notify::new(),
        };
        worker.look_at_the_clock();
        Rc::new(worker)
    }

    /// Keeps deadlines and date going; never ends. To be spawned once beside the connections.
    pub async fn keep_time(self: Rc<Self>) {
        let mut ticks = tokio::time::interval(TICK);
        // After a stall the ticks that were missed pass at once, and with them what was due.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            ticks.tick().await;
            deadline::tick();
            self.look_at_the_clock();
            self.scribe.flush();
        }
    }

    /// Counts a url that a decision passed over because it leads back to where the client just asked, and logs the first one: a
    /// fault of the configuration, whatever the decision became.
    pub(super) fn note_loop(&self, live: &Live, attempt: &mut Attempt) {
        if let Some(url) = attempt.loop_at.take()
            && self.tally.leads_back(live.loads.gauges(url))
        {
            warn!(
                "url {}: passed over, as it leads clients back to where they just asked; correct its URL, or link it to the dip or virtual that is there",
                live.snapshot.id(url)
            );
        }
    }

    /// Counts a client that came back from where it had been sent, and has a server that is suspect for that probed at once.
    pub(super) fn note_came_back(&self, live: &Live, attempt: &mut Attempt) {
        if let Some((server, suspect)) = attempt.came_back.take() {
            let gauges = live.loads.gauges(server);
            self.tally.came_back(gauges);
            if suspect {
                self.tally.suspected(gauges);
                self.farm.suspect(gauges);
            }
        }
    }

    /// Clock and dice for one decision; `at`: the time, where it was just looked at.
    pub(super) fn moment(&self, at: Option<Instant>) -> Moment {
        Moment {
            now: self.farm.at(at.unwrap_or_else(Instant::now)),
            draw: self.draw(),
        }
    }

    fn look_at_the_clock(&self) {
        let now = SystemTime::now();
        self.looked.set((Instant::now(), now));
        let now_s = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        if now_s == self.date_s.replace(now_s) {
            return;
        }
        self.pools.sweep();
        let mut date = [b' '; 29];
        let text = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(now_s));
        for (to, from) in date.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.date.set(date);
    }

    /// A fresh random number (splitmix64; Steele, Lea, Flood 2014).
    pub fn draw(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// What the host's clock shows at `at`.
    pub(super) fn wall(&self, at: Instant) -> SystemTime {
        let (looked, showed) = self.looked.get();
        showed + at.saturating_duration_since(looked)
    }

    /// Now, as `Date` has it (RFC 9110 §5.6.7), a quarter of a second late at most.
    pub fn date(&self) -> [u8; 29] {
        self.date.get()
    }

    /// Now, in seconds since 1970, a quarter of a second late at most.
    pub(super) fn unix_s(&self) -> u64 {
        self.date_s.get()
    }

    /// Connections of clients open now.
    pub fn open(&self) -> usize {
        self.open.get()
    }

    /// Whether connections are to end after the answer under way.
    pub fn draining(&self) -> bool {
        self.draining.get()
    }

    /// Whether idle connections are to end at once, and nobody waits for a place.
    pub fn hurrying(&self) -> bool {
        self.draining.get() && !self.patient.get()
    }

    /// Closes idle connections at once and the others after the answer under way.
    pub fn hurry(&self) {
        self.draining.set(true);
        self.patient.set(false);
        deadline::wake_all();
    }

    /// Lets every connection end after its next answer, so that no request meets a connection that was just closed; an idle one ends
    /// as it would have anyway.
    pub fn retire(&self) {
        self.draining.set(true);
        self.patient.set(true);
        deadline::wake_all();
    }

    /// Closes idle connections at once and the others after the answer under way. Ends when none is left.
    pub async fn drain(&self) {
        self.hurry();
        self.emptied().await;
    }

    /// Ends when no connection is left.
    pub async fn emptied(&self) {
        loop {
            let idle = self.idle.notified();
            if self.open.get() == 0 {
                return;
            }
            idle.await;
        }
    }

    #[cfg(feature = "tls")]
    pub(super) fn shaking(self: &Rc<Self>) -> Shaking {
        self.open.set(self.open.get() + 1);
        Shaking(Rc::clone(self))
    }

    /// A connection is one no more.
    fn left(&self) {
        let open = self.open.get() - 1;
        self.open.set(open);
        if open == 0 {
            self.idle.notify_waiters();
        }
    }

    pub(super) fn opened(self: &Rc<Self>) -> Open {
        self.open.set(self.open.get() + 1);
        self.tally.connected();
        Open(Rc::clone(self))
    }

    /// Lends the buffers; whoever takes them gives them back before it returns.
    pub(super) fn lend(&self) -> Box<Desk> {
        self.desk.take().unwrap_or_else(Desk::new)
    }

    pub(super) fn take_back(&self, mut desk: Box<Desk>) {
        desk.out.clear();
        desk.out.shrink_to(READ_BYTES);
        self.desk.set(Some(desk));
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("open", &self.open.get())
            .field("draining", &self.draining.get())
            .finish_non_exhaustive()
    }
}
