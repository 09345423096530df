//! A text that was read and holds, kept with its statements so that lines can be read behind it without reading it again.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::parse::{parse, parse_onto};
use super::source::Source;
use super::statement::Statement;
use super::{Diagnostic, Span, Statements, Word};

/// Lines that stand in no known place are read anew up to so many; for more of them all known lines are looked up.
const READ_ANEW: usize = 16;

/// A text of one statement a line, as a model is printed, and what was read of it.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    text: String,
    list: Vec<Statement>,
    words: Vec<Word>,
}

impl Ground {
    /// The ground of `text`; what stands in `before` as well is not read again. `None` where a line is no statement.
    pub fn read(text: String, before: &Ground) -> Option<Ground> {
        let mut new = Ground {
            text: String::new(),
            list: Vec::with_capacity(before.list.len()),
            words: Vec::with_capacity(before.words.len()),
        };
        let (mut start, mut next, mut anew) = (0, 0, 0);
        let mut places = None;
        for line in text.lines() {
            let is_next = |nth: &usize| before.line(*nth) == Some(line);
            let mut known = [next, next + 1].into_iter().find(is_next);
            if known.is_none() && anew > READ_ANEW {
                let places = places.get_or_insert_with(|| before.places());
                known = places.get(line).copied();
            }
            match known {
                Some(nth) => {
                    new.copy(before, nth, start);
                    next = nth + 1;
                }
                None => {
                    anew += 1;
                    new.add(line, start)?;
                }
            }
            start += line.len() + 1;
        }
        new.text = text;
        Some(new)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The statements.
    pub fn statements(&self) -> Statements<'_> {
        Statements {
            source: Source::new(self.text.as_bytes()),
            list: self.list.clone(),
            words: self.words.clone(),
            broken: HashSet::new(),
            whole: true,
        }
    }

    /// Reads what stands in `bytes` behind this ground's text, with which they begin; mistakes and places count lines from there.
    pub fn parse_behind<'t>(&self, bytes: &'t [u8]) -> (Statements<'t>, Vec<Diagnostic>) {
        let statements = Statements {
            source: Source::behind(bytes, self.text.len()),
            list: self.list.clone(),
            words: self.words.clone(),
            broken: HashSet::new(),
            whole: true,
        };
        parse_onto(statements, bytes, self.text.len())
    }

    fn line(&self, nth: usize) -> Option<&str> {
        let span = self.list.get(nth)?.span;
        self.text.get(span.range())
    }

    fn places(&self) -> HashMap<&str, usize> {
        (0..self.list.len())
            .filter_map(|nth| Some((self.line(nth)?, nth)))
            .collect()
    }

    /// Takes line `nth` of `before` over, which stands at `start` here.
    fn copy(&mut self, before: &Ground, nth: usize, start: usize) {
        let Statement {
            rule,
            span,
            first_word,
        } = before.list[nth];
        let end = before
            .list
            .get(nth + 1)
            .map_or(before.words.len(), |next| next.first_word as usize);
        let moved = |of: Span| {
            let at = start + (of.start - span.start) as usize;
            Span::new(at, at + (of.end - of.start) as usize)
        };
        self.list.push(Statement {
            rule,
            span: moved(span),
            first_word: self.words.len() as u32,
        });
        let words = &before.words[first_word as usize..end];
        self.words.extend(words.iter().map(|word| Word {
            rule: word.rule,
            span: moved(word.span),
        }));
    }

    /// Reads `line`, which stands at `start`.
    fn add(&mut self, line: &str, start: usize) -> Option<()> {
        let (statements, mistakes) = parse(line.as_bytes());
        let [read] = *statements.list else {
            return None;
        };
        if !mistakes.is_empty() {
            return None;
        }
        let moved = |of: Span| Span::new(start + of.start as usize, start + of.end as usize);
        self.list.push(Statement {
            rule: read.rule,
            span: moved(read.span),
            first_word: self.words.len() as u32,
        });
        self.words.extend(statements.words.iter().map(|word| Word {
            rule: word.rule,
            span: moved(word.span),
        }));
        Some(())
    }
}

impl Statements<'_> {
    /// Whether they stand behind a ground: more may follow.
    pub(crate) fn is_behind(&self) -> bool {
        self.source.ground().is_some()
    }

    /// Whether statement `index` is one of the ground.
    pub(crate) fn is_ground(&self, index: u32) -> bool {
        let start = self.list[index as usize].span.start;
        self.source.ground().is_some_and(|end| start < end)
    }

    /// What statement `index` is called in a message: its line's number, or of the ground itself.
    pub(crate) fn called(&self, index: u32) -> Cow<'static, str> {
        if self.is_ground(index) {
            let text = self.source.text(self.span(index));
            format!("`{text}`, which runs").into()
        } else {
            format!("line {}", self.line_number(index)).into()
        }
    }
}
