//! The answers to a request whose way to a server ended without one of its.

use std::rc::Rc;
use std::task::Poll;

use super::out::Unsent;
use super::{After, Exchange, Tell, request};
use crate::decide::{Action, Minds, Past, write_location};
use crate::proxy::answer::{self, Manner, Redirect, Stay};
use crate::proxy::bounds;
use crate::proxy::client::{Client, Stream};
use crate::proxy::http1::{Fault, Framing, Head, Version};
use crate::proxy::worker::Worker;

/// Tells the client what became of its request, and ends its connection.
pub(super) async fn tell<S>(
    worker: &Rc<Worker>,
    client: &mut Client<S>,
    exchange: &Exchange,
    tell: Tell,
) -> After
where
    S: Stream,
{
    let manner = manner(worker, &exchange.head, false);
    let mut out = Vec::with_capacity(512);
    let trace = &exchange.trace;
    let (code, phrase, word) = match tell {
        Tell::BadGateway(word) => (502, "Bad Gateway", word),
        Tell::GatewayTimeout => (504, "Gateway Timeout", "unanswered"),
        Tell::LoopDetected => (508, "Loop Detected", "via"),
        Tell::SlowBody => (408, "Request Timeout", "slow-body"),
        Tell::Fault(fault) => {
            worker.tally.refused(fault.as_str());
            answer::fault(&mut out, manner, fault);
            trace.told(fault.status().0, out.len(), Some(fault.as_str()));
            return send(client, out, After::Linger).await;
        }
    };
    worker.tally.refused(word);
    answer::plain(
        &mut out,
        manner,
        code,
        phrase,
        b"Cache-Control: no-store\r\n",
        word,
    );
    trace.told(code, out.len(), Some(word));
    send(client, out, After::Linger).await
}

/// Answers with the redirect or the refusal that the walk ended in.
pub(super) async fn answer<S>(
    worker: &Rc<Worker>,
    client: &mut Client<S>,
    exchange: &Exchange,
) -> After
where
    S: Stream,
{
    let Exchange {
        head,
        at,
        live,
        decision,
        trace,
        ..
    } = exchange;
    let mut out = Vec::with_capacity(1024);
    let Action::Redirect { url, code } = decision.action else {
        worker.tally.decided(None, decision.reason);
        let stays = head.keep_alive && head.framing == Framing::None && worker.keeps_alive();
        answer::refusal(
            &mut out,
            manner(worker, head, stays),
            decision.reason.as_str(),
        );
        trace.told(503, out.len(), None);
        let after = after(client, head, stays);
        return send(client, out, after).await;
    };
    worker
        .tally
        .decided(Some(live.loads.gauges(url)), decision.reason);
    let stays = head.keep_alive
        && head.framing == Framing::None
        && worker.keeps_alive()
        && exchange
            .node
            .is_some_and(|node| live.snapshot.keepalive(node));
    let ask = request::ask(
        head,
        *at,
        (exchange.client, client.local, exchange.scheme),
        Past::default(),
    );
    let minds = exchange
        .node
        .map_or(Minds::default(), |node| live.snapshot.minds(node));
    let cookie = exchange.cookie_line(worker);
    let redirect = Redirect {
        code,
        template: live.snapshot.template(url),
        by_host: exchange.attempt.by_host(),
        personal: minds.cookie.is_some() || minds.referer,
        fields: cookie.as_deref().unwrap_or_default(),
    };
    let written = answer::redirect(&mut out, manner(worker, head, stays), redirect, |out| {
        write_location(redirect.template, &ask, out)
    });
    let Ok(location) = written else {
        worker.tally.refused(Fault::LongTarget.as_str());
        let fault = Fault::LongTarget;
        answer::fault(&mut out, manner(worker, head, false), fault);
        trace.told(fault.status().0, out.len(), Some(fault.as_str()));
        return send(client, out, After::Linger).await;
    };
    trace.told(code.number(), out.len(), None);
    trace.redirected(&out[location]);
    let after = after(client, head, stays);
    send(client, out, after).await
}

fn after<S>(client: &Client<S>, head: &Head, stays: bool) -> After {
    if stays {
        After::KeepAlive
    } else if head.framing == Framing::None && client.input.is_empty() {
        After::Close
    } else {
        After::Linger
    }
}

fn manner(worker: &Worker, head: &Head, stays: bool) -> Manner {
    Manner {
        date: worker.date(),
        stay: match (stays, head.version) {
            (false, _) => Stay::Close,
            (true, Version::Http11 | Version::Http2) => Stay::Open,
            (true, Version::Http10) => Stay::OpenSaid,
        },
        head_only: head.text(&head.method) == b"HEAD",
    }
}

async fn send<S>(client: &mut Client<S>, bytes: Vec<u8>, after: After) -> After
where
    S: Stream,
{
    let mut unsent = Unsent::default();
    client.deadline.set(bounds::stalled_write());
    let mut given = false;
    std::future::poll_fn(|cx| {
        if !std::mem::replace(&mut given, true) {
            unsent.give(&mut client.stream, cx, &bytes, &[]);
        }
        if unsent.poll_write(&mut client.stream, cx).is_ready() {
            return Poll::Ready(());
        }
        client.deadline.poll_passed(cx)
    })
    .await;
    match unsent.is_empty() && !unsent.broken() {
        true => after,
        false => After::Close,
    }
}
