//! The clients that a virtual knows: each has a server of its own, and a second one that takes over from it.

use super::super::care::{By, Care, StickyConfig, Via};
use super::super::config::{Kind, NONE};
use super::super::stick::client_key;
use super::serve::Comer;
use super::{Knows, Lost, Note, Trace, Walk, Why};
use crate::decide::{Action, NodeIndex, Reason, Stuck, Ticket};
use crate::model::Intent;

/// What a virtual knows of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// `NONE`: it is gone.
    pub(super) primary: u32,
    /// `NONE`: there is none.
    pub(super) alternate: u32,
    pub(super) bounced: u8,
}

impl<T: Trace> Walk<'_, T> {
    /// Asks a virtual that knows more than its predictor.
    pub(super) fn cared(&mut self, v: u32, care: &Care) -> Option<Action> {
        let before = self.left_out;
        self.come_back(v, care);
        let mut action = self.known_or_new(v, care);
        if self.left_out != before {
            if action.is_some() {
                self.special = Some(Reason::BounceBack);
            } else {
                // Better where the client came back from than nowhere.
                self.left_out = before;
                action = self.known_or_new(v, care);
            }
        }
        self.left_out = before;
        self.send(v, care, action);
        action
    }

    fn known_or_new(&mut self, v: u32, care: &Care) -> Option<Action> {
        let mut still = None;
        if let Some(sticky) = &care.sticky
            && let Some(known) = self.known(v, sticky)
        {
            match self.serve_known(v, care, sticky, known) {
                Ok(action) => return Some(action),
                Err(kept) => still = kept.then_some(known),
            }
        }
        if self.config.intent[v as usize] == Intent::Sticky {
            return None;
        }
        self.bounced = false;
        let action = self.predict(v, Some(care))?;
        self.assign(v, care, action, still);
        Some(action)
    }

    /// What `v` knows of the client.
    pub(super) fn known(&self, v: u32, sticky: &StickyConfig) -> Option<Known> {
        match &sticky.by {
            By::Source { v6_prefix } => {
                let key = self.client_key(v, *v6_prefix);
                let stuck = self.loads.sticks()?.find(key, self.now)?;
                let node = |tag| self.loads.node_of_tag(tag).unwrap_or(NONE);
                Some(Known {
                    primary: node(stuck.primary),
                    alternate: node(stuck.alternate),
                    bounced: stuck.bounced,
                })
            }
            By::Cookie(_) => {
                let ticket = self.ticket_of(v, sticky)?;
                let node = |name| self.config.names.find(ticket.key, name).unwrap_or(NONE);
                Some(Known {
                    primary: node(ticket.primary),
                    alternate: node(ticket.alternate),
                    bounced: ticket.bounced,
                })
            }
            By::Referer(urls) => {
                let referer = self.ask.past.referer.as_ref()?;
                Some(Known {
                    primary: *urls.get(&**referer)?,
                    alternate: NONE,
                    bounced: 0,
                })
            }
        }
    }

    /// The client's ticket, if it was given at `v`, or by another director, whose virtual is none of this one's, for a server of
    /// `v`: directors behind one name have addresses of their own.
    fn ticket_of(&self, v: u32, sticky: &StickyConfig) -> Option<Ticket> {
        let ticket = self.ask.past.ticket?;
        let node = |name| self.config.names.find(ticket.key, name);
        let ours = match node(ticket.at) {
            Some(at) => at == v,
            None => sticky.via(node(ticket.primary)?).is_some(),
        };
        ours.then_some(ticket)
    }

    fn client_key(&self, v: u32, v6_prefix: u8) -> u64 {
        let secret = &self.config.names.secret;
        let salt = self.config.virtuals[v as usize].salt ^ self.loads.of(v).salt();
        client_key(secret, salt, self.client, v6_prefix)
    }

    /// Serves a client that `v` knows by its own server or its second one; else says whether it stays a client of
    /// the first.
    fn serve_known(
        &mut self,
        v: u32,
        care: &Care,
        sticky: &StickyConfig,
        known: Known,
    ) -> Result<Action, bool> {
        let lost = match self.own(v, sticky, known.primary) {
            Ok(()) => {
                if let Some(action) = self.bounce_known(v, care, sticky, known) {
                    return Ok(action);
                }
                if let Some(action) = self.serve_own(v, sticky, known) {
                    return Ok(action);
                }
                // Full, or not to be redirected to from here: at another moment, or address, it is the client's again.
                Lost {
                    why: Why::Full,
                    kept: true,
                }
            }
            Err(lost) => {
                if T::ON && known.primary != NONE {
                    self.trace.note(Note::Lost {
                        of: v,
                        node: known.primary,
                        lost,
                    });
                }
                lost
            }
        };
        let gone = matches!(lost.why, Why::Gone | Why::Unbound);
        let kept = lost.kept || care.returns && !gone;
        self.serve_second(v, sticky, known, kept).ok_or(kept)
    }

    fn serve_own(&mut self, v: u32, sticky: &StickyConfig, known: Known) -> Option<Action> {
        let node = known.primary;
        let (how, reason) = match sticky.by {
            By::Source { .. } => (Knows::Table, Reason::Sticky),
            By::Cookie(_) => (Knows::Cookie, Reason::Sticky),
            By::Referer(_) => (Knows::Referer, Reason::Referer),
        };
        if T::ON {
            self.trace.note(Note::Own { of: v, node, how });
        }
        let action = self.take_over(v, sticky, node, Comer::Stuck)?;
        self.keep(v, sticky, known);
        self.special = Some(reason);
        Some(action)
    }

    /// Serves by the alternate, which becomes the primary where the client does not stay with the one it had.
    fn serve_second(
        &mut self,
        v: u32,
        sticky: &StickyConfig,
        known: Known,
        kept: bool,
    ) -> Option<Action> {
        let node = known.alternate;
        if !self.may_take_over(v, sticky, node) {
            return None;
        }
        if T::ON {
            self.trace.note(Note::Second {
                of: v,
                node,
                primary: known.primary,
            });
        }
        let action = self.take_over(v, sticky, node, Comer::New)?;
        let known = match kept {
            true => known,
            false => self.moved_to(v, sticky, node, known),
        };
        self.keep(v, sticky, known);
        self.special = Some(Reason::Alternate);
        Some(action)
    }

    /// The association of a client that moves to `node`.
    pub(super) fn moved_to(
        &mut self,
        v: u32,
        sticky: &StickyConfig,
        node: u32,
        before: Known,
    ) -> Known {
        self.count_ticket(sticky, node, before.primary);
        self.seconded(v, sticky, node, before)
    }

    /// The association of a client of `node`, with an alternate chosen anew.
    pub(super) fn seconded(
        &mut self,
        v: u32,
        sticky: &StickyConfig,
        node: u32,
        before: Known,
    ) -> Known {
        let key = self.second_key(v, sticky);
        let alternate = match self.second(v, key, [node, before.primary], 0) {
            NONE => self.second(v, key, [node, node], 0),
            found => found,
        };
        Known {
            primary: node,
            alternate,
            bounced: before.bounced,
        }
    }

    /// Whether an alternate may serve, as far as can be said without taking it.
    pub(super) fn may_take_over(&self, v: u32, sticky: &StickyConfig, node: u32) -> bool {
        node != NONE
            && self.ready(node)
            && self.config.weight_at(v, node, &self.snapshot.marks.sums) > 0
            && self.way(v, sticky, node).is_ok()
    }

    /// Takes a server by name, past predictor and slots.
    pub(super) fn take_over(
        &mut self,
        v: u32,
        sticky: &StickyConfig,
        node: u32,
        comer: Comer,
    ) -> Option<Action> {
        let action = match self.config.kind(node) {
            Kind::Url => self.redirect(node, comer),
            Kind::Real | Kind::Dip => self.forward(node, comer),
            Kind::Virtual => None,
        }?;
        if let Some(Via { slot, .. }) = sticky.via(node)
            && self.depth == 1
        {
            self.attempt.slot = Some((NodeIndex(v), slot));
        }
        Some(action)
    }

    /// Notes that a new client, or one whose server could not take it, was given to who is taken by `action`.
    pub(super) fn assign(&mut self, v: u32, care: &Care, action: Action, still: Option<Known>) {
        let Some(sticky) = &care.sticky else { return };
        if matches!(sticky.by, By::Referer(_)) {
            return;
        }
        let node = match action {
            Action::Redirect { url, .. } => url.0,
            Action::Forward { server } => server.0,
            Action::Refuse => return,
        };
        let known = match still {
            Some(known) => Known {
                alternate: node,
                ..known
            },
            None => {
                let bounced = u8::from(self.bounced);
                let nobody = Known {
                    primary: node,
                    alternate: NONE,
                    bounced,
                };
                self.moved_to(v, sticky, node, nobody)
            }
        };
        if T::ON && still.is_none() {
            self.trace.note(Note::Assigned {
                of: v,
                node,
                alternate: known.alternate,
            });
        }
        self.keep(v, sticky, known);
    }

    /// Remembers an association, or says so to the client.
    pub(super) fn keep(&mut self, v: u32, sticky: &StickyConfig, known: Known) {
        match sticky.by {
            By::Source { v6_prefix } if !self.dry => {
                let tag = |node: u32| match node {
                    NONE => 0,
                    node => self.loads.of(node).tag,
                };
                let stuck = Stuck {
                    primary: tag(known.primary),
                    alternate: tag(known.alternate),
                    bounced: known.bounced,
                };
                let key = self.client_key(v, v6_prefix);
                self.loads.stick(key, stuck, self.now, sticky.idle_ms());
            }
            By::Cookie(_) => {
                let before = self.ticket_of(v, sticky);
                let names = &self.config.names;
                let name = |node: u32| match node {
                    NONE => 0,
                    node => names.of(node),
                };
                let primary = name(known.primary);
                let same = before.is_some_and(|t| {
                    self.config.names.find(t.key, t.primary) == Some(known.primary)
                });
                let key = names.keys.signing();
                // The other director's virtual has no name here by another key than the ticket's.
                let elsewhere = before.filter(|t| t.key == key && names.find(key, t.at).is_none());
                self.ticket = Some(Ticket {
                    key,
                    at: elsewhere.map_or_else(|| name(v), |t| t.at),
                    primary,
                    alternate: name(known.alternate),
                    bounced: known.bounced,
                    hops: before.map_or(0, |t| t.hops),
                    epoch: before.filter(|_| same).map_or(0, |t| t.epoch),
                    expiry: before.map_or(0, |t| t.expiry),
                });
            }
            By::Source { .. } | By::Referer(_) => {}
        }
    }

    /// Counts a client that a cookie assigns, and no more where it was before: or one server over the mark would
    /// pass on all of its clients.
    fn count_ticket(&mut self, sticky: &StickyConfig, node: u32, before: u32) {
        if !matches!(sticky.by, By::Cookie(_)) || self.dry {
            return;
        }
        let tau_s = sticky.minutes.saturating_mul(60);
        self.loads.of(node).tickets.add(self.now, tau_s);
        if before != NONE && before != node {
            self.loads.of(before).tickets.take(self.now, tau_s);
        }
    }

    /// What tells where a client's second choice falls: differs from client to client.
    fn second_key(&mut self, v: u32, sticky: &StickyConfig) -> u64 {
        match sticky.by {
            By::Source { v6_prefix } => self.client_key(v, v6_prefix),
            By::Cookie(_) | By::Referer(_) => self.roll(),
        }
    }
}
