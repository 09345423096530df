//! `watch ID PROBE…`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::definitions::Use;
use crate::model::draft::Draft;
use crate::model::print::Printer;

/// The most probes that watch one server.
const PROBES: usize = 16;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(first) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, first) else {
        return;
    };
    let said = said(line, first);
    let id = line.text(first);
    if line.rule == Rule::no_watch && !line.has(Rule::probe_name) {
        if draft.nodes[node as usize].watches.is_empty() {
            draft.nothing_to_undo(said, format!("no probe watches `{id}`"));
        }
        return draft.nodes[node as usize].watches.clear();
    }
    for word in line
        .words()
        .iter()
        .filter(|word| word.rule == Rule::probe_name)
    {
        let name = line.text(word);
        let of = draft.probes.named(&name);
        let watches = &mut draft.nodes[node as usize].watches;
        let found = watches.iter().position(|known| known.of == of);
        match (line.rule == Rule::watch, found) {
            (true, None) if watches.len() < PROBES => watches.push(Use {
                of,
                said,
                word: word.span,
            }),
            (true, None) => {
                let error = format!("`{id}` is watched by {PROBES} probes already");
                draft.error(word.span, error).help =
                    Some(format!("at most {PROBES} may watch one server").into());
                return;
            }
            (false, Some(at)) => drop(watches.remove(at)),
            (false, None) => {
                let said = super::said(line, word);
                draft.nothing_to_undo(said, format!("`{name}` does not watch `{id}`"));
            }
            (true, Some(_)) => {}
        }
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for (id, serving) in out.servings() {
        let id = out.endpoint(id);
        print_one(out, &id, &serving.probes);
    }
    for url in &out.model().urls {
        print_one(out, url.id.as_str(), &url.probes);
    }
}

fn print_one(out: &mut Printer<'_>, id: &str, probes: &[u32]) {
    let model = out.model();
    let names = probes
        .iter()
        .map(|at| model.probes[*at as usize].name.to_string());
    out.wrapped(format!("watch {id}"), names);
}
