//! The live atomics beside a snapshot.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::config::{Config, UNLIMITED};
use super::predictors::address_key;
use super::{Millis, NodeIndex};
use crate::model::Id;

/// A trial without a result ends after this, in milliseconds.
pub const TRIAL_MS: u64 = 5_000;

/// A response time older than this is forgotten, in milliseconds.
pub const RESPONSE_TIME_MS: u64 = 30_000;

/// How many low bits of a packed word hold an address; the others hold milliseconds (34 years of them).
const KEY_BITS: u32 = 24;

/// The unit of time beside a response time, in milliseconds: 32 bits of it are 34 years.
const QUARTER_MS: u64 = 250;

/// The gauges of one server, living as long as its id does, over any number of snapshots.
///
/// Virtuals have them too: their turns are counted here.
#[derive(Debug)]
pub struct Gauges {
    /// Whose they are.
    pub id: Id,
    connections: AtomicU32,
    /// Set by control while failures are being counted or the server is on trial: a success is worth a report.
    pub suspect: AtomicBool,
    /// The last address that asked, and the last one before it that differs.
    asked: [AtomicU64; 2],
    /// Until when and by whom; 0: free.
    trial: AtomicU64,
    /// Microseconds above, quarters of a second below; 0: none.
    response_time: AtomicU64,
    /// Of a virtual: turns taken, or where the next tie is broken.
    turns: AtomicU64,
}

/// Live gauges and turn counters of every node of one snapshot, by its [`NodeIndex`].
#[derive(Debug)]
pub struct Loads {
    gauges: Box<[Arc<Gauges>]>,
}

/// One place taken at a server: given back when dropped.
#[derive(Debug)]
pub struct Place(Arc<Gauges>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Place {
    /// The server's gauges.
    pub fn gauges(&self) -> &Arc<Gauges> {
        &self.0
    }
}

impl Loads {
    /// Gauges for the nodes of `config`: those of ids that lived on, new ones for the others.
    pub(super) fn new(config: &Config, before: Option<(&Config, &Loads)>) -> Loads {
        let gauges = config.ids.iter().map(|id| {
            let lived = before.and_then(|(config, loads)| {
                config
                    .find(id)
                    .map(|n| Arc::clone(&loads.gauges[n as usize]))
            });
            lived.unwrap_or_else(|| Arc::new(Gauges::new(id.clone())))
        });
        Loads {
            gauges: gauges.collect(),
        }
    }

    /// Takes over the place that a [`decide`](super::decide) with `Action::Forward { server }` took.
    pub fn place(&self, server: NodeIndex) -> Place {
        Place(Arc::clone(&self.gauges[server.0 as usize]))
    }

    /// The gauges of a node.
    pub fn gauges(&self, node: NodeIndex) -> &Arc<Gauges> {
        &self.gauges[node.0 as usize]
    }

    /// The gauges of every node.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Gauges>> {
        self.gauges.iter()
    }

    pub(super) fn of(&self, node: u32) -> &Gauges {
        &self.gauges[node as usize]
    }
}

impl Gauges {
    /// The gauges of an id that nothing is known of yet.
    pub fn new(id: Id) -> Gauges {
        Gauges {
            id,
            connections: AtomicU32::new(0),
            suspect: AtomicBool::new(false),
            asked: [AtomicU64::new(0), AtomicU64::new(0)],
            trial: AtomicU64::new(0),
            response_time: AtomicU64::new(0),
            turns: AtomicU64::new(0),
        }
    }

    /// Exchanges and tunnels open at this moment.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Takes a place where fewer than `most` are taken.
    pub(super) fn enter(&self, most: u32) -> bool {
        if most == UNLIMITED {
            self.connections.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        let room = |taken| (taken < most).then_some(taken + 1);
        self.connections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .is_ok()
    }

    /// Gives a place back.
    pub(super) fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that `client` asks this server, so that [`others_asked_since`](Self::others_asked_since) can tell.
    pub fn asked_by(&self, client: IpAddr, now: Millis) {
        let key = address_key(client);
        let last = self.asked[0].load(Ordering::Relaxed);
        let word = (now.0 << KEY_BITS) | key;
        if last != word {
            if last != 0 && key_of(last) != key {
                self.asked[1].store(last, Ordering::Relaxed);
            }
            self.asked[0].store(word, Ordering::Relaxed);
        }
    }

    /// Whether an address other than `client` asked this server at `since` or later.
    pub fn others_asked_since(&self, client: IpAddr, since: Millis) -> bool {
        let key = address_key(client);
        self.asked.iter().any(|asked| {
            let word = asked.load(Ordering::Relaxed);
            word != 0 && key_of(word) != key && word >> KEY_BITS >= since.0
        })
    }

    /// Adds the time to the head of an answer, in microseconds, to the moving average (an eighth of it is the
    /// newest figure).
    pub fn answered_in(&self, micros: u32, now: Millis) {
        let micros = u64::from(micros.max(1));
        let average = match self.response_micros(now) {
            Some(average) => (u64::from(average) * 7 + micros).div_ceil(8),
            None => micros,
        };
        let word = (average << 32) | ((now.0 / QUARTER_MS) & u64::from(u32::MAX));
        self.response_time.store(word, Ordering::Relaxed);
    }

    /// The moving average of the time to the head of an answer, in microseconds, unless it is too old.
    pub fn response_micros(&self, now: Millis) -> Option<u32> {
        let word = self.response_time.load(Ordering::Relaxed);
        let age = (now.0 / QUARTER_MS).wrapping_sub(word) as u32;
        let age = if age > u32::MAX / 2 {
            0
        } else {
            u64::from(age) * QUARTER_MS
        };
        (word != 0 && age <= RESPONSE_TIME_MS).then_some((word >> 32) as u32)
    }

    /// Whether `client` may try this server: nobody does, or, where `own` is asked for, it does itself.
    pub(super) fn may_try(&self, client: IpAddr, now: Millis, own: bool) -> bool {
        let word = self.trial.load(Ordering::Acquire);
        word >> KEY_BITS <= now.0 || own && key_of(word) == address_key(client)
    }

    /// As [`may_try`](Self::may_try), and takes the token.
    pub(super) fn try_by(&self, client: IpAddr, now: Millis, own: bool) -> bool {
        let word = self.trial.load(Ordering::Acquire);
        let key = address_key(client);
        if word >> KEY_BITS > now.0 {
            return own && key_of(word) == key;
        }
        let token = ((now.0 + TRIAL_MS) << KEY_BITS) | key;
        self.trial
            .compare_exchange(word, token, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Gives the trial token back: the trial ended with a result.
    pub fn end_trial(&self) {
        self.trial.store(0, Ordering::Release);
    }

    /// Gives the trial token back if `client` holds it: its exchange is over.
    pub fn end_trial_by(&self, client: IpAddr) {
        let word = self.trial.load(Ordering::Acquire);
        if word != 0 && key_of(word) == address_key(client) {
            // Where that fails its time was over and another client has it.
            let _ = self
                .trial
                .compare_exchange(word, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Turns taken so far.
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    pub(super) fn take_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn set_turns(&self, turns: u64) {
        self.turns.store(turns, Ordering::Relaxed);
    }
}

fn key_of(word: u64) -> u64 {
    word & ((1 << KEY_BITS) - 1)
}
