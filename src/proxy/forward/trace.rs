//! What the access log tells of an exchange, gathered while it runs. Where nobody logs it costs a branch.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use super::Exchange;
use crate::decide::Action;
use crate::model::Id;
use crate::proxy::client::Client;
use crate::proxy::worker::Worker;
use crate::telemetry::Line;

/// Times and bytes of one request.
#[derive(Debug, Default)]
pub struct Trace {
    begun: Option<Instant>,
    decide_us: Cell<u64>,
    connect_us: Cell<Option<u64>>,
    first_byte_us: Cell<Option<u64>>,
    status: Cell<u16>,
    bytes_in: Cell<u64>,
    bytes_out: Cell<u64>,
    why: Cell<Option<&'static str>>,
    location: RefCell<Vec<u8>>,
}

impl Trace {
    /// The trace of a request whose head is whole now; `on`: it will be logged.
    pub fn new(on: bool) -> Trace {
        Trace {
            begun: on.then(Instant::now),
            ..Trace::default()
        }
    }

    /// When the head was whole; `None`: nobody logs.
    pub fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// Now, if it matters.
    pub fn now(&self) -> Option<Instant> {
        self.begun.map(|_| Instant::now())
    }

    /// Adds the time of a decision that was begun then.
    pub fn decided(&self, begun: Option<Instant>) {
        let us = begun.map_or(0, micros);
        self.decide_us.set(self.decide_us.get() + us);
    }

    /// How long deciding took in all, in microseconds.
    pub fn decide_us(&self) -> u64 {
        self.decide_us.get()
    }

    /// A connection to a server came about that was begun then.
    pub(super) fn connected(&self, begun: Option<Instant>) {
        self.connect_us.set(begun.map(micros));
    }

    /// The head of a server's answer came.
    pub(super) fn answered(&self, status: u16) {
        self.status.set(status);
        self.first_byte_us.set(self.begun.map(micros));
    }

    /// Signpost answered itself, because of `why` or by a decision.
    pub(super) fn told(&self, status: u16, bytes: usize, why: Option<&'static str>) {
        self.status.set(status);
        self.passed(0, bytes as u64);
        self.blame(why);
    }

    /// It was redirected after all.
    pub(super) fn redirected(&self, location: &[u8]) {
        if self.begun.is_some() {
            *self.location.borrow_mut() = location.to_owned();
        }
    }

    /// What ended it other than as it was decided.
    pub(super) fn blame(&self, why: Option<&'static str>) {
        self.why.set(why.or(self.why.get()));
    }

    /// Bytes were taken from the client and given to it.
    pub(super) fn passed(&self, taken: u64, given: u64) {
        self.bytes_in.set(self.bytes_in.get() + taken);
        self.bytes_out.set(self.bytes_out.get() + given);
    }
}

fn micros(since: Instant) -> u64 {
    since.elapsed().as_micros() as u64
}

/// Logs an exchange that is over.
pub(super) fn log<S>(worker: &Rc<Worker>, client: &Client<S>, exchange: &Exchange) {
    let trace = &exchange.trace;
    let Some(begun) = trace.begun else {
        return;
    };
    let Exchange { head, live, .. } = exchange;
    let snapshot = &live.snapshot;
    let here = Id::Endpoint(exchange.at);
    let node = exchange.node;
    let field = |name: &[u8]| {
        let found = head.lines().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map_or(&b""[..], |(_, value)| value)
    };
    let (action, server) = match exchange.decision.action {
        Action::Redirect { url, .. } => ("redirect", Some(url)),
        Action::Forward { server } => ("forward", Some(server)),
        Action::Refuse => ("refuse", None),
    };
    let reason = exchange.decision.reason.as_str();
    let location = trace.location.borrow();
    let line = Line {
        at: node.map_or(&here, |node| snapshot.id(node)),
        client: exchange.client,
        peer: client.peer,
        method: head.text(&head.method),
        host: head.text(&head.host),
        target: head.text(&head.target),
        version: head.version.as_str(),
        status: trace.status.get(),
        bytes_out: trace.bytes_out.get(),
        bytes_in: trace.bytes_in.get() + head.bytes.len() as u64,
        action,
        reason: trace.why.get().unwrap_or(reason),
        server: server.map(|server| snapshot.id(server)),
        location: &location,
        tries: exchange.attempt.tried.len() as u32,
        decide_us: trace.decide_us.get(),
        connect_us: trace.connect_us.get(),
        first_byte_us: trace.first_byte_us.get(),
        total_us: micros(begun),
        referer: field(b"referer"),
        user_agent: field(b"user-agent"),
    };
    worker.scribe.write(&line, SystemTime::now());
}
