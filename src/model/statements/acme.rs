//! `acme DIRECTORY [contact EMAIL] [ca FILE]`.

use super::whole;
use crate::language::{Line, Rule, Word};
use crate::model::Acme;
use crate::model::draft::Draft;
use crate::model::print::{Printer, quoted};

/// The longest URL or path as it is printed, in bytes: so that all of them fit on a line.
const TEXT_BYTES: usize = 1_024;
/// The longest address for mail, in bytes (RFC 5321 §4.5.3.1.3).
const MAIL_BYTES: usize = 254;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let said = whole(line);
    if line.rule == Rule::no_acme {
        if draft.whole.acme.take().is_none() {
            draft.nothing_to_undo(said, "no line above names an authority".to_owned());
        }
        return;
    }
    let directory = (line.word(Rule::acme_directory)).and_then(|word| directory(draft, line, word));
    let contact = line.word(Rule::mail).map(|word| mail(draft, line, word));
    let ca = line
        .word(Rule::file_path)
        .map(|word| path(draft, line, word));
    // What is there and does not hold was told.
    let (Some(directory), true, true) = (
        directory,
        contact.as_ref().is_none_or(Option::is_some),
        ca.as_ref().is_none_or(Option::is_some),
    ) else {
        return;
    };
    let acme = Acme {
        directory,
        contact: contact.flatten(),
        ca: ca.flatten(),
    };
    match &draft.whole.acme {
        Some((_, before)) if *before == acme => return,
        Some((before, _)) => draft.overridden(before.line, said.line),
        None => {}
    }
    draft.whole.acme = Some((said, acme));
}

fn directory(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<Box<str>> {
    let text = line.text(word);
    let known = Acme::KNOWN
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name));
    if let Some((_, url)) = known {
        return Some((*url).into());
    }
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    let host = text
        .strip_prefix("https://")
        .map(|rest| rest.split('/').next().unwrap_or_default());
    if printable && text.len() <= TEXT_BYTES && host.is_some_and(|host| !host.is_empty()) {
        return Some(text.into());
    }
    let error = draft.error(word.span, format!("`{text}` is no ACME directory"));
    error.label = "expected `letsencrypt`, `letsencrypt-staging` or an https URL".into();
    error.help = Some("write `acme letsencrypt contact you@example.com`".into());
    None
}

fn mail(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<Box<str>> {
    let text = line.text(word);
    let parts = text.split_once('@');
    let holds = text.len() <= MAIL_BYTES
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b',')
        && parts.is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    if !holds {
        let error = draft.error(word.span, format!("`{text}` is no address for mail"));
        error.label = "expected one such as `you@example.com`".into();
        return None;
    }
    Some(text.into())
}

fn path(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<Box<str>> {
    let text = line.text(word);
    let why = match quoted(&text).len() {
        _ if text.trim().is_empty() => "the path is empty",
        length if length > TEXT_BYTES => "the path is too long",
        _ => return Some(text.into()),
    };
    draft.error(word.span, why.to_owned()).label =
        format!("expected a PEM file's, of at most {TEXT_BYTES} bytes").into();
    None
}

pub(super) fn print(out: &mut Printer<'_>) {
    let Some(Acme {
        directory,
        contact,
        ca,
    }) = &out.model().globals.acme
    else {
        return;
    };
    let known = Acme::KNOWN.iter().find(|(_, url)| **url == **directory);
    let mut text = known.map_or_else(|| quoted(directory).into_owned(), |(n, _)| (*n).to_owned());
    if let Some(contact) = contact {
        text += &format!(" contact {}", quoted(contact));
    }
    if let Some(ca) = ca {
        text += &format!(" ca {}", quoted(ca));
    }
    out.line(format_args!("acme {text}"));
}
