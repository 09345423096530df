//! `sticky VIRTUAL-ID MINUTES [source|cookie [NAME]]`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::{Printer, quoted};
use crate::model::{Sticky, StickyBy};

/// The longest time away: a year.
const MINUTES: u32 = 525_600;
/// The longest name of a cookie, in bytes.
const COOKIE_BYTES: usize = 128;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::virtual_id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    let said = said(line, word);
    if line.rule == Rule::no_sticky {
        return draft.unset(node, said, &Value::Sticky(None), false);
    }
    let minutes = line
        .word(Rule::minutes)
        .map(|word| draft.number(line, word, 0, MINUTES));
    let by = by(draft, line);
    if let Some(minutes) = minutes {
        let sticky = (minutes > 0).then_some(Sticky { minutes, by });
        draft.set(node, said, Value::Sticky(sticky), None);
    }
}

/// What tells clients apart; a name that no cookie may have is told and left out.
fn by(draft: &mut Draft<'_>, line: Line<'_>) -> StickyBy {
    if !line.has(Rule::cookie) {
        return StickyBy::Source { v6_prefix: 64 };
    }
    let Some(word) = line.word(Rule::cookie_name) else {
        return StickyBy::Cookie(None);
    };
    let name = line.text(word);
    // A cookie's name is a token (RFC 6265 §4.1.1, RFC 9110 §5.6.2).
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || name.len() > COOKIE_BYTES || !name.bytes().all(fits) {
        draft
            .error(
                word.span,
                format!("`{name}` cannot be the name of a cookie"),
            )
            .label =
            format!("expected 1 to {COOKIE_BYTES} of letters, digits and the signs of a token")
                .into();
        return StickyBy::Cookie(None);
    }
    StickyBy::Cookie(Some(name.into()))
}

pub(super) fn print(out: &mut Printer<'_>) {
    for server in &out.model().virtuals {
        let id = out.endpoint(server.id);
        match &server.sticky {
            None => {}
            Some(Sticky {
                minutes,
                by: StickyBy::Source { .. },
            }) => out.line(format_args!("sticky {id} {minutes}")),
            Some(Sticky {
                minutes,
                by: StickyBy::Referer,
            }) => out.line(format_args!("sticky {id} {minutes} referer")),
            Some(Sticky {
                minutes,
                by: StickyBy::Cookie(None),
            }) => {
                out.line(format_args!("sticky {id} {minutes} cookie"));
            }
            Some(Sticky {
                minutes,
                by: StickyBy::Cookie(Some(name)),
            }) => {
                out.line(format_args!(
                    "sticky {id} {minutes} cookie {}",
                    quoted(name)
                ));
            }
        }
    }
}
