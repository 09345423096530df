//! The upstream side: what is decided to be forwarded goes to its real, and the answer comes back.
//!
//! Enter at [`forward`]: it connects or takes an idle connection of this worker, lets request and answer
//! stream at once in the client's own task (`relay`), and walks on along the decision where a server does not
//! take the connection. [`Pools`] are a worker's; nothing is shared with another.
//!
//! Deliberately unknown here: how a server is picked, and how a head is read.

use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::client::{Client, Stream};
use super::http1::{Fault, Head};
use super::worker::Worker;
use crate::control::{Live, Outcome};
use crate::decide::{Action, Attempt, Decision, Moment, NodeIndex, Place, Reason, decide};
use crate::model::Endpoint;
use crate::telemetry::Event;

mod body;
mod connect;
mod fields;
mod limits;
mod out;
mod pool;
mod refuse;
mod relay;
mod request;
mod response;
mod retry;
mod tunnel;
mod upload;
mod wire;

pub use pool::Pools;
pub use retry::Budget;

use connect::{NoConnection, connect, exhausted};
use pool::Upstream;
use relay::{End, Failure, Relay};
use request::Route;
use upload::Upload;

/// A request to be forwarded.
#[derive(Debug)]
pub struct Exchange {
    /// Its head; the body follows in the client's input.
    pub head: Head,
    /// The address it came to.
    pub at: Endpoint,
    /// The snapshot it was decided by.
    pub live: Arc<Live>,
    /// The decision: its action is `Forward`.
    pub decision: Decision,
    /// The place that the decision took at the server: given back whatever becomes of the exchange.
    pub place: Option<Place>,
    /// What was tried.
    pub attempt: Attempt,
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
    MoveOn,
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

/// Forwards one exchange and answers the client.
///
/// The future stands on the heap already, so that a connection that only waits stays small.
pub fn forward<'a, S>(
    worker: &'a Rc<Worker>,
    client: &'a mut Client<S>,
    exchange: Exchange,
) -> Pin<Box<impl Future<Output = After> + 'a>>
where
    S: Stream,
{
    Box::pin(walk(worker, client, exchange))
}

async fn walk<S>(worker: &Rc<Worker>, client: &mut Client<S>, mut exchange: Exchange) -> After
where
    S: Stream,
{
    let mut sent = false;
    if request::looped(&exchange.head, &worker.pseudonym) {
        exchange.place = None;
        return refuse::tell(worker, client, &exchange, Tell::LoopDetected).await;
    }
    worker.pools.budget.earn();
    while let (Action::Forward { server }, Some(place)) =
        (exchange.decision.action, exchange.place.take())
    {
        worker
            .tally
            .decided(Some(place.gauges()), exchange.decision.reason);
        let mut visit = Visit {
            worker,
            client: &mut *client,
            exchange: &exchange,
            server,
            place: &place,
        };
        let step = visit.run().await;
        place.gauges().end_trial_by(client.peer.ip());
        match step {
            Step::Done(after) => return after,
            Step::MoveOn => {}
            Step::Again if !sent && worker.pools.budget.spend(Instant::now()) => {
                sent = true;
                worker.tally.happened(place.gauges(), Event::Retried);
            }
            Step::Again => {
                drop(place);
                return refuse::tell(worker, client, &exchange, Tell::BadGateway("reset")).await;
            }
            Step::Tell(tell) => {
                drop(place);
                return refuse::tell(worker, client, &exchange, tell).await;
            }
        }
        // Given back before the next decision, which may look at what is full.
        drop(place);
        if exchange.attempt.tried.try_push(server).is_err() {
            exchange.decision = Decision {
                action: Action::Refuse,
                reason: Reason::AllTried,
                ticket: None,
            };
        } else {
            decide_again(worker, (client.peer, client.local), &mut exchange);
        }
    }
    if sent && exchange.decision.action == Action::Refuse {
        return refuse::tell(worker, client, &exchange, Tell::BadGateway("reset")).await;
    }
    refuse::answer(worker, client, &exchange).await
}

/// The next server, or a redirect, or a refusal: takes no turn of the predictor.
fn decide_again(
    worker: &Rc<Worker>,
    (client, local): (SocketAddr, SocketAddr),
    exchange: &mut Exchange,
) {
    let Exchange {
        head,
        at,
        live,
        attempt,
        place,
        ..
    } = exchange;
    let ask = request::ask(head, *at, client, local);
    exchange.decision = decide(
        &ask,
        &live.snapshot,
        &live.loads,
        Moment {
            now: worker.farm.now(),
            draw: worker.draw(),
        },
        attempt,
    );
    worker.note_loop(live, attempt);
    *place = match exchange.decision.action {
        Action::Forward { server } => Some(live.loads.place(server)),
        _ => None,
    };
}

/// One server's turn at an exchange.
struct Visit<'a, S> {
    worker: &'a Rc<Worker>,
    client: &'a mut Client<S>,
    exchange: &'a Exchange,
    server: NodeIndex,
    place: &'a Place,
}

impl<S: Stream> Visit<'_, S> {
    async fn run(&mut self) -> Step {
        let worker = self.worker;
        self.place
            .gauges()
            .asked_by(self.client.peer.ip(), worker.farm.now());
        let server = self.exchange.live.snapshot.upstream(self.server).socket();
        let idempotent = retry::idempotent(self.exchange.head.text(&self.exchange.head.method));
        // A request that cannot be sent twice is worth asking the kernel whether the connection still stands.
        let mut idle = worker.pools.take(server, !idempotent);
        loop {
            let upstream = match idle.take() {
                Some(upstream) => upstream,
                None => match connect(self.client, server).await {
                    Ok(upstream) => upstream,
                    // Connections that only wait for use hold descriptors.
                    Err(NoConnection::Ours(why)) if exhausted(&why) && worker.pools.idle() > 0 => {
                        worker.pools.clear();
                        continue;
                    }
                    Err(why) => return self.no_connection(why),
                },
            };
            let used = upstream.used;
            let seen = Rc::clone(&upstream.seen);
            let (written, read) = (seen.written.get(), seen.read.get());
            let (end, begun) = self.exchange_over(upstream, server).await;
            let (sent, answered) = (seen.written.get() > written, seen.read.get() > read);
            return match end {
                End::Failed(Failure::Reset) => {
                    let replayable = !begun && !answered;
                    if used && replayable && (idempotent || !sent) {
                        continue;
                    }
                    self.failed(Outcome::Reset, Event::Reset);
                    match (replayable, sent) {
                        (true, false) => Step::MoveOn,
                        (true, true) if idempotent => Step::Again,
                        _ => Step::Tell(Tell::BadGateway("reset")),
                    }
                }
                end => self.ended(end),
            };
        }
    }

    /// Request and answer over one connection; and whether bytes of the body were taken from the client.
    async fn exchange_over(&mut self, mut upstream: Upstream, server: SocketAddr) -> (End, bool) {
        let head = &self.exchange.head;
        let upload = Upload::new(head.framing);
        let route = Route {
            client: self.client.peer,
            local: self.client.local,
            pseudonym: &self.worker.pseudonym,
        };
        let Some(mut request) = request::build(head, &route, upload.feed.clone(), &upstream.seen)
        else {
            return (End::Failed(Failure::Fault(Fault::FieldValue)), false);
        };
        let mailbox = relay::watch_interims(&mut request, head);
        let reply = pin!(upstream.sender.send_request(request));
        let silence = self.silence();
        let mut relay = Relay::new(
            (self.worker, &mut *self.client),
            (self.exchange, self.place),
            (upstream, reply),
            (upload, mailbox),
            silence,
        );
        let end = std::future::poll_fn(|cx| relay.poll(cx)).await;
        let Relay {
            upstream, upload, ..
        } = relay;
        match end {
            End::Whole(_) if upload.ended => self.worker.pools.keep(server, upstream),
            End::Switched => return (self.tunnel(upstream, silence).await, upload.begun),
            _ => {}
        }
        (end, upload.begun)
    }

    async fn tunnel(&mut self, upstream: Upstream, silence: Duration) -> End {
        self.worker
            .tally
            .happened(self.place.gauges(), Event::Tunnel);
        let parts = upstream.link.into_parts();
        let mut wire = parts.io.into_inner();
        tunnel::tunnel(self.client, &mut wire, parts.read_buf, silence).await;
        End::Whole(After::Close)
    }

    /// The server's `timeout`.
    fn silence(&self) -> Duration {
        let serving = self.exchange.live.snapshot.serving(self.server);
        Duration::from_secs(serving.timeout_s.into())
    }

    fn no_connection(&self, why: NoConnection) -> Step {
        match why {
            NoConnection::ClientGone => return self.client_gone(),
            NoConnection::Refused => self.failed(Outcome::Refused, Event::ConnectFailed),
            NoConnection::Slow => self.failed(Outcome::Unanswered, Event::Unanswered),
            NoConnection::Ours(error) => {
                tracing::error!(%error, server = %self.place.gauges().id, "no connection to a server could be opened: raise the limit of descriptors or ports");
                self.worker
                    .tally
                    .happened(self.place.gauges(), Event::ConnectFailed);
            }
        }
        Step::MoveOn
    }

    fn client_gone(&self) -> Step {
        self.worker
            .tally
            .happened(self.place.gauges(), Event::ClientGone);
        Step::Done(After::Close)
    }

    /// What an end other than a broken connection means.
    fn ended(&self, end: End) -> Step {
        match end {
            End::Whole(after) => Step::Done(after),
            End::Switched | End::Cut => Step::Done(After::Close),
            End::Gone => self.client_gone(),
            End::Failed(Failure::Reset) => Step::Tell(Tell::BadGateway("reset")),
            End::Failed(Failure::Unanswered) => {
                self.failed(Outcome::Unanswered, Event::Unanswered);
                Step::Tell(Tell::GatewayTimeout)
            }
            End::Failed(Failure::BadAnswer) => {
                self.failed(Outcome::BadAnswer, Event::BadAnswer);
                Step::Tell(Tell::BadGateway("bad-answer"))
            }
            End::Failed(Failure::Fault(fault)) => Step::Tell(Tell::Fault(fault)),
            End::Failed(Failure::Slow) => Step::Tell(Tell::SlowBody),
        }
    }

    /// A failure that counts against the server.
    fn failed(&self, outcome: Outcome, event: Event) {
        let gauges = self.place.gauges();
        self.worker
            .farm
            .report(gauges, self.client.peer.ip(), outcome);
        self.worker.tally.happened(gauges, event);
    }
}

/// The head of an answer came: a success, unless the operator has its status counted.
fn note_answer(
    worker: &Worker,
    client: IpAddr,
    place: &Place,
    (begun, outcome): (Instant, Outcome),
) {
    let gauges = place.gauges();
    let micros = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
    gauges.answered_in(micros, worker.farm.now());
    worker.farm.report(gauges, client, outcome);
    worker.tally.happened(gauges, Event::Answered);
    gauges.end_trial_by(client);
}

#[cfg(test)]
mod tests;
