//! `dip ID [ENDPOINT]`.

use super::{said, speech};
use crate::language::{Line, Rule};
use crate::model::Id;
use crate::model::draft::{Draft, Kind};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::dip_id) else {
        return;
    };
    let Some(id) = draft.listener(line, word) else {
        return;
    };
    let (node, said) = (draft.node(Id::Endpoint(id)), said(line, word));
    if line.rule == Rule::no_dip {
        if !speech::undo(draft, line, (node, word)) {
            draft.remove(node, said, Kind::Dip);
        }
        return;
    }
    if !draft.define(node, said, Kind::Dip) {
        return;
    }
    speech::apply(draft, line, (node, word));
    let real = match line.word(Rule::dip_endpoint) {
        None => Some(id),
        Some(word) => draft.endpoint(line, word),
    };
    let Some(real) = real else { return };
    let Some(definition) = &mut draft.nodes[node as usize].definition else {
        return;
    };
    match definition.real.replace(real) {
        Some(before) if before != real => {
            let before = std::mem::replace(&mut definition.said, said);
            draft.overridden(before.line, line.index);
        }
        _ => {}
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for dip in &out.model().dips {
        let id = out.endpoint(dip.id);
        let speech = &dip.serving.speech;
        if dip.real == dip.id {
            out.line(format_args!("dip {id}{speech}"));
        } else {
            let real = out.endpoint(dip.real);
            out.line(format_args!("dip {id} {real}{speech}"));
        }
    }
}
