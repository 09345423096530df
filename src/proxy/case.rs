//! One request whose head is whole, whatever version of HTTP it came in: what it is decided by, and what is counted and logged of it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::Guard;

use super::answer::Redirect;
use super::client::Client;
use super::forward::{Exchange, Trace};
use super::http1::{Head, Version};
use super::strain::Strain;
use super::worker::Worker;
use super::{challenge, claimed, past};
use crate::control::Live;
use crate::decide::{
    Action, Ask, Attempt, Decision, Minds, NodeIndex, Past, Reason, Ticket, decide,
};
use crate::model::{Code, Endpoint, Id, Scheme};
use crate::telemetry::Line;
use crate::tls::Secure;

/// A head that passed every check, borrowed from where it was read to.
pub(super) trait Asked<'a>: Copy {
    /// The method.
    fn method(self) -> &'a str;
    /// Path and query, or `*`; of an absolute form without a path it may be empty.
    fn target(self) -> &'a str;
    /// The host asked for, without port and trailing dot; empty where HTTP/1.0 has none.
    fn host(self) -> &'a str;
    /// The port in the authority asked for.
    fn port(self) -> Option<u16>;
    /// The version.
    fn version(self) -> Version;
    /// Names and values of all field lines.
    fn lines(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])>;
    /// How long it came, in bytes.
    fn length(self) -> usize;
    /// As forwarding takes it over.
    fn head(self) -> Head;
}

/// Whom a request comes from, and where it came to.
#[derive(Clone, Copy)]
pub(super) struct Whence<'a> {
    pub(super) worker: &'a Worker,
    /// The virtual or dip.
    pub(super) at: Endpoint,
    pub(super) from: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) secure: Option<&'a Secure>,
}

impl<'a> Whence<'a> {
    pub(super) fn new<S>(worker: &'a Worker, client: &'a Client<S>, at: Endpoint) -> Whence<'a> {
        Whence {
            worker,
            at,
            from: client.from,
            peer: client.peer,
            local: client.local,
            secure: client.secure.as_deref(),
        }
    }

    /// What the connection itself says.
    fn scheme(&self) -> Scheme {
        match self.secure {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        }
    }

    /// Logs what broke a rule before it was a request.
    pub(super) fn log_fault(&self, rule: &'static str, method: &[u8], told: (u16, usize)) {
        let worker = self.worker;
        if !worker.scribe.on() {
            return;
        }
        let (status, bytes) = told;
        let line = Line {
            at: &Id::Endpoint(self.at),
            client: self.from.ip(),
            peer: self.peer,
            method,
            host: b"",
            target: b"",
            version: "",
            status,
            bytes_out: bytes as u64,
            bytes_in: 0,
            action: "fault",
            reason: rule,
            server: None,
            location: b"",
            tries: 0,
            decide_us: 0,
            connect_us: None,
            first_byte_us: None,
            total_us: 0,
            referer: b"",
            user_agent: b"",
        };
        worker.scribe.write(&line, SystemTime::now());
    }
}

/// A whole head and what it is decided by.
pub(super) struct Case<'a, R> {
    pub(super) asked: R,
    pub(super) whence: Whence<'a>,
    pub(super) live: Guard<Arc<Live>>,
    /// The virtual or dip that it came to.
    pub(super) node: Option<NodeIndex>,
    /// The client's address.
    client: IpAddr,
    /// How the client asked, be it a proxy before this one.
    scheme: Scheme,
    trace: Trace,
}

/// What is logged of an answer that was given here.
pub(super) struct Told<'a> {
    pub(super) status: u16,
    pub(super) bytes: usize,
    pub(super) action: &'static str,
    pub(super) reason: &'static str,
    pub(super) url: Option<NodeIndex>,
    pub(super) location: &'a [u8],
}

impl<'a> Told<'a> {
    /// An answer that is no redirect.
    pub(super) fn plain(
        status: u16,
        bytes: usize,
        (action, reason): (&'static str, &'static str),
    ) -> Told<'a> {
        Told {
            status,
            bytes,
            action,
            reason,
            url: None,
            location: b"",
        }
    }
}

impl<'a, R: Asked<'a>> Case<'a, R> {
    /// To be called once a request: it is counted.
    pub(super) fn new(whence: Whence<'a>, asked: R) -> Case<'a, R> {
        let worker = whence.worker;
        worker.tally.requested();
        let live = worker.farm.live().load();
        let blocks = &live.snapshot.globals().trusted;
        let told = claimed::told(blocks, whence.from.ip(), asked.lines());
        Case {
            client: told.client,
            scheme: told.scheme.unwrap_or(whence.scheme()),
            node: live.snapshot.node_at(whence.at),
            trace: Trace::new(worker.scribe.on()),
            asked,
            whence,
            live,
        }
    }

    fn minds(&self) -> Minds<'_> {
        let node = self.node;
        node.map_or(Minds::default(), |node| self.live.snapshot.minds(node))
    }

    /// The certificate that the client was shown does not cover the host that it asks for (RFC 9110 §15.5.20).
    pub(super) fn misdirected(&self) -> bool {
        let secure = self.whence.secure;
        let host = self.asked.host();
        secure.is_some_and(|secure| !host.is_empty() && !secure.covers(host))
    }

    /// Whether there is no room for requests now.
    pub(super) fn overloaded(&self) -> bool {
        self.whence.worker.strain() == Strain::Refuse
    }

    /// What a certificate authority asks for, where it does.
    pub(super) fn proof(&self) -> Option<Arc<str>> {
        let challenges = self.whence.worker.farm.challenges();
        challenge::answer(challenges, self.asked.method(), self.asked.target())
    }

    /// What is asked, borrowed from the head.
    pub(super) fn ask(&self) -> Ask<'a> {
        let (asked, whence) = (self.asked, &self.whence);
        let (local, scheme) = (whence.local, self.scheme);
        let target = asked.target();
        let (host, port) = match asked.host() {
            // HTTP/1.0 without Host: what was connected to.
            "" => (Cow::Owned(literal(local.ip())), local.port()),
            host => (
                Cow::Borrowed(host),
                asked.port().unwrap_or(scheme.default_port()),
            ),
        };
        Ask {
            at: whence.at,
            client: self.client,
            scheme,
            method: Cow::Borrowed(asked.method()),
            host,
            port,
            // Of an absolute-form target without a path.
            target: match target.starts_with('/') {
                true => Cow::Borrowed(target),
                false => Cow::Owned(format!("/{target}")),
            },
            past: self.past(),
        }
    }

    fn past(&self) -> Past<'a> {
        let minds = self.minds();
        match minds.nothing() {
            true => Past::default(),
            false => {
                let keys = self.live.snapshot.keys();
                let now_s = self.whence.worker.unix_s();
                past::read(minds, keys, now_s, self.asked.lines())
            }
        }
    }

    /// Whether those wait in a queue who find everything full.
    fn queues(&self) -> bool {
        let queue = |node| self.live.snapshot.queue(node).is_some();
        self.node.is_some_and(queue)
    }

    pub(super) fn decide(&self, ask: &Ask<'_>, attempt: &mut Attempt) -> Decision {
        let worker = self.whence.worker;
        // Whoever came before is served before.
        if worker.queues.anyone(self.whence.at) && self.queues() {
            return Decision {
                action: Action::Refuse,
                reason: Reason::AllFull,
                ticket: None,
            };
        }
        let Live { snapshot, loads } = &**self.live;
        let begun = self.trace.begun();
        let moment = worker.moment(begun);
        let decision = decide(ask, snapshot, loads, moment, attempt);
        self.trace.decided(begun);
        worker.note_loop(&self.live, attempt);
        worker.note_came_back(&self.live, attempt);
        decision
    }

    /// Whether the decision is answered by a refusal at once. What finds everything full may wait, in the same way as what is
    /// under way.
    pub(super) fn refuses(&self, decision: &Decision) -> bool {
        decision.action == Action::Refuse && (decision.reason != Reason::AllFull || !self.queues())
    }

    /// The `Set-Cookie` line, with its line end, that the answer is to have, if any.
    pub(super) fn cookie(&self, ask: &Ask<'_>, decided: Option<Ticket>) -> Option<Vec<u8>> {
        let _ = self.minds().cookie?;
        let tickets = (decided, ask.past.ticket);
        let now_s = self.whence.worker.unix_s();
        past::cookie_line(
            &self.live.snapshot,
            self.node?,
            tickets,
            (now_s, ask.scheme),
        )
    }

    /// The redirect that was decided upon. `by_host`: see [`Attempt::by_host`]; `fields`: whole lines to be added.
    pub(super) fn redirect<'r>(
        &'r self,
        (url, code, by_host): (NodeIndex, Code, bool),
        fields: &'r [u8],
    ) -> Redirect<'r> {
        let minds = self.minds();
        Redirect {
            code,
            template: self.live.snapshot.template(url),
            by_host,
            personal: minds.cookie.is_some() || minds.referer,
            fields,
        }
    }

    /// Counts a redirect to `url`, or a refusal, that was answered here.
    pub(super) fn count(&self, url: Option<NodeIndex>, decision: &Decision) {
        let (tally, loads) = (&self.whence.worker.tally, &self.live.loads);
        tally.decided(url.map(|url| loads.gauges(url)), decision.reason);
        if let Some(node) = self.node {
            tally.came(loads.gauges(node), decision.action);
        }
    }

    /// The exchange that comes of a decision to forward, or to wait for a place.
    pub(super) fn exchange(
        self,
        ask: &Ask<'_>,
        decision: Decision,
        attempt: Attempt,
    ) -> Box<Exchange> {
        let place = match decision.action {
            Action::Forward { server } => Some(self.live.loads.place(server)),
            _ => None,
        };
        Box::new(Exchange {
            head: self.asked.head(),
            at: self.whence.at,
            node: self.node,
            client: self.client,
            scheme: self.scheme,
            ticket: ask.past.ticket,
            live: Arc::clone(&self.live),
            decision,
            place,
            attempt,
            trace: self.trace,
        })
    }

    pub(super) fn log(&self, told: Told<'_>) {
        let Some(begun) = self.trace.begun() else {
            return;
        };
        let ended = Instant::now();
        let (asked, whence) = (self.asked, &self.whence);
        let snapshot = &self.live.snapshot;
        let here = Id::Endpoint(whence.at);
        let field = |name: &[u8]| {
            let mut lines = asked.lines();
            let found = lines.find(|(n, _)| n.eq_ignore_ascii_case(name));
            found.map_or(&b""[..], |(_, value)| value)
        };
        let line = Line {
            at: self.node.map_or(&here, |node| snapshot.id(node)),
            client: self.client,
            peer: whence.peer,
            method: asked.method().as_bytes(),
            host: asked.host().as_bytes(),
            target: asked.target().as_bytes(),
            version: asked.version().as_str(),
            status: told.status,
            bytes_out: told.bytes as u64,
            bytes_in: asked.length() as u64,
            action: told.action,
            reason: told.reason,
            server: told.url.map(|url| snapshot.id(url)),
            location: told.location,
            tries: 0,
            decide_us: self.trace.decide_us(),
            connect_us: None,
            first_byte_us: None,
            total_us: ended.duration_since(begun).as_micros() as u64,
            referer: field(b"referer"),
            user_agent: field(b"user-agent"),
        };
        whence.worker.scribe.write(&line, whence.worker.wall(ended));
    }
}

/// An address as it stands in an authority.
fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(a) => a.to_string(),
        IpAddr::V6(a) => format!("[{a}]"),
    }
}
