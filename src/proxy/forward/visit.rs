//! One server's turn at an exchange: over a connection that is there or a fresh one, and what its end means.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use super::connect::{NoConnection, To, connect, exhausted};
use super::pool::{Upstream, Way};
use super::relay::{Closed, End, Failure, Relay};
use super::request::Route;
use super::tongue::Tongue;
use super::wire::Wire;
use super::{After, Exchange, Step, Tell, retry, tunnel};
use crate::control::Outcome;
use crate::decide::{NodeIndex, Place};
use crate::model::Limit;
use crate::proxy::claimed;
use crate::proxy::client::{Client, Stream};
use crate::proxy::http1::{Framing, Head};
use crate::proxy::worker::Worker;
use crate::telemetry::{Cause, Event};
use crate::tls::Secure;

/// What came of an exchange over one connection.
struct Over {
    end: End,
    /// Bytes of the body were taken from the client.
    begun: bool,
    /// Bytes of the request were sent.
    sent: bool,
    /// Bytes of an answer came.
    answered: bool,
    /// It took others' exchanges before, and takes no more.
    died: bool,
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
        let snapshot = &self.exchange.live.snapshot;
        let server = snapshot.upstream(self.server).socket();
        let tongue = match self.tongue(server) {
            Ok(tongue) => tongue,
            Err(why) => return self.no_connection(NoConnection::Handshake(why), None),
        };
        let tongue = tongue.as_ref();
        let way = (server, tongue.map_or(0, |tongue| tongue.number));
        let idempotent = retry::idempotent(self.exchange.head.text(&self.exchange.head.method));
        let replayable = idempotent && self.exchange.head.framing == Framing::None;
        // A request that cannot be sent twice is worth asking the kernel whether the connection still stands.
        let mut idle = match tongue.filter(|tongue| tongue.http2()) {
            _ if self.kept_address().is_some() => None,
            Some(tongue) => tongue.join(),
            None => worker.pools.take(way, !replayable),
        };
        let (mut by_http1, mut replaced) = (false, 0);
        loop {
            let upstream = match idle.take() {
                Some(upstream) => upstream,
                None => match Box::pin(self.connect(server, tongue, by_http1)).await {
                    Ok(upstream) => upstream,
                    // Connections that only wait for use hold descriptors.
                    Err(NoConnection::Ours(why)) if exhausted(&why) && worker.pools.idle() > 0 => {
                        worker.pools.clear();
                        continue;
                    }
                    Err(why) => return self.no_connection(why, tongue),
                },
            };
            if let Wire::Http2(line) = &upstream.stream
                && self.exchange.head.upgrade
                && !(websocket(&self.exchange.head) && line.opens_websockets())
            {
                by_http1 = true;
                continue;
            }
            let Over {
                end,
                begun,
                sent,
                answered,
                died,
            } = self.exchange_over(upstream, way).await;
            return match end {
                End::Failed(Failure::Reset) => {
                    let replayable = !begun && !answered;
                    if died && replayable && (idempotent || !sent) && replaced < REPLACED {
                        replaced += 1;
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
    async fn exchange_over(&mut self, upstream: Upstream, way: Way) -> Over {
        let trusted = &self.exchange.live.snapshot.globals().trusted;
        let secure = self.client.secure.clone();
        let route = Route {
            from: self.client.from,
            trusted: claimed::trusted(trusted, self.client.from.ip()),
            local: self.client.local,
            scheme: self.client.scheme(),
            certificate: secure.as_deref().and_then(Secure::client_certificate),
            cookie: self.exchange.cookie(),
            pseudonym: &self.worker.pseudonym,
            trailers: upstream.stream.takes_trailers(),
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
            mut upstream,
            reply,
            reusable,
            answered,
            begun,
            sent,
            taken,
            up,
            down,
        } = relay.close();
        self.exchange.trace.passed(taken, down);
        self.worker.tally.passed(self.place.gauges(), up, down);
        let died = upstream.died();
        match end {
            End::Whole(_) if reusable && self.kept_address().is_none() => {
                // Servers that send a body to HEAD nevertheless may do so late (RFC 9112 §6.3).
                upstream.wary = self.exchange.head.text(&self.exchange.head.method) == b"HEAD";
                self.worker.pools.keep(way, upstream);
            }
            End::Failed(Failure::Unanswered) => {
                if let Wire::Http2(exchange) = &upstream.stream {
                    exchange.retire();
                }
            }
            End::Switched => end = Box::pin(self.tunnel(upstream, reply.early(), silence)).await,
            _ => {}
        }
        Over {
            end,
            begun,
            sent,
            answered,
            died,
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

    /// How the server is spoken to, where that is not HTTP/1.1 in the clear.
    fn tongue(&self, server: SocketAddr) -> Result<Option<Rc<Tongue>>, String> {
        let speech = &self.exchange.live.snapshot.serving(self.server).speech;
        if speech.is_plain() {
            return Ok(None);
        }
        let trust = self.worker.farm.trust().load();
        let whom = (&self.place.gauges().id, server.ip());
        let pools = &self.worker.pools;
        pools.tongue(whom, speech, &trust).map(Some)
    }

    /// The client's address, where the server is to see it: its connections are for nobody else then.
    fn kept_address(&self) -> Option<IpAddr> {
        let serving = self.exchange.live.snapshot.serving(self.server);
        serving.transparent.then_some(self.exchange.client)
    }

    async fn connect(
        &mut self,
        server: SocketAddr,
        tongue: Option<&Rc<Tongue>>,
        by_http1: bool,
    ) -> Result<Upstream, NoConnection> {
        let begun = self.exchange.trace.now();
        let to = To {
            server,
            from: self.kept_address(),
            tongue,
            upgrade: by_http1,
        };
        let connected = connect(self.client, to).await?;
        self.exchange.trace.connected(begun);
        Ok(connected)
    }

    /// The server's `timeout`.
    fn silence(&self) -> Duration {
        let serving = self.exchange.live.snapshot.serving(self.server);
        Duration::from_secs(serving.timeout_s.into())
    }

    fn no_connection(&self, why: NoConnection, tongue: Option<&Rc<Tongue>>) -> Step {
        match why {
            NoConnection::ClientGone => return self.client_gone(),
            NoConnection::Handshake(why) => {
                if tongue.is_none_or(|tongue| tongue.tells()) {
                    tracing::warn!(server = %self.place.gauges().id, %why, "hands could not be shaken with a server");
                }
                self.failed(Outcome::Handshake, Event::HandshakeFailed);
            }
            NoConnection::Refused => self.failed(Outcome::Refused, Event::ConnectFailed),
            NoConnection::Slow => {
                self.worker.tally.hit(Limit::Connect);
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
                self.worker.tally.hit(Limit::Answer);
                self.failed(Outcome::Unanswered, Event::Unanswered);
                Step::Tell(Tell::GatewayTimeout)
            }
            End::Failed(Failure::BadAnswer) => {
                self.failed(Outcome::BadAnswer, Event::BadAnswer);
                Step::Tell(Tell::BadGateway("bad-answer"))
            }
            End::Failed(Failure::Fault(fault)) => Step::Tell(Tell::Fault(fault)),
            End::Failed(Failure::Slow) => {
                self.worker.tally.hit(Limit::BodyRate);
                Step::Tell(Tell::SlowBody)
            }
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

/// Connections that are replaced uncounted for one request: only what others opened meanwhile makes it more than one.
const REPLACED: usize = 8;

/// Whether a WebSocket is asked for, and nothing else (RFC 6455 §4.1).
fn websocket(head: &Head) -> bool {
    if head.text(&head.method) != b"GET" || head.framing != Framing::None {
        return false;
    }
    let mut upgrades = head
        .lines()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"upgrade"));
    let key = |(name, _): (&[u8], &[u8])| name.eq_ignore_ascii_case(b"sec-websocket-key");
    upgrades.all(|(_, value)| value.eq_ignore_ascii_case(b"websocket")) && head.lines().any(key)
}
