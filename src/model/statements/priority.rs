//! `priority ID LETTER`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Priority;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    let said = said(line, word);
    if line.rule == Rule::no_priority {
        return draft.unset(node, said, &Value::Priority(Priority::default()), false);
    }
    let Some(word) = line.word(Rule::letter) else {
        return;
    };
    let text = line.text(word);
    let mut letters = text.chars();
    match (letters.next().and_then(Priority::new), letters.next()) {
        (Some(priority), None) => draft.set(node, said, Value::Priority(priority), None),
        _ => {
            draft
                .error(word.span, format!("`{text}` is not a priority"))
                .label = "expected a letter, `A` (the highest) to `Z`".into();
        }
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let differs = |priority: Priority| (priority != Priority::default()).then(|| priority.letter());
    for (id, serving) in out.servings() {
        if let Some(letter) = differs(serving.priority) {
            let id = out.endpoint(id);
            out.line(format_args!("priority {id} {letter}"));
        }
    }
    for url in &out.model().urls {
        if let Some(letter) = differs(url.priority) {
            out.line(format_args!("priority {} {letter}", url.id));
        }
    }
}
