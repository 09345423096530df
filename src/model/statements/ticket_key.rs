//! `ticket-key KEY-ID SECRET`. No message repeats a secret, or what may have been meant as one.

use super::said;
use crate::language::{Line, Rule, Word};
use crate::model::TicketKey;
use crate::model::draft::Draft;
use crate::model::print::{Printer, quoted};

/// The shortest and the longest secret, in bytes: the first is a key's 128 bits.
const BYTES: (usize, usize) = (16, 256);

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::key_id) else {
        return;
    };
    let id = key_id(draft, line, word);
    let said = said(line, word);
    if line.rule == Rule::no_ticket_key {
        let Some(id) = id else { return };
        let keys = &mut draft.whole.ticket_keys;
        match keys.iter().position(|(_, key)| key.id == id) {
            Some(at) => drop(keys.remove(at)),
            None => draft.nothing_to_undo(said, format!("there is no ticket-key {id} above")),
        }
        return;
    }
    let Some(secret) = line
        .word(Rule::secret)
        .and_then(|word| secret(draft, line, word))
    else {
        return;
    };
    let Some(id) = id else { return };
    let keys = &mut draft.whole.ticket_keys;
    match keys.iter_mut().find(|(_, key)| key.id == id) {
        None => keys.push((said, TicketKey { id, secret })),
        Some((_, known)) if known.secret == secret => {}
        Some((before, known)) => {
            let by = before.line;
            (*before, known.secret) = (said, secret);
            draft.overridden(by, line.index);
        }
    }
}

fn key_id(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<u8> {
    let text = line.text(word);
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let id = text.parse().ok().filter(|id| digits && *id > 0);
    if id.is_none() {
        let error = draft.error(word.span, "this is not the number of a key".to_owned());
        error.label = "expected 1 to 255".into();
        error.help = Some("write `ticket-key KEY-ID SECRET`".into());
    }
    id
}

fn secret(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<Box<str>> {
    let text = line.text(word);
    let (least, most) = BYTES;
    if !(least..=most).contains(&text.len()) {
        let error = draft.error(word.span, format!("the secret has {} bytes", text.len()));
        error.label = format!("expected {least} to {most}").into();
        error.help = Some("`head -c 32 /dev/urandom | base64` makes a good one".into());
        return None;
    }
    Some(text.into())
}

pub(super) fn print(out: &mut Printer<'_>) {
    for TicketKey { id, secret } in &out.model().globals.ticket_keys {
        out.line(format_args!("ticket-key {id} {}", quoted(secret)));
    }
}
