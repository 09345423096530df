//! The upstream side: what is decided to be forwarded goes to its real, and the answer comes back.
//!
//! Enter at [`forward`]: it connects or takes an idle connection of this worker, lets request and answer
//! stream at once in the client's own task (`relay`), and walks on along the decision where a server does not
//! take the connection. [`Pools`] are a worker's; nothing is shared with another. The server is spoken to by a client of our own:
//! `request` writes the head, `relay` and `reply` pass on what comes, `body` frames it anew.
//!
//! Deliberately unknown here: how a server is picked, and how a head is read.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use tokio::time::Instant;

use super::client::{Client, Stream};
use super::http1::{Fault, Head};
use super::past;
use super::worker::Worker;
use crate::control::{Live, Outcome};
use crate::decide::{
    Action, Attempt, Decision, Minds, NodeIndex, Past, Place, Reason, Snapshot, Ticket, decide,
};
use crate::model::{Endpoint, Scheme};
use crate::telemetry::{Cause, Event};

mod body;
mod connect;
mod fields;
mod http2;
pub mod laws;
mod limits;
mod out;
mod pool;
mod refuse;
mod relay;
mod reply;
mod request;
mod response;
mod retry;
mod splice;
mod tongue;
mod trace;
mod tunnel;
mod upload;
mod visit;
mod wait;
mod wire;

pub use pool::Pools;
pub use retry::Budget;
pub use trace::Trace;

pub(super) use connect::{NoConnection, blame, dial, exhausted};
pub(super) use splice::Pipes;
pub(super) use tunnel::Way;

use visit::Visit;
use wait::Waited;

/// A request to be forwarded.
#[derive(Debug)]
pub struct Exchange {
    /// Its head; the body follows in the client's input.
    pub head: Head,
    /// The address it came to.
    pub at: Endpoint,
    /// The virtual or dip that this is, in `live`.
    pub node: Option<NodeIndex>,
    /// The client's address.
    pub client: IpAddr,
    /// How the client asked: a trusted proxy may have told it.
    pub scheme: Scheme,
    /// The ticket that it came with.
    pub ticket: Option<Ticket>,
    /// The snapshot it was decided by.
    pub live: Arc<Live>,
    /// The decision: its action is `Forward`.
    pub decision: Decision,
    /// The place that the decision took at the server: given back whatever becomes of the exchange.
    pub place: Option<Place>,
    /// What was tried.
    pub attempt: Attempt,
    /// What is logged of it.
    pub trace: Trace,
}

/// How the client's connection goes on after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next request may come.
    KeepAlive,
    /// Closed as it is.
    Close,
    /// Closed once the client has had time to take the answer.
    Linger,
}

/// What came of one server.
enum Step {
    /// The exchange is over.
    Done(After),
    /// Nothing of the request was sent: the next server may have it, whatever the method.
    MoveOn(Cause),
    /// It broke after bytes of the request were sent, and may be sent again within the budget.
    Again,
    /// The client is to be told.
    Tell(Tell),
}

/// What the client is told when nothing of an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tell {
    BadGateway(&'static str),
    GatewayTimeout,
    LoopDetected,
    SlowBody,
    Fault(Fault),
}

/// Forwards one exchange and answers the client. One whose decision is that everything is full waits first, where it may.
///
/// The future stands on the heap already, so that a connection that only waits stays small. What few exchanges come to (a new
/// connection, a tunnel, a wait, an answer of our own) is boxed once more within: each exchange copies the whole of its future.
pub fn forward<'a, S>(
    worker: &'a Rc<Worker>,
    client: &'a mut Client<S>,
    mut exchange: Box<Exchange>,
) -> Pin<Box<impl Future<Output = After> + 'a>>
where
    S: Stream,
{
    Box::pin(async move {
        let after = walk(worker, client, &mut exchange).await;
        count_came(worker, &exchange);
        trace::log(worker, client, &exchange);
        after
    })
}

/// Counts what became of it in the end at the virtual or dip that it came to.
fn count_came(worker: &Worker, exchange: &Exchange) {
    if let Some(node) = exchange.node {
        let at = exchange.live.loads.gauges(node);
        worker.tally.came(at, exchange.decision.action);
    }
}

async fn walk<S>(worker: &Rc<Worker>, client: &mut Client<S>, exchange: &mut Exchange) -> After
where
    S: Stream,
{
    if request::looped(&exchange.head, &worker.pseudonym) {
        exchange.place = None;
        return Box::pin(refuse::tell(worker, client, exchange, Tell::LoopDetected)).await;
    }
    worker.pools.budget.earn();
    let mut until = None;
    loop {
        if let Some(after) = visits(worker, client, exchange).await {
            return after;
        }
        match Box::pin(wait::wait(worker, client, exchange, &mut until)).await {
            Waited::Decided if matches!(exchange.decision.action, Action::Forward { .. }) => {}
            Waited::Decided | Waited::InVain => break,
            Waited::Gone => {
                exchange.trace.blame(Some(Event::ClientGone.as_str()));
                return After::Close;
            }
        }
    }
    Box::pin(refuse::answer(worker, client, exchange)).await
}

/// Goes from server to server as long as it is decided to forward; how that ended, if it did.
async fn visits<S>(
    worker: &Rc<Worker>,
    client: &mut Client<S>,
    exchange: &mut Exchange,
) -> Option<After>
where
    S: Stream,
{
    let mut sent = false;
    while let (Action::Forward { server }, Some(place)) =
        (exchange.decision.action, exchange.place.take())
    {
        worker
            .tally
            .decided(Some(place.gauges()), exchange.decision.reason);
        let mut visit = Visit {
            worker,
            client: &mut *client,
            exchange,
            server,
            place: &place,
        };
        let step = visit.run().await;
        place.gauges().end_trial_by(exchange.client);
        let gauges = Arc::clone(place.gauges());
        // Given back before the next decision, which may look at what is full.
        drop(place);
        worker.queues.place_given_back();
        let cause = match step {
            Step::Done(after) => return Some(after),
            Step::MoveOn(cause) => cause,
            Step::Again if !sent && worker.pools.budget.spend(Instant::now()) => {
                sent = true;
                worker.tally.happened(&gauges, Event::Retried);
                Cause::Reset
            }
            Step::Again => {
                let tell = Tell::BadGateway("reset");
                return Some(Box::pin(refuse::tell(worker, client, exchange, tell)).await);
            }
            Step::Tell(tell) => {
                return Some(Box::pin(refuse::tell(worker, client, exchange, tell)).await);
            }
        };
        if exchange.attempt.tried.try_push(server).is_err() {
            exchange.decision = Decision {
                action: Action::Refuse,
                reason: Reason::AllTried,
                ticket: None,
            };
        } else {
            decide_again(worker, client.local, exchange);
        }
        if exchange.decision.action != Action::Refuse {
            worker.tally.reassigned(&gauges, cause);
        }
    }
    if sent && exchange.decision.action == Action::Refuse {
        let tell = Tell::BadGateway("reset");
        return Some(Box::pin(refuse::tell(worker, client, exchange, tell)).await);
    }
    None
}

/// The next server, or a redirect, or a refusal: takes no turn of the predictor.
fn decide_again(worker: &Rc<Worker>, local: SocketAddr, exchange: &mut Exchange) {
    // A connection that does not come about takes seconds, in which other servers may have failed. What was tried has a meaning only
    // in the same configuration.
    let now = worker.farm.live().load();
    if Arc::ptr_eq(&now.loads, &exchange.live.loads) && !Arc::ptr_eq(&now, &exchange.live) {
        exchange.live = Arc::clone(&now);
    }
    let Exchange {
        head,
        at,
        node,
        client,
        scheme,
        live,
        attempt,
        place,
        trace,
        ..
    } = exchange;
    let past = past(worker, head, *node, &live.snapshot);
    let ask = request::ask(head, *at, (*client, local, *scheme), past);
    let begun = trace.now();
    exchange.decision = decide(
        &ask,
        &live.snapshot,
        &live.loads,
        worker.moment(None),
        attempt,
    );
    trace.decided(begun);
    worker.note_loop(live, attempt);
    *place = match exchange.decision.action {
        Action::Forward { server } => Some(live.loads.place(server)),
        _ => None,
    };
}

impl Exchange {
    /// The name of the cookie that holds tickets where it came to.
    fn cookie(&self) -> Option<&str> {
        self.live.snapshot.minds(self.node?).cookie
    }

    /// The line that sets the client's cookie, if it is to be set.
    fn cookie_line(&self, worker: &Worker) -> Option<Vec<u8>> {
        let snapshot = &self.live.snapshot;
        let tickets = (self.decision.ticket, self.ticket);
        past::cookie_line(
            snapshot,
            self.node?,
            tickets,
            (worker.unix_s(), self.scheme),
        )
    }
}

/// What the request tells of where its client was before.
fn past<'a>(
    worker: &Worker,
    head: &'a Head,
    node: Option<NodeIndex>,
    snapshot: &Snapshot,
) -> Past<'a> {
    let minds = node.map_or(Minds::default(), |node| snapshot.minds(node));
    match minds.nothing() {
        true => Past::default(),
        false => past::read(minds, snapshot.keys(), worker.unix_s(), head.lines()),
    }
}

/// The head of an answer came: a success, unless the operator has its status counted.
fn note_answer(
    worker: &Worker,
    exchange: &Exchange,
    place: &Place,
    (begun, status): (Instant, u16),
) {
    let gauges = place.gauges();
    let micros = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
    gauges.answered_in(micros, worker.farm.now());
    worker.tally.happened(gauges, Event::Answered);
    worker.tally.answered_in(gauges, micros);
    let mut outcome = Outcome::Answered;
    if status >= 500 {
        worker.tally.happened(gauges, Event::ServerError);
        if let Action::Forward { server } = exchange.decision.action {
            let watching = exchange.live.snapshot.serving(server).watching;
            if watching.errors.is_some() {
                outcome = Outcome::ServerError;
            }
        }
    }
    worker.farm.report(gauges, exchange.client, outcome);
    gauges.end_trial_by(exchange.client);
    exchange.trace.answered(status);
}

#[cfg(test)]
mod tests;
