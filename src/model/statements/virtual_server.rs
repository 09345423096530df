//! `virtual ID [is|oos]`.

use super::{said, service};
use crate::language::{Line, Rule};
use crate::model::Id;
use crate::model::draft::{Draft, Halves, Kind};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::virtual_id) else {
        return;
    };
    let Some(id) = draft.listener(line, word) else {
        return;
    };
    let (node, said) = (draft.node(Id::Endpoint(id)), said(line, word));
    if line.rule == Rule::no_virtual {
        draft.remove(node, said, Kind::Virtual);
    } else if draft.define(node, said, Kind::Virtual) {
        let half = Halves {
            virtual_half: true,
            real_half: false,
        };
        service::trailing(draft, line, node, half);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for server in &out.model().virtuals {
        let id = out.endpoint(server.id);
        out.line(format_args!("virtual {id}"));
    }
}
