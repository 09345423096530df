//! One whole head: decided about, and answered, or made ready to be forwarded.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::Guard;
use bytes::Bytes;

use super::{Connection, Next};
use crate::control::Live;
use crate::decide::{
    Action, Ask, Attempt, Decision, Minds, NodeIndex, Past, Reason, decide, write_location,
};
use crate::model::{Code, Id};
use crate::proxy::answer::{self, Manner, Redirect, Stay};
use crate::proxy::client::Stream;
use crate::proxy::forward::{Exchange, Trace};
use crate::proxy::http1::{BodyDecoder, Fault, Framing, Request, Version};
use crate::proxy::limits::DRAIN_BYTES;
use crate::proxy::{challenge, claimed, past, proxy_head};
use crate::telemetry::Line;

/// A whole head and what it is decided by.
struct Case<'a> {
    request: Request<'a>,
    /// Its bytes.
    head: &'a [u8],
    /// What came behind it.
    rest: &'a [u8],
    live: Guard<Arc<Live>>,
    /// The virtual or dip that it came to.
    node: Option<NodeIndex>,
    /// The client's address.
    client: IpAddr,
    /// The body, if there is one, has come whole.
    whole: bool,
    trace: Trace,
}

impl Case<'_> {
    fn minds(&self) -> Minds<'_> {
        let node = self.node;
        node.map_or(Minds::default(), |node| self.live.snapshot.minds(node))
    }

    /// Whether the virtual and the client let the connection stay open.
    fn may_stay(&self) -> bool {
        let keeps = |node| self.live.snapshot.keepalive(node);
        self.request.keep_alive() && self.node.is_some_and(keeps)
    }
}

/// What is logged of an answer that was given here.
struct Told<'a> {
    status: u16,
    bytes: usize,
    action: &'static str,
    reason: &'static str,
    url: Option<NodeIndex>,
    location: &'a [u8],
}

impl<S: Stream> Connection<S> {
    /// Answers a fault and ends the connection. `method`: empty where none came.
    pub(super) fn refuse(&mut self, fault: Fault, method: &[u8], out: &mut Vec<u8>) {
        self.worker.tally.refused(fault.as_str());
        let manner = Manner {
            date: self.worker.date(),
            stay: Stay::Close,
            head_only: method == b"HEAD",
        };
        let before = out.len();
        answer::fault(out, manner, fault);
        let (status, _) = fault.status();
        self.log_fault(fault.as_str(), method, (status, out.len() - before));
        self.next = Next::Linger;
    }

    /// Counts a trusted proxy whose connection does not begin as it has to.
    pub(super) fn no_proxy_head(&self) {
        self.worker.tally.refused(proxy_head::RULE);
        self.log_fault(proxy_head::RULE, b"", (0, 0));
    }

    /// Decides about a whole head and answers it, or has it forwarded. `rest`: what came behind it.
    pub(super) fn answer(
        &mut self,
        request: Request<'_>,
        head: &[u8],
        rest: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let mut body = BodyDecoder::new(request.framing());
        body.skim(rest)?;
        if let Some(secure) = &self.client.secure
            && !request.host().is_empty()
            && !secure.covers(request.host())
        {
            return Err(Fault::Misdirected);
        }
        self.worker.tally.requested();
        let live = self.worker.farm.live().load();
        let blocks = &live.snapshot.globals().trusted;
        let case = Case {
            client: claimed::client(blocks, self.client.from.ip(), request.lines()),
            node: live.snapshot.node_at(self.at),
            trace: Trace::new(self.worker.scribe.on()),
            whole: body.ended(),
            request,
            head,
            rest,
            live,
        };
        if request.target() == "*" {
            let manner = self.manner(&case, case.may_stay());
            let before = out.len();
            answer::options(out, manner);
            self.go_on(&case, manner.stay);
            let told = Told {
                status: 204,
                bytes: out.len() - before,
                action: "options",
                reason: "options",
                url: None,
                location: b"",
            };
            self.log(&case, told);
            return Ok(());
        }
        let challenges = self.worker.farm.challenges();
        let proof = challenge::answer(challenges, case.request.method(), case.request.target());
        if let Some(proof) = proof {
            self.prove(&case, &proof, out);
            return Ok(());
        }
        self.decide(case, out)
    }

    /// Shows a certificate authority what it asks for.
    fn prove(&mut self, case: &Case<'_>, proof: &str, out: &mut Vec<u8>) {
        let manner = self.manner(case, case.may_stay());
        let before = out.len();
        answer::proof(out, manner, proof);
        self.go_on(case, manner.stay);
        let told = Told {
            status: 200,
            bytes: out.len() - before,
            action: "acme",
            reason: "acme",
            url: None,
            location: b"",
        };
        self.log(case, told);
    }

    fn decide(&mut self, case: Case<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let minds = case.minds();
        let past = match minds.nothing() {
            true => Past::default(),
            false => {
                let keys = case.live.snapshot.keys();
                past::read(minds, keys, self.worker.unix_s(), case.request.lines())
            }
        };
        let ask = self.ask(&case, past);
        let mut attempt = Attempt::default();
        let queue = |node| case.live.snapshot.queue(node).is_some();
        // Whoever came before is served before.
        let decision = if self.worker.queues.anyone(self.at) && case.node.is_some_and(queue) {
            Decision {
                action: Action::Refuse,
                reason: Reason::AllFull,
                ticket: None,
            }
        } else {
            let Live { snapshot, loads } = &**case.live;
            let begun = case.trace.begun();
            let moment = self.worker.moment(begun);
            let decision = decide(&ask, snapshot, loads, moment, &mut attempt);
            case.trace.decided(begun);
            self.worker.note_loop(&case.live, &mut attempt);
            self.worker.note_came_back(&case.live, &mut attempt);
            decision
        };
        match decision.action {
            Action::Redirect { url, code } => {
                let by_host = attempt.by_host();
                self.redirect(&case, &ask, (url, code, by_host), decision, out)
            }
            Action::Refuse
                if decision.reason != Reason::AllFull || !case.node.is_some_and(queue) =>
            {
                let Decision { reason, .. } = decision;
                let manner = self.manner(&case, reason != Reason::NotHere && case.may_stay());
                let before = out.len();
                answer::refusal(out, manner, reason.as_str());
                self.worker.tally.decided(None, reason);
                self.count_came(&case, decision.action);
                self.go_on(&case, manner.stay);
                let told = Told {
                    status: 503,
                    bytes: out.len() - before,
                    action: "refuse",
                    reason: reason.as_str(),
                    url: None,
                    location: b"",
                };
                self.log(&case, told);
                Ok(())
            }
            // What finds everything full waits in the same way as what is under way.
            Action::Forward { .. } | Action::Refuse => {
                let place = match decision.action {
                    Action::Forward { server } => Some(case.live.loads.place(server)),
                    _ => None,
                };
                self.next = Next::Forward(Box::new(Exchange {
                    head: case.request.head(Bytes::copy_from_slice(case.head)),
                    at: self.at,
                    client: case.client,
                    ticket: ask.past.ticket,
                    live: Arc::clone(&case.live),
                    decision,
                    place,
                    attempt,
                    trace: case.trace,
                }));
                Ok(())
            }
        }
    }

    fn redirect(
        &mut self,
        case: &Case<'_>,
        ask: &Ask<'_>,
        (url, code, by_host): (NodeIndex, Code, bool),
        decision: Decision,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let manner = self.manner(case, case.may_stay());
        let Live { snapshot, loads } = &**case.live;
        let minds = case.minds();
        let cookie = minds.cookie.and_then(|_| {
            let (at, now_s) = (case.node?, self.worker.unix_s());
            past::cookie_line(
                snapshot,
                at,
                (decision.ticket, ask.past.ticket),
                (now_s, ask.scheme),
            )
        });
        let redirect = Redirect {
            code,
            template: snapshot.template(url),
            by_host,
            personal: minds.cookie.is_some() || minds.referer,
            fields: cookie.as_deref().unwrap_or_default(),
        };
        let before = out.len();
        let location = answer::redirect(out, manner, redirect, |out| {
            write_location(redirect.template, ask, out)
        })
        .map_err(|_| Fault::LongTarget)?;
        self.worker
            .tally
            .decided(Some(loads.gauges(url)), decision.reason);
        self.count_came(case, decision.action);
        self.go_on(case, manner.stay);
        let told = Told {
            status: code.number(),
            bytes: out.len() - before,
            action: "redirect",
            reason: decision.reason.as_str(),
            url: Some(url),
            location: &out[location],
        };
        self.log(case, told);
        Ok(())
    }

    fn count_came(&self, case: &Case<'_>, action: Action) {
        if let Some(node) = case.node {
            let at = case.live.loads.gauges(node);
            self.worker.tally.came(at, action);
        }
    }

    /// How to answer; `may_stay`: the virtual and the client let the connection stay open.
    fn manner(&self, case: &Case<'_>, may_stay: bool) -> Manner {
        let request = &case.request;
        let drainable = match request.framing() {
            Framing::Length(length) => length <= DRAIN_BYTES as u64,
            Framing::None | Framing::Chunked => true,
        };
        // After a final answer to `Expect` nobody knows whether the body comes (RFC 9110 §10.1.1).
        let stay = may_stay && drainable && !request.expects_continue() && !self.worker.draining();
        Manner {
            date: self.worker.date(),
            stay: match (stay, request.version()) {
                (false, _) => Stay::Close,
                (true, Version::Http11 | Version::Http2) => Stay::Open,
                (true, Version::Http10) => Stay::OpenSaid,
            },
            head_only: request.method() == "HEAD",
        }
    }

    /// What follows an answer given here.
    fn go_on(&mut self, case: &Case<'_>, stay: Stay) {
        if stay != Stay::Close {
            let framing = case.request.framing();
            if framing != Framing::None {
                self.unwanted = Some(Box::new((BodyDecoder::new(framing), 0)));
            }
        } else if case.whole && case.rest.is_empty() {
            self.next = Next::Close;
        } else {
            // Closed with bytes unread, a socket sends a reset that may overtake the answer (RFC 9112 §9.6).
            self.next = Next::Linger;
        }
    }

    /// What is asked, borrowed from the head.
    fn ask<'a>(&self, case: &Case<'a>, past: Past<'a>) -> Ask<'a> {
        let request = case.request;
        let (local, scheme) = (self.client.local, self.client.scheme());
        let target = request.target();
        let (host, port) = match request.host() {
            // HTTP/1.0 without Host: what was connected to.
            "" => (Cow::Owned(literal(local.ip())), local.port()),
            host => (
                Cow::Borrowed(host),
                request.port().unwrap_or(scheme.default_port()),
            ),
        };
        Ask {
            at: self.at,
            client: case.client,
            scheme,
            method: Cow::Borrowed(request.method()),
            host,
            port,
            // Of an absolute-form target without a path.
            target: match target.starts_with('/') {
                true => Cow::Borrowed(target),
                false => Cow::Owned(format!("/{target}")),
            },
            past,
        }
    }

    fn log(&self, case: &Case<'_>, told: Told<'_>) {
        let Some(begun) = case.trace.begun() else {
            return;
        };
        let ended = Instant::now();
        let snapshot = &case.live.snapshot;
        let request = &case.request;
        let here = Id::Endpoint(self.at);
        let field = |name: &[u8]| {
            let mut lines = request.lines();
            let found = lines.find(|(n, _)| n.eq_ignore_ascii_case(name));
            found.map_or(&b""[..], |(_, value)| value)
        };
        let line = Line {
            at: case.node.map_or(&here, |node| snapshot.id(node)),
            client: case.client,
            peer: self.client.peer,
            method: request.method().as_bytes(),
            host: request.host().as_bytes(),
            target: request.target().as_bytes(),
            version: request.version().as_str(),
            status: told.status,
            bytes_out: told.bytes as u64,
            bytes_in: case.head.len() as u64,
            action: told.action,
            reason: told.reason,
            server: told.url.map(|url| snapshot.id(url)),
            location: told.location,
            tries: 0,
            decide_us: case.trace.decide_us(),
            connect_us: None,
            first_byte_us: None,
            total_us: ended.duration_since(begun).as_micros() as u64,
            referer: field(b"referer"),
            user_agent: field(b"user-agent"),
        };
        self.worker.scribe.write(&line, self.worker.wall(ended));
    }

    fn log_fault(&self, rule: &'static str, method: &[u8], (status, bytes): (u16, usize)) {
        if !self.worker.scribe.on() {
            return;
        }
        let line = Line {
            at: &Id::Endpoint(self.at),
            client: self.client.from.ip(),
            peer: self.client.peer,
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
        self.worker.scribe.write(&line, SystemTime::now());
    }
}

/// An address as it stands in an authority.
fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(a) => a.to_string(),
        IpAddr::V6(a) => format!("[{a}]"),
    }
}
