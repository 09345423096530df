//! Which slot of a virtual is asked, and which after that.

use std::sync::atomic::Ordering;

use arrayvec::ArrayVec;
use smallvec::SmallVec;

use super::super::care::Care;
use super::super::config::{Kind, NONE};
use super::super::plan::{Class, Plan};
use super::super::predictors::{
    Candidate, HashTable, Pick, SAMPLE, SCANNED, golden, hash_key, least, place,
};
use super::super::settle::View;
use super::{How, Note, Trace, Walk};
use crate::decide::{Action, NodeIndex, Reason};
use crate::model::{HashKey, Priority};

/// So often the predictor is asked again where its pick came to nothing.
const PICKS: u32 = 32;

/// So many servers on trial are looked at.
const TRIALS: usize = 16;

/// One request in so many goes in turn under `fastest`.
const IN_TURN: u64 = 32;

/// Slots whose servers, ramping up, did not take the client.
type Spared = SmallVec<[u32; 4]>;

/// A number uniform from 0 to 1.
fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1u64 << 53) as f64
}

impl<T: Trace> Walk<'_, T> {
    /// Asks the slots of a virtual.
    pub(super) fn within(&mut self, v: u32) -> Option<Action> {
        let config = self.config;
        match &config.virtuals[v as usize].care {
            None => self.predict(v, None),
            Some(care) => self.cared(v, care),
        }
    }

    /// Asks the slots of a virtual as its predictor says, those of the highest priority first.
    pub(super) fn predict(&mut self, v: u32, care: Option<&Care>) -> Option<Action> {
        if let Some((NodeIndex(at), k)) = self.attempt.slot
            && self.retry
            && at == v
        {
            let next = self.slot(v, k, How::Retry);
            return next.or_else(|| self.scan_all(v, k + 1, How::Retry));
        }
        let (config, snapshot) = (self.config, self.snapshot);
        let plan = &*snapshot.marks.plans[v as usize];
        if !plan.trials.is_empty()
            && !matches!(plan.pick, Pick::Hash(..))
            && let Some(action) = self.trials(v, plan)
        {
            return Some(action);
        }
        let settings = &config.virtuals[v as usize];
        if settings.priorities.len() == 1 {
            let found = self.among(v, plan, care);
            return found.or_else(|| self.scan_anyhow(v, None));
        }
        for (rank, &priority) in settings.priorities.iter().enumerate() {
            if T::ON && rank > 0 {
                self.trace.note(Note::Priority { of: v, priority });
            }
            let class = plan.classes().find(|class| class.priority == priority);
            let found = class.and_then(|class| self.among(v, class, care));
            let found = found.or_else(|| self.scan_anyhow(v, Some(priority)));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Asks the slots of one priority as the predictor says.
    fn among(&mut self, v: u32, class: &Class, care: Option<&Care>) -> Option<Action> {
        match &class.pick {
            Pick::Hash(by, table) => self.by_hash(v, class, *by, table, care),
            _ if class.slots.is_empty() => None,
            _ => self.by_turns(v, class, care),
        }
    }

    fn by_turns(&mut self, v: u32, class: &Class, care: Option<&Care>) -> Option<Action> {
        let mut spared = Spared::new();
        for _ in 0..PICKS.min(2 * class.slots.len() as u32) {
            let Some(at) = self.pick(v, class, care, &spared) else {
                continue;
            };
            let k = class.slots[at];
            if care.is_some() && !self.accepts(v, k, class, care, |walk| unit(walk.roll())) {
                spared.push(k);
                continue;
            }
            let found = self.named(v, class, k, care);
            if found.is_some() {
                return found;
            }
        }
        self.slot(v, *spared.first()?, How::Ramping)
    }

    fn by_hash(
        &mut self,
        v: u32,
        class: &Class,
        by: HashKey,
        table: &HashTable,
        care: Option<&Care>,
    ) -> Option<Action> {
        let salt = self.config.virtuals[v as usize].salt;
        let key = hash_key(by, self.ask, salt);
        self.attempt.by_host |= by == HashKey::Host;
        let mut spared = None;
        for attempt in 0..PICKS {
            let Some(k) = table.owner(key, attempt) else {
                break;
            };
            if !self.may_fill(v, k) || self.is_lower(v, k, class) {
                continue;
            }
            // Always the same points, so that a client comes once, when the share is large enough, and stays.
            if !self.accepts(v, k, class, care, |_| table.point(key, k, attempt)) {
                spared.get_or_insert(k);
                continue;
            }
            let found = self.named(v, class, k, care);
            if found.is_some() {
                return found;
            }
        }
        if let Some(k) = spared {
            let found = self.slot(v, k, How::Ramping);
            if found.is_some() {
                return found;
            }
        }
        // Most slots are out: those left are few, or the scan meets one soon.
        let left = &class.slots[..class.slots.len().min(SCANNED)];
        let k = table.rendezvous(key, left)?;
        self.slot(v, k, How::Predictor)
    }

    /// Asks the slot that the predictor names, or one that has more room.
    fn named(&mut self, v: u32, class: &Class, k: u32, care: Option<&Care>) -> Option<Action> {
        if let Some(care) = care
            && let Some(other) = self.lower(v, class, k, care)
        {
            let found = self.slot(v, other, How::Bounced);
            if found.is_some() {
                self.bounced = true;
                self.special = Some(Reason::Bounced);
                return found;
            }
        }
        self.slot(v, k, How::Predictor)
    }

    /// Whether the slot's priority is lower than that of `class`.
    fn is_lower(&self, v: u32, k: u32, class: &Class) -> bool {
        let settings = &self.config.virtuals[v as usize];
        settings.priorities.len() > 1
            && self.config.priority_of(settings.targets[k as usize]) > class.priority
    }

    /// Asks every slot of a priority, or of all, from anywhere on.
    fn scan_anyhow(&mut self, v: u32, priority: Option<Priority>) -> Option<Action> {
        let count = self.config.virtuals[v as usize].targets.len();
        let from = place(self.roll(), count) as u32;
        self.scan(v, from, How::Scan, priority)
    }

    /// Asks every slot, from the `from`-th on, those of the highest priority first.
    fn scan_all(&mut self, v: u32, from: u32, how: How) -> Option<Action> {
        let config = self.config;
        let priorities = &config.virtuals[v as usize].priorities;
        if priorities.len() == 1 {
            return self.scan(v, from, how, None);
        }
        priorities
            .iter()
            .find_map(|&priority| self.scan(v, from, how, Some(priority)))
    }

    fn scan(&mut self, v: u32, from: u32, how: How, priority: Option<Priority>) -> Option<Action> {
        let config = self.config;
        let targets = &config.virtuals[v as usize].targets;
        let count = targets.len() as u32;
        // A request is sent again once only: not to a server that fails others as well, while there is another one.
        let passes: &[Option<bool>] = match how {
            How::Retry => &[Some(false), Some(true)],
            _ => &[None],
        };
        passes.iter().find_map(|&pass| {
            (from..count).chain(0..from.min(count)).find_map(|k| {
                let target = targets[k as usize];
                let wanted = priority.is_none_or(|p| config.priority_of(target) == p)
                    && pass.is_none_or(|suspect| self.is_suspect(v, k) == suspect);
                match wanted && self.may_fill(v, k) {
                    true => self.slot(v, k, how),
                    false => None,
                }
            })
        })
    }

    /// Whether the server that the slot has now failed others, and has not answered since.
    fn is_suspect(&self, v: u32, k: u32) -> bool {
        let server = self.filler(v, k).map(|node| self.config.bearer(node));
        server.is_some_and(|server| self.loads.of(server).suspect.load(Ordering::Relaxed))
    }

    /// Whether the slot has a share at all and anything to fill it.
    fn may_fill(&self, v: u32, k: u32) -> bool {
        let config = self.config;
        let target = config.virtuals[v as usize].targets[k as usize];
        let front = config.front(target);
        let alive = self.alive(front, View::Possible) || self.next(target) != NONE;
        alive && self.snapshot.marks.weight_at(config, v, target) > 0
    }

    /// Asks servers on trial whether they may be tried now.
    fn trials(&mut self, v: u32, plan: &Plan) -> Option<Action> {
        let from = place(self.roll(), plan.trials.len());
        for i in 0..plan.trials.len().min(TRIALS) {
            let k = plan.trials[(from + i) % plan.trials.len()];
            let target = self.config.virtuals[v as usize].targets[k as usize];
            let front = self.config.front(target);
            let bearer = self.config.bearer(front);
            let may = self.config.kind(bearer) == Kind::Virtual
                || self.loads.of(bearer).may_try(self.client, self.now, false);
            if !may {
                continue;
            }
            let before = self.trial;
            let action = self.trial_slot(v, k, target, front);
            if action.is_some() {
                return action;
            }
            self.trial = before;
        }
        None
    }

    /// Asks the slot's own target only: its backups come in by turns of their own.
    fn trial_slot(&mut self, v: u32, k: u32, target: u32, front: u32) -> Option<Action> {
        if T::ON {
            let how = How::Trial;
            self.trace.note(super::Note::Slot { of: v, target, how });
        }
        let action = self.ask(front)?;
        if self.depth == 1 {
            self.attempt.slot = Some((NodeIndex(v), k));
        }
        Some(action)
    }

    /// A turn: counted, or looked at where none is to be taken.
    pub(super) fn turn(&mut self, v: u32) -> u64 {
        if self.retry {
            return self.roll();
        }
        if self.dry {
            let turn = self.turns(v);
            self.set_turns(v, turn.wrapping_add(1));
            return turn;
        }
        self.loads.of(v).take_turn()
    }

    /// Where the turns of a virtual stand.
    fn turns(&self, v: u32) -> u64 {
        match self.peeked.iter().find(|(at, _)| *at == v) {
            Some(&(_, turns)) => turns,
            None => self.loads.of(v).turns(),
        }
    }

    fn set_turns(&mut self, v: u32, turns: u64) {
        if !self.dry {
            return self.loads.of(v).set_turns(turns);
        }
        match self.peeked.iter_mut().find(|(at, _)| *at == v) {
            Some(peeked) => peeked.1 = turns,
            None => self.peeked.push((v, turns)),
        }
    }

    /// The place in the list of filled slots that the predictor names.
    fn pick(
        &mut self,
        v: u32,
        class: &Class,
        care: Option<&Care>,
        spared: &Spared,
    ) -> Option<usize> {
        let count = class.slots.len();
        match &class.pick {
            Pick::Turn | Pick::Hash(..) => Some((self.turn(v) % count as u64) as usize),
            Pick::Schedule(table) => {
                let turn = self.turn(v) % table.len() as u64;
                Some(table[turn as usize] as usize)
            }
            Pick::Spread(shares) => Some(shares.at(golden(self.turn(v)))),
            Pick::Even => Some(place(self.roll(), count)),
            Pick::Random(shares) => Some(shares.at(self.roll())),
            Pick::Least(weights) => {
                let cursor = (self.turns(v) % count as u64) as u32;
                let slowstart_ms = care.map_or(0, |care| care.slowstart_ms);
                let found = self.candidates(v, class, spared, |walk, at, node| {
                    let load = walk.load(node)? / weights.as_ref().map_or(1.0, |w| w[at]);
                    // Or it would be given all clients until it has as many as the others.
                    match load > 0.0 && slowstart_ms > 0 {
                        true => Some(load / walk.ramp(node, slowstart_ms)),
                        false => Some(load),
                    }
                });
                let at = least(&found, cursor)? as usize;
                if !self.retry {
                    self.set_turns(v, at as u64 + 1);
                }
                Some(at)
            }
            Pick::Fastest => self.fastest(v, class, spared),
        }
    }

    fn fastest(&mut self, v: u32, class: &Class, spared: &Spared) -> Option<usize> {
        let count = class.slots.len() as u64;
        let turn = self.turn(v);
        if turn % IN_TURN == IN_TURN - 1 {
            return Some((turn / IN_TURN % count) as usize);
        }
        // A server that could be measured and was not comes before all that were.
        let found = self.candidates(v, class, spared, |walk, _, node| {
            let server = walk.timed(node)?;
            let micros = walk.loads.of(server).response_micros(walk.now);
            Some(micros.map_or(-1.0, f64::from))
        });
        let unmeasured = |c: &Candidate| c.load == Some(-1.0);
        let cursor = (turn % count) as u32;
        if found.iter().any(unmeasured) {
            let first: ArrayVec<Candidate, SCANNED> =
                found.into_iter().filter(unmeasured).collect();
            return least(&first, cursor).map(|at| at as usize);
        }
        least(&found, cursor).map(|at| at as usize)
    }

    /// Filled slots that are usable at this moment, with their figures: all, or a sample.
    fn candidates(
        &mut self,
        v: u32,
        class: &Class,
        spared: &Spared,
        figure: impl Fn(&Self, usize, u32) -> Option<f64>,
    ) -> ArrayVec<Candidate, SCANNED> {
        let count = class.slots.len();
        let mut found = ArrayVec::new();
        let sampled = count > SCANNED;
        for i in 0..if sampled { SAMPLE } else { count } {
            let at = if sampled {
                place(self.roll(), count)
            } else {
                i
            };
            let k = class.slots[at];
            if spared.contains(&k) {
                continue;
            }
            if let Some(node) = self.filler(v, k) {
                let load = figure(self, at, node);
                found.push(Candidate {
                    at: at as u32,
                    load,
                });
            }
        }
        found
    }
}
