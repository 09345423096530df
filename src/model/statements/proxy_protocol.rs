//! `proxy-protocol ID`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::proxy_protocol {
        draft.set(node, said(line, word), Value::ProxyProtocol, None);
    } else {
        draft.unset(node, said(line, word), &Value::ProxyProtocol, false);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let model = out.model();
    let virtuals = model.virtuals.iter().map(|v| (v.id, v.proxy_protocol));
    let dips = model.dips.iter().map(|d| (d.id, d.proxy_protocol));
    for (id, _) in virtuals.chain(dips).filter(|(_, on)| *on) {
        let id = out.endpoint(id);
        out.line(format_args!("proxy-protocol {id}"));
    }
}
