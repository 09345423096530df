//! Which slot of a virtual is asked, and which after that.

use arrayvec::ArrayVec;

use super::super::config::{Kind, NONE};
use super::super::plan::Plan;
use super::super::predictors::{Candidate, Pick, SAMPLE, SCANNED, golden, hash_key, least, place};
use super::super::settle::View;
use super::{How, Trace, Walk};
use crate::decide::{Action, NodeIndex};
use crate::model::HashKey;

/// So often the predictor is asked again where its pick came to nothing.
const PICKS: u32 = 32;

/// So many servers on trial are looked at.
const TRIALS: usize = 16;

/// One request in so many goes in turn under `fastest`.
const IN_TURN: u64 = 32;

/// So far a chain is looked along for the load of a slot.
const LOOKED: usize = 8;

impl<T: Trace> Walk<'_, T> {
    /// Asks the slots of a virtual.
    pub(super) fn within(&mut self, v: u32) -> Option<Action> {
        if let Some((NodeIndex(at), k)) = self.attempt.slot
            && self.retry
            && at == v
        {
            return self
                .slot(v, k, How::Retry)
                .or_else(|| self.scan(v, k + 1, How::Retry));
        }
        let snapshot = self.snapshot;
        let plan = &*snapshot.marks.plans[v as usize];
        if !plan.trials.is_empty()
            && !matches!(plan.pick, Pick::Hash(..))
            && let Some(action) = self.trials(v, plan)
        {
            return Some(action);
        }
        let found = match &plan.pick {
            Pick::Hash(by, table) => {
                let salt = self.config.virtuals[v as usize].salt;
                let key = hash_key(*by, self.ask, salt);
                self.attempt.by_host |= *by == HashKey::Host;
                let mut found = None;
                for attempt in 0..PICKS {
                    let Some(k) = table.owner(key, attempt) else {
                        break;
                    };
                    if self.may_fill(v, k) {
                        found = self.slot(v, k, How::Predictor);
                    }
                    if found.is_some() {
                        break;
                    }
                }
                found.or_else(|| {
                    // Most slots are out: those left are few, or the scan below meets one soon.
                    let left = &plan.slots[..plan.slots.len().min(SCANNED)];
                    let k = table.rendezvous(key, left)?;
                    self.slot(v, k, How::Predictor)
                })
            }
            _ if plan.slots.is_empty() => None,
            _ => (0..PICKS.min(2 * plan.slots.len() as u32)).find_map(|_| {
                let at = self.pick(v, plan)?;
                let k = plan.slots[at];
                self.slot(v, k, How::Predictor)
            }),
        };
        found.or_else(|| {
            let count = self.config.virtuals[v as usize].targets.len();
            let from = place(self.roll(), count) as u32;
            self.scan(v, from, How::Scan)
        })
    }

    /// Asks every slot, from the `from`-th on.
    fn scan(&mut self, v: u32, from: u32, how: How) -> Option<Action> {
        let count = self.config.virtuals[v as usize].targets.len() as u32;
        (from..count)
            .chain(0..from.min(count))
            .find_map(|k| match self.may_fill(v, k) {
                true => self.slot(v, k, how),
                false => None,
            })
    }

    /// Whether the slot has a share at all and anything to fill it.
    fn may_fill(&self, v: u32, k: u32) -> bool {
        let config = self.config;
        let target = config.virtuals[v as usize].targets[k as usize];
        let front = config.front(target);
        let alive = self.alive(front, View::Possible) || self.next(target) != NONE;
        alive && config.weight_at(v, target, &self.snapshot.marks.sums) > 0
    }

    /// Asks servers on trial whether they may be tried now.
    fn trials(&mut self, v: u32, plan: &Plan) -> Option<Action> {
        let from = place(self.roll(), plan.trials.len());
        for i in 0..plan.trials.len().min(TRIALS) {
            let k = plan.trials[(from + i) % plan.trials.len()];
            let target = self.config.virtuals[v as usize].targets[k as usize];
            let front = self.config.front(target);
            let bearer = match self.config.link[front as usize] {
                NONE => front,
                link => link,
            };
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
    fn turn(&mut self, v: u32) -> u64 {
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
    fn pick(&mut self, v: u32, plan: &Plan) -> Option<usize> {
        let count = plan.slots.len();
        match &plan.pick {
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
                let found = self.candidates(v, plan, |walk, at, node| {
                    let load = walk.load(node)?;
                    Some(load / weights.as_ref().map_or(1.0, |w| w[at]))
                });
                let at = least(&found, cursor)? as usize;
                if !self.retry {
                    self.set_turns(v, at as u64 + 1);
                }
                Some(at)
            }
            Pick::Fastest => self.fastest(v, plan),
        }
    }

    fn fastest(&mut self, v: u32, plan: &Plan) -> Option<usize> {
        let count = plan.slots.len() as u64;
        let turn = self.turn(v);
        if turn % IN_TURN == IN_TURN - 1 {
            return Some((turn / IN_TURN % count) as usize);
        }
        // A server that could be measured and was not comes before all that were.
        let found = self.candidates(v, plan, |walk, _, node| {
            let server = walk.measured(node)?;
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
        plan: &Plan,
        figure: impl Fn(&Self, usize, u32) -> Option<f64>,
    ) -> ArrayVec<Candidate, SCANNED> {
        let count = plan.slots.len();
        let mut found = ArrayVec::new();
        let sampled = count > SCANNED;
        for i in 0..if sampled { SAMPLE } else { count } {
            let at = if sampled {
                place(self.roll(), count)
            } else {
                i
            };
            if let Some(node) = self.filler(v, plan.slots[at]) {
                let load = figure(self, at, node);
                found.push(Candidate {
                    at: at as u32,
                    load,
                });
            }
        }
        found
    }

    /// What fills a slot at this moment, most likely.
    fn filler(&self, v: u32, k: u32) -> Option<u32> {
        let target = self.config.virtuals[v as usize].targets[k as usize];
        let front = self.config.front(target);
        if self.ready(front) {
            return Some(front);
        }
        let mut at = target;
        for _ in 0..LOOKED {
            at = self.next(at);
            if at == NONE {
                return None;
            }
            if self.ready(at) {
                return Some(at);
            }
        }
        None
    }

    /// Connections at a node, where they can be known.
    fn load(&self, node: u32) -> Option<f64> {
        let bearer = match self.config.link[node as usize] {
            NONE => node,
            link => link,
        };
        match self.config.kind(bearer) {
            Kind::Url => None,
            Kind::Real | Kind::Dip => Some(f64::from(self.loads.of(bearer).connections())),
            Kind::Virtual => {
                let leaves = &self.snapshot.marks.plans[bearer as usize].leaves;
                let load = |&(n, scale): &(u32, f32)| {
                    f64::from(self.loads.of(n).connections()) * f64::from(scale)
                };
                (!leaves.is_empty()).then(|| leaves.iter().map(load).sum())
            }
        }
    }

    /// The server whose response time counts for a node.
    fn measured(&self, node: u32) -> Option<u32> {
        let bearer = match self.config.link[node as usize] {
            NONE => node,
            link => link,
        };
        match self.config.kind(bearer) {
            Kind::Url => None,
            Kind::Real | Kind::Dip => Some(bearer),
            Kind::Virtual => {
                let leaves = &self.snapshot.marks.plans[bearer as usize].leaves;
                leaves.first().map(|leaf| leaf.0)
            }
        }
    }
}
