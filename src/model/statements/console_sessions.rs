//! `console-sessions N`.

use super::{said, whole};
use crate::language::{Line, Rule};
use crate::model::Console;
use crate::model::draft::Draft;
use crate::model::print::Printer;

/// The least and the most.
const RANGE: (u32, u32) = (1, 64);

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    if line.rule == Rule::no_console_sessions {
        if draft.whole.entrance.sessions.take().is_none() {
            draft.nothing_to_undo(whole(line), "no line above sets this number".to_owned());
        }
        return;
    }
    let Some(word) = line.word(Rule::number) else {
        return;
    };
    let value = draft.number(line, word, RANGE.0, RANGE.1) as u16;
    match draft.whole.entrance.sessions {
        Some((_, before)) if before == value => return,
        Some((before, _)) => draft.overridden(before.line, line.index),
        None => {}
    }
    draft.whole.entrance.sessions = Some((said(line, word), value));
}

pub(super) fn print(out: &mut Printer<'_>) {
    let value = out.model().globals.console.sessions;
    if value != Console::default().sessions {
        out.line(format_args!("console-sessions {value}"));
    }
}
