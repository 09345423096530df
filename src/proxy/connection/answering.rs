//! One whole head of HTTP/1: answered as it is decided, or made ready to be forwarded.

use bytes::Bytes;

use super::{Connection, Next};
use crate::decide::{Action, Ask, Attempt, Decision, NodeIndex, Reason, write_location};
use crate::model::Code;
use crate::proxy::answer::{self, Manner, Stay};
use crate::proxy::case::{self, Asked, Told, Whence};
use crate::proxy::client::Stream;
use crate::proxy::http1::{BodyDecoder, Fault, Framing, Head, Request, Version};
use crate::proxy::limits::DRAIN_BYTES;
use crate::proxy::{proxy_head, strain};

/// A head as it came.
#[derive(Clone, Copy)]
struct Came<'a> {
    request: Request<'a>,
    /// Its bytes.
    bytes: &'a [u8],
    /// The body, if there is one, has come whole, and nothing behind it.
    last: bool,
}

impl<'a> Asked<'a> for Came<'a> {
    fn method(self) -> &'a str {
        self.request.method()
    }

    fn target(self) -> &'a str {
        self.request.target()
    }

    fn host(self) -> &'a str {
        self.request.host()
    }

    fn port(self) -> Option<u16> {
        self.request.port()
    }

    fn version(self) -> Version {
        self.request.version()
    }

    fn lines(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.request.lines()
    }

    fn length(self) -> usize {
        self.bytes.len()
    }

    fn head(self) -> Head {
        self.request.head(Bytes::copy_from_slice(self.bytes))
    }
}

type Case<'a> = case::Case<'a, Came<'a>>;

/// Whether the virtual and the client let the connection stay open.
fn may_stay(case: &Case<'_>) -> bool {
    let keeps = |node| case.live.snapshot.keepalive(node);
    case.asked.request.keep_alive() && case.node.is_some_and(keeps)
}

/// How to answer; `may_stay`: the virtual and the client let the connection stay open.
fn manner(case: &Case<'_>, may_stay: bool) -> Manner {
    let (request, worker) = (&case.asked.request, case.whence.worker);
    let drainable = match request.framing() {
        Framing::Length(length) => length <= DRAIN_BYTES as u64,
        Framing::None | Framing::Chunked => true,
    };
    // After a final answer to `Expect` nobody knows whether the body comes (RFC 9110 §10.1.1).
    let stay = may_stay && drainable && !request.expects_continue() && worker.keeps_alive();
    Manner {
        date: worker.date(),
        stay: match (stay, request.version()) {
            (false, _) => Stay::Close,
            (true, Version::Http11 | Version::Http2) => Stay::Open,
            (true, Version::Http10) => Stay::OpenSaid,
        },
        head_only: request.method() == "HEAD",
    }
}

/// What follows a request.
enum Then {
    /// It was answered in this way.
    Answered(Stay, Framing, bool),
    Next(Next),
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
        let told = (status, out.len() - before);
        self.whence().log_fault(fault.as_str(), method, told);
        self.next = Next::Linger;
    }

    /// Counts a trusted proxy whose connection does not begin as it has to.
    pub(super) fn no_proxy_head(&self) {
        self.worker.tally.refused(proxy_head::RULE);
        self.whence().log_fault(proxy_head::RULE, b"", (0, 0));
    }

    fn whence(&self) -> Whence<'_> {
        Whence::new(&self.worker, &self.client, self.at)
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
        let came = Came {
            request,
            bytes: head,
            last: body.ended() && rest.is_empty(),
        };
        match answered(Case::new(self.whence(), came), out)? {
            Then::Next(next) => self.next = next,
            Then::Answered(Stay::Close, _, true) => self.next = Next::Close,
            // Closed with bytes unread, a socket sends a reset that may overtake the answer (RFC 9112 §9.6).
            Then::Answered(Stay::Close, _, false) => self.next = Next::Linger,
            Then::Answered(_, Framing::None, _) => {}
            Then::Answered(_, framing, _) => {
                self.unwanted = Some(Box::new((BodyDecoder::new(framing), 0)));
            }
        }
        Ok(())
    }
}

fn then(case: &Case<'_>, stay: Stay) -> Then {
    Then::Answered(stay, case.asked.request.framing(), case.asked.last)
}

fn answered(case: Case<'_>, out: &mut Vec<u8>) -> Result<Then, Fault> {
    let before = out.len();
    if case.misdirected() {
        return Err(Fault::Misdirected);
    }
    if case.overloaded() {
        let manner = manner(&case, false);
        answer::refusal(out, manner, strain::RULE);
        case.whence.worker.tally.refused(strain::RULE);
        let why = ("refuse", strain::RULE);
        case.log(Told::plain(503, out.len() - before, why));
        return Ok(then(&case, manner.stay));
    }
    if case.asked.request.target() == "*" {
        let manner = manner(&case, may_stay(&case));
        answer::options(out, manner);
        let why = ("options", "options");
        case.log(Told::plain(204, out.len() - before, why));
        return Ok(then(&case, manner.stay));
    }
    if let Some(proof) = case.proof() {
        let manner = manner(&case, may_stay(&case));
        answer::proof(out, manner, &proof);
        case.log(Told::plain(200, out.len() - before, ("acme", "acme")));
        return Ok(then(&case, manner.stay));
    }
    let ask = case.ask();
    let mut attempt = Attempt::default();
    let decision = case.decide(&ask, &mut attempt);
    match decision.action {
        Action::Redirect { url, code } => {
            let to = (url, code, attempt.by_host());
            redirect(&case, &ask, to, &decision, out)
        }
        Action::Refuse if case.refuses(&decision) => {
            let reason = decision.reason;
            let manner = manner(&case, reason != Reason::NotHere && may_stay(&case));
            answer::refusal(out, manner, reason.as_str());
            case.count(None, &decision);
            let why = ("refuse", reason.as_str());
            case.log(Told::plain(503, out.len() - before, why));
            Ok(then(&case, manner.stay))
        }
        Action::Forward { .. } | Action::Refuse => {
            let exchange = case.exchange(&ask, decision, attempt);
            Ok(Then::Next(Next::Forward(exchange)))
        }
    }
}

fn redirect(
    case: &Case<'_>,
    ask: &Ask<'_>,
    (url, code, by_host): (NodeIndex, Code, bool),
    decision: &Decision,
    out: &mut Vec<u8>,
) -> Result<Then, Fault> {
    let manner = manner(case, may_stay(case));
    let cookie = case.cookie(ask, decision.ticket);
    let redirect = case.redirect((url, code, by_host), cookie.as_deref().unwrap_or_default());
    let before = out.len();
    let location = answer::redirect(out, manner, redirect, |out| {
        write_location(redirect.template, ask, out)
    })
    .map_err(|_| Fault::LongTarget)?;
    case.count(Some(url), decision);
    case.log(Told {
        status: code.number(),
        bytes: out.len() - before,
        action: "redirect",
        reason: decision.reason.as_str(),
        url: Some(url),
        location: &out[location],
    });
    Ok(then(case, manner.stay))
}
