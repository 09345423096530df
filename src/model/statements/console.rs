//! `console [ssh] [ENDPOINT]`.

use super::{said, whole};
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Said};
use crate::model::print::Printer;
use crate::model::whole::service_at;
use crate::model::{CONSOLE_AT, Endpoint, SSH_AT};

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let ssh = line.has(Rule::by_ssh);
    if line.rule == Rule::no_console {
        if place(draft, ssh).take().is_none() {
            let what = if ssh {
                "a console over SSH"
            } else {
                "a console"
            };
            draft.nothing_to_undo(whole(line), format!("no line above opens {what}"));
        }
        return;
    }
    let default = if ssh { SSH_AT } else { CONSOLE_AT };
    let (said, at) = match line.word(Rule::endpoint) {
        None => (whole(line), default),
        Some(word) => match service_at(draft, line, word, default.port) {
            Some(at) => (said(line, word), at),
            None => return,
        },
    };
    match place(draft, ssh).replace((said, at)) {
        Some((before, known)) if known == at => *place(draft, ssh) = Some((before, known)),
        Some((before, _)) => draft.overridden(before.line, said.line),
        None => {}
    }
}

fn place<'d>(draft: &'d mut Draft<'_>, ssh: bool) -> &'d mut Option<(Said, Endpoint)> {
    let entrance = &mut draft.whole.entrance;
    if ssh {
        &mut entrance.ssh
    } else {
        &mut entrance.telnet
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let console = &out.model().globals.console;
    for (at, default, keyword) in [
        (console.telnet, CONSOLE_AT, "console"),
        (console.ssh, SSH_AT, "console ssh"),
    ] {
        match at {
            None => {}
            Some(at) if at == default => out.line(format_args!("{keyword}")),
            // The port is always written: left out it would not be 80 here.
            Some(at) => {
                let address = out.address(at.address);
                out.line(format_args!("{keyword} {address}:{}", at.port));
            }
        }
    }
}
