//! `hostname NAME`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Said};
use crate::model::print::Printer;

/// The longest name, in bytes: a DNS name's limit (RFC 1035 §2.3.4).
const BYTES: usize = 253;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let word = line.word(Rule::director);
    if line.rule == Rule::no_hostname {
        if draft.hostname.take().is_none() {
            let said = Said {
                line: line.index,
                word: line.span(),
            };
            draft.nothing_to_undo(said, "no line above sets a hostname".to_owned());
        }
        return;
    }
    let Some(word) = word else { return };
    let name = line.text(word);
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if name.is_empty() || name.len() > BYTES || !name.bytes().all(fits) {
        draft
            .error(word.span, format!("`{name}` is not a hostname"))
            .label = format!("expected 1 to {BYTES} of letters, digits, `.`, `-` and `_`").into();
        return;
    }
    match &draft.hostname {
        Some((_, before)) if **before == *name => return,
        Some((before, _)) => draft.overridden(before.line, line.index),
        None => {}
    }
    draft.hostname = Some((said(line, word), name.into()));
}

pub(super) fn print(out: &mut Printer<'_>) {
    if let Some(name) = &out.model().hostname {
        out.line(format_args!("hostname {name}"));
    }
}
