//! `limit NAME VALUE`.

use super::whole;
use crate::language::{Line, Rule};
use crate::model::draft::Draft;
use crate::model::print::Printer;
use crate::model::{Limit, Limits};

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let named = |word| Limit::named(&line.text(word));
    let Some(limit) = line.words().first().and_then(named) else {
        return;
    };
    let at = limit as usize;
    if line.rule == Rule::no_limit {
        if draft.whole.limits[at].take().is_none() {
            draft.nothing_to_undo(whole(line), "no line above sets this limit".to_owned());
        }
        return;
    }
    let Some(word) = line.word(Rule::number) else {
        return;
    };
    let (least, most) = limit.range();
    let value = draft.number(line, word, least, most);
    match draft.whole.limits[at] {
        Some((_, before)) if before == value => return,
        Some((before, _)) => draft.overridden(before.line, line.index),
        None => {}
    }
    draft.whole.limits[at] = Some((whole(line), value));
}

pub(super) fn print(out: &mut Printer<'_>) {
    let limits: &Limits = &out.model().globals.limits;
    for limit in Limit::ALL {
        let value = limits.of(limit);
        if value != limit.default() {
            out.line(format_args!("limit {} {value}", limit.as_str()));
        }
    }
}
