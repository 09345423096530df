//! Bytes to statements, line by line.

use std::borrow::Cow;
use std::collections::HashSet;

use pest::Parser;
use pest::iterators::{Pair, Pairs};

use super::expected::mistake;
use super::grammar::{Grammar, Rule};
use super::source::BOM;
use super::statement::{Statement, unquote};
use super::vocabulary::vocabulary;
use super::{Diagnostic, FILE_BYTES, LINE_BYTES, Source, Span, Statements, Word};

/// Reads a configuration. Total: any bytes yield the statements that could be read and a diagnostic for each line that could
/// not, in the text's order. The time it takes is proportional to the length of `bytes`.
pub fn parse(bytes: &[u8]) -> (Statements<'_>, Vec<Diagnostic>) {
    let statements = Statements {
        source: Source::new(bytes),
        list: Vec::new(),
        words: Vec::new(),
        broken: HashSet::new(),
        whole: true,
    };
    let start = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    parse_onto(statements, bytes, start)
}

/// Reads the lines from `start` on, behind `statements`.
pub(super) fn parse_onto<'t>(
    statements: Statements<'t>,
    bytes: &'t [u8],
    mut start: usize,
) -> (Statements<'t>, Vec<Diagnostic>) {
    let mut reader = Reader {
        statements,
        diagnostics: Vec::new(),
    };
    if bytes.len() > FILE_BYTES {
        let mib = FILE_BYTES / (1024 * 1024);
        reader.diagnostics.push(Diagnostic::of_file(format!(
            "the configuration has {} bytes: more than {mib} MiB are not read",
            bytes.len()
        )));
        return (reader.statements, reader.diagnostics);
    }
    while start < bytes.len() {
        let rest = &bytes[start..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        reader.line(line, start);
        start += end + 1;
    }
    reader.statements.whole = reader.diagnostics.is_empty();
    (reader.statements, reader.diagnostics)
}

struct Reader<'t> {
    statements: Statements<'t>,
    diagnostics: Vec<Diagnostic>,
}

impl<'t> Reader<'t> {
    fn line(&mut self, line: &'t [u8], start: usize) {
        // Before the length, so that a long comment is refused for its length and a long blank line too.
        if line.len() > LINE_BYTES {
            let whole = Span::new(start + LINE_BYTES, start + line.len());
            self.error(whole, format!("the line has {} bytes", line.len()))
                .label = format!("a line has at most {LINE_BYTES} bytes").into();
            return;
        }
        let text = match std::str::from_utf8(line) {
            Ok(text) => text,
            Err(error) => return self.not_utf8(line, start, &error),
        };
        let begun = text.trim_start_matches([' ', '\t']);
        let start = start + text.len() - begun.len();
        let text = begun.trim_end_matches([' ', '\t']);
        if text.is_empty() || text.starts_with([':', '!', '#']) {
            return;
        }
        if let Some((at, c)) = text
            .char_indices()
            .find(|(_, c)| c.is_control() && *c != '\t')
        {
            let span = Span::new(start + at, start + at + c.len_utf8());
            self.error(
                span,
                format!("the control character U+{:04X} cannot stand here", c as u32),
            )
            .label = "expected printable text".into();
            return self.give_up(text);
        }
        match Grammar::parse(Rule::line, text) {
            Ok(pairs) => self.statement(pairs, text, start),
            Err(error) => {
                let mistake = mistake(&self.statements.source, text, start, &error);
                self.diagnostics.push(mistake);
                self.give_up(text);
            }
        }
    }

    fn statement(&mut self, pairs: Pairs<'t, Rule>, text: &str, start: usize) {
        let Some(statement) = pairs.into_iter().next() else {
            return;
        };
        let words = &mut self.statements.words;
        self.statements.list.push(Statement {
            rule: statement.as_rule(),
            span: Span::new(start, start + text.len()),
            first_word: words.len() as u32,
        });
        words.extend(statement.into_inner().map(|word: Pair<'_, Rule>| {
            let place = word.as_span();
            Word {
                rule: word.as_rule(),
                span: Span::new(start + place.start(), start + place.end()),
            }
        }));
    }

    fn error(&mut self, span: Span, message: String) -> &mut Diagnostic {
        let error = Diagnostic::error(&self.statements.source, span, message);
        self.diagnostics.push(error);
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    fn not_utf8(&mut self, line: &'t [u8], start: usize, error: &std::str::Utf8Error) {
        let good = error.valid_up_to();
        let end = good + error.error_len().unwrap_or(line.len() - good);
        let span = Span::new(start + good, start + end);
        self.error(span, "the text is not UTF-8".to_owned()).label =
            format!("byte 0x{:02X} cannot stand here", line[good]).into();
        if let Ok(before) = std::str::from_utf8(&line[..good]) {
            self.give_up(before);
        }
    }

    /// What a line that cannot be read may have meant to define is not missed a second time.
    fn give_up(&mut self, text: &'t str) {
        let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
        if words.next().is_some_and(only_names) {
            return;
        }
        let broken = &mut self.statements.broken;
        broken.extend(words.map(|word| unquote(Cow::Borrowed(word))));
    }
}

/// Whether `first` begins a line that names what others define. A slip of the keys could have meant any statement.
fn only_names(first: &str) -> bool {
    const DEFINING: [&str; 7] = [
        "name",
        "virtual",
        "real",
        "dip",
        "url",
        "probe",
        "certificate",
    ];
    let is = |keyword: &String| keyword.eq_ignore_ascii_case(first);
    let statement = vocabulary()
        .statements
        .iter()
        .find(|statement| statement.keywords.iter().any(is));
    first.eq_ignore_ascii_case("no")
        || statement.is_some_and(|statement| !DEFINING.contains(&&*statement.rule))
}
