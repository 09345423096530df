//! `console-timeout MINUTES`.

use super::{said, whole};
use crate::language::{Line, Rule};
use crate::model::Console;
use crate::model::draft::Draft;
use crate::model::print::Printer;

/// The least and the most.
const RANGE: (u32, u32) = (0, 1_440);

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    if line.rule == Rule::no_console_timeout {
        if draft.whole.entrance.idle_minutes.take().is_none() {
            draft.nothing_to_undo(whole(line), "no line above sets this time".to_owned());
        }
        return;
    }
    let Some(word) = line.word(Rule::minutes) else {
        return;
    };
    let value = draft.number(line, word, RANGE.0, RANGE.1) as u16;
    match draft.whole.entrance.idle_minutes {
        Some((_, before)) if before == value => return,
        Some((before, _)) => draft.overridden(before.line, line.index),
        None => {}
    }
    draft.whole.entrance.idle_minutes = Some((said(line, word), value));
}

pub(super) fn print(out: &mut Printer<'_>) {
    let value = out.model().globals.console.idle_minutes;
    if value != Console::default().idle_minutes {
        out.line(format_args!("console-timeout {value}"));
    }
}
