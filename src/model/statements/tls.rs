//! `tls ID CERTIFICATE…`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Endpoint;
use crate::model::Tls;
use crate::model::definitions::Use;
use crate::model::draft::Draft;
use crate::model::print::Printer;

/// The most certificates that one listener shows.
const CERTIFICATES: usize = 4_096;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(first) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, first) else {
        return;
    };
    let said = said(line, first);
    let id = line.text(first);
    if line.rule == Rule::no_tls && !line.has(Rule::certificate_name) {
        if draft.nodes[node as usize].certificates.is_empty() {
            draft.nothing_to_undo(said, format!("`{id}` does not speak TLS"));
        }
        return draft.nodes[node as usize].certificates.clear();
    }
    let words = line.words().iter();
    for word in words.filter(|word| word.rule == Rule::certificate_name) {
        let name = line.text(word);
        let of = draft.certificates.named(&name);
        let shown = &mut draft.nodes[node as usize].certificates;
        let found = shown.iter().position(|s| s.of == of);
        match (line.rule == Rule::tls, found) {
            (true, None) if shown.len() < CERTIFICATES => shown.push(Use {
                of,
                said,
                word: word.span,
            }),
            (true, None) => {
                let error = format!("`{id}` shows too many certificates");
                draft.error(word.span, error).label =
                    format!("expected at most {CERTIFICATES}").into();
                return;
            }
            (false, Some(at)) => drop(shown.remove(at)),
            (false, None) => {
                let said = super::said(line, word);
                draft.nothing_to_undo(said, format!("`{id}` does not show `{name}`"));
            }
            (true, Some(_)) => {}
        }
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let model = out.model();
    for (id, tls) in listeners(out) {
        let id = out.endpoint(id);
        let names = tls.certificates.iter();
        let names = names.map(|at| model.certificates[*at as usize].name.to_string());
        out.wrapped(format!("tls {id}"), names);
    }
}

/// Virtuals, then dips, and how they speak TLS.
pub(super) fn listeners<'m>(
    out: &Printer<'m>,
) -> impl Iterator<Item = (Endpoint, &'m Tls)> + use<'m> {
    let model = out.model();
    let virtuals = model.virtuals.iter().map(|v| (v.id, &v.tls));
    virtuals.chain(model.dips.iter().map(|d| (d.id, &d.tls)))
}
