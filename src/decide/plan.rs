//! What a virtual picks among, at one state of health.

use super::config::{Config, Kind, NONE};
use super::predictors::{Pick, Shares, schedule};
use super::settle::{Marks, View};
use crate::model::Predictor;

/// So many servers under a virtual are counted for its load; of more, an even sample.
const LEAVES: usize = 64;

/// The compiled slots of one virtual.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The filled slots: indices into the virtual's targets.
    pub(super) slots: Box<[u32]>,
    /// Slots whose own target is on trial.
    pub(super) trials: Box<[u32]>,
    /// The sum over the filled slots; where none is filled, over all.
    pub(super) weight: u64,
    /// Servers whose connections make up this virtual's load, and how many servers each stands for.
    pub(super) leaves: Box<[(u32, f32)]>,
    /// The predictor's tables.
    pub(super) pick: Pick,
}

/// Compiles the plan of virtual `v`; all it depends on outside its own component is settled and planned.
pub(super) fn build(config: &Config, marks: &Marks, v: u32) -> Plan {
    let settings = &config.virtuals[v as usize];
    let (mut slots, mut trials, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for (k, &t) in settings.targets.iter().enumerate() {
        let weight = config.weight_at(v, t, &marks.sums);
        if weight == 0 {
            continue;
        }
        let front = config.front(t);
        let own = front != v && marks.alive(front, View::Steady);
        if !own && front != v && marks.alive(front, View::Possible) {
            trials.push(k as u32);
        }
        if own || stand_in(config, marks, v, t, View::Steady) != NONE {
            slots.push(k as u32);
            weights.push(weight);
        }
    }
    let weight = match slots.is_empty() {
        true => config.nominal[v as usize],
        false => weights.iter().sum(),
    };
    let even = weights.windows(2).all(|w| w[0] == w[1]);
    let pick = match settings.predictor {
        Predictor::RoundRobin => Pick::Turn,
        Predictor::Weighted if even => Pick::Turn,
        Predictor::Weighted => match schedule(&weights, config.schedule_longest) {
            Some(table) => Pick::Schedule(table),
            None => Pick::Spread(Shares::new(&weights)),
        },
        Predictor::Random if even => Pick::Even,
        Predictor::Random => Pick::Random(Shares::new(&weights)),
        Predictor::LeastConns => Pick::Least(None),
        Predictor::Loaded => Pick::Least(Some(weights.iter().map(|&w| w as f64).collect())),
        Predictor::Fastest => Pick::Fastest,
        Predictor::Hash(key) => match &settings.table {
            Some(table) => Pick::Hash(key, table.clone()),
            None => Pick::Turn,
        },
    };
    Plan {
        leaves: leaves(config, marks, v, &slots),
        slots: slots.into(),
        trials: trials.into(),
        weight,
        pick,
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
        let bearer = match config.link[filler as usize] {
            NONE => filler,
            link => link,
        };
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
