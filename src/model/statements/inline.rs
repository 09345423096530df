//! `inline INTERFACE…`.

use super::{said, whole};
use crate::language::{Line, Rule, Word};
use crate::model::draft::Draft;
use crate::model::print::{Printer, quoted};

/// The most interfaces.
const INTERFACES: usize = 16;

/// The longest name of an interface (netdevice(7), `IFNAMSIZ` less its end).
const NAME_BYTES: usize = 15;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    if line.rule == Rule::no_inline && !line.has(Rule::interface) {
        if draft.whole.inline.is_empty() {
            draft.nothing_to_undo(whole(line), "no line above names an interface".to_owned());
        }
        return draft.whole.inline.clear();
    }
    let words = line.words().iter();
    for word in words.filter(|word| word.rule == Rule::interface) {
        let Some(name) = interface(draft, line, word) else {
            continue;
        };
        let interfaces = &mut draft.whole.inline;
        let at = interfaces.iter().position(|known| *known == name);
        match (at, line.rule == Rule::inline) {
            (Some(_), true) => {}
            (Some(at), false) => drop(interfaces.remove(at)),
            (None, true) if interfaces.len() < INTERFACES => interfaces.push(name),
            (None, true) => {
                let error = draft.error(word.span, "these are too many interfaces".to_owned());
                error.label = format!("expected at most {INTERFACES}").into();
                return;
            }
            (None, false) => {
                let why = format!("no line above names `{name}`");
                draft.nothing_to_undo(said(line, word), why);
            }
        }
    }
}

/// The interface that `word` names; tells why where it cannot be one.
fn interface(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<Box<str>> {
    let text = line.text(word);
    let known = |b: u8| b.is_ascii_alphanumeric() || b"_-.@:+".contains(&b);
    let fits = !text.is_empty() && text.len() <= NAME_BYTES && text.bytes().all(known);
    if fits && text != "." && text != ".." {
        return Some((&*text).into());
    }
    let error = draft.error(word.span, format!("`{text}` is no name of an interface"));
    error.label = format!(
        "expected 1 to {NAME_BYTES} letters, digits or `_ - . @ : +`, as `ip link` shows it"
    )
    .into();
    None
}

pub(super) fn print(out: &mut Printer<'_>) {
    let interfaces = out.model().globals.inline.iter();
    let words: Vec<String> = interfaces.map(|name| quoted(name).into_owned()).collect();
    out.wrapped("inline".to_owned(), words.into_iter());
}
