//! `promise DIP-ID SECONDS`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Serving;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

/// The longest promise, in seconds.
const MOST: u32 = 300;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::dip_id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::no_promise {
        return draft.unset(node, said(line, word), &Value::Promise(0), false);
    }
    let number = line
        .word(Rule::seconds)
        .map(|word| draft.number(line, word, 0, MOST));
    if let Some(number) = number {
        draft.set(node, said(line, word), Value::Promise(number), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let default = Serving::default().promise_s;
    out.of_servings("promise", |serving| {
        Some(serving.promise_s).filter(|it| *it != default)
    });
}
