//! `return VIRTUAL-ID`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::virtual_id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::returns {
        draft.set(node, said(line, word), Value::Returns, None);
    } else {
        draft.unset(node, said(line, word), &Value::Returns, false);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for server in out.model().virtuals.iter().filter(|server| server.returns) {
        let id = out.endpoint(server.id);
        out.line(format_args!("return {id}"));
    }
}
