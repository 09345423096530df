//! What is left when every server of a virtual is down: what its operator chose for that.

use smallvec::SmallVec;

use super::super::care::LastResort;
use super::super::config::{Kind, NONE};
use super::super::settle::View;
use super::serve::Comer;
use super::{DEPTH, How, Note, Trace, Walk};
use crate::decide::{Action, Reason};
use crate::model::Intent;

/// So far a chain of backups is gone along.
const LINKS: usize = 8;

impl<T: Trace> Walk<'_, T> {
    /// Asks the virtuals of this walk, in its order, then those that back up who was `asked`, for their last resort.
    pub(super) fn last_resort(&mut self, asked: u32) -> Option<(Action, Reason)> {
        let mut all: SmallVec<[u32; 20]> = SmallVec::from_slice(&self.visited);
        let mut at = asked;
        for _ in 0..LINKS {
            at = self.config.backup[at as usize];
            if at == NONE {
                break;
            }
            // A virtual of which every server is down was not even entered.
            if !all.contains(&at) {
                all.push(at);
            }
        }
        all.into_iter().find_map(|v| self.resort(v))
    }

    fn resort(&mut self, v: u32) -> Option<(Action, Reason)> {
        let settings = self.config.virtuals.get(v as usize)?;
        let down = !self.alive(v, View::Steady);
        if !down || self.config.intent[v as usize] != Intent::InService {
            return None;
        }
        match settings.all_down {
            LastResort::Refuse => None,
            LastResort::Url(url) => {
                if T::ON {
                    self.trace.note(Note::AllDown { of: v, url });
                }
                let action = self.redirect(url, Comer::New)?;
                Some((action, Reason::AllDown))
            }
            LastResort::LastGood => {
                if T::ON {
                    self.trace.note(Note::AllDown { of: v, url: NONE });
                }
                self.good = true;
                let action = self.last_good(v, &mut SmallVec::new());
                self.good = false;
                Some((action?, Reason::LastGood))
            }
        }
    }

    /// Asks the slots that were filled last, in turn, as if nothing had been measured.
    fn last_good(&mut self, v: u32, asked: &mut SmallVec<[u32; 8]>) -> Option<Action> {
        if asked.len() > DEPTH as usize || asked.contains(&v) {
            return None;
        }
        asked.push(v);
        let snapshot = self.snapshot;
        let targets = &self.config.virtuals[v as usize].targets;
        let last = snapshot.marks.last_good[v as usize].as_deref();
        let count = last.map_or(targets.len(), <[u32]>::len);
        let from = match count {
            0 => return None,
            count => (self.turn(v) % count as u64) as usize,
        };
        for i in 0..count {
            let at = (from + i) % count;
            let k = last.map_or(at as u32, |last| last[at]);
            let target = targets[k as usize];
            if self.config.weight_at(v, target, &self.config.nominal) == 0 {
                continue;
            }
            if T::ON {
                let how = How::LastGood;
                self.trace.note(Note::Slot { of: v, target, how });
            }
            let mut node = self.config.front(target);
            let mut next = self.config.backup[target as usize];
            for _ in 0..LINKS {
                let action = match self.config.kind(node) {
                    Kind::Url => self.redirect(node, Comer::New),
                    Kind::Real | Kind::Dip => self.forward(node, Comer::New),
                    Kind::Virtual => self.last_good(node, asked),
                };
                if action.is_some() {
                    return action;
                }
                if next == NONE {
                    break;
                }
                (node, next) = (next, self.config.backup[next as usize]);
            }
        }
        None
    }
}
