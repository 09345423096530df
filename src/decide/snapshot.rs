//! Model and facts, compiled into what a decision reads.

use std::net::IpAddr;

use super::{Ask, Attempt, Decision, Loads, Millis, Moment, NodeIndex};
use crate::model::{Endpoint, Id, Model, Serving, Template};

/// What was measured of a server's health: never what the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Health {
    /// Nothing against it.
    #[default]
    Up,
    /// Measured to have failed.
    Failed,
    /// Failed, and on trial: one client at a time.
    Testing,
}

/// What was measured, by id; what is not named is up.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Reals and dips (a dip's health is its real half's).
    pub health: std::collections::HashMap<Id, Health>,
}

/// A model and facts, compiled.
#[derive(Debug)]
pub struct Snapshot {}

impl Snapshot {
    /// Compiles from nothing. `before` carries gauges and turns of ids that live on.
    pub fn compile(
        model: &Model,
        facts: &Facts,
        before: Option<(&Snapshot, &Loads)>,
    ) -> (Snapshot, Loads) {
        let _ = (model, facts, before);
        unimplemented!()
    }

    /// A snapshot in which the health of `changes` is new and everything else shared with this one.
    pub fn with_health(&self, changes: &[(NodeIndex, Health)]) -> Snapshot {
        let _ = changes;
        unimplemented!()
    }

    /// The virtual or dip that listens at `at`.
    pub fn node_at(&self, at: Endpoint) -> Option<NodeIndex> {
        let _ = at;
        unimplemented!()
    }

    /// A node's id.
    pub fn id(&self, node: NodeIndex) -> &Id {
        let _ = node;
        unimplemented!()
    }

    /// The node of a real, dip, virtual or url.
    pub fn node(&self, id: &Id) -> Option<NodeIndex> {
        let _ = id;
        unimplemented!()
    }

    /// Settings of a real or dip.
    pub fn serving(&self, server: NodeIndex) -> &Serving {
        let _ = server;
        unimplemented!()
    }

    /// Where to connect to for a real or dip.
    pub fn upstream(&self, server: NodeIndex) -> Endpoint {
        let _ = server;
        unimplemented!()
    }

    /// A url's template.
    pub fn template(&self, url: NodeIndex) -> &Template {
        let _ = url;
        unimplemented!()
    }

    /// Whether connections to this virtual stay open after a redirect.
    pub fn keepalive(&self, at: NodeIndex) -> bool {
        let _ = at;
        unimplemented!()
    }
}

/// Decides. Total; allocates nothing on the path of a redirect. Takes a turn of the virtual's predictor
/// (unless `attempt` says that this is not the first try), and with `Action::Forward` a place at the server.
pub fn decide(
    ask: &Ask<'_>,
    snapshot: &Snapshot,
    loads: &Loads,
    moment: Moment,
    attempt: &mut Attempt,
) -> Decision {
    let _ = (ask, snapshot, loads, moment, attempt);
    unimplemented!()
}

/// Longer than this a `Location` is not built, in bytes.
pub const LOCATION_BYTES: usize = 16 * 1024;

/// The `Location` would be longer than [`LOCATION_BYTES`]: 414.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocationTooLong;

/// Appends the expanded, percent-encoded absolute URL to `out` in one pass (RELIABILITY.md part C).
///
/// # Errors
/// [`LocationTooLong`]; `out` is then as it was.
pub fn write_location(
    template: &Template,
    ask: &Ask<'_>,
    out: &mut Vec<u8>,
) -> Result<(), LocationTooLong> {
    let _ = (template, ask, out);
    unimplemented!()
}

/// Not asked for by anything yet but the trial token's owner: a short hash of an address.
#[expect(dead_code, reason = "the trial token keys clients by it")]
fn client_key(client: IpAddr, now: Millis) -> u64 {
    let _ = (client, now);
    unimplemented!()
}
