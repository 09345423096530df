//! One server's turn at an exchange: over a connection that is there or a fresh one, and what its end means.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::connect::{NoConnection, connect, exhausted};
use super::pool::Upstream;
use super::relay::{Closed, End, Failure, Relay};
use super::request::Route;
use super::{After, Exchange, Step, Tell, retry, tunnel};
use crate::control::Outcome;
use crate::decide::{NodeIndex, Place};
use crate::proxy::claimed;
use crate::proxy::client::{Client, Stream};
use crate::proxy::http1::Framing;
use crate::proxy::worker::Worker;
use crate::telemetry::{Cause, Event};

/// What came of an exchange over one connection.
struct Over {
    end: End,
    /// Bytes of the body were taken from the client.
    begun: bool,
    /// Bytes of the request were sent.
    sent: bool,
    /// Bytes of an answer came.
    answered: bool,
}

/// One server's turn at an exchange.
pub(super) struct Visit<'a, S> {
    pub(super) worker: &'a Rc<Worker>,
    pub(super) client: &'a mut Client<S>,
    pub(super) exchange: &'a Exchange,
    pub(super) server: NodeIndex,
    pub(super) place: &'a Place,
}

impl<S: Stream> Visit<'_, S> {
    /// Takes the turn.
    pub(super) async fn run(&mut self) -> Step {
        let worker = self.worker;
        self.place
            .gauges()
            .asked_by(self.exchange.client, worker.farm.now());
        let server = self.exchange.live.snapshot.upstream(self.server).socket();
        let idempotent = retry::idempotent(self.exchange.head.text(&self.exchange.head.method));
        let replayable = idempotent && self.exchange.head.framing == Framing::None;
        // A request that cannot be sent twice is worth asking the kernel whether the connection still stands.
        let mut idle = worker.pools.take(server, !replayable);
        loop {
            let upstream = match idle.take() {
                Some(upstream) => upstream,
                None => match self.connect(server).await {
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
            let Over {
                end,
                begun,
                sent,
                answered,
            } = self.exchange_over(upstream, server).await;
            return match end {
                End::Failed(Failure::Reset) => {
                    let replayable = !begun && !answered;
                    if used && replayable && (idempotent || !sent) {
                        continue;
                    }
                    self.failed(Outcome::Reset, Event::Reset);
                    match (replayable, sent) {
                        (true, false) => Step::MoveOn(Cause::Reset),
                        (true, true) if idempotent => Step::Again,
                        _ => Step::Tell(Tell::BadGateway("reset")),
                    }
                }
                end => self.ended(end),
            };
        }
    }

    /// Request and answer over one connection.
    async fn exchange_over(&mut self, upstream: Upstream, server: SocketAddr) -> Over {
        let trusted = &self.exchange.live.snapshot.globals().trusted;
        let route = Route {
            from: self.client.from,
            trusted: claimed::trusted(trusted, self.client.from.ip()),
            local: self.client.local,
            scheme: self.client.scheme(),
            cookie: self.exchange.cookie(),
            pseudonym: &self.worker.pseudonym,
        };
        let silence = self.silence();
        let mut relay = Relay::new(
            (self.worker, &mut *self.client),
            (self.exchange, self.place),
            upstream,
            silence,
        );
        let mut end = match relay.send(&route) {
            Ok(()) => std::future::poll_fn(|cx| relay.poll(cx)).await,
            Err(fault) => End::Failed(Failure::Fault(fault)),
        };
        let Closed {
            upstream,
            reply,
            reusable,
            answered,
            begun,
            taken,
            up,
            down,
        } = relay.close();
        self.exchange.trace.passed(taken, down);
        self.worker.tally.passed(self.place.gauges(), up, down);
        match end {
            End::Whole(_) if reusable => self.worker.pools.keep(server, upstream),
            End::Switched => end = self.tunnel(upstream, reply.early(), silence).await,
            _ => {}
        }
        Over {
            end,
            begun,
            sent: up > 0,
            answered,
        }
    }

    async fn tunnel(&mut self, mut upstream: Upstream, early: Vec<u8>, silence: Duration) -> End {
        self.worker
            .tally
            .happened(self.place.gauges(), Event::Tunnel);
        let pipes = &self.worker.pools.pipes;
        let server = &mut upstream.stream;
        let (up, down) = tunnel::tunnel(self.client, server, early.into(), (silence, pipes)).await;
        self.exchange.trace.passed(up, down);
        self.worker.tally.passed(self.place.gauges(), up, down);
        // Closed with bytes of the client's unread, the connection would be reset, and the server's last ones lost.
        End::Whole(After::Linger)
    }

    async fn connect(&mut self, server: SocketAddr) -> Result<Upstream, NoConnection> {
        let begun = self.exchange.trace.now();
        let connected = connect(self.client, server).await?;
        self.exchange.trace.connected(begun);
        Ok(connected)
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
            NoConnection::Slow => {
                self.failed(Outcome::Unanswered, Event::Unanswered);
                return Step::MoveOn(Cause::NoAnswer);
            }
            NoConnection::Ours(error) => {
                tracing::error!(%error, server = %self.place.gauges().id, "no connection to a server could be opened: raise the limit of descriptors or ports");
                self.worker
                    .tally
                    .happened(self.place.gauges(), Event::ConnectFailed);
            }
        }
        Step::MoveOn(Cause::NoConnection)
    }

    fn client_gone(&self) -> Step {
        self.exchange.trace.blame(Some(Event::ClientGone.as_str()));
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
            .report(gauges, self.exchange.client, outcome);
        self.worker.tally.happened(gauges, event);
    }
}
