//! `enable secret SECRET`, and `enable password SECRET` as the family wrote it. No message repeats a secret.

use super::{said, whole};
use crate::language::{Line, Rule, Word};
use crate::model::draft::Draft;
use crate::model::print::{Printer, quoted};
use crate::model::{Secret, phc};

/// The shortest and the longest password, in bytes.
const BYTES: (usize, usize) = (8, 128);

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    if line.rule == Rule::no_enable {
        if draft.whole.entrance.enable.take().is_none() {
            draft.nothing_to_undo(whole(line), "no line above sets a password".to_owned());
        }
        return;
    }
    let Some(word) = line.word(Rule::login_secret) else {
        return;
    };
    let Some(secret) = secret(draft, line, word) else {
        return;
    };
    match &draft.whole.entrance.enable {
        Some((_, before)) if *before == secret => return,
        Some((before, _)) => draft.overridden(before.line, line.index),
        None => {}
    }
    draft.whole.entrance.enable = Some((said(line, word), secret));
}

/// The password or hash that `word` says.
pub(super) fn secret(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<Secret> {
    let text = line.text(word);
    let (least, most) = BYTES;
    if text.starts_with("$argon2id$") {
        let Some(fault) = phc::fault(&text) else {
            return Some(Secret::Hash(text.into()));
        };
        let error = draft.error(word.span, "this hash cannot be used".to_owned());
        error.label = fault.into();
        error.help = Some("`secret` at the console makes one of a password".into());
        return None;
    }
    if !(least..=most).contains(&text.len()) {
        draft
            .error(word.span, format!("the password has {} bytes", text.len()))
            .label = format!("expected {least} to {most}").into();
        return None;
    }
    if is_another_hash(&text) {
        let message = "this reads like a hash, and is taken for the password itself".to_owned();
        let warning = draft.warning(word.span, message);
        warning.label = "only argon2id is known".into();
        warning.help = Some("`secret` at the console makes a hash of a password".into());
    }
    Some(Secret::Plain(text.into()))
}

/// Whether `text` looks like a hash of crypt(3) or its like: `$1$…`, `$2y$…`, `$argon2i$…`.
fn is_another_hash(text: &str) -> bool {
    let kind = text.strip_prefix('$').and_then(|rest| rest.split_once('$'));
    kind.is_some_and(|(kind, rest)| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !rest.is_empty() && (1..=16).contains(&kind.len()) && kind.bytes().all(fits)
    })
}

/// A secret as a word of a line.
pub(super) fn shown(secret: &Secret) -> String {
    match secret {
        Secret::Hash(text) | Secret::Plain(text) => quoted(text).into_owned(),
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    if let Some(secret) = &out.model().globals.console.enable {
        out.line(format_args!("enable secret {}", shown(secret)));
    }
}
