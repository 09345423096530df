//! Whether one server or url is usable for this client at this moment, and taking it.

use super::super::Health;
use super::super::config::{Kind, NONE, UNLIMITED};
use super::super::location::leads_back;
use super::super::settle::View;
use super::{Note, Trace, Walk, Why};
use crate::decide::{Action, NodeIndex};
use crate::model::{Code, Intent};

impl<T: Trace> Walk<'_, T> {
    /// Forwards to a real or dip, if it is usable. `direct`: the client came to the dip's own address, and is stuck
    /// to it.
    pub(super) fn forward(&mut self, server: u32, direct: bool) -> Option<Action> {
        if self.attempt.tried.contains(&NodeIndex(server)) {
            return self.reject(server, Why::Tried);
        }
        if !self.serves(server, direct) {
            return self.reject(server, Why::State);
        }
        let loads = self.loads;
        let gauges = loads.of(server);
        let most = self.config.maxconns[server as usize];
        let entered = match self.dry {
            true => gauges.connections() < most,
            false => gauges.enter(most),
        };
        if !entered {
            return self.reject(server, Why::Full);
        }
        let trial = self.health(server) == Health::Testing;
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
    pub(super) fn redirect(&mut self, url: u32) -> Option<Action> {
        let config = self.config;
        if config.intent[url as usize] != Intent::InService {
            return self.reject(url, Why::State);
        }
        let link = config.link[url as usize];
        let mut trial = false;
        if link != NONE {
            if self.visited.contains(&link) {
                return self.reject(url, Why::Visited);
            }
            if config.kind(link) == Kind::Virtual {
                if !self.alive(link, View::Possible) {
                    return self.reject(url, Why::State);
                }
                if self.crowded(link) {
                    return self.reject(url, Why::Full);
                }
            } else {
                if self.attempt.tried.contains(&NodeIndex(link)) {
                    return self.reject(url, Why::Tried);
                }
                if !self.serves(link, false) {
                    return self.reject(url, Why::State);
                }
                if self.is_full(link) {
                    return self.reject(url, Why::Full);
                }
                trial = self.health(link) == Health::Testing;
            }
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
        if trial && !self.try_out(link, false) {
            return self.reject(url, Why::OnTrial);
        }
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

    fn health(&self, node: u32) -> Health {
        self.snapshot.marks.health[node as usize]
    }

    /// Whether intent and health let a client through, on trial at least.
    fn serves(&self, server: u32, direct: bool) -> bool {
        let wanted = match self.config.intent[server as usize] {
            Intent::InService => true,
            Intent::Sticky => direct,
            Intent::OutOfService | Intent::Maintenance | Intent::Failed => false,
        };
        wanted && self.health(server) != Health::Failed
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

    pub(super) fn is_full(&self, server: u32) -> bool {
        let most = self.config.maxconns[server as usize];
        most != UNLIMITED && self.loads.of(server).connections() >= most
    }

    /// Whether all servers under a virtual are full.
    fn crowded(&self, v: u32) -> bool {
        let leaves = &self.snapshot.marks.plans[v as usize].leaves;
        // Where a leaf has no limit the first look ends it.
        !leaves.is_empty() && leaves.iter().all(|&(n, _)| self.is_full(n))
    }

    /// Whether `node` would most likely be taken; takes nothing.
    pub(super) fn ready(&self, node: u32) -> bool {
        if !self.alive(node, View::Steady) {
            return false;
        }
        let bearer = match self.config.link[node as usize] {
            NONE => node,
            link => link,
        };
        match self.config.kind(bearer) {
            Kind::Url => true,
            Kind::Virtual => !self.visited.contains(&bearer) && !self.crowded(bearer),
            Kind::Real | Kind::Dip => {
                let tried = self.attempt.tried.contains(&NodeIndex(bearer));
                let passed = bearer != node && self.visited.contains(&bearer);
                !tried && !passed && !self.is_full(bearer)
            }
        }
    }
}
