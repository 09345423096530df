//! The fields of one block, decoded and checked: lent by a worker to whichever of its connections is read.

use std::ops::Range;

use super::hpack::Known;

/// Where a piece of text stands.
type Span = Range<u16>;

/// The fields of the last request or trailers that [`take`](super::engine::Engine::take) told of.
///
/// One for a worker is enough, as nothing of it has to be kept from one event to the next; it allocates only until it has grown
/// to what its requests need, at most some 40 KiB.
#[derive(Debug, Default)]
pub struct Fields {
    pub(super) text: Vec<u8>,
    pub(super) lines: Vec<Line>,
    pub(super) method: Option<Span>,
    pub(super) scheme: Option<Span>,
    pub(super) authority: Option<Span>,
    pub(super) path: Option<Span>,
    pub(super) protocol: Option<Span>,
    pub(super) host: Option<Span>,
    pub(super) length: Option<u64>,
}

/// One field that is no pseudo-field.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) known: Known,
    pub(super) name: Span,
    pub(super) value: Span,
}

impl Fields {
    /// Empty ones.
    pub fn new() -> Fields {
        Fields::default()
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
