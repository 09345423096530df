//! The way of one ask through slots, chains and virtuals.

mod alldown;
mod bounce;
mod load;
mod own;
mod pick;
mod ramp;
mod returns;
mod serve;
mod stick;
mod trace;

use std::net::IpAddr;

use smallvec::SmallVec;

pub(super) use bounce::Ratio;
pub(super) use own::Lost;
use serve::Comer;
use trace::Blind;
pub(super) use trace::{How, Knows, Note, Trace, Why};

use super::config::{Config, Kind, NONE};
use super::predictors::mix;
use super::settle::View;
use super::{
    Action, Ask, Attempt, Decision, Loads, Millis, Moment, NodeIndex, Past, Reason, Snapshot,
    TRIES, Ticket,
};
use crate::model::{Id, Intent, Scheme};

/// How deep virtuals may stand within virtuals (LANGUAGE.md §4).
const DEPTH: u32 = 8;

/// So many virtuals and dips are remembered on one walk; none is entered beyond.
const VISITS: usize = 512;

/// So many links of one chain are remembered; of a longer one a loop is found later (Brent 1980).
const REMEMBERED: usize = 16;

/// Decides. Total; allocates nothing on the path of a redirect. Takes a turn of the virtual's predictor
/// (unless `attempt` says that this is not the first try), and with `Action::Forward` a place at the server.
///
/// Where every slot of a virtual has filled up since the snapshot was made, it looks at each before it refuses.
pub fn decide(
    ask: &Ask<'_>,
    snapshot: &Snapshot,
    loads: &Loads,
    moment: Moment,
    attempt: &mut Attempt,
) -> Decision {
    Walk::new(ask, snapshot, loads, moment, attempt, &mut Blind, false).decide()
}

/// Decides who takes a connection that is passed on unread at `dip`: itself, or a backup that is a server. Never redirects, as nobody
/// would read it; else as [`decide`], of somebody who comes to the dip's own address.
pub fn join(
    dip: NodeIndex,
    client: IpAddr,
    snapshot: &Snapshot,
    loads: &Loads,
    moment: Moment,
    attempt: &mut Attempt,
) -> Decision {
    let Id::Endpoint(at) = *snapshot.id(dip) else {
        return Decision {
            action: Action::Refuse,
            reason: Reason::NotHere,
            ticket: None,
        };
    };
    let ask = Ask {
        at,
        client,
        scheme: Scheme::Http,
        method: "".into(),
        host: "".into(),
        port: at.port.get(),
        target: "/".into(),
        past: Past::default(),
    };
    let mut blind = Blind;
    let mut walk = Walk::new(&ask, snapshot, loads, moment, attempt, &mut blind, false);
    walk.unread = true;
    walk.decide()
}

/// One walk.
pub(super) struct Walk<'w, T> {
    ask: &'w Ask<'w>,
    snapshot: &'w Snapshot,
    config: &'w Config,
    loads: &'w Loads,
    client: IpAddr,
    now: Millis,
    dice: u64,
    attempt: &'w mut Attempt,
    trace: &'w mut T,
    /// Nothing is taken: no turn, no place, no token.
    dry: bool,
    /// What comes is passed on unread: nobody would read a redirect.
    unread: bool,
    retry: bool,
    /// Virtuals asked and dips passed so far.
    visited: SmallVec<[u32; 12]>,
    depth: u32,
    /// Of virtuals whose turns were only looked at, where the next one stands.
    peeked: SmallVec<[(u32, u64); 2]>,
    /// Another id stands in for the one that was asked.
    stand_in: bool,
    backed: bool,
    trial: bool,
    full: bool,
    /// Why the decision is as it is, where it is neither the predictor nor a backup.
    special: Option<Reason>,
    ticket: Option<Ticket>,
    /// The url that the client came back from.
    left_out: u32,
    /// The dip that the client came to as it was promised.
    came: u32,
    /// The client was passed on by a server over the mark.
    bounced: bool,
    /// Every server is down, and what was measured is passed over.
    good: bool,
}

impl<'w, T: Trace> Walk<'w, T> {
    pub(super) fn new(
        ask: &'w Ask<'w>,
        snapshot: &'w Snapshot,
        loads: &'w Loads,
        moment: Moment,
        attempt: &'w mut Attempt,
        trace: &'w mut T,
        dry: bool,
    ) -> Self {
        Walk {
            ask,
            snapshot,
            config: &snapshot.config,
            loads,
            client: ask.client,
            now: moment.now,
            dice: moment.draw,
            retry: !attempt.tried.is_empty(),
            attempt,
            trace,
            dry,
            unread: false,
            visited: SmallVec::new(),
            depth: 0,
            peeked: SmallVec::new(),
            stand_in: false,
            backed: false,
            trial: false,
            full: false,
            special: None,
            ticket: None,
            left_out: NONE,
            came: NONE,
            bounced: false,
            good: false,
        }
    }

    pub(super) fn decide(&mut self) -> Decision {
        let decision = self.find();
        // Who finds everything full may wait, and is still to come until there is a place.
        if self.came != NONE && decision.reason != Reason::AllFull && !self.dry {
            self.loads.keep_promise(self.came, self.client, self.now);
        }
        decision
    }

    fn find(&mut self) -> Decision {
        let Some(asked) = self.config.listener(self.ask.at) else {
            return self.refuse(Reason::NotHere);
        };
        if T::ON {
            self.trace.note(Note::Asked(asked));
        }
        if self.attempt.tried.len() >= TRIES {
            return self.refuse(Reason::AllTried);
        }
        let virtually = self.config.kind(asked) == Kind::Virtual;
        let own = if virtually {
            self.enter(asked)
        } else {
            self.arrive(asked)
        };
        let plain = match virtually {
            true => Reason::Predicted,
            false => Reason::Direct,
        };
        if let Some(action) = own {
            let reason = if self.backed { Reason::Backup } else { plain };
            return self.take(action, reason);
        }
        self.stand_in = true;
        if let Some(action) = self.chain(asked) {
            let reason = match virtually {
                true => Reason::VirtualBackup,
                false => Reason::Backup,
            };
            return self.take(action, reason);
        }
        // The walk itself found nothing: nothing of what it noted holds of what is left.
        self.special = None;
        match self.last_resort(asked) {
            Some((action, reason)) => self.take(action, reason),
            None if self.retry => self.refuse(Reason::AllTried),
            None if self.full => self.refuse(Reason::AllFull),
            None if self.attempt.loop_at.is_some() => self.refuse(Reason::Loop),
            None => self.refuse(Reason::NoneUsable),
        }
    }

    /// Asks a dip at its own address.
    fn arrive(&mut self, dip: u32) -> Option<Action> {
        let promised = !self.retry
            && self.config.remembers_s[dip as usize] > 0
            && self.loads.promised_to(dip, self.client, self.now);
        let bounces = !self.unread && !self.config.bouncers.is_empty();
        if bounces && let Some(action) = self.pass_on(dip, promised) {
            return Some(action);
        }
        let own = self.forward(dip, Comer::Direct);
        self.came = if promised { dip } else { NONE };
        if bounces && own.is_some() {
            self.adopt(dip, promised);
        }
        self.visit(dip);
        own
    }

    fn take(&mut self, action: Action, reason: Reason) -> Decision {
        let reason = if self.retry {
            Reason::Reassigned
        } else if self.trial {
            Reason::Trial
        } else {
            self.special.unwrap_or(reason)
        };
        Decision {
            action,
            reason,
            ticket: self.ticket,
        }
    }

    fn refuse(&self, reason: Reason) -> Decision {
        Decision {
            action: Action::Refuse,
            reason,
            ticket: None,
        }
    }

    fn reject(&mut self, node: u32, why: Why) -> Option<Action> {
        self.full |= why == Why::Full;
        if T::ON {
            self.trace.note(Note::Rejected { node, why });
        }
        None
    }

    /// Remembers a dip that was passed, or a virtual that was asked.
    fn visit(&mut self, node: u32) {
        if self.visited.len() < VISITS {
            self.visited.push(node);
        }
    }

    fn alive(&self, node: u32, view: View) -> bool {
        self.snapshot.marks.alive(node, view)
    }

    /// Asks a node that is bound or a backup.
    fn ask(&mut self, node: u32) -> Option<Action> {
        match self.config.kind(node) {
            Kind::Url => self.redirect(node, Comer::New),
            Kind::Virtual => self.enter(node),
            Kind::Real => self.forward(node, Comer::New),
            Kind::Dip => {
                let action = self.forward(node, Comer::New);
                if action.is_none() {
                    self.visit(node);
                }
                action
            }
        }
    }

    /// Asks a virtual for what its slots have; its own backups are the caller's affair.
    fn enter(&mut self, v: u32) -> Option<Action> {
        if self.visited.contains(&v) {
            return self.reject(v, Why::Visited);
        }
        if self.depth >= DEPTH || self.visited.len() >= VISITS {
            return self.reject(v, Why::TooDeep);
        }
        self.visit(v);
        let intent = self.config.intent[v as usize];
        if intent != Intent::InService {
            let known = self.config.virtuals[v as usize].care.as_ref();
            let known = known.is_some_and(|care| care.sticky.is_some());
            if intent != Intent::Sticky || !known {
                return self.reject(v, Why::State);
            }
        }
        if T::ON && (self.depth > 0 || self.stand_in) {
            self.trace.note(Note::Entered(v));
        }
        self.depth += 1;
        let action = self.within(v);
        self.depth -= 1;
        match action {
            None if intent == Intent::Sticky => self.reject(v, Why::State),
            None => self.reject(v, Why::Empty),
            some => some,
        }
    }

    /// Asks the slot that the `k`-th target of `v` has: itself or its only url, then its backups.
    fn slot(&mut self, v: u32, k: u32, how: How) -> Option<Action> {
        let target = self.config.virtuals[v as usize].targets[k as usize];
        if T::ON {
            self.trace.note(Note::Slot { of: v, target, how });
        }
        let front = self.config.front(target);
        let own = if self.alive(front, View::Possible) {
            self.ask(front)
        } else {
            self.reject(front, Why::State)
        };
        let action = own.or_else(|| self.chain(target));
        if action.is_some() && self.depth == 1 {
            self.attempt.slot = Some((NodeIndex(v), k));
        }
        action
    }

    /// Asks the backups of `node`, one after the other.
    fn chain(&mut self, node: u32) -> Option<Action> {
        let mut seen: SmallVec<[u32; REMEMBERED]> = SmallVec::new();
        let (mut mark, mut steps, mut until) = (NONE, 0usize, REMEMBERED);
        let mut from = node;
        loop {
            let at = match T::ON {
                true => self.config.backup[from as usize],
                false => self.next(from),
            };
            if at == NONE || at == node || at == mark || seen.contains(&at) {
                return None;
            }
            if seen.len() < REMEMBERED {
                seen.push(at);
            }
            steps += 1;
            if steps == until {
                (mark, until) = (at, until * 2);
            }
            if T::ON {
                self.trace.note(Note::Backup {
                    node: from,
                    backup: at,
                });
            }
            let action = match self.alive(at, View::Possible) {
                true => self.ask(at),
                false => self.reject(at, Why::State),
            };
            if action.is_some() {
                self.backed = true;
                return action;
            }
            from = at;
        }
    }

    /// The next backup of `node` that might be usable.
    fn next(&self, node: u32) -> u32 {
        let backup = self.config.backup[node as usize];
        self.snapshot.marks.first(backup, View::Possible)
    }

    /// A number uniform over `u64`.
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.dice)
    }
}
