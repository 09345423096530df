//! In the path of packets: `inline`, `transparent`, `pass`; what of it fits together, and which endpoints it makes.

use std::num::NonZeroU16;

use super::draft::{Draft, Kind, Node, Said, Value};
use super::{Dip, Endpoint, Id, Model};
use crate::language::Rule;

impl Dip {
    /// Where further ports of it are listened at.
    pub fn passed(&self) -> impl Iterator<Item = Endpoint> {
        let at = self.id.address;
        self.passes.iter().map(move |port| Endpoint::new(at, *port))
    }
}

impl Model {
    /// The endpoints that are the servers' own: connections to them are taken on their way through this host. None without `inline`.
    pub fn in_path(&self) -> impl Iterator<Item = Endpoint> {
        let dips = self.dips.iter();
        dips.filter(|_| !self.globals.inline.is_empty())
            .flat_map(|dip| {
                let own = std::iter::once(dip.id).chain(dip.listens.iter().copied());
                own.chain(dip.passed())
                    .filter(|at| at.address == dip.real.address)
            })
    }

    /// Where servers are asked that see their clients' addresses.
    pub fn transparent(&self) -> impl Iterator<Item = Endpoint> {
        let reals = self.reals.iter().filter(|real| real.serving.transparent);
        let dips = self.dips.iter().filter(|dip| dip.serving.transparent);
        let dips = dips.flat_map(|dip| {
            let passed = dip.passes.iter();
            let passed = passed.map(|port| Endpoint::new(dip.real.address, *port));
            std::iter::once(dip.real).chain(passed)
        });
        reals.map(|real| real.id).chain(dips)
    }
}

/// The ports of `node` in order, each once.
pub(super) fn passes(node: &Node) -> Vec<NonZeroU16> {
    let mut ports: Vec<_> = node.passes.iter().map(|(port, _)| *port).collect();
    ports.sort_unstable();
    ports
}

/// Where the ports of `node` are listened at.
pub(super) fn passed(node: &Node) -> impl Iterator<Item = (Endpoint, Said)> {
    let own = match &node.id {
        Id::Endpoint(own) => Some(own.address),
        Id::Url(_) => None,
    };
    let passes = node.passes.iter();
    passes.filter_map(move |(port, said)| Some((Endpoint::new(own?, *port), *said)))
}

/// The id in each `pass` line about `node`.
pub(super) fn passing(draft: &Draft<'_>, node: &Node) -> Vec<Said> {
    let mut words: Vec<Said> = node.passes.iter().map(|(_, said)| *said).collect();
    words.dedup_by_key(|said| said.line);
    for said in &mut words {
        let id = draft.statements.word_of(said.line, Rule::dip_id);
        said.word = id.unwrap_or(said.word);
    }
    words
}

/// Whether a dip at `own` takes connections on their way to its server at the same address.
pub(super) fn is_in_path(draft: &Draft<'_>, own: Endpoint, real: Endpoint) -> bool {
    !draft.whole.inline.is_empty() && own.address == real.address
}

/// Tells of what would keep clients' addresses from their servers, or servers' answers from coming back.
pub(super) fn check(draft: &mut Draft<'_>) {
    let servers = draft.nodes.iter();
    let servers = servers.filter(|node| matches!(node.kind(), Some(Kind::Real | Kind::Dip)));
    let settings = servers.flat_map(|node| {
        let shared = node.settings.iter().any(|s| s.value == Value::Http2);
        node.settings.iter().map(move |setting| (setting, shared))
    });
    let found: Vec<(Said, bool)> = settings
        .filter(|(setting, _)| setting.value == Value::Transparent)
        .map(|(setting, shared)| (setting.said, shared))
        .collect();
    for (said, _) in found.iter().filter(|(_, shared)| *shared) {
        let text = draft.text(said.word);
        let message = format!("`{text}` is `transparent`, but spoken to by `http2`");
        let error = draft.error(said.word, message);
        error.label = "clients share a connection, which has one address".into();
        error.help = Some("take back one of them: `no transparent ID`, or `no real ID http2` (of a dip `no dip ID http2`)".into());
    }
    if !draft.whole.inline.is_empty() {
        return;
    }
    for (said, _) in found {
        let text = draft.text(said.word);
        let message = format!("`{text}` is `transparent`, but no line says `inline`");
        let error = draft.error(said.word, message);
        error.label =
            "its answers would go to the clients and not come back through Signpost".into();
        error.help = Some("write `inline INTERFACE`, by which clients' packets come in".into());
    }
}
