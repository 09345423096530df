//! A request that finds everything full waits for a place (`queue ID LENGTH SECONDS`). Its body is not read meanwhile.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::relay::poll_gone;
use super::{Exchange, decide_again};
use crate::decide::{Action, Attempt, Reason};
use crate::proxy::client::{Client, Stream};
use crate::proxy::http1::Framing;
use crate::proxy::limits::{QUEUE_GONE, QUEUE_LOOK};
use crate::proxy::queue::Spot;
use crate::proxy::worker::Worker;
use crate::telemetry::QueueEvent;

/// What came of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// Something else than that everything is full.
    Decided,
    /// Nothing, or there was no waiting.
    InVain,
    /// The client went away.
    Gone,
}

/// Why a wait is interrupted.
enum Interrupted {
    Look,
    Over,
    Gone,
}

/// Waits where the decision is that everything is full and the virtual or dip has a queue, in all until `until`, which the first
/// wait sets.
pub(super) async fn wait<S: Stream>(
    worker: &Rc<Worker>,
    client: &mut Client<S>,
    exchange: &mut Exchange,
    until: &mut Option<Instant>,
) -> Waited {
    if exchange.decision.action != Action::Refuse || exchange.decision.reason != Reason::AllFull {
        return Waited::InVain;
    }
    let node = exchange.node;
    let queue = node.and_then(|node| Some((node, exchange.live.snapshot.queue(node)?)));
    let Some((node, queue)) = queue.filter(|_| !worker.hurrying()) else {
        return Waited::InVain;
    };
    let door = Arc::clone(exchange.live.loads.gauges(node));
    let Some(spot) = worker.queues.join(exchange.at, &door, queue) else {
        worker.tally.queued(QueueEvent::Full);
        return Waited::InVain;
    };
    worker.tally.queued(QueueEvent::Entered);
    let patience = Duration::from_secs(queue.seconds.into());
    let until = *until.get_or_insert_with(|| Instant::now() + patience);
    let bodiless = exchange.head.framing == Framing::None;
    let (waited, event) = loop {
        match interrupted(worker, client, &spot, (until, bodiless)).await {
            Interrupted::Gone => break (Waited::Gone, QueueEvent::ClientGone),
            Interrupted::Over => break (Waited::InVain, QueueEvent::TimedOut),
            Interrupted::Look => {
                look(worker, client, exchange);
                if exchange.decision.action != Action::Refuse
                    || exchange.decision.reason != Reason::AllFull
                {
                    break (Waited::Decided, QueueEvent::Served);
                }
            }
        }
    };
    worker.tally.queued(event);
    waited
}

/// Decides anew, by what holds now.
fn look<S>(worker: &Rc<Worker>, client: &Client<S>, exchange: &mut Exchange) {
    let live = worker.farm.live().load();
    // Of another configuration: what was tried has no meaning in it.
    let same = Arc::ptr_eq(&live.loads, &exchange.live.loads);
    if !same || exchange.attempt.tried.is_empty() {
        exchange.attempt = Attempt::default();
    }
    if !Arc::ptr_eq(&live, &exchange.live) {
        exchange.node = live.snapshot.node_at(exchange.at);
        exchange.live = Arc::clone(&live);
    }
    decide_again(worker, client.local, exchange);
    // It was counted when the request came.
    exchange.attempt.came_back = None;
}

/// Waits until there is something to do. Only the first in line looks again and again.
async fn interrupted<S: Stream>(
    worker: &Worker,
    client: &mut Client<S>,
    spot: &Spot<'_>,
    (until, bodiless): (Instant, bool),
) -> Interrupted {
    let mut next_look = pin!(sleep(QUEUE_LOOK));
    std::future::poll_fn(|cx| {
        let gone = match bodiless {
            true => poll_gone(client, cx).is_ready(),
            false => client.stream.ended(cx),
        };
        if gone {
            return Poll::Ready(Interrupted::Gone);
        }
        let now = Instant::now();
        if now >= until || worker.hurrying() {
            return Poll::Ready(Interrupted::Over);
        }
        if spot.is_first(cx) && (spot.should_look() || next_look.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Interrupted::Look);
        }
        let left = until - now;
        client.deadline.set(match bodiless {
            true => left,
            false => left.min(QUEUE_GONE),
        });
        // Set anew whenever it has passed: it wakes, and nothing more.
        let _ = client.deadline.poll_passed(cx);
        Poll::Pending
    })
    .await
}
