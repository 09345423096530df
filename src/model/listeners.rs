//! Who listens where: each address and port once, and none of them a real.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::draft::{Draft, Kind, NodeId, Said};
use super::{Endpoint, Id};

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
        if let Some(listener) = listener_of(taken, real.socket())
            && !own_dip
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
}
