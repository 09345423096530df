//! `weight ID N`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Serving;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::no_weight {
        return draft.unset(node, said(line, word), &Value::Weight(0), false);
    }
    let number = line
        .word(Rule::number)
        .map(|word| draft.number(line, word, 0, u16::MAX.into()));
    if let Some(weight) = number.and_then(|number| u16::try_from(number).ok()) {
        draft.set(node, said(line, word), Value::Weight(weight), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let default = Serving::default().weight;
    let differs = |weight: u16| (weight != default).then_some(weight.into());
    out.of_servings("weight", |serving| differs(serving.weight));
    for url in &out.model().urls {
        if let Some(weight) = differs(url.weight) {
            out.line(format_args!("weight {} {weight}", url.id));
        }
    }
}
