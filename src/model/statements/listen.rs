//! `listen ID ENDPOINT…`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Endpoint;
use crate::model::draft::Draft;
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(first) = line.word(Rule::listening_id) else {
        return;
    };
    let Some(node) = draft.refer(line, first) else {
        return;
    };
    if line.rule == Rule::no_listen && !line.has(Rule::endpoint) {
        if draft.nodes[node as usize].listens.is_empty() {
            draft.nothing_to_undo(said(line, first), "it listens nowhere else".to_owned());
        }
        return draft.nodes[node as usize].listens.clear();
    }
    for word in line
        .words()
        .iter()
        .filter(|word| word.rule == Rule::endpoint)
    {
        let Some(endpoint) = draft.listener(line, word) else {
            continue;
        };
        let listens = &mut draft.nodes[node as usize].listens;
        // Few listeners a virtual: sorting out many is left to the end.
        if line.rule == Rule::listen {
            listens.push((endpoint, said(line, word)));
            continue;
        }
        let before = listens.len();
        listens.retain(|(known, _)| *known != endpoint);
        if listens.len() == before {
            draft.nothing_to_undo(said(line, word), "it does not listen there".to_owned());
        }
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let model = out.model();
    let virtuals = model.virtuals.iter().map(|v| (v.id, &v.listens));
    for (id, listens) in virtuals.chain(model.dips.iter().map(|d| (d.id, &d.listens))) {
        line(out, id, listens);
    }
}

fn line(out: &mut Printer<'_>, id: Endpoint, listens: &[Endpoint]) {
    let id = out.endpoint(id);
    for endpoint in listens {
        let endpoint = out.endpoint(*endpoint);
        out.line(format_args!("listen {id} {endpoint}"));
    }
}
