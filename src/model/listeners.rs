//! Who listens where: each address and port once, and none of them a real.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::draft::{Draft, Kind, NodeId, Said};
use super::{Endpoint, Id, path};

/// The listeners of a draft, by their address and port.
pub(super) fn listeners(draft: &Draft<'_>) -> HashMap<SocketAddr, NodeId> {
    let mut all = HashMap::new();
    for (id, node) in (0..).zip(&draft.nodes) {
        if let (Id::Endpoint(endpoint), Some(Kind::Virtual | Kind::Dip)) = (&node.id, node.kind()) {
            all.insert(endpoint.socket(), id);
            all.extend(
                node.listens
                    .iter()
                    .map(|(further, _)| (further.socket(), id)),
            );
            all.extend(path::passed(node).map(|(at, _)| (at.socket(), id)));
        }
    }
    all
}

/// Tells of listeners that stand twice and of reals that are listeners; drops repeated ones.
pub(super) fn check(draft: &mut Draft<'_>) {
    let mut taken: HashMap<SocketAddr, NodeId> = HashMap::new();
    for (id, node) in (0..).zip(&draft.nodes) {
        if let (Id::Endpoint(endpoint), Some(Kind::Virtual | Kind::Dip)) = (&node.id, node.kind()) {
            taken.insert(endpoint.socket(), id);
        }
    }
    let mut doubled = Vec::new();
    for (id, node) in (0..).zip(&mut draft.nodes) {
        node.listens
            .retain(|(further, said)| match taken.insert(further.socket(), id) {
                None => true,
                Some(other) => {
                    taken.insert(further.socket(), other);
                    if other != id {
                        doubled.push((*said, other));
                    }
                    false
                }
            });
    }
    passed(draft, &mut taken, &mut doubled);
    for (said, other) in doubled {
        let (text, id) = (
            draft.text(said.word),
            draft.nodes[other as usize].id.clone(),
        );
        draft.error(
            said.word,
            format!("`{text}` is listened at already, by `{id}`"),
        );
    }
    reals(draft, &taken);
}

/// Takes the ports that are passed on; those that are taken already go to `doubled`.
fn passed(
    draft: &Draft<'_>,
    taken: &mut HashMap<SocketAddr, NodeId>,
    doubled: &mut Vec<(Said, NodeId)>,
) {
    for (id, node) in (0..).zip(&draft.nodes) {
        if node.kind() != Some(Kind::Dip) {
            continue;
        }
        for (at, said) in path::passed(node) {
            match taken.entry(at.socket()) {
                Entry::Occupied(other) => doubled.push((said, *other.get())),
                Entry::Vacant(free) => drop(free.insert(id)),
            }
        }
    }
}

/// Who takes connections to `at`: a listener on all addresses has every one of this host, of which only the loopback is known here.
fn listener_of(taken: &HashMap<SocketAddr, NodeId>, at: SocketAddr) -> Option<&NodeId> {
    let all: IpAddr = match at.ip() {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let of_all = || taken.get(&SocketAddr::new(all, at.port()));
    let own = taken.get(&at);
    own.or_else(|| of_all().filter(|_| at.ip().is_loopback()))
}

fn reals(draft: &mut Draft<'_>, taken: &HashMap<SocketAddr, NodeId>) {
    let mut loops: Vec<(Said, Endpoint, NodeId)> = Vec::new();
    let mut passing: Vec<(Said, Endpoint, NodeId)> = Vec::new();
    for (id, node) in (0..).zip(&draft.nodes) {
        let (Id::Endpoint(own), Some(definition)) = (&node.id, &node.definition) else {
            continue;
        };
        let real = match definition.kind {
            Kind::Real => *own,
            Kind::Dip => definition.real.unwrap_or(*own),
            Kind::Virtual | Kind::Url => continue,
        };
        // A dip whose real has its own address is for `inline` to serve: a warning, told elsewhere.
        let own_dip = definition.kind == Kind::Dip && real.socket() == own.socket();
        if definition.kind == Kind::Dip {
            for (at, said) in path::passed(node) {
                let to = Endpoint::new(real.address, at.port);
                let listener = listener_of(taken, to.socket());
                if let Some(listener) = listener.filter(|at| !comes_through(draft, **at, to)) {
                    passing.push((said, to, *listener));
                }
            }
        }
        if let Some(listener) = listener_of(taken, real.socket())
            && !own_dip
            && !comes_through(draft, *listener, real)
            && (*listener != id || definition.kind == Kind::Dip)
        {
            loops.push((definition.said, real, *listener));
        }
    }
    for (said, real, listener) in loops {
        let word = draft
            .statements
            .word_of(said.line, crate::language::Rule::dip_endpoint)
            .unwrap_or(said.word);
        let id = draft.nodes[listener as usize].id.clone();
        let error = draft.error(
            word,
            format!("Signpost itself listens at `{real}`, for `{id}`"),
        );
        error.label = "traffic to this real would come back".into();
        error.help = Some("bind or back up by the virtual or dip itself".into());
    }
    for (said, to, listener) in passing {
        let port = draft.text(said.word);
        let id = draft.nodes[listener as usize].id.clone();
        let error = draft.error(
            said.word,
            format!(
                "port {port} cannot be passed on: Signpost itself listens at `{to}`, for `{id}`"
            ),
        );
        error.label = "connections would come back".into();
        error.help = Some("give the dip a real at an address of its own; one at the dip's own address needs `inline INTERFACE`".into());
    }
}

/// Whether what Signpost itself sends to `at`, where `listener` listens, goes on to the server there.
fn comes_through(draft: &Draft<'_>, listener: NodeId, at: Endpoint) -> bool {
    let node = &draft.nodes[listener as usize];
    let (Id::Endpoint(own), Some(definition)) = (&node.id, &node.definition) else {
        return false;
    };
    let is_dip = definition.kind == Kind::Dip;
    let real = definition.real.unwrap_or(*own);
    is_dip && own.address == at.address && path::is_in_path(draft, *own, real)
}
