//! `console-exec`.

use super::whole;
use crate::language::{Line, Rule};
use crate::model::draft::Draft;
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let exec = &mut draft.whole.entrance.exec;
    if line.rule == Rule::console_exec {
        exec.get_or_insert(whole(line));
    } else if exec.take().is_none() {
        draft.nothing_to_undo(whole(line), "no line above allows it".to_owned());
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    if out.model().globals.console.exec {
        out.line(format_args!("console-exec"));
    }
}
