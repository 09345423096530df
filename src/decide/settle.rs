//! Who is usable: the least fixpoint over links, backups and nested virtuals.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use super::config::{Config, Kind, NONE, UNLIMITED};
use super::plan::{self, Plan};
use super::{Health, Measured, Readiness};
use crate::model::{Id, Intent};

/// What counts as usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// Without trials.
    Steady = 0,
    /// A server on trial counts too: one client might be let through to it.
    Possible = 1,
}

impl View {
    const BOTH: [View; 2] = [View::Steady, View::Possible];
}

/// What is known of every node at one state of health.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    pub(super) measured: Box<[Measured]>,
    /// A bit for each view.
    alive: Box<[u8]>,
    /// The first alive node along the chain that begins at the node itself, for each view.
    first: [Box<[u32]>; 2],
    /// Of each virtual.
    pub(super) plans: Box<[Arc<Plan>]>,
    /// Of each virtual, what it weighs as a target: the sum over its filled slots.
    pub(super) sums: Box<[u64]>,
    /// Of each virtual none of whose slots is filled, those that were filled last.
    pub(super) last_good: Box<[Option<Arc<[u32]>>]>,
}

impl Marks {
    /// Settles everything.
    pub(super) fn new(config: &Config, measured: Box<[Measured]>) -> Marks {
        let count = measured.len();
        let empty = Arc::new(Plan::default());
        let mut marks = Marks {
            measured,
            alive: vec![0; count].into(),
            first: [vec![NONE; count].into(), vec![NONE; count].into()],
            plans: vec![empty; config.virtuals.len()].into(),
            sums: config.nominal.clone(),
            last_good: vec![None; config.virtuals.len()].into(),
        };
        for component in 0..config.graph.components() {
            marks.settle(config, component);
            for i in config.graph.members(component) {
                marks.plan(config, config.graph.order[i]);
            }
        }
        marks
    }

    /// The same with what was measured of `changes`: only what depends on them is settled anew.
    pub(super) fn with(
        &self,
        config: &Config,
        changes: impl Iterator<Item = (u32, Measured)>,
    ) -> Marks {
        let mut marks = self.clone();
        let mut dirty = Dirty::new(config);
        for (n, measured) in changes {
            if std::mem::replace(&mut marks.measured[n as usize], measured) != measured {
                dirty.changed[n as usize] = true;
                dirty.push(config.graph.component[n as usize]);
            }
        }
        while let Some(component) = dirty.pop() {
            let members = config.graph.members(component);
            let whole = config.graph.looped(component);
            let before: Vec<_> = members
                .clone()
                .map(|i| marks.view_of(config.graph.order[i]))
                .collect();
            marks.settle(config, component);
            for (i, before) in members.zip(before) {
                let n = config.graph.order[i];
                let changed = whole
                    || dirty.changed[n as usize]
                    || before != marks.view_of(n)
                    || dirty.shines_through(&marks, config, n);
                if changed {
                    marks.plan(config, n);
                    dirty.changed[n as usize] = true;
                    for &user in config.graph.users(n) {
                        dirty.push(config.graph.component[user as usize]);
                    }
                }
            }
        }
        marks
    }

    pub(super) fn alive(&self, node: u32, view: View) -> bool {
        self.alive[node as usize] & (1 << view as u8) != 0
    }

    /// The first alive node of the chain that begins at `node`, itself included; `NONE` of `NONE`.
    pub(super) fn first(&self, node: u32, view: View) -> u32 {
        if node == NONE {
            return NONE;
        }
        self.first[view as usize][node as usize]
    }

    fn view_of(&self, node: u32) -> (u8, u32, u32) {
        let n = node as usize;
        (self.alive[n], self.first[0][n], self.first[1][n])
    }

    fn plan(&mut self, config: &Config, node: u32) {
        if config.kind(node) == Kind::Virtual {
            let plan = plan::build(config, self, node);
            let n = node as usize;
            self.sums[n] = plan.weight;
            let last = std::mem::replace(&mut self.plans[n], Arc::new(plan));
            if !self.plans[n].slots.is_empty() {
                self.last_good[n] = None;
            } else if config.last_good && !last.slots.is_empty() {
                self.last_good[n] = Some(last.all_slots().into());
            }
        }
    }

    /// Takes over from `before` which slots of virtuals that are down were filled last.
    pub(super) fn remember(&mut self, config: &Config, before: (&Config, &Marks)) {
        if !config.last_good {
            return;
        }
        for (v, settings) in config.virtuals.iter().enumerate() {
            let Some(was) = before.0.find(&config.ids[v]) else {
                continue;
            };
            let (was, marks) = (was as usize, before.1);
            let Some(settings_then) = before.0.virtuals.get(was) else {
                continue;
            };
            if !self.plans[v].slots.is_empty() {
                continue;
            }
            let slots = match &marks.last_good[was] {
                Some(slots) => slots.to_vec(),
                None => marks.plans[was].all_slots(),
            };
            let ids: HashSet<&Id> = slots
                .iter()
                .map(|&k| &before.0.ids[settings_then.targets[k as usize] as usize])
                .collect();
            let targets = (0u32..).zip(&settings.targets);
            let good = targets.filter(|(_, t)| ids.contains(&config.ids[**t as usize]));
            let good: Arc<[u32]> = good.map(|(k, _)| k).collect();
            self.last_good[v] = (!good.is_empty()).then_some(good);
        }
    }

    /// The weight that `node` brings along as a target of `at`, in hundredths: what is configured times what its
    /// server says, in percent.
    pub(super) fn weight_at(&self, config: &Config, at: u32, node: u32) -> u64 {
        let bearer = config.bearer(node);
        match config.kind(bearer) {
            Kind::Virtual => config.weight_at(at, node, &self.sums),
            _ => {
                let share = self.measured[bearer as usize].share;
                u64::from(config.weight[bearer as usize]) * u64::from(share)
            }
        }
    }

    /// The most connections that a node may have: its own limit, and what its server says.
    #[inline]
    pub(super) fn most(&self, config: &Config, node: u32) -> u32 {
        let said = self.measured[node as usize].maxconns;
        config.maxconns[node as usize].min(said.unwrap_or(UNLIMITED))
    }

    fn settle(&mut self, config: &Config, component: u32) {
        let members = config.graph.members(component);
        let members = &config.graph.order[members];
        for view in View::BOTH {
            let first = &mut self.first[view as usize];
            for &n in members {
                self.alive[n as usize] &= !(1 << view as u8);
                first[n as usize] = NONE;
            }
            if !config.graph.looped(component) {
                let n = members[0];
                self.judge(config, n, view);
                self.first[view as usize][n as usize] = match self.alive(n, view) {
                    true => n,
                    false => self.first(config.backup[n as usize], view),
                };
                continue;
            }
            self.grow(config, members, component, view);
            self.point(config, members, component, view);
        }
    }

    /// Grows the set of usable nodes of a component from nothing until no more follows.
    fn grow(&mut self, config: &Config, members: &[u32], component: u32, view: View) {
        let mut queue: Vec<u32> = members.to_vec();
        while let Some(n) = queue.pop() {
            let filled = self.first(n, view) != NONE;
            let alive = self.alive(n, view);
            if !alive {
                self.judge(config, n, view);
            }
            let backed = self.first(config.backup[n as usize], view) != NONE;
            let gained = !alive && self.alive(n, view);
            if gained || !filled && backed {
                // Any value but NONE says "filled" until `point` knows by whom.
                self.first[view as usize][n as usize] = n;
                let users = config.graph.users(n).iter();
                queue.extend(users.filter(|&&u| {
                    config.graph.component[u as usize] == component && !self.alive(u, view)
                }));
            }
        }
    }

    /// Sets the `first` pointers of a component whose usable nodes are known.
    fn point(&mut self, config: &Config, members: &[u32], component: u32, view: View) {
        const UNSET: u32 = NONE - 1;
        const ON_PATH: u32 = NONE - 2;
        for &n in members {
            self.first[view as usize][n as usize] = UNSET;
        }
        let mut path = Vec::new();
        for &n in members {
            let mut at = n;
            let found = loop {
                if at == NONE {
                    break NONE;
                }
                if config.graph.component[at as usize] != component {
                    break self.first(at, view);
                }
                if self.alive(at, view) {
                    self.first[view as usize][at as usize] = at;
                    break at;
                }
                match self.first(at, view) {
                    ON_PATH => break NONE,
                    UNSET => {
                        self.first[view as usize][at as usize] = ON_PATH;
                        path.push(at);
                        at = config.backup[at as usize];
                    }
                    known => break known,
                }
            };
            for n in path.drain(..) {
                self.first[view as usize][n as usize] = found;
            }
        }
    }

    /// Sets the node's alive bit if what is known by now makes it usable.
    fn judge(&mut self, config: &Config, n: u32, view: View) {
        let wanted = config.intent[n as usize] == Intent::InService;
        let measured = &self.measured[n as usize];
        let works = match measured.health {
            Health::Up => true,
            Health::Testing => view == View::Possible,
            Health::Failed => false,
        };
        let takes = measured.readiness == Readiness::Ready && measured.share > 0;
        let alive = wanted
            && works
            && takes
            && match config.kind(n) {
                Kind::Real | Kind::Dip => true,
                Kind::Url => match config.link[n as usize] {
                    NONE => true,
                    link => self.alive(link, view),
                },
                Kind::Virtual => {
                    let targets = config.virtuals[n as usize].targets.iter();
                    targets.into_iter().any(|&t| {
                        let front = config.front(t);
                        let filled = self.alive(front, view)
                            || self.first(config.backup[t as usize], view) != NONE;
                        filled && self.is_weighed(config, n, t)
                    })
                }
            };
        if alive {
            self.alive[n as usize] |= 1 << view as u8;
        }
    }
}

impl Marks {
    /// Whether a target has any weight, by what is configured and what its server says: not yet by what fills it.
    fn is_weighed(&self, config: &Config, at: u32, node: u32) -> bool {
        let bearer = config.bearer(node);
        let said = config.kind(bearer) == Kind::Virtual || self.measured[bearer as usize].share > 0;
        said && config.weight_at(at, node, &config.nominal) > 0
    }
}

/// Components to settle again, those that others depend on first.
struct Dirty {
    changed: Vec<bool>,
    queued: Vec<bool>,
    heap: BinaryHeap<Reverse<u32>>,
}

impl Dirty {
    fn new(config: &Config) -> Dirty {
        Dirty {
            changed: vec![false; config.ids.len()],
            queued: vec![false; config.graph.components() as usize],
            heap: BinaryHeap::new(),
        }
    }

    fn push(&mut self, component: u32) {
        if !std::mem::replace(&mut self.queued[component as usize], true) {
            self.heap.push(Reverse(component));
        }
    }

    fn pop(&mut self) -> Option<u32> {
        self.heap.pop().map(|Reverse(component)| component)
    }

    /// Whether a change below `n` shows in what others read through `n`, though `n` itself is as it was.
    fn shines_through(&self, marks: &Marks, config: &Config, n: u32) -> bool {
        let changed = |n: u32| n != NONE && self.changed[n as usize];
        let backup = config.backup[n as usize];
        let backed = changed(backup) && marks.first(n, View::Steady) != n;
        backed
            || changed(config.link[n as usize])
            || config.virtuals.get(n as usize).is_some_and(|v| {
                v.targets.iter().any(|&t| {
                    changed(t) || changed(config.front(t)) || changed(config.backup[t as usize])
                })
            })
    }
}
