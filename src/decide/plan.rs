//! What a virtual picks among, at one state of health.

use std::ops::Deref;

use super::config::{Config, Kind, NONE};
use super::predictors::{Pick, Shares, schedule};
use super::settle::{Marks, View};
use crate::model::{Predictor, Priority};

/// So many servers under a virtual are counted for its load; of more, an even sample.
const LEAVES: usize = 64;

/// The compiled slots of one virtual.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The filled slots of the highest priority that has any.
    top: Class,
    /// Those of the lower priorities, the higher one first: for when all before them are full.
    pub(super) lower: Box<[Class]>,
    /// Slots whose own target is on trial, at the priority of `top` or above.
    pub(super) trials: Box<[u32]>,
    /// In hundredths, the sum over the slots of `top`; where none is filled, over all.
    pub(super) weight: u64,
    /// Servers whose connections make up this virtual's load, and how many servers each stands for.
    pub(super) leaves: Box<[(u32, f32)]>,
}

/// The filled slots of one priority.
#[derive(Debug, Default)]
pub(super) struct Class {
    pub(super) priority: Priority,
    /// Indices into the virtual's targets.
    pub(super) slots: Box<[u32]>,
    /// The predictor's tables.
    pub(super) pick: Pick,
    /// Under `hash`, the largest share that a server says it takes, in percent, where they differ.
    pub(super) uneven: Option<u16>,
}

impl Deref for Plan {
    type Target = Class;

    fn deref(&self) -> &Class {
        &self.top
    }
}

impl Plan {
    /// The classes, from the highest priority down.
    pub(super) fn classes(&self) -> impl Iterator<Item = &Class> {
        std::iter::once(&self.top).chain(&self.lower)
    }

    /// The filled slots of all priorities, in bound order.
    pub(super) fn all_slots(&self) -> Vec<u32> {
        let slots = self.classes().flat_map(|c| c.slots.iter().copied());
        let mut slots: Vec<u32> = slots.collect();
        slots.sort_unstable();
        slots
    }
}

/// Compiles the plan of virtual `v`; all it depends on outside its own component is settled and planned.
pub(super) fn build(config: &Config, marks: &Marks, v: u32) -> Plan {
    let settings = &config.virtuals[v as usize];
    let mut found: Vec<(Vec<u32>, Vec<u64>)> = vec![Default::default(); settings.priorities.len()];
    let mut trials = Vec::new();
    for (k, &t) in (0u32..).zip(&settings.targets) {
        let weight = marks.weight_at(config, v, t);
        if weight == 0 {
            continue;
        }
        let rank = settings.rank(config, k);
        let front = config.front(t);
        let own = front != v && marks.alive(front, View::Steady);
        if !own && front != v && marks.alive(front, View::Possible) {
            trials.push((rank, k));
        }
        if own || stand_in(config, marks, v, t, View::Steady) != NONE {
            found[rank].0.push(k);
            found[rank].1.push(weight);
        }
    }
    let best = found.iter().position(|(slots, _)| !slots.is_empty());
    trials.retain(|&(rank, _)| best.is_none_or(|best| rank <= best));
    let weight = match best {
        None => config.nominal[v as usize],
        Some(best) => found[best].1.iter().sum(),
    };
    let filled = found.iter().filter(|(slots, _)| !slots.is_empty()).count();
    let longest = config.schedule_longest / filled.max(1);
    let best = best.unwrap_or(0);
    let mut classes =
        settings
            .priorities
            .iter()
            .zip(found)
            .skip(best)
            .map(|(&priority, (slots, weights))| {
                class(config, marks, v, priority, slots, &weights, longest)
            });
    let top = classes.next().unwrap_or_default();
    Plan {
        leaves: leaves(config, marks, v, &top.slots),
        top,
        lower: classes.filter(|c| !c.slots.is_empty()).collect(),
        trials: trials.into_iter().map(|(_, k)| k).collect(),
        weight,
    }
}

fn class(
    config: &Config,
    marks: &Marks,
    v: u32,
    priority: Priority,
    slots: Vec<u32>,
    weights: &[u64],
    longest: usize,
) -> Class {
    let settings = &config.virtuals[v as usize];
    let even = weights.windows(2).all(|w| w[0] == w[1]);
    let mut uneven = None;
    let pick = match settings.predictor {
        Predictor::RoundRobin => Pick::Turn,
        Predictor::Weighted if even => Pick::Turn,
        Predictor::Weighted => match schedule(weights, longest) {
            Some(table) => Pick::Schedule(table),
            None => Pick::Spread(Shares::new(weights)),
        },
        Predictor::Random if even => Pick::Even,
        Predictor::Random => Pick::Random(Shares::new(weights)),
        Predictor::LeastConns => Pick::Least(None),
        Predictor::Loaded => Pick::Least(Some(weights.iter().map(|&w| w as f64).collect())),
        Predictor::Fastest => Pick::Fastest,
        Predictor::Hash(key) => match &settings.table {
            Some(table) => {
                let share = |&k: &u32| {
                    let bearer = config.bearer(settings.targets[k as usize]);
                    marks.measured[bearer as usize].share
                };
                let most = slots.iter().map(share).max().unwrap_or(100);
                uneven = slots.iter().any(|k| share(k) != most).then_some(most);
                Pick::Hash(key, table.clone())
            }
            None => Pick::Turn,
        },
    };
    Class {
        priority,
        slots: slots.into(),
        pick,
        uneven,
    }
}

/// The first alive backup of target `t` that is not the virtual `v` itself.
pub(super) fn stand_in(config: &Config, marks: &Marks, v: u32, t: u32, view: View) -> u32 {
    let mut found = marks.first(config.backup[t as usize], view);
    if found == v {
        found = marks.first(config.backup[v as usize], view);
    }
    if found == v { NONE } else { found }
}

fn leaves(config: &Config, marks: &Marks, v: u32, slots: &[u32]) -> Box<[(u32, f32)]> {
    let targets = &config.virtuals[v as usize].targets;
    let mut found: Vec<(u32, f32)> = Vec::new();
    let taken = slots.len().min(LEAVES);
    for i in 0..taken {
        let t = targets[slots[i * slots.len() / taken] as usize];
        let scale = slots.len() as f32 / taken as f32;
        let front = config.front(t);
        let filler = match front != v && marks.alive(front, View::Steady) {
            true => front,
            false => stand_in(config, marks, v, t, View::Steady),
        };
        let bearer = config.bearer(filler);
        match config.kind(bearer) {
            Kind::Real | Kind::Dip => found.push((bearer, scale)),
            Kind::Url => {}
            Kind::Virtual => {
                if config.graph.component[bearer as usize] != config.graph.component[v as usize] {
                    let below = marks.plans[bearer as usize].leaves.iter();
                    found.extend(below.map(|&(n, s)| (n, s * scale)));
                }
            }
        }
    }
    if found.len() > LEAVES {
        let scale = found.len() as f32 / LEAVES as f32;
        let even = (0..LEAVES).map(|i| found[i * found.len() / LEAVES]);
        return even.map(|(n, s)| (n, s * scale)).collect();
    }
    found.into()
}
