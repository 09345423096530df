//! Urls that send clients back to the very URL that they asked for, where the text of the two tells.

use super::draft::{Draft, Kind, NodeId};
use super::warnings::{Findings, only_url, tell, url_word};
use super::{Id, Piece, Scheme, Template};
use crate::language::Rule;

/// Where a url's authority leads a client that asked for `%h`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    /// To the port that it asked for.
    Asked,
    To(u16),
}

/// Warns of them. A trusted proxy may tell another scheme than the listener's own.
pub(super) fn warn(draft: &mut Draft<'_>) {
    if !draft.whole.trusted.is_empty() {
        return;
    }
    let mut findings = Findings::new();
    for (id, node) in (0..).zip(&draft.nodes) {
        if node.kind() != Some(Kind::Virtual) {
            continue;
        }
        let urls = node.targets.iter();
        for url in urls.filter_map(|(target, _)| only_url(draft, *target)) {
            let Some(definition) = &draft.nodes[url as usize].definition else {
                continue;
            };
            let Some((template, _)) = definition.url.as_deref() else {
                continue;
            };
            if comes_round(draft, id, template) {
                let name = &draft.nodes[url as usize].id;
                findings.push((
                    url_word(draft, definition.said, Rule::url_text),
                    format!("the url `{name}` leads clients of `{}` to where they just asked", node.id),
                    "scheme, host, port and path are those of the request: it is passed over, and answered 503 where nothing else is bound",
                    Some("lead to another host, port or path, or to `https` from a virtual without `tls`".to_owned()),
                ));
            }
        }
    }
    tell(draft, findings);
}

/// Whether `template` leads whoever asked the virtual `of` for a URL to that URL.
fn comes_round(draft: &Draft<'_>, of: NodeId, template: &Template) -> bool {
    let node = &draft.nodes[of as usize];
    let Id::Endpoint(at) = &node.id else {
        return false;
    };
    let scheme = match node.certificates.is_empty() {
        true => Scheme::Http,
        false => Scheme::Https,
    };
    let mut ports = std::iter::once(at).chain(node.listens.iter().map(|(at, _)| at));
    template.scheme == scheme
        && keeps_target(template)
        && match port(template) {
            Some(Port::Asked) => true,
            Some(Port::To(port)) => ports.any(|at| at.port.get() == port),
            None => false,
        }
}

/// The port that it leads to at the host that was asked for; `None`: at another host.
fn port(template: &Template) -> Option<Port> {
    match &*template.authority {
        [Piece::Host] => Some(Port::To(template.scheme.default_port())),
        [Piece::Host, Piece::Literal(port)] => {
            let port = port.strip_prefix(':')?.parse().ok()?;
            Some(Port::To(port))
        }
        [Piece::Host, Piece::Literal(colon), Piece::Port] if &**colon == ":" => Some(Port::Asked),
        _ => None,
    }
}

/// Whether path and query are those asked for. A fragment is never asked for.
fn keeps_target(template: &Template) -> bool {
    let (path, rest) = match &*template.path {
        [Piece::Literal(root), Piece::PathAndQuery, rest @ ..] => (root, rest),
        [
            Piece::Literal(root),
            Piece::Path,
            Piece::Literal(sign),
            Piece::Query,
            rest @ ..,
        ] if &**sign == "?" => (root, rest),
        _ => return false,
    };
    let fragment = match rest.first() {
        None => true,
        Some(Piece::Literal(text)) => text.starts_with('#'),
        Some(_) => false,
    };
    &**path == "/" && fragment
}
