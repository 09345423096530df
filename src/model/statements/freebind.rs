//! `freebind`.

use super::whole;
use crate::language::{Line, Rule};
use crate::model::draft::Draft;
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let wanted = line.rule == Rule::freebind;
    let before = std::mem::replace(&mut draft.whole.freebind, wanted);
    if !wanted && !before {
        draft.nothing_to_undo(whole(line), "no line above says so".to_owned());
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    if out.model().globals.freebind {
        out.line(format_args!("freebind"));
    }
}
