//! `capacity ID N`.

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
    if line.rule == Rule::no_capacity {
        return draft.unset(node, said(line, word), &Value::Capacity(0), false);
    }
    let number = line
        .word(Rule::number)
        .map(|word| draft.number(line, word, 1, u32::MAX));
    if let Some(number) = number {
        draft.set(node, said(line, word), Value::Capacity(number), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    out.of_servings("capacity", |serving| serving.capacity);
    for url in &out.model().urls {
        if let Some(capacity) = url.capacity {
            out.line(format_args!("capacity {} {capacity}", url.id));
        }
    }
}
