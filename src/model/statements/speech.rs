//! `… tls [verify NAME [ca FILE]|verify off]` and `… http2` at the end of `real ID` and `dip ID`.

use std::net::IpAddr;

use super::path::path;
use super::said;
use crate::language::{Line, Rule, Word};
use crate::model::Verify;
use crate::model::draft::{Draft, NodeId, Value};
use crate::model::template;

/// Sets what the end of the line says; `id` is the line's.
pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>, (node, id): (NodeId, &Word)) {
    if line.has(Rule::speaks_tls)
        && let Some(verify) = verify(draft, line)
    {
        draft.set(node, said(line, id), Value::Tls(verify), None);
    }
    if line.has(Rule::speaks_http2) {
        draft.set(node, said(line, id), Value::Http2, None);
    }
}

/// Takes back what the end of a `no` line names; false: it names nothing, and the line speaks of the whole server.
pub(super) fn undo(draft: &mut Draft<'_>, line: Line<'_>, (node, id): (NodeId, &Word)) -> bool {
    let (tls, http2) = (line.has(Rule::speaks_tls), line.has(Rule::speaks_http2));
    if tls {
        draft.unset(node, said(line, id), &Value::Tls(Verify::Off), false);
    }
    if http2 {
        draft.unset(node, said(line, id), &Value::Http2, false);
    }
    tls || http2
}

fn verify(draft: &mut Draft<'_>, line: Line<'_>) -> Option<Verify> {
    if line.has(Rule::off) {
        return Some(Verify::Off);
    }
    let Some(word) = line.word(Rule::server_name) else {
        return Some(Verify::Address);
    };
    let name = line.text(word);
    let bare = name.trim_matches(['[', ']']);
    let is_name = template::is_authority(&name) && !name.contains([':', '%']);
    if !is_name && bare.parse::<IpAddr>().is_err() {
        draft
            .error(word.span, format!("`{name}` is not the name of a server"))
            .label = "expected a DNS name or an address, without port".into();
        return None;
    }
    let ca = match line.word(Rule::file_path) {
        None => None,
        Some(word) => Some(path(draft, line, word)?),
    };
    Some(Verify::Name {
        name: bare.to_ascii_lowercase().into(),
        ca,
    })
}
