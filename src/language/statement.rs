//! What the parser hands on: words by their places, nothing copied.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Rule, Source, Span};

/// A word of a statement and the part it plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// The grammar's rule for it.
    pub rule: Rule,
    /// Where it stands, quotation marks included.
    pub span: Span,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    pub(super) rule: Rule,
    pub(super) span: Span,
    pub(super) first_word: u32,
}

/// The statements of one source, in its order.
#[derive(Debug)]
pub struct Statements<'t> {
    pub(super) source: Source<'t>,
    pub(super) list: Vec<Statement>,
    pub(super) words: Vec<Word>,
    pub(super) broken: HashSet<Cow<'t, str>>,
    pub(super) whole: bool,
}

/// One statement.
#[derive(Clone, Copy, Debug)]
pub struct Line<'t> {
    statements: &'t Statements<'t>,
    /// Which statement of the source it is, from 0.
    pub index: u32,
    /// The grammar's rule for it.
    pub rule: Rule,
}

impl<'t> Statements<'t> {
    /// The text that they stand in.
    pub fn source(&self) -> &Source<'t> {
        &self.source
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        (0..self.list.len() as u32).map(|index| Line {
            statements: self,
            index,
            rule: self.list[index as usize].rule,
        })
    }

    /// The number of the line that statement `index` stands on, from 1.
    pub fn line_number(&self, index: u32) -> u32 {
        self.source.line(self.list[index as usize].span.start)
    }

    /// Where statement `index` stands.
    pub fn span(&self, index: u32) -> Span {
        self.list[index as usize].span
    }

    /// Whether every line could be read.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Where the first word of the part `rule` of statement `index` stands.
    pub(crate) fn word_of(&self, index: u32, rule: Rule) -> Option<Span> {
        let line = Line {
            statements: self,
            index,
            rule: self.list[index as usize].rule,
        };
        line.word(rule).map(|word| word.span)
    }

    /// Whether a line that could not be read names `word`: then whatever lacks it is no second mistake.
    pub fn is_broken(&self, word: &str) -> bool {
        self.broken.contains(word)
    }

    /// What `word` says, without quotation marks.
    pub fn text(&self, word: &Word) -> Cow<'t, str> {
        self.text_at(word.span)
    }

    pub(crate) fn text_at(&self, span: Span) -> Cow<'t, str> {
        unquote(self.source.text(span))
    }
}

impl<'t> Line<'t> {
    /// Its words behind the keyword.
    pub fn words(&self) -> &'t [Word] {
        let list = &self.statements.list;
        let first = list[self.index as usize].first_word as usize;
        let end = list
            .get(self.index as usize + 1)
            .map_or(self.statements.words.len(), |next| next.first_word as usize);
        &self.statements.words[first..end]
    }

    /// The first word that plays the part `rule`.
    pub fn word(&self, rule: Rule) -> Option<&'t Word> {
        self.words().iter().find(|word| word.rule == rule)
    }

    /// Whether a word of the part `rule` is there.
    pub fn has(&self, rule: Rule) -> bool {
        self.word(rule).is_some()
    }

    /// What `word` says.
    pub fn text(&self, word: &Word) -> Cow<'t, str> {
        self.statements.text(word)
    }

    /// Where the whole statement stands.
    pub fn span(&self) -> Span {
        self.statements.span(self.index)
    }
}

/// Takes quotation marks and the `\` before `"` and `\` away.
pub(super) fn unquote(word: Cow<'_, str>) -> Cow<'_, str> {
    let Some(inner) = word
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return word;
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}
