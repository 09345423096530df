//! One request on a stream: answered as it is decided, or made ready to be forwarded.

use std::io::Write;

use smallvec::SmallVec;

use super::asked::{Came, Unwanted};
use super::engine::{Engine, StreamId};
use super::fields::Fields;
use super::hpack;
use super::reply::Reply;
use crate::decide::{Action, Ask, Attempt, Decision, NodeIndex, Reason, write_location};
use crate::model::Code;
use crate::proxy::answer::{self, Manner, Redirect, Stay};
use crate::proxy::case::{self, Asked, Told, Whence};
use crate::proxy::forward::Exchange;
use crate::proxy::http1::{Fault, Framing};
use crate::proxy::strain;

/// The buffers that a worker lends to whichever HTTP/2 connection is running.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Desk {
    pub(super) fields: Fields,
    pub(super) pen: Pen,
}

/// What answers are written with.
#[derive(Debug, Default)]
pub(super) struct Pen {
    text: Vec<u8>,
    block: Vec<u8>,
    /// What all redirects say, compressed.
    common: Vec<u8>,
    no_store: Vec<u8>,
    by_host: Vec<u8>,
    /// The date's field, compressed, and which date it is.
    dated: Vec<u8>,
    date: [u8; 29],
}

/// What became of a request.
pub(super) enum Then {
    /// It is answered, and the engine has all of it.
    Answered,
    /// It is answered, and the client has to take what is left.
    Held(Box<Held>),
    /// Nothing is configured any more where it came to: answered, and the connection ends.
    NotHere(Option<Box<Held>>),
    Forward(Forward),
}

/// An answer of our own that the client's window is too small for.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) id: StreamId,
    reply: Reply,
    rest: Vec<u8>,
    at: usize,
}

impl Held {
    /// Sends what there is room for; whether that was all.
    pub(super) fn send(&mut self, engine: &mut Engine) -> bool {
        match self.reply.take(engine, self.id, &self.rest[self.at..]) {
            Ok(taken) => self.at += taken,
            Err(_) => return true,
        }
        self.at == self.rest.len()
    }
}

/// A request that is to be forwarded.
pub(super) struct Forward {
    pub(super) exchange: Box<Exchange>,
    pub(super) framing: Framing,
    pub(super) reply: Reply,
}

type Case<'a> = case::Case<'a, Came<'a>>;

/// The way back to a client.
struct Back<'a> {
    engine: &'a mut Engine,
    id: StreamId,
    pen: &'a mut Pen,
    /// Bytes that waited before.
    before: usize,
}

/// Decides about a request and answers it, or says that it is to be forwarded. `end`: no body follows.
pub(super) fn answer(
    whence: Whence<'_>,
    engine: &mut Engine,
    desk: &mut Desk,
    (id, end): (StreamId, bool),
) -> Then {
    let Desk { fields, pen } = desk;
    let before = engine.output().len();
    let mut back = Back {
        engine,
        id,
        pen,
        before,
    };
    let worker = whence.worker;
    let head_only = fields.method() == b"HEAD";
    match Came::new(fields, end, || [worker.draw(), worker.draw()]) {
        Ok(came) => back.decide(case::Case::new(whence, came)),
        Err(unwanted) => back.refuse(whence, (unwanted, fields.method()), head_only),
    }
}

fn manner(whence: &Whence<'_>, head_only: bool) -> Manner {
    Manner {
        date: whence.worker.date(),
        stay: Stay::Open,
        head_only,
    }
}

impl Back<'_> {
    fn decide(&mut self, case: Case<'_>) -> Then {
        let manner = manner(&case.whence, case.asked.method() == "HEAD");
        if case.misdirected() {
            let unwanted = Unwanted::Fault(Fault::Misdirected);
            let method = case.asked.method().as_bytes();
            return self.refuse(case.whence, (unwanted, method), manner.head_only);
        }
        if case.overloaded() {
            case.whence.worker.tally.refused(strain::RULE);
            let held = self.say(manner, |text| answer::refusal(text, manner, strain::RULE));
            case.log(Told::plain(503, self.said(), ("refuse", strain::RULE)));
            return then(held);
        }
        if case.asked.target() == "*" {
            let held = self.say(manner, |text| answer::options(text, manner));
            case.log(Told::plain(204, self.said(), ("options", "options")));
            return then(held);
        }
        if let Some(proof) = case.proof() {
            let held = self.say(manner, |text| answer::proof(text, manner, &proof));
            case.log(Told::plain(200, self.said(), ("acme", "acme")));
            return then(held);
        }
        let ask = case.ask();
        let mut attempt = Attempt::default();
        let decision = case.decide(&ask, &mut attempt);
        match decision.action {
            Action::Redirect { url, code } => {
                let to = (url, code, attempt.by_host());
                self.redirect(&case, &ask, to, &decision)
            }
            Action::Refuse if case.refuses(&decision) => {
                let reason = decision.reason;
                let held = self.say(manner, |text| {
                    answer::refusal(text, manner, reason.as_str());
                });
                case.count(None, &decision);
                let why = ("refuse", reason.as_str());
                case.log(Told::plain(503, self.said(), why));
                match reason {
                    Reason::NotHere => Then::NotHere(held),
                    _ => then(held),
                }
            }
            Action::Forward { .. } | Action::Refuse => Then::Forward(Forward {
                framing: case.asked.framing(),
                reply: Reply::new(manner.head_only, case.asked.websocket()),
                exchange: case.exchange(&ask, decision, attempt),
            }),
        }
    }

    /// Answers a request that broke a rule which the engine knows nothing of.
    fn refuse(
        &mut self,
        whence: Whence<'_>,
        (unwanted, method): (Unwanted, &[u8]),
        head_only: bool,
    ) -> Then {
        let manner = manner(&whence, head_only);
        let (word, status, held) = match unwanted {
            Unwanted::Fault(fault) => {
                let held = self.say(manner, |text| answer::fault(text, manner, fault));
                (fault.as_str(), fault.status().0, held)
            }
            Unwanted::Protocol => {
                let word = "unknown-protocol";
                let held = self.say(manner, |text| {
                    answer::plain(text, manner, 501, "Not Implemented", b"", word);
                });
                (word, 501, held)
            }
        };
        whence.worker.tally.refused(word);
        whence.log_fault(word, method, (status, self.said()));
        then(held)
    }

    /// Sends an answer that `write` writes as HTTP/1 has it.
    fn say(&mut self, manner: Manner, write: impl FnOnce(&mut Vec<u8>)) -> Option<Box<Held>> {
        let text = &mut self.pen.text;
        text.clear();
        write(text);
        let mut reply = Reply::new(manner.head_only, false);
        let taken = reply.take(self.engine, self.id, text).unwrap_or(text.len());
        (taken < text.len()).then(|| {
            Box::new(Held {
                id: self.id,
                reply,
                rest: text[taken..].to_vec(),
                at: 0,
            })
        })
    }

    /// How many bytes the answer is, that which is held left out.
    fn said(&self) -> usize {
        self.engine.output().len().saturating_sub(self.before)
    }

    fn redirect(
        &mut self,
        case: &Case<'_>,
        ask: &Ask<'_>,
        (url, code, by_host): (NodeIndex, Code, bool),
        decision: &Decision,
    ) -> Then {
        let head_only = case.asked.method() == "HEAD";
        let manner = manner(&case.whence, head_only);
        let cookie = case.cookie(ask, decision.ticket);
        let redirect = case.redirect((url, code, by_host), cookie.as_deref().unwrap_or_default());
        self.pen.text.clear();
        if write_location(redirect.template, ask, &mut self.pen.text).is_err() {
            let unwanted = Unwanted::Fault(Fault::LongTarget);
            let method = case.asked.method().as_bytes();
            return self.refuse(case.whence, (unwanted, method), head_only);
        }
        let location = self.pen.text.len();
        let held = self.send_redirect(&redirect, location, manner);
        case.count(Some(url), decision);
        case.log(Told {
            status: code.number(),
            bytes: self.said(),
            action: "redirect",
            reason: decision.reason.as_str(),
            url: Some(url),
            location: &self.pen.text[..location],
        });
        then(held)
    }

    /// Sends the redirect whose Location is the first `location` bytes of the text.
    fn send_redirect(
        &mut self,
        redirect: &Redirect<'_>,
        location: usize,
        manner: Manner,
    ) -> Option<Box<Held>> {
        let Back {
            engine, id, pen, ..
        } = self;
        pen.prepare(manner.date);
        let Pen {
            text,
            block,
            common,
            no_store,
            by_host,
            dated,
            ..
        } = &mut **pen;
        answer::page(text, 0..location, answer::phrase(redirect.code));
        let (location, page) = text.split_at(location);
        block.clear();
        hpack::status(block, redirect.code.number());
        let status = block.len();
        hpack::field(block, b"location", location);
        let mut length = SmallVec::<[u8; 20]>::new();
        // Writing to a `SmallVec` cannot fail.
        let _ = write!(length, "{}", page.len());
        hpack::field(block, b"content-length", &length);
        if let Some(cookie) = redirect.fields.strip_prefix(b"Set-Cookie: ") {
            hpack::field(block, b"set-cookie", cookie.trim_ascii_end());
        }
        let (kept, host) = answer::keeping(redirect);
        let pieces: [&[u8]; 6] = [
            &block[..status],
            common,
            dated,
            if kept { b"" } else { no_store },
            if host { by_host } else { b"" },
            &block[status..],
        ];
        engine.respond_encoded(*id, &pieces, manner.head_only);
        if manner.head_only {
            return None;
        }
        let taken = engine.send(*id, page, true);
        (taken < page.len()).then(|| {
            Box::new(Held {
                id: *id,
                reply: Reply::rest(page.len() - taken),
                rest: page[taken..].to_vec(),
                at: 0,
            })
        })
    }
}

impl Pen {
    /// Compresses what is the same in all redirects, once, and the date, once a second.
    fn prepare(&mut self, date: [u8; 29]) {
        if self.common.is_empty() {
            hpack::field(&mut self.common, b"server", b"Signpost");
            hpack::field(
                &mut self.common,
                b"content-type",
                b"text/html; charset=utf-8",
            );
            hpack::field(&mut self.common, b"x-content-type-options", b"nosniff");
            hpack::field(&mut self.no_store, b"cache-control", b"no-store");
            hpack::field(&mut self.by_host, b"vary", b"Host");
        }
        if self.date != date || self.dated.is_empty() {
            self.date = date;
            self.dated.clear();
            hpack::field(&mut self.dated, b"date", &date);
        }
    }
}

fn then(held: Option<Box<Held>>) -> Then {
    held.map_or(Then::Answered, Then::Held)
}
