//! The live atomics beside a snapshot.

use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::config::{Config, UNLIMITED};
use super::decay::Decay;
use super::predictors::address_key;
use super::promises::{Promised, Ring};
use super::returns::Returns;
use super::tags::Tags;
use super::{Millis, NodeIndex, RETURNS, STICK_CLIENTS, StickTable, Stuck};
use crate::model::{Id, Model, Sticky, StickyBy};

/// A trial without a result ends after this, in milliseconds.
pub const TRIAL_MS: u64 = 5_000;

/// A response time older than this is forgotten, in milliseconds.
pub const RESPONSE_TIME_MS: u64 = 30_000;

/// A client that bounced back is remembered at its server for this long, in milliseconds.
pub const BOUNCED_BACK_MS: u64 = 60_000;

/// So many different clients that bounced back are remembered at a server.
pub const BOUNCED_BACK: usize = 8;

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
    waiting: AtomicU32,
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
    /// Its number beside the ids of all snapshots that followed each other, for tables that outlive them; 0: in none.
    pub tag: u32,
    /// When it returned to service, in [`Millis`]; 0: never. Control sets it.
    pub back_since: AtomicU64,
    /// Of a url: redirects to it.
    pub(super) redirected: Decay,
    /// Cookies in which it became the primary.
    pub(super) tickets: Decay,
    /// Associations in the table whose primary it is.
    pub(super) clients: AtomicU32,
    promises: Ring,
    /// Of a virtual: how often its sticky clients were forgotten; part of their keys.
    pub(super) forgotten: AtomicU32,
    /// Of a virtual: how often it was to forget whom it sent where; part of the keys of that.
    unsent: AtomicU32,
    /// The last different clients that bounced back from it, and when.
    bounced_back: [AtomicU64; BOUNCED_BACK],
}

/// Live gauges and turn counters of every node of one snapshot, by its [`NodeIndex`].
#[derive(Debug)]
pub struct Loads {
    gauges: Box<[Arc<Gauges>]>,
    by_tag: Tags,
    next_tag: u32,
    promised: Arc<Promised>,
    sticks: Option<Arc<StickTable>>,
    returns: Option<Arc<Returns>>,
}

/// Which tables a model has a use for, beside the one that there always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) sticks: bool,
    pub(super) returns: bool,
}

impl Tables {
    pub(super) fn of(model: &Model) -> Tables {
        let by_source = |s: &Sticky| matches!(s.by, StickyBy::Source { .. });
        let virtuals = &model.virtuals;
        Tables {
            sticks: virtuals
                .iter()
                .any(|v| v.sticky.as_ref().is_some_and(by_source)),
            returns: virtuals.iter().any(|v| v.bounceback.is_some()),
        }
    }
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
    /// Gauges for the nodes of `config`: those of ids that lived on, new ones for the others. Tables live on once
    /// there are any.
    pub(super) fn new(config: &Config, tables: Tables, before: Option<(&Config, &Loads)>) -> Loads {
        let mut next_tag = before.map_or(1, |(_, loads)| loads.next_tag);
        let gauges = config.ids.iter().map(|id| {
            let lived = before.and_then(|(config, loads)| {
                config
                    .find(id)
                    .map(|n| Arc::clone(&loads.gauges[n as usize]))
            });
            lived.unwrap_or_else(|| {
                let tag = next_tag;
                next_tag = next_tag.checked_add(1).unwrap_or(1);
                Arc::new(Gauges {
                    tag,
                    ..Gauges::new(id.clone())
                })
            })
        });
        let gauges: Box<[_]> = gauges.collect();
        let before = before.map(|(_, loads)| loads);
        let sticks = before.and_then(|loads| loads.sticks.clone());
        let returns = before.and_then(|loads| loads.returns.clone());
        let new_sticks = || Arc::new(StickTable::new(STICK_CLIENTS));
        let new_returns = || Arc::new(Returns::new(RETURNS));
        Loads {
            by_tag: Tags::new(&gauges),
            gauges,
            next_tag,
            promised: before.map_or_else(
                || Arc::new(Promised::new()),
                |loads| Arc::clone(&loads.promised),
            ),
            sticks: sticks.or_else(|| tables.sticks.then(new_sticks)),
            returns: returns.or_else(|| tables.returns.then(new_returns)),
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

    /// The node whose gauges have this tag.
    pub(super) fn node_of_tag(&self, tag: u32) -> Option<u32> {
        self.by_tag.find(tag, &self.gauges)
    }

    /// `client` is sent to `node`, and will come within `promise_s`; 0: nothing is promised. A promise that it has
    /// there already is renewed.
    pub(super) fn promise(&self, node: u32, client: IpAddr, now: Millis, promise_s: u32) {
        let gauges = self.of(node);
        self.promised
            .promise(&gauges.promises, gauges.tag, client, now, promise_s);
    }

    /// `client` came to `node`: its promise there ends. Whether there was one.
    pub(super) fn keep_promise(&self, node: u32, client: IpAddr, now: Millis) -> bool {
        let gauges = self.of(node);
        self.promised
            .keep(&gauges.promises, gauges.tag, client, now)
    }

    /// Whether `client` has a promise at `node`.
    pub(super) fn promised_to(&self, node: u32, client: IpAddr, now: Millis) -> bool {
        self.promised.is_promised(self.of(node).tag, client, now)
    }

    /// Promises made at `node` that neither were kept nor have ended.
    pub fn promises(&self, node: NodeIndex, now: Millis) -> u32 {
        self.gauges(node).promises(now)
    }

    /// The connections that the redirects by a url, which is linked to nothing, are taken to have caused.
    pub(super) fn redirected(&self, url: u32, now: Millis, tau_s: u32) -> u32 {
        // Rounded, so that a limit of n lets n through at once.
        (self.of(url).redirected.value(now, tau_s.max(1)) + 0.5) as u32
    }

    /// The table of sticky clients, where a virtual has asked for it. To be swept by [`sweep`](Self::sweep), which
    /// counts too, as `stick` and `unstick` do.
    pub fn sticks(&self) -> Option<&StickTable> {
        self.sticks.as_deref()
    }

    /// The memory of bounce-back, where a virtual has asked for it.
    pub(super) fn returns(&self) -> Option<&Returns> {
        self.returns.as_deref()
    }

    /// Puts or renews the association of `key`, and counts it at its primary.
    pub(super) fn stick(&self, key: u64, stuck: Stuck, now: Millis, idle_ms: u64) {
        let Some((sticks, node)) = self.sticks().zip(self.node_of_tag(stuck.primary)) else {
            return;
        };
        // Counted first, so that no count is ever taken off before it was put on.
        self.of(node).clients.fetch_add(1, Ordering::Relaxed);
        if let Some(lost) = sticks.put(key, stuck, now, idle_ms) {
            self.one_client_less(lost);
        }
    }

    /// Ends the association of `key`.
    #[cfg(test)]
    pub(super) fn unstick(&self, key: u64, now: Millis) {
        let lost = self.sticks().and_then(|sticks| sticks.remove(key, now));
        if let Some(lost) = lost {
            self.one_client_less(lost);
        }
    }

    /// Takes the expired associations in these parts of [`sticks`](Self::sticks) away.
    pub fn sweep(&self, part: Range<usize>, now: Millis) {
        if let Some(sticks) = self.sticks() {
            sticks.sweep(part, now, |lost| self.one_client_less(lost));
        }
    }

    /// Ends the associations in these parts of [`sticks`](Self::sticks) whose primary is one of `servers`, or all of them where that
    /// is `None`; how many.
    pub fn forget_sticks(
        &self,
        part: Range<usize>,
        servers: Option<&HashSet<u32>>,
        now: Millis,
    ) -> u64 {
        let mut ended = 0;
        let ends = |tag: u32| servers.is_none_or(|servers| servers.contains(&tag));
        if let Some(sticks) = self.sticks() {
            sticks.forget(part, ends, |lost, alive| {
                self.one_client_less(lost);
                ended += u64::from(alive(now));
            });
        }
        ended
    }

    /// From now on nobody is known as a sticky client of `at`, a virtual, by its address. What the table holds of them expires.
    pub fn forget_clients_of(&self, at: NodeIndex) {
        self.gauges(at).forgotten.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets who was sent where a moment ago, and who came back from there.
    pub fn forget_returns(&self) {
        if let Some(returns) = self.returns() {
            returns.forget_all();
        }
        for gauges in self.all() {
            gauges.forget_bounced_back();
        }
    }

    /// From now on `at`, a virtual, does not know whom it sent where a moment ago. What the table holds of that expires.
    pub fn forget_returns_of(&self, at: NodeIndex) {
        self.gauges(at).unsent.fetch_add(1, Ordering::Relaxed);
    }

    fn one_client_less(&self, tag: u32) {
        if let Some(node) = self.node_of_tag(tag) {
            let less = |clients: u32| clients.checked_sub(1);
            // Fails at 0: counts of a server that was removed are gone with it.
            let _ = self
                .of(node)
                .clients
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }
}

impl Gauges {
    /// The gauges of an id that nothing is known of yet.
    pub fn new(id: Id) -> Gauges {
        Gauges {
            id,
            connections: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            suspect: AtomicBool::new(false),
            asked: [AtomicU64::new(0), AtomicU64::new(0)],
            trial: AtomicU64::new(0),
            response_time: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            tag: 0,
            back_since: AtomicU64::new(0),
            redirected: Decay::default(),
            tickets: Decay::default(),
            clients: AtomicU32::new(0),
            promises: Ring::default(),
            forgotten: AtomicU32::new(0),
            unsent: AtomicU32::new(0),
            bounced_back: Default::default(),
        }
    }

    /// Of a virtual: what tells the redirects that it knows from those that it was told to forget.
    pub(super) fn sending(&self) -> u64 {
        u64::from(self.unsent.load(Ordering::Relaxed)) << 32 | u64::from(self.tag)
    }

    /// Of a virtual: what tells clients that it knows from those that it was told to forget.
    pub(super) fn salt(&self) -> u64 {
        u64::from(self.forgotten.load(Ordering::Relaxed)) << 32
    }

    /// Associations in the table whose primary it is; expired ones until they are swept.
    pub fn clients(&self) -> u32 {
        self.clients.load(Ordering::Relaxed)
    }

    /// Promises that neither were kept nor have ended.
    pub fn promises(&self, now: Millis) -> u32 {
        self.promises.count(now)
    }

    /// Notes that `client` bounced back from here, and tells how many different ones did within
    /// [`BOUNCED_BACK_MS`]; at most [`BOUNCED_BACK`].
    pub(crate) fn bounced_back_by(&self, client: IpAddr, now: Millis) -> usize {
        let key = address_key(client);
        let word = (now.0 << KEY_BITS) | key;
        let words = || self.bounced_back.iter().map(|w| w.load(Ordering::Relaxed));
        let own = words().position(|w| w != 0 && key_of(w) == key);
        let oldest = || words().enumerate().min_by_key(|(_, w)| *w);
        if let Some(at) = own.or_else(|| Some(oldest()?.0)) {
            self.bounced_back[at].store(word, Ordering::Relaxed);
        }
        self.bounced_back(now)
    }

    /// How many different clients bounced back from here within [`BOUNCED_BACK_MS`]; at most [`BOUNCED_BACK`].
    pub fn bounced_back(&self, now: Millis) -> usize {
        let recent = |w: u64| w != 0 && now.0.saturating_sub(w >> KEY_BITS) <= BOUNCED_BACK_MS;
        let words = self.bounced_back.iter().map(|w| w.load(Ordering::Relaxed));
        words.filter(|w| recent(*w)).count()
    }

    /// Forgets who bounced back: the server was asked because of them, and answered.
    pub fn forget_bounced_back(&self) {
        for word in &self.bounced_back {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Exchanges and tunnels open at this moment.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Of a virtual or dip: requests that wait for a place at this moment, over all workers.
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Begins to wait where fewer than `most` do; to be followed by [`stop_waiting`](Self::stop_waiting).
    pub fn start_waiting(&self, most: u32) -> bool {
        let room = |waiting| (waiting < most).then_some(waiting + 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .is_ok()
    }

    /// Waits no more.
    pub fn stop_waiting(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
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

#[cfg(test)]
mod tests;
