//! The live atomics beside a snapshot.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::{Millis, NodeIndex};
use crate::model::Id;

/// The gauges of one server, living as long as its id does, over any number of snapshots.
#[derive(Debug)]
pub struct Gauges {
    /// Whose they are.
    pub id: Id,
    connections: AtomicU32,
    /// Set by control while failures are being counted or the server is on trial: a success is worth a report.
    pub suspect: AtomicBool,
    asked: [AtomicU64; 2],
    trial: AtomicU64,
    response_time: AtomicU64,
}

/// Live gauges and turn counters of every node of one snapshot, by its [`NodeIndex`].
#[derive(Debug)]
pub struct Loads {
    gauges: Box<[Arc<Gauges>]>,
}

/// One place taken at a server: given back when dropped.
#[derive(Debug)]
pub struct Place(Arc<Gauges>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    /// The server's gauges.
    pub fn gauges(&self) -> &Arc<Gauges> {
        &self.0
    }
}

impl Loads {
    /// Takes over the place that a [`decide`](super::decide) with `Action::Forward { server }` took.
    pub fn place(&self, server: NodeIndex) -> Place {
        Place(Arc::clone(&self.gauges[server.0 as usize]))
    }

    /// The gauges of a node.
    pub fn gauges(&self, node: NodeIndex) -> &Arc<Gauges> {
        &self.gauges[node.0 as usize]
    }
}

impl Gauges {
    /// Exchanges and tunnels open at this moment.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Notes that `client` asks this server, so that [`others_asked_since`](Self::others_asked_since) can tell.
    pub fn asked_by(&self, client: IpAddr, now: Millis) {
        let _ = (client, now, &self.asked);
        unimplemented!()
    }

    /// Whether an address other than `client` asked this server at `since` or later.
    pub fn others_asked_since(&self, client: IpAddr, since: Millis) -> bool {
        let _ = (client, since);
        unimplemented!()
    }

    /// Adds the time to the head of an answer, in microseconds, to the moving average.
    pub fn answered_in(&self, micros: u32, now: Millis) {
        let _ = (micros, now, &self.response_time);
        unimplemented!()
    }

    /// Gives the trial token back: the trial ended with a result.
    pub fn end_trial(&self) {
        self.trial.store(0, Ordering::Release);
    }
}
