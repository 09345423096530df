//! Whether a client's own server is usable for it, and who would take over.

use arrayvec::ArrayVec;

use super::super::care::StickyConfig;
use super::super::config::{Kind, NONE};
use super::super::predictors::{SAMPLE, SCANNED, mix, place, wait};
use super::super::settle::View;
use super::super::{Health, Readiness};
use super::{DEPTH, Trace, Walk, Why};
use crate::decide::NodeIndex;
use crate::model::Intent;

/// So deep a server's way through nested virtuals is followed up.
const FOLLOWED: usize = 64;

/// Why a client's own server is not taken, and whether the client stays its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decide) struct Lost {
    pub(in crate::decide) why: Why,
    pub(in crate::decide) kept: bool,
}

impl Lost {
    fn moved(why: Why) -> Lost {
        Lost { why, kept: false }
    }
}

impl<T: Trace> Walk<'_, T> {
    /// Whether a client's own server is usable for it, by its state (LANGUAGE.md §3).
    pub(super) fn own(&self, v: u32, sticky: &StickyConfig, node: u32) -> Result<(), Lost> {
        if node == NONE {
            return Err(Lost::moved(Why::Gone));
        }
        self.way(v, sticky, node)?;
        let bearer = self.config.bearer(node);
        let tried = &self.attempt.tried;
        if tried.contains(&NodeIndex(node)) || tried.contains(&NodeIndex(bearer)) {
            return Err(Lost::moved(Why::Tried));
        }
        if node == self.left_out {
            return Err(Lost::moved(Why::CameBack));
        }
        let both = [node, bearer];
        let intents = both.map(|n| self.config.intent[n as usize]);
        lost_by(&intents)?;
        let measured = both.map(|n| self.snapshot.marks.measured[n as usize]);
        if measured.iter().any(|m| m.readiness == Readiness::Maint) {
            let (why, kept) = (Why::State, true);
            return Err(Lost { why, kept });
        }
        let up = measured.iter().all(|m| m.health == Health::Up);
        let filled = self.config.kind(bearer) != Kind::Virtual
            || self.alive(bearer, View::Steady)
            || self.serves_its_own(bearer);
        match up && filled {
            true => Ok(()),
            false => Err(Lost::moved(Why::State)),
        }
    }

    /// Whether a virtual that is to have no new clients goes on with those that it knows.
    pub(super) fn serves_its_own(&self, v: u32) -> bool {
        let care = self.config.virtuals[v as usize].care.as_ref();
        self.config.intent[v as usize] == Intent::Sticky
            && care.is_some_and(|care| care.sticky.is_some())
            && !self.snapshot.marks.plans[v as usize].slots.is_empty()
    }

    /// Whether `v` still leads to `node`, and every virtual on the way there is in service.
    pub(super) fn way(&self, v: u32, sticky: &StickyConfig, node: u32) -> Result<(), Lost> {
        let unbound = Lost::moved(Why::Unbound);
        let mut within = sticky.via(node).ok_or(unbound)?.within;
        for _ in 0..FOLLOWED {
            if within == v {
                return Ok(());
            }
            lost_by(&[self.config.intent[within as usize]])?;
            within = sticky.via(within).ok_or(unbound)?.within;
        }
        Err(unbound)
    }

    /// A server that may take over, by weighted rendezvous of the client among the usable slots, so that the clients
    /// of one server spread over all others (Thaler and Ravishankar 1998); `NONE`: there is none.
    pub(super) fn second(&self, v: u32, key: u64, not: [u32; 2], depth: u32) -> u32 {
        let snapshot = self.snapshot;
        let plan = &snapshot.marks.plans[v as usize];
        let not_bearers = not.map(|n| {
            if n == NONE {
                NONE
            } else {
                self.config.bearer(n)
            }
        });
        for class in plan.classes() {
            let count = class.slots.len();
            let places = count.min(if count > SCANNED { SAMPLE } else { SCANNED });
            let mut found: ArrayVec<(f64, u32), SCANNED> = (0..places as u64)
                .map(|i| match count > SCANNED {
                    true => class.slots[place(mix(key.wrapping_add(i)), count)],
                    false => class.slots[i as usize],
                })
                .map(|k| {
                    let target = self.config.virtuals[v as usize].targets[k as usize];
                    let weight = self.snapshot.marks.weight_at(self.config, v, target);
                    let mut state = mix(key ^ mix(u64::from(target) + 1));
                    (wait(&mut state, weight.max(1)), k)
                })
                .collect();
            found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            for (_, k) in found {
                let Some(mut node) = self.filler(v, k) else {
                    continue;
                };
                if self.config.kind(node) == Kind::Virtual {
                    if depth >= DEPTH || self.config.graph.is_looped(node) {
                        continue;
                    }
                    node = self.second(node, key, not, depth + 1);
                }
                if node != NONE && !not_bearers.contains(&self.config.bearer(node)) {
                    return node;
                }
            }
        }
        NONE
    }
}

/// What the operator's intents say of a stuck client: the worst of them counts.
fn lost_by(intents: &[Intent]) -> Result<(), Lost> {
    let why = Why::State;
    let any = |wanted: &[Intent]| intents.iter().any(|i| wanted.contains(i));
    if any(&[Intent::OutOfService, Intent::Failed]) {
        return Err(Lost { why, kept: false });
    }
    match any(&[Intent::Maintenance]) {
        true => Err(Lost { why, kept: true }),
        false => Ok(()),
    }
}
