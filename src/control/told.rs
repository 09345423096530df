//! What the log is told of a server's health: each change with since when and why.

use std::sync::Arc;

use tracing::{debug, info, warn};

use super::Farm;
use super::clock::in_words;
use crate::decide::{Health, Measured, Millis};
use crate::health::{Cause, SUSPICION, State, Ward};
use crate::model::{Id, Intent, Probe};

/// A cause in words, with the time of day.
pub(super) fn cause(farm: &Farm, cause: &Cause) -> String {
    cause.tell(time(farm, cause.at))
}

/// A time of day in words.
pub(super) fn time(farm: &Farm, at: Millis) -> String {
    in_words(farm.time_of_day(at))
}

/// Tells that what was measured of a server is not what it was.
pub(super) fn changed(farm: &Farm, id: &Id, ward: &Ward, was: &Measured) {
    let (kind, measured) = (kind(id), ward.measured());
    let word = |measured| State::of(Intent::InService, measured, false).as_str();
    let (before, after) = (word(was), word(&measured));
    let why = cause(farm, ward.cause());
    if before == after {
        let limit = measured.maxconns;
        debug!(
            "{kind} {id}: {after}: share {} %, maxconns {limit:?}: {why}",
            measured.share
        );
        return;
    }
    match measured.health {
        Health::Failed => warn!("{kind} {id}: {after}: {why}; {}", remedy(ward)),
        Health::Testing => info!("{kind} {id}: {after}: {why}; the next client tries it"),
        Health::Up => info!("{kind} {id}: {after}: {why}"),
    }
}

/// Tells that a probe was not heard of for too long.
pub(super) fn expired(id: &Id, probe: &str, probes: &[Arc<Probe>]) {
    let kind = kind(id);
    let every = probes.iter().find(|p| *p.name == *probe);
    let every = every.map_or(0, |p| p.interval_s);
    warn!(
        "{kind} {id}: no result of probe {probe} for more than three of its intervals of {every} s: what it found last counts no more"
    );
}

/// Tells of new servers with a probe that says `from-down`.
pub(super) fn waiting(servers: usize) {
    info!("{servers} new servers count as FAILED until they answer a probe (from-down)");
}

/// Tells that clients come back from a server.
pub(super) fn suspect(id: &Id) {
    let kind = kind(id);
    info!("{kind} {id}: suspect, as several clients came back from it: probed at once");
}

/// What brings a failed server back.
fn remedy(ward: &Ward) -> String {
    let passive = ward.watch().settings();
    match ward.cause().probe.as_deref() {
        Some(SUSPICION) => "back once it takes a connection".to_owned(),
        Some(probe) => format!("back once probe {probe} succeeds"),
        None if passive.autounfail => format!("tried again in {} s", passive.retry_s),
        None => "back only by the operator's word (no autounfail)".to_owned(),
    }
}

const fn kind(id: &Id) -> &'static str {
    match id {
        Id::Endpoint(_) => "server",
        Id::Url(_) => "url",
    }
}
