//! Whether one server or url is usable for this client at this moment, and taking it.

use super::super::config::{Kind, NONE};
use super::super::location::leads_back;
use super::super::settle::View;
use super::super::{Health, Readiness};
use super::{Note, Trace, Walk, Why};
use crate::decide::{Action, NodeIndex};
use crate::model::{Code, Intent};

/// Who comes to a server (LANGUAGE.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comer {
    /// A new client.
    New,
    /// One that came to the dip's own address, and is stuck to it.
    Direct,
    /// One that is known to be stuck to it.
    Stuck,
}

impl<T: Trace> Walk<'_, T> {
    /// Forwards to a real or dip, if it is usable.
    pub(super) fn forward(&mut self, server: u32, comer: Comer) -> Option<Action> {
        if self.attempt.tried.contains(&NodeIndex(server)) {
            return self.reject(server, Why::Tried);
        }
        if server == self.left_out {
            return self.reject(server, Why::CameBack);
        }
        if !self.serves(server, comer) {
            return self.reject(server, Why::State);
        }
        let loads = self.loads;
        let gauges = loads.of(server);
        let most = match comer {
            Comer::Direct => self.most(server),
            Comer::New | Comer::Stuck => self.room(server),
        };
        let entered = match self.dry {
            true => gauges.connections() < most,
            false => gauges.enter(most),
        };
        if !entered {
            return self.reject(server, Why::Full);
        }
        let trial = self.is_on_trial(server);
        if trial && !self.try_out(server, true) {
            if !self.dry {
                gauges.leave();
            }
            return self.reject(server, Why::OnTrial);
        }
        if T::ON {
            self.trace.note(Note::Taken {
                node: server,
                trial,
            });
        }
        Some(Action::Forward {
            server: NodeIndex(server),
        })
    }

    /// Redirects by a url, if it is usable.
    pub(super) fn redirect(&mut self, url: u32, comer: Comer) -> Option<Action> {
        if self.unread {
            return self.reject(url, Why::NoUrl);
        }
        let config = self.config;
        // Settled to be in service and to work, with what it is linked to: nothing of that is looked at again.
        let settled = comer == Comer::New && self.alive(url, View::Steady);
        if !settled && !self.serves(url, comer) {
            return self.reject(url, Why::State);
        }
        if url == self.left_out {
            return self.reject(url, Why::CameBack);
        }
        let link = config.link[url as usize];
        if link == NONE {
            if self.is_full(url) {
                return self.reject(url, Why::Full);
            }
        } else if let Some(why) = self.linked_away(link, comer, settled) {
            return self.reject(url, why);
        }
        let settings = config.url(url);
        if !settings.authority.fits(self.ask) {
            return self.reject(url, Why::NoUrl);
        }
        if leads_back(
            &settings.template,
            &settings.authority,
            self.ask,
            self.stand_in,
        ) {
            self.attempt.loop_at = Some(NodeIndex(url));
            self.attempt.by_host = true;
            return self.reject(url, Why::LeadsBack);
        }
        let tried = if !settled && link != NONE && self.is_on_trial(link) {
            link
        } else {
            url
        };
        let trial = !settled && self.is_on_trial(tried);
        if trial && !self.try_out(tried, false) {
            return self.reject(url, Why::OnTrial);
        }
        self.promise(url, link);
        if T::ON {
            self.trace.note(Note::Taken { node: url, trial });
        }
        let safe = matches!(&*self.ask.method, "GET" | "HEAD");
        let code = settings.code.unwrap_or(match safe {
            true => Code::Found,
            false => Code::TemporaryRedirect,
        });
        let url = NodeIndex(url);
        Some(Action::Redirect { url, code })
    }

    /// Why what a url is linked to keeps the url from being taken.
    fn linked_away(&self, link: u32, comer: Comer, settled: bool) -> Option<Why> {
        if self.visited.contains(&link) {
            return Some(Why::Visited);
        }
        if self.config.kind(link) == Kind::Virtual {
            let wanted = self.config.intent[link as usize] == Intent::InService;
            let filled = self.alive(link, View::Possible)
                || self.good && wanted
                || comer == Comer::Stuck && self.serves_its_own(link);
            return match filled {
                false => Some(Why::State),
                true => self.crowded(link).then_some(Why::Full),
            };
        }
        if self.attempt.tried.contains(&NodeIndex(link)) {
            return Some(Why::Tried);
        }
        if !settled && !self.serves(link, comer) {
            return Some(Why::State);
        }
        self.is_full(link).then_some(Why::Full)
    }

    /// A redirect is taken: its client will come.
    #[inline]
    fn promise(&mut self, url: u32, link: u32) {
        let server = if link == NONE { url } else { link };
        let for_s = self.config.remembers_s[server as usize];
        if for_s == 0 {
            return;
        }
        if !self.dry {
            match link {
                NONE => self.loads.of(url).redirected.add(self.now, for_s),
                link => self.loads.promise(link, self.client, self.now, for_s),
            }
        }
        if T::ON {
            let others = match link {
                NONE => self.used(url),
                link => self.promises(link),
            };
            self.trace.note(Note::Promised { server, others });
        }
    }

    fn is_on_trial(&self, node: u32) -> bool {
        !self.good && self.snapshot.marks.measured[node as usize].health == Health::Testing
    }

    /// Whether intent and what was measured of the node itself let a client through, on trial at least.
    pub(super) fn serves(&self, node: u32, comer: Comer) -> bool {
        let known = comer != Comer::New;
        let wanted = match self.config.intent[node as usize] {
            Intent::InService => true,
            Intent::Sticky => known,
            Intent::OutOfService | Intent::Maintenance | Intent::Failed => false,
        };
        let measured = &self.snapshot.marks.measured[node as usize];
        let takes = match measured.readiness {
            Readiness::Ready => known || measured.share > 0,
            Readiness::Drain => known,
            Readiness::Maint => false,
        };
        let works = match measured.health {
            Health::Up => true,
            Health::Testing => comer != Comer::Stuck || self.good,
            Health::Failed => self.good,
        };
        wanted && takes && works
    }

    /// Takes the trial token. `own`: the client may come on a token that it holds already.
    fn try_out(&mut self, server: u32, own: bool) -> bool {
        let gauges = self.loads.of(server);
        let taken = match self.dry {
            true => gauges.may_try(self.client, self.now, own),
            false => gauges.try_by(self.client, self.now, own),
        };
        self.trial |= taken;
        taken
    }

    /// Whether `node` would most likely be taken; takes nothing.
    #[inline]
    pub(super) fn ready(&self, node: u32) -> bool {
        if !self.alive(node, View::Steady) || node == self.left_out {
            return false;
        }
        let bearer = self.config.bearer(node);
        match self.config.kind(bearer) {
            Kind::Url => !self.is_full(bearer),
            Kind::Virtual => !self.visited.contains(&bearer) && !self.crowded(bearer),
            Kind::Real | Kind::Dip => {
                let tried = self.attempt.tried.contains(&NodeIndex(bearer));
                let passed = bearer != node && self.visited.contains(&bearer);
                !tried && !passed && !self.is_full(bearer)
            }
        }
    }
}
