//! Connections that are passed on unread (`pass`): joined to the same port of the dip's real, or of a backup that is a server.
//!
//! The real's state, count and `maxconns` are the dip's; what comes is never looked at, so that there is nothing to redirect and
//! nobody to tell: whom no server takes is reset.

use std::net::{SocketAddr, TcpStream as Socket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::forward::{NoConnection, blame, dial, exhausted};
use super::{bounds, worker::Worker};
use crate::control::{Live, Outcome};
use crate::decide::{Action, Attempt, Decision, NodeIndex, Place, Reason, join};
use crate::model::{Endpoint, Limit};
use crate::telemetry::{Cause, Event, Line};

mod joint;

use joint::{End, carry};

/// What a connection that no server took is counted and logged as, beside the decision's reason.
const UNSERVED: &str = "pass-unserved";

/// Takes a connection that came to `at`.
pub(super) fn welcome(worker: &Rc<Worker>, socket: Socket, peer: SocketAddr, at: Endpoint) {
    // At once: whoever is let in next would have its entry taken for this one's.
    let open = worker.opened();
    let worker = Rc::clone(worker);
    tokio::task::spawn_local(async move {
        // No descriptor is needed for it: a failure is memory's, and the client sees an end.
        if let Ok(client) = TcpStream::from_std(socket) {
            let mut passing = Passing {
                worker: &worker,
                live: worker.farm.live().load_full(),
                client,
                peer,
                at,
                begun: Instant::now(),
                connect_us: None,
                attempt: Attempt::default(),
            };
            passing.run().await;
        }
        drop(open);
    });
}

/// One connection on its way.
struct Passing<'a> {
    worker: &'a Rc<Worker>,
    live: Arc<Live>,
    client: TcpStream,
    peer: SocketAddr,
    at: Endpoint,
    begun: Instant,
    connect_us: Option<u64>,
    attempt: Attempt,
}

impl Passing<'_> {
    async fn run(&mut self) {
        let mut left = None;
        loop {
            let decision = self.decide();
            let Action::Forward { server } = decision.action else {
                self.count_came(decision);
                return self.turn_away(decision.reason);
            };
            let place = self.live.loads.place(server);
            let gauges = Arc::clone(place.gauges());
            if let Some((from, cause)) = left.take() {
                self.worker.tally.reassigned(&from, cause);
            }
            self.worker.tally.decided(Some(&gauges), decision.reason);
            gauges.asked_by(self.peer.ip(), self.worker.farm.now());
            let connected = self.connect(server).await;
            match connected {
                Ok(stream) => {
                    self.count_came(decision);
                    return self.joined(decision, (server, place), stream).await;
                }
                Err(why) => {
                    let cause = self.failed(&place, why);
                    gauges.end_trial_by(self.peer.ip());
                    drop(place);
                    self.worker.queues.place_given_back();
                    left = Some((gauges, cause));
                }
            }
            // As many as may be tried were: the next decision says so.
            let _ = self.attempt.tried.try_push(server);
        }
    }

    fn decide(&mut self) -> Decision {
        // A connection that does not come about takes seconds, in which other servers may have failed. What was tried has a meaning
        // only in the same configuration.
        let now = self.worker.farm.live().load();
        if Arc::ptr_eq(&now.loads, &self.live.loads) && !Arc::ptr_eq(&now, &self.live) {
            self.live = Arc::clone(&now);
        }
        let Live { snapshot, loads } = &*self.live;
        let moment = self.worker.moment(None);
        match snapshot.passed_at(self.at) {
            Some(dip) => join(
                dip,
                self.peer.ip(),
                snapshot,
                loads,
                moment,
                &mut self.attempt,
            ),
            None => Decision {
                action: Action::Refuse,
                reason: Reason::NotHere,
                ticket: None,
            },
        }
    }

    async fn connect(&mut self, server: NodeIndex) -> Result<TcpStream, NoConnection> {
        let snapshot = &self.live.snapshot;
        let to = SocketAddr::new(snapshot.upstream(server).address, self.at.port.get());
        let kept = snapshot.serving(server).transparent;
        let from = kept.then_some(self.peer.ip());
        let begun = Instant::now();
        let patience = bounds::seconds(Limit::Connect);
        let mut dialled = timeout(patience, dial(to, from)).await;
        // Connections that only wait for use hold descriptors.
        let pools = &self.worker.pools;
        if matches!(&dialled, Ok(Err(why)) if exhausted(why)) && pools.idle() > 0 {
            pools.clear();
            dialled = timeout(patience, dial(to, from)).await;
        }
        let stream = match dialled {
            Err(_elapsed) => return Err(NoConnection::Slow),
            Ok(Err(error)) => return Err(blame(error)),
            Ok(Ok(stream)) => stream,
        };
        stream.set_nodelay(true).map_err(blame)?;
        self.connect_us = Some(micros(begun));
        Ok(stream)
    }

    /// Counts a connection that did not come about, against the server where it is its fault.
    fn failed(&self, place: &Place, why: NoConnection) -> Cause {
        let gauges = place.gauges();
        let (event, outcome, cause) = match why {
            NoConnection::Slow => (
                Event::Unanswered,
                Some(Outcome::Unanswered),
                Cause::NoAnswer,
            ),
            NoConnection::Ours(error) => {
                tracing::error!(%error, server = %gauges.id, "no connection to a server could be opened: raise the limit of descriptors or ports");
                (Event::ConnectFailed, None, Cause::NoConnection)
            }
            // What is passed on unread needs no handshake.
            NoConnection::Refused | NoConnection::Handshake(_) | NoConnection::ClientGone => (
                Event::ConnectFailed,
                Some(Outcome::Refused),
                Cause::NoConnection,
            ),
        };
        if let Some(outcome) = outcome {
            self.worker.farm.report(gauges, self.peer.ip(), outcome);
        }
        self.worker.tally.happened(gauges, event);
        cause
    }

    async fn joined(
        &mut self,
        decision: Decision,
        (server, place): (NodeIndex, Place),
        mut stream: TcpStream,
    ) {
        let gauges = Arc::clone(place.gauges());
        let ip = self.peer.ip();
        self.worker.farm.report(&gauges, ip, Outcome::Answered);
        gauges.end_trial_by(ip);
        self.worker.tally.happened(&gauges, Event::Passed);
        let serving = self.live.snapshot.serving(server);
        let silence = Duration::from_secs(serving.timeout_s.into());
        let pipes = &self.worker.pools.pipes;
        let (up, down, end) = carry(&mut self.client, &mut stream, (silence, pipes)).await;
        self.worker.tally.passed(&gauges, up, down);
        let why = match end {
            End::Both => None,
            End::Reset => {
                // Each side's reset is the other's.
                reset(&self.client);
                reset(&stream);
                Some("reset")
            }
            End::Silent => Some("timeout"),
        };
        drop(place);
        self.worker.queues.place_given_back();
        let reason = why.unwrap_or(decision.reason.as_str());
        self.log("forward", reason, Some(server), (up, down));
    }

    /// Nobody takes it.
    fn turn_away(&self, reason: Reason) {
        self.worker.tally.decided(None, reason);
        self.worker.tally.refused(UNSERVED);
        reset(&self.client);
        self.log("refuse", reason.as_str(), None, (0, 0));
    }

    /// Counts what became of it at the dip that it came to.
    fn count_came(&self, decision: Decision) {
        if let Some(dip) = self.live.snapshot.passed_at(self.at) {
            let at = self.live.loads.gauges(dip);
            self.worker.tally.came(at, decision.action);
        }
    }

    fn log(
        &self,
        action: &'static str,
        reason: &'static str,
        server: Option<NodeIndex>,
        (up, down): (u64, u64),
    ) {
        if !self.worker.scribe.on() {
            return;
        }
        let snapshot = &self.live.snapshot;
        let here = crate::model::Id::Endpoint(self.at);
        let dip = snapshot.passed_at(self.at);
        let port = self.at.port.to_string();
        let line = Line {
            at: dip.map_or(&here, |dip| snapshot.id(dip)),
            client: self.peer.ip(),
            peer: self.peer,
            method: b"PASS",
            host: b"",
            target: port.as_bytes(),
            version: "TCP",
            status: 0,
            bytes_out: down,
            bytes_in: up,
            action,
            reason,
            server: server.map(|server| snapshot.id(server)),
            location: b"",
            tries: self.attempt.tried.len() as u32,
            decide_us: 0,
            connect_us: self.connect_us,
            first_byte_us: None,
            total_us: micros(self.begun),
            referer: b"",
            user_agent: b"",
        };
        self.worker.scribe.write(&line, SystemTime::now());
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Has the end of this connection be a reset and no orderly one.
fn reset(stream: &TcpStream) {
    // Where it fails the connection is broken already.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
