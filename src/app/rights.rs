//! What a director in the path of packets may do beyond serving: given up before its threads begin.

use rustix::io;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use tracing::{info, warn};

use crate::model::Model;

/// Where `model` says `inline`: keeps only what binds ports below 1024 and addresses of servers, now and at later reloads, and never
/// gets more. To be called before any other thread is there: rights are a thread's, and handed down.
///
/// A director that is not in the path keeps what it was started with: it needs no right beyond those ports.
pub fn give_up_rights(model: &Model) {
    if model.globals.inline.is_empty() {
        return;
    }
    match give_up() {
        Ok(kept) => info!("rights beyond {kept} are given up"),
        Err(e) => warn!("rights that are not needed could not be given up: {e}"),
    }
}

/// What is left, in words.
fn give_up() -> io::Result<String> {
    let has = capabilities(None)?;
    let raw = CapabilitySet::NET_RAW;
    // Either will do; the first one can do less.
    let foreign = match has.permitted.contains(raw) {
        true => raw,
        false => CapabilitySet::NET_ADMIN,
    };
    let keep = CapabilitySet::NET_BIND_SERVICE | foreign;
    let others = (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit));
    for other in others.filter(|one| !keep.contains(*one)) {
        // Beyond the last one that the kernel knows there is an error.
        if capability_is_in_bounding_set(other) == Ok(true)
            && has.effective.contains(CapabilitySet::SETPCAP)
        {
            remove_capability_from_bounding_set(other)?;
        }
    }
    let left = has.permitted & keep;
    set_capabilities(
        None,
        CapabilitySets {
            effective: left,
            permitted: left,
            inheritable: has.inheritable & keep,
        },
    )?;
    set_no_new_privs(true)?;
    let names: Vec<_> = left
        .iter_names()
        .map(|(name, _)| format!("CAP_{name}"))
        .collect();
    Ok(match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(" and "),
    })
}
