//! `error-threshold ID N`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

/// The largest threshold.
const MOST: u32 = 65_535;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::no_error_threshold {
        return draft.unset(node, said(line, word), &Value::Errors(0), false);
    }
    let number = line
        .word(Rule::number)
        .map(|word| draft.number(line, word, 1, MOST));
    if let Some(number) = number {
        draft.set(node, said(line, word), Value::Errors(number), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    out.of_servings("error-threshold", |serving| serving.watching.errors);
}
