//! `sticky VIRTUAL-ID MINUTES [source [PREFIX] | cookie [NAME] | referer]`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::{Printer, quoted};
use crate::model::{Sticky, StickyBy, ids};

/// The longest time away: a year.
const MINUTES: u32 = 525_600;
/// The leading bits of an IPv6 address that usually are one customer's.
const V6_PREFIX: u8 = 64;
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
    if line.has(Rule::referer) {
        return StickyBy::Referer;
    }
    if !line.has(Rule::cookie) {
        let prefix = line.word(Rule::prefix);
        let bits = prefix.map(|word| draft.number(line, word, 1, 128));
        return StickyBy::Source {
            v6_prefix: bits
                .and_then(|bits| u8::try_from(bits).ok())
                .unwrap_or(V6_PREFIX),
        };
    }
    let Some(word) = line.word(Rule::cookie_name) else {
        return StickyBy::Cookie(None);
    };
    let name = line.text(word);
    // A cookie's name is a token (RFC 6265 §4.1.1).
    if !(1..=COOKIE_BYTES).contains(&name.len()) || !name.bytes().all(ids::is_token) {
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
        let Some(Sticky { minutes, by }) = &server.sticky else {
            continue;
        };
        let by = match by {
            StickyBy::Source {
                v6_prefix: V6_PREFIX,
            } => String::new(),
            StickyBy::Source { v6_prefix } => format!(" source {v6_prefix}"),
            StickyBy::Cookie(None) => " cookie".to_owned(),
            StickyBy::Cookie(Some(name)) => format!(" cookie {}", quoted(name)),
            StickyBy::Referer => " referer".to_owned(),
        };
        let id = out.endpoint(server.id);
        out.line(format_args!("sticky {id} {minutes}{by}"));
    }
}
