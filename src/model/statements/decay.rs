//! `decay URL-ID SECONDS`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

/// The longest time constant: a day.
const MOST: u32 = 86_400;
/// What [`Url::new`](crate::model::Url::new) sets.
const DEFAULT: u32 = 60;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::url_id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::no_decay {
        return draft.unset(node, said(line, word), &Value::Decay(0), false);
    }
    let number = line
        .word(Rule::seconds)
        .map(|word| draft.number(line, word, 1, MOST));
    if let Some(number) = number {
        draft.set(node, said(line, word), Value::Decay(number), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for url in &out.model().urls {
        if url.decay_s != DEFAULT {
            out.line(format_args!("decay {} {}", url.id, url.decay_s));
        }
    }
}
