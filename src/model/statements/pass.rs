//! `pass DIP-ID PORT…`.

use std::num::NonZeroU16;

use super::said;
use crate::language::{Line, Rule, Word};
use crate::model::draft::Draft;
use crate::model::print::Printer;

/// The most ports of one dip: each has a listening socket a worker.
const PORTS: usize = 64;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(first) = line.word(Rule::dip_id) else {
        return;
    };
    let Some(node) = draft.refer(line, first) else {
        return;
    };
    if line.rule == Rule::no_pass && !line.has(Rule::port) {
        if draft.nodes[node as usize].passes.is_empty() {
            draft.nothing_to_undo(said(line, first), "it passes no port on".to_owned());
        }
        return draft.nodes[node as usize].passes.clear();
    }
    for word in line.words().iter().filter(|word| word.rule == Rule::port) {
        let Some(port) = port(draft, line, word) else {
            continue;
        };
        let passes = &mut draft.nodes[node as usize].passes;
        let at = passes.iter().position(|(known, _)| *known == port);
        match (at, line.rule == Rule::pass) {
            (Some(_), true) => {}
            (Some(at), false) => drop(passes.remove(at)),
            (None, true) if passes.len() < PORTS => passes.push((port, said(line, word))),
            (None, true) => {
                let error = draft.error(word.span, "these are too many ports".to_owned());
                error.label = format!("expected at most {PORTS} a dip").into();
                return;
            }
            (None, false) => {
                draft.nothing_to_undo(said(line, word), format!("it does not pass {port} on"));
            }
        }
    }
}

fn port(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<NonZeroU16> {
    let number = draft.number(line, word, 1, u16::MAX.into());
    u16::try_from(number).ok().and_then(NonZeroU16::new)
}

pub(super) fn print(out: &mut Printer<'_>) {
    for dip in &out.model().dips {
        let id = out.endpoint(dip.id);
        let ports = dip.passes.iter().map(|port| port.to_string());
        out.wrapped(format!("pass {id}"), ports);
    }
}
