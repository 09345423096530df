//! `timeout ID SECONDS`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Serving;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

/// The longest silence: thirty days.
const MOST: u32 = 2_592_000;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::no_timeout {
        return draft.unset(node, said(line, word), &Value::Timeout(0), false);
    }
    let number = line
        .word(Rule::seconds)
        .map(|word| draft.number(line, word, 1, MOST));
    if let Some(number) = number {
        draft.set(node, said(line, word), Value::Timeout(number), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let default = Serving::default().timeout_s;
    out.of_servings("timeout", |serving| {
        Some(serving.timeout_s).filter(|it| *it != default)
    });
}
