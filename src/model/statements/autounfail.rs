//! `[no] autounfail ID`: on by default, so that both forms set a value.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    if let Some(node) = draft.refer(line, word) {
        let on = line.rule == Rule::autounfail;
        draft.set(node, said(line, word), Value::Autounfail(on), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for (id, serving) in out.servings() {
        if !serving.watching.autounfail {
            let id = out.endpoint(id);
            out.line(format_args!("no autounfail {id}"));
        }
    }
}
