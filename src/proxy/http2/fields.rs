//! The fields of one block, decoded and checked: lent by a worker to whichever of its connections is read.

use std::mem::take;
use std::ops::Range;

use super::hpack::{Entry, Known};

mod check;

/// Where a piece of text stands.
type Span = Range<u16>;

/// The fields of the last request or trailers that [`take`](super::engine::Engine::take) told of.
///
/// One for a worker is enough, as nothing of it has to be kept from one event to the next; it allocates only until it has grown
/// to what its requests need, at most some 60 KiB.
#[derive(Debug, Default)]
pub struct Fields {
    /// Names and values one after the other.
    pub(super) text: Vec<u8>,
    lines: Vec<Line>,
    method: Option<Span>,
    scheme: Option<Span>,
    authority: Option<Span>,
    path: Option<Span>,
    protocol: Option<Span>,
    host: Option<Span>,
    length: Option<u64>,
    kind: Kind,
    /// What the list counts so far, in bytes (RFC 9113 §6.5.2), and its fields.
    size: usize,
    count: usize,
    /// What the list may count, in bytes: up to 32 KiB, so that a place in it fits a [`Span`], in HTTP/1 too.
    most: usize,
    /// How many fields it may have.
    most_fields: usize,
    /// What was wrong first.
    fault: Option<&'static str>,
    large: bool,
}

/// What a block stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request.
    #[default]
    Request,
    /// What follows a request's body.
    Trailers,
    /// What nobody will look at: it is read because the connection's table is to stay right.
    Nothing,
}

/// What came of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as it should be.
    Good,
    /// It is no request or trailers: the stream ends.
    Malformed(&'static str),
    /// More bytes or fields than it may have.
    Large,
}

/// One field that is no pseudo-field.
#[derive(Clone, Debug)]
struct Line {
    known: Known,
    name: Span,
    value: Span,
}

impl Fields {
    /// Empty ones.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// Forgets what it has, and waits for a block of `most` bytes and so many fields.
    pub(super) fn begin(&mut self, kind: Kind, (most, most_fields): (usize, usize)) {
        let (mut text, mut lines) = (take(&mut self.text), take(&mut self.lines));
        text.clear();
        lines.clear();
        *self = Fields {
            text,
            lines,
            kind,
            most,
            most_fields,
            ..Fields::default()
        };
    }

    /// Takes in a field as a table has it.
    pub(super) fn add(&mut self, entry: Entry<'_>) {
        let length = entry.name.len() + entry.value.len();
        // Not even copied: one byte of a block may name 4 KiB.
        if !self.counts(length) {
            return;
        }
        let start = self.text.len();
        self.text.extend_from_slice(entry.name);
        let middle = self.text.len();
        self.text.extend_from_slice(entry.value);
        self.judge(entry.known, start, middle, entry.good);
    }

    /// Takes in the field that was appended to the text: its name begins at `start`, its value at `middle`.
    pub(super) fn accept(&mut self, known: Known, start: usize, middle: usize, good: bool) {
        if self.counts(self.text.len() - start) {
            self.judge(known, start, middle, good);
        } else {
            self.text.truncate(start);
        }
    }

    /// Whether a field of this length has still a place in the list.
    fn counts(&mut self, length: usize) -> bool {
        self.size += length + 32;
        self.count += 1;
        self.large |= self.size > self.most || self.count > self.most_fields;
        !self.large && self.fault.is_none() && self.kind != Kind::Nothing
    }

    /// Whether the last block was as it should be.
    pub(super) fn is_good(&self) -> bool {
        self.fault.is_none() && !self.large
    }

    /// Whether a list that is too large has more fields than it may have.
    pub(super) fn are_many(&self) -> bool {
        self.count > self.most_fields
    }

    fn piece(&self, span: &Span) -> &[u8] {
        &self.text[usize::from(span.start)..usize::from(span.end)]
    }

    fn part(&self, span: &Option<Span>) -> Option<&[u8]> {
        span.as_ref().map(|s| self.piece(s))
    }

    /// The method: a token of at most [`METHOD_BYTES`](crate::proxy::limits::METHOD_BYTES).
    pub fn method(&self) -> &[u8] {
        self.part(&self.method).unwrap_or_default()
    }

    /// `http` or `https` in any case; `None` with a plain CONNECT.
    pub fn scheme(&self) -> Option<&[u8]> {
        self.part(&self.scheme)
    }

    /// The authority asked for, of `:authority` or else of Host: valid as RELIABILITY.md part B has it. Never empty.
    pub fn authority(&self) -> &[u8] {
        let of_host = || self.part(&self.host);
        let found = self.part(&self.authority).or_else(of_host);
        found.unwrap_or_default()
    }

    /// Path and query: begins with `/`, or is `*` with OPTIONS; empty with a plain CONNECT.
    pub fn path(&self) -> &[u8] {
        self.part(&self.path).unwrap_or_default()
    }

    /// What an extended CONNECT asks for (RFC 8441 §4).
    pub fn protocol(&self) -> Option<&[u8]> {
        self.part(&self.protocol)
    }

    /// Content-Length, where there is one. DATA is held to it by the engine.
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// Names, in lower case, and values of all fields but pseudo-fields, in their order; Host and Content-Length too, and Cookie in as
    /// many pieces as it came in (RFC 9113 §8.2.3: joined by `; ` for HTTP/1.1).
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let lines = self.lines.iter();
        lines.map(|line| (self.piece(&line.name), self.piece(&line.value)))
    }

    /// As [`lines`](Fields::lines), with the names that are known by number.
    pub fn known_lines(&self) -> impl Iterator<Item = (Known, &[u8], &[u8])> {
        let lines = self.lines.iter();
        lines.map(|line| (line.known, self.piece(&line.name), self.piece(&line.value)))
    }
}
