//! Bounce-back: a client that asks again so soon probably did not reach the server that it was sent to.

use std::borrow::Cow;

use super::super::care::Care;
use super::super::config::Kind;
use super::super::returns::Returns;
use super::{Note, Trace, Walk};
use crate::decide::{Action, NodeIndex};

/// What players ask for again and again.
const PLAYLISTS: [&str; 6] = [".m3u8", ".mpd", ".m3u", ".pls", ".asx", ".ram"];

impl<T: Trace> Walk<'_, T> {
    /// Looks whether the client came back, and leaves out where it came from.
    pub(super) fn come_back(&mut self, v: u32, care: &Care) {
        let Some(rule) = care.bounceback else { return };
        if self.retry {
            if let (Some((NodeIndex(url), at)), false) = (self.attempt.left_out, rule.observe)
                && at == NodeIndex(v)
            {
                self.left_out = url;
            }
            return;
        }
        let Some(returns) = self.loads.returns().filter(|_| self.is_told_by_time()) else {
            return;
        };
        let Some(sent) = returns.last(self.resource(v), self.now) else {
            return;
        };
        let poll = sent.times > 1;
        let late = sent.ago_ms > u64::from(rule.seconds) * 1_000;
        let Some(url) = self.loads.node_of_tag(sent.server) else {
            return;
        };
        let server = self.config.bearer(url);
        if poll || late || self.may_have_come(server, sent.ago_ms) {
            return;
        }
        let gauges = self.loads.of(server);
        let clients = match self.dry {
            true => gauges.bounced_back(self.now),
            false => gauges.bounced_back_by(self.client, self.now),
        };
        let suspect = clients >= usize::from(rule.clients);
        self.attempt.came_back = Some((NodeIndex(server), suspect));
        if !rule.observe {
            self.left_out = url;
            self.attempt.left_out = Some((NodeIndex(url), NodeIndex(v)));
        }
        if T::ON {
            self.trace.note(Note::CameBack {
                url,
                ago_ms: sent.ago_ms,
                observe: rule.observe,
            });
        }
    }

    /// Whether a client that asks again does so because it did not get there: not one that reloads or plays.
    fn is_told_by_time(&self) -> bool {
        let target = &*self.ask.target;
        let path = target.split('?').next().unwrap_or(target).as_bytes();
        let ends = |end: &str| {
            let at = path.len().checked_sub(end.len());
            at.is_some_and(|at| path[at..].eq_ignore_ascii_case(end.as_bytes()))
        };
        let safe = matches!(&*self.ask.method, "GET" | "HEAD");
        safe && !self.ask.past.reload && !PLAYLISTS.into_iter().any(ends)
    }

    /// Whether the client was seen at the server, or would not be remembered any more.
    fn may_have_come(&self, server: u32, ago_ms: u64) -> bool {
        let for_s = self.config.remembers_s[server as usize];
        if self.config.kind(server) != Kind::Dip || for_s == 0 {
            return false;
        }
        // A promise may end by an eighth of its time early.
        let remembered_ms = u64::from(for_s) * 875;
        ago_ms >= remembered_ms || !self.loads.promised_to(server, self.client, self.now)
    }

    fn resource(&self, v: u32) -> u64 {
        let host = &*self.ask.host;
        let host = match host.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(host.to_ascii_lowercase()),
            false => Cow::Borrowed(host),
        };
        let at = self.loads.of(v).sending();
        Returns::key(at, self.client, &host, &self.ask.target)
    }

    /// Remembers where the client is sent to.
    pub(super) fn send(&mut self, v: u32, care: &Care, action: Option<Action>) {
        let Some((rule, returns)) = care.bounceback.zip(self.loads.returns()) else {
            return;
        };
        if self.dry || !matches!(&*self.ask.method, "GET" | "HEAD") {
            return;
        }
        let key = self.resource(v);
        if self.ask.past.reload {
            returns.forget(key);
        }
        if let Some(Action::Redirect { url, .. }) = action {
            let tag = self.loads.of(url.0).tag;
            let within_ms = u64::from(rule.seconds) * 1_000;
            returns.sent(key, tag, self.now, within_ms);
        }
    }
}
