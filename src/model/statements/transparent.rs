//! `transparent ID`.

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
    if line.rule == Rule::transparent {
        draft.set(node, said(line, word), Value::Transparent, None);
    } else {
        draft.unset(node, said(line, word), &Value::Transparent, false);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for (id, _) in out.servings().filter(|(_, serving)| serving.transparent) {
        let id = out.endpoint(id);
        out.line(format_args!("transparent {id}"));
    }
}
