//! `real ID [is|oos]`.

use super::{said, service, speech};
use crate::language::{Line, Rule};
use crate::model::Id;
use crate::model::draft::{Draft, Halves, Kind};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::real_id) else {
        return;
    };
    let Some(id) = draft.endpoint(line, word) else {
        return;
    };
    if id.address.is_unspecified() {
        draft
            .error(
                word.span,
                format!("`{}` is no address that can be connected to", id.address),
            )
            .label = "expected the address of a server".into();
        return;
    }
    let (node, said) = (draft.node(Id::Endpoint(id)), said(line, word));
    if line.rule == Rule::no_real {
        if !speech::undo(draft, line, (node, word)) {
            draft.remove(node, said, Kind::Real);
        }
    } else if draft.define(node, said, Kind::Real) {
        let half = Halves {
            virtual_half: false,
            real_half: true,
        };
        service::trailing(draft, line, node, half);
        speech::apply(draft, line, (node, word));
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for real in &out.model().reals {
        let id = out.endpoint(real.id);
        out.line(format_args!("real {id}{}", real.serving.speech));
    }
}
