//! `access-log file PATH|stdout|syslog [json|combined]`.

use super::path::path;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Said};
use crate::model::print::{Printer, quoted};
use crate::model::{AccessLog, LogFormat, LogTo};

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let said = Said {
        line: line.index,
        word: line.span(),
    };
    if line.rule == Rule::no_access_log {
        if draft.whole.access_log.take().is_none() {
            draft.nothing_to_undo(said, "no line above asks for an access log".to_owned());
        }
        return;
    }
    let Some(to) = to(draft, line) else { return };
    let format = if line.has(Rule::as_combined) {
        LogFormat::Combined
    } else {
        LogFormat::Json
    };
    let log = AccessLog { to, format };
    match &draft.whole.access_log {
        Some((_, before)) if *before == log => return,
        Some((before, _)) => draft.overridden(before.line, said.line),
        None => {}
    }
    draft.whole.access_log = Some((said, log));
}

fn to(draft: &mut Draft<'_>, line: Line<'_>) -> Option<LogTo> {
    if line.has(Rule::to_stdout) {
        return Some(LogTo::Stdout);
    }
    let Some(word) = line.word(Rule::file_path) else {
        return Some(LogTo::Syslog);
    };
    path(draft, line, word).map(LogTo::File)
}

pub(super) fn print(out: &mut Printer<'_>) {
    let Some(AccessLog { to, format }) = &out.model().globals.access_log else {
        return;
    };
    let to = match to {
        LogTo::File(path) => format!("file {}", quoted(path)),
        LogTo::Stdout => "stdout".to_owned(),
        LogTo::Syslog => "syslog".to_owned(),
    };
    match format {
        LogFormat::Json => out.line(format_args!("access-log {to}")),
        LogFormat::Combined => out.line(format_args!("access-log {to} combined")),
    }
}
