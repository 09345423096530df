//! `retry ID SECONDS`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Watching;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

/// The longest wait: a day.
const MOST: u32 = 86_400;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::no_retry {
        return draft.unset(node, said(line, word), &Value::Retry(0), false);
    }
    let number = line
        .word(Rule::seconds)
        .map(|word| draft.number(line, word, 1, MOST));
    if let Some(number) = number {
        draft.set(node, said(line, word), Value::Retry(number), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let default = Watching::default().retry_s;
    out.of_servings("retry", |serving| {
        Some(serving.watching.retry_s).filter(|it| *it != default)
    });
}
