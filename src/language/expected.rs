//! What the parser expected where it stopped, in words.

use pest::error::{Error, ErrorVariant, InputLocation};

use super::grammar::Rule;
use super::vocabulary::{Entry, vocabulary};
use super::{Diagnostic, Source, Span};

/// The mistake of a line that no rule fits; `start` is where the line begins in the source.
pub(super) fn mistake(
    source: &Source<'_>,
    line: &str,
    start: usize,
    error: &Error<Rule>,
) -> Diagnostic {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at.min(line.len()),
    };
    let word = first_word(&line[at..]);
    let span = Span::new(start + at, start + at + word.len());
    let shown = if keeps_secret(line) {
        "this word".to_owned()
    } else {
        format!("`{word}`")
    };
    if word.starts_with('"') {
        return quotation(source, &line[at..], start + at, keeps_secret(line));
    }
    let expected: Vec<&Entry> = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives
            .iter()
            .filter_map(|rule| vocabulary().entry(*rule))
            .collect(),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    let at_end = matches!(&error.variant,
        ErrorVariant::ParsingError { positives, .. } if positives.contains(&Rule::EOI));
    let keywords = || expected.iter().flat_map(|entry| &entry.keywords);
    let near = nearest(&word.to_lowercase(), keywords().map(String::as_str));
    let statement = expected
        .iter()
        .any(|entry| vocabulary().statements.iter().any(|s| s.rule == entry.rule));
    let mistake = if statement && word.is_empty() {
        Diagnostic::error(source, span, "`no` lacks the statement to undo")
    } else if statement {
        Diagnostic::error(source, span, format!("{shown} is no statement"))
    } else if word.is_empty() {
        let no = line
            .get(..2)
            .is_some_and(|no| no.eq_ignore_ascii_case("no"));
        let words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let first = words
            .take(1 + usize::from(no))
            .collect::<Vec<_>>()
            .join(" ");
        Diagnostic::error(source, span, format!("`{first}` lacks a word at its end"))
    } else if at_end && expected.is_empty() {
        Diagnostic::error(source, span, format!("{shown} is one word too many"))
    } else {
        Diagnostic::error(source, span, format!("{shown} does not fit here"))
    };
    let mistake = if statement {
        mistake.label("expected a statement")
    } else {
        mistake.label(format!("expected {}", list(&expected, at_end)))
    };
    match (near, form(line)) {
        (Some(near), _) => mistake.help(format!("did you mean `{near}`?")),
        (None, Some(form)) => mistake.help(format!("write `{form}`")),
        (None, None) => mistake,
    }
}

/// The nearest of `known` to `word`, if any is near enough to be a slip.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let reach = match word.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    known
        .filter(|near| near.len().abs_diff(word.len()) <= reach)
        .map(|near| (strsim::damerau_levenshtein(word, near), near))
        .filter(|(distance, _)| (1..=reach).contains(distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, near)| near)
}

fn list(expected: &[&Entry], at_end: bool) -> String {
    let mut words: Vec<String> = Vec::new();
    for entry in expected {
        let word = match entry.keywords.first() {
            Some(keyword) => format!("`{keyword}`"),
            None => entry.help.clone(),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if at_end {
        words.push("the end of the line".to_owned());
    }
    match words.pop() {
        None => "something else".to_owned(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

/// The form of the statement that `line` begins.
fn form(line: &str) -> Option<&'static str> {
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let mut first = words.next()?;
    let no = first.eq_ignore_ascii_case("no");
    if no {
        first = words.next()?;
    }
    vocabulary()
        .statements
        .iter()
        .filter(|entry| entry.rule.starts_with("no_") == no)
        .find(|entry| entry.keywords.iter().any(|k| k.eq_ignore_ascii_case(first)))
        .map(|entry| entry.form.as_str())
}

/// Whether words of `line` may be a secret, which no message repeats.
pub(crate) fn keeps_secret(line: &str) -> bool {
    let words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    words.take(2).any(|word| {
        ["ticket-key", "username", "enable"]
            .iter()
            .any(|keyword| word.eq_ignore_ascii_case(keyword))
    })
}

fn first_word(text: &str) -> &str {
    text.split([' ', '\t']).next().unwrap_or_default()
}

/// Why a word that begins with a quotation mark is none, or does not fit.
fn quotation(source: &Source<'_>, rest: &str, start: usize, secret: bool) -> Diagnostic {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        let behind = &rest[at + c.len_utf8()..];
        match c {
            '\\' => match chars.next() {
                Some((_, '"' | '\\')) => {}
                _ => {
                    let end = start + at + 1 + behind.chars().next().map_or(0, char::len_utf8);
                    return Diagnostic::error(
                        source,
                        Span::new(start + at, end),
                        "`\\` begins no escape here",
                    )
                    .label("only `\\\"` and `\\\\` are escapes");
                }
            },
            '"' if behind.is_empty() || behind.starts_with([' ', '\t']) => {
                let whole = Span::new(start, start + at + 1);
                let shown = if secret {
                    "this word".to_owned()
                } else {
                    format!("`{}`", &rest[..=at])
                };
                return Diagnostic::error(source, whole, format!("{shown} does not fit here"))
                    .label("a keyword is not quoted, and nothing more may follow the last word");
            }
            '"' => {
                let next = Span::new(start + at + 1, start + at + 1 + first_word(behind).len());
                return Diagnostic::error(
                    source,
                    next,
                    "a quoted word goes on after its quotation mark",
                )
                .label("expected a blank");
            }
            _ => {}
        }
    }
    Diagnostic::error(
        source,
        Span::new(start, start + rest.len()),
        "the quotation mark is not closed",
    )
    .label("expected `\"` at the end")
    .help("write `\\\"` for a quotation mark within")
}
