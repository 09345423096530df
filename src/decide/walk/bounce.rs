//! Servers near their limit pass clients on.

use super::super::care::{By, Care, StickyConfig};
use super::super::config::{Kind, NONE, UNLIMITED};
use super::super::plan::Class;
use super::super::predictors::{SAMPLE, SCANNED, place};
use super::serve::Comer;
use super::stick::Known;
use super::{How, Note, Trace, Walk};
use crate::decide::{Action, Reason};
use crate::model::{Bounce, Intent};

/// How near to its limit a server is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::decide) struct Ratio {
    pub(in crate::decide) used: f64,
    pub(in crate::decide) limit: u32,
    /// Of clients assigned; else of connections.
    pub(in crate::decide) clients: bool,
}

impl Ratio {
    fn share(self) -> f64 {
        // A limit of 0 is always reached.
        self.used / f64::from(self.limit).max(1e-9)
    }

    fn is_over(self, bounce: Bounce) -> bool {
        self.used * 100.0 >= f64::from(self.limit) * f64::from(bounce.percent)
    }

    /// Without the client itself, which is counted.
    fn without_one(self) -> Ratio {
        match self.clients {
            true => Ratio {
                used: self.used - 1.0,
                ..self
            },
            false => self,
        }
    }
}

impl<T: Trace> Walk<'_, T> {
    /// The slot with the lowest ratio, if what fills the `k`-th is over the mark and that one is lower.
    pub(super) fn lower(&mut self, v: u32, class: &Class, k: u32, care: &Care) -> Option<u32> {
        let bounce = care.bounce?;
        let node = self.filler(v, k)?;
        let ratio = self.ratio(node, care)?;
        if !ratio.is_over(bounce) {
            return None;
        }
        let other = self.lowest(v, class, care, ratio, node)?;
        if T::ON {
            self.trace.note(Note::Over { node, ratio });
        }
        Some(other)
    }

    /// Of a class the slot whose ratio is lowest, and lower than `than`, which is `node`'s.
    fn lowest(
        &mut self,
        v: u32,
        class: &Class,
        care: &Care,
        than: Ratio,
        node: u32,
    ) -> Option<u32> {
        let count = class.slots.len();
        let sampled = count > SCANNED;
        // From anywhere, so that of several alike not always the same is taken.
        let from = place(self.roll(), count);
        let (mut best, mut lowest) = (None, than.share());
        for i in 0..if sampled { SAMPLE } else { count } {
            let at = match sampled {
                true => place(self.roll(), count),
                false => (from + i) % count,
            };
            let k = class.slots[at];
            let Some(other) = self.filler(v, k).filter(|other| *other != node) else {
                continue;
            };
            let share = self.ratio(other, care).map_or(0.0, Ratio::share);
            if share < lowest {
                (best, lowest) = (Some(k), share);
            }
        }
        best
    }

    /// How near to its limit a node is; `None`: it has none.
    fn ratio(&self, node: u32, care: &Care) -> Option<Ratio> {
        let bearer = self.config.bearer(node);
        if self.config.kind(bearer) == Kind::Virtual {
            return None;
        }
        let capacity = self.config.capacity[bearer as usize];
        let by = care.sticky.as_ref().map(|s| (&s.by, s.minutes));
        let remembered = matches!(by, Some((By::Source { .. } | By::Cookie(_), _)));
        let limit = match capacity {
            0 => self.most(bearer),
            capacity => capacity,
        };
        if limit == UNLIMITED {
            return None;
        }
        let clients = capacity > 0 && remembered;
        let used = match by {
            Some((_, minutes)) if clients => self.clients(bearer, minutes.saturating_mul(60)),
            _ => self.load(bearer).unwrap_or(0.0),
        };
        Some(Ratio {
            used,
            limit,
            clients,
        })
    }

    /// Clients assigned to a server, and to the urls that are linked to it.
    fn clients(&self, server: u32, tau_s: u32) -> f64 {
        let count = |n: u32| {
            let gauges = self.loads.of(n);
            let tickets = f64::from(gauges.tickets.value(self.now, tau_s));
            f64::from(gauges.clients()) + tickets
        };
        let urls = self.config.linked(server).iter();
        count(server) + urls.map(|&url| count(url)).sum::<f64>()
    }

    /// Moves a client of a server over the mark to its alternate.
    pub(super) fn bounce_known(
        &mut self,
        v: u32,
        care: &Care,
        sticky: &StickyConfig,
        known: Known,
    ) -> Option<Action> {
        let bounce = care.bounce?;
        if self.retry || known.bounced >= bounce.times {
            return None;
        }
        let ratio = self.ratio(known.primary, care)?;
        if !ratio.without_one().is_over(bounce) {
            return None;
        }
        let node = known.alternate;
        if !self.may_take_over(v, sticky, node)
            // One in reserve is for when no other is usable.
            || self.config.priority_of(node) > self.config.priority_of(known.primary)
            || self.ratio(node, care).is_some_and(|r| r.is_over(bounce))
        {
            return None;
        }
        if T::ON {
            let over = known.primary;
            self.trace.note(Note::Over { node: over, ratio });
            self.trace.note(Note::Second {
                of: v,
                node,
                primary: over,
            });
        }
        let action = self.take_over(v, sticky, node, Comer::New)?;
        let mut moved = self.moved_to(v, sticky, node, known);
        moved.bounced = known.bounced.saturating_add(1);
        self.keep(v, sticky, moved);
        self.special = Some(Reason::Bounced);
        Some(action)
    }

    /// At a dip's own address: passes a client that nobody knows on to another server of the virtual that leads here.
    /// Where no client is known only when the server is at its limit, as else none could stay.
    pub(super) fn pass_on(&mut self, dip: u32, promised: bool) -> Option<Action> {
        let &(v, url) = self.config.bouncers.get(&dip)?;
        let config = self.config;
        let care = config.virtuals[v as usize].care.as_deref()?;
        let stays = match care.remembers() {
            Some(sticky) => self.known(v, sticky).is_some(),
            None => self.loads.of(dip).connections() < self.most(dip),
        };
        if stays
            || promised
            || self.retry
            || config.intent[v as usize] != Intent::InService
            || !self.serves(dip, Comer::Direct)
        {
            return None;
        }
        let ratio = self.ratio(dip, care)?;
        if !ratio.is_over(care.bounce?) {
            return None;
        }
        let snapshot = self.snapshot;
        let plan = &*snapshot.marks.plans[v as usize];
        let k = self.lowest(v, plan, care, ratio, url)?;
        if T::ON {
            self.trace.note(Note::Over { node: dip, ratio });
        }
        let before = (self.visited.len(), self.stand_in);
        self.stand_in = true;
        self.visit(dip);
        self.visit(v);
        self.depth += 1;
        let action = self.slot(v, k, How::Bounced);
        self.depth -= 1;
        match action {
            Some(action) => {
                self.bounced = true;
                self.special = Some(Reason::Bounced);
                self.assign(v, care, action, None);
            }
            None => {
                self.visited.truncate(before.0);
                self.stand_in = before.1;
            }
        }
        action
    }

    /// A client was served at a dip's own address: the virtual that leads here knows it from now on. Whom it
    /// `promised` here was counted when it was sent, though its cookie may not be sent to this host.
    pub(super) fn adopt(&mut self, dip: u32, promised: bool) {
        let config = self.config;
        let Some(&(v, url)) = config.bouncers.get(&dip) else {
            return;
        };
        let care = config.virtuals[v as usize].care.as_deref();
        let Some(sticky) = care.and_then(Care::remembers) else {
            return;
        };
        let known = match self.known(v, sticky) {
            Some(known) if known.primary != NONE => known,
            _ => {
                let nobody = Known {
                    primary: url,
                    alternate: NONE,
                    bounced: 0,
                };
                match promised {
                    true => self.seconded(v, sticky, url, nobody),
                    false => self.moved_to(v, sticky, url, nobody),
                }
            }
        };
        self.keep(v, sticky, known);
    }
}
