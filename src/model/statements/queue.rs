//! `queue ID LENGTH SECONDS`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Queue;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

/// The longest wait, in seconds.
const SECONDS: u8 = 60;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    let said = said(line, word);
    let mut number = |rule, most: u16| {
        let word = line.word(rule)?;
        Some(draft.number(line, word, 1, most.into()))
    };
    let length = number(Rule::length, u16::MAX).and_then(|number| u16::try_from(number).ok());
    let seconds =
        number(Rule::seconds, SECONDS.into()).and_then(|number| u8::try_from(number).ok());
    match (line.rule, length, seconds) {
        (Rule::queue, Some(length), Some(seconds)) => {
            let queue = Queue { length, seconds };
            draft.set(node, said, Value::Queue(queue), None);
        }
        (Rule::no_queue, ..) => {
            let like = Queue {
                length: 1,
                seconds: 1,
            };
            draft.unset(node, said, &Value::Queue(like), false);
        }
        _ => {}
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let model = out.model();
    let virtuals = model.virtuals.iter().map(|v| (v.id, v.queue));
    for (id, queue) in virtuals.chain(model.dips.iter().map(|d| (d.id, d.queue))) {
        if let Some(Queue { length, seconds }) = queue {
            let id = out.endpoint(id);
            out.line(format_args!("queue {id} {length} {seconds}"));
        }
    }
}
