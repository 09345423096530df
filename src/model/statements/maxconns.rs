//! `maxconns ID N`.

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
    if line.rule == Rule::no_maxconns {
        return draft.unset(node, said(line, word), &Value::Maxconns(0), false);
    }
    let number = line
        .word(Rule::number)
        .map(|word| draft.number(line, word, 1, u32::MAX));
    if let Some(number) = number {
        draft.set(node, said(line, word), Value::Maxconns(number), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    out.of_servings("maxconns", |serving| serving.maxconns);
    for url in &out.model().urls {
        if let Some(maxconns) = url.maxconns {
            out.line(format_args!("maxconns {} {maxconns}", url.id));
        }
    }
}
