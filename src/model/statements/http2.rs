//! `http2 ID off`.

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
    if line.rule == Rule::http2 {
        draft.set(node, said(line, word), Value::NoHttp2, None);
    } else {
        draft.unset(node, said(line, word), &Value::NoHttp2, false);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let model = out.model();
    let virtuals = model.virtuals.iter().map(|v| (v.id, v.http2));
    let dips = model.dips.iter().map(|d| (d.id, d.http2));
    for (id, _) in virtuals.chain(dips).filter(|(_, on)| !*on) {
        let id = out.endpoint(id);
        out.line(format_args!("http2 {id} off"));
    }
}
