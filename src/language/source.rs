//! The text of a configuration, and places in it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;

/// The longest line, in bytes, its end not counted.
pub const LINE_BYTES: usize = 4096;
/// The largest file, in bytes.
pub const FILE_BYTES: usize = 64 * 1024 * 1024;

/// A stretch of a source, in bytes from its begin. A source is at most [`FILE_BYTES`] long, so that 32 bits do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// One after the last byte.
    pub end: u32,
}

impl Span {
    /// The stretch from `start` to `end`.
    pub fn new(start: usize, end: usize) -> Span {
        let cut = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Span {
            start: cut(start),
            end: cut(end.max(start)),
        }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Where in a file something stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters from 1.
    pub column: u32,
    /// The line's text, cut where it is longer than a line may be.
    pub text: Box<str>,
    /// What is marked, in bytes of `text`.
    pub marked: Range<usize>,
}

/// The bytes of one configuration.
#[derive(Debug)]
pub struct Source<'t> {
    bytes: &'t [u8],
    starts: OnceCell<Vec<u32>>,
    /// Where the lines begin that are counted, if others stand before them.
    ground: Option<u32>,
}

impl<'t> Source<'t> {
    /// A source of at most [`FILE_BYTES`]; what is beyond is not looked at.
    pub fn new(bytes: &'t [u8]) -> Self {
        Source {
            bytes: &bytes[..bytes.len().min(FILE_BYTES)],
            starts: OnceCell::new(),
            ground: None,
        }
    }

    /// A source whose lines are counted from the byte at `ground` on, where one begins.
    pub(super) fn behind(bytes: &'t [u8], ground: usize) -> Self {
        Source {
            ground: u32::try_from(ground).ok(),
            ..Source::new(bytes)
        }
    }

    /// Where the lines begin that are counted, if others stand before them.
    pub(crate) fn ground(&self) -> Option<u32> {
        self.ground
    }

    /// All of it.
    pub fn bytes(&self) -> &'t [u8] {
        self.bytes
    }

    /// The number of the line that the byte at `offset` stands on, from 1.
    pub fn line(&self, offset: u32) -> u32 {
        let line = self.line_of_all(offset);
        match self.ground {
            Some(ground) if ground <= offset => line - (self.line_of_all(ground) - 1),
            _ => line,
        }
    }

    fn line_of_all(&self, offset: u32) -> u32 {
        self.starts().partition_point(|start| *start <= offset) as u32
    }

    fn starts(&self) -> &[u32] {
        self.starts.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', self.bytes).map(|end| end as u32 + 1);
            std::iter::once(0).chain(ends).collect()
        })
    }

    /// The place of `span`; bytes that are no UTF-8 are shown as U+FFFD.
    pub fn place(&self, span: Span) -> Place {
        let line = self.line(span.start);
        let nth = self.line_of_all(span.start) as usize - 1;
        let mut start = self.starts()[nth] as usize;
        if start == 0 && self.bytes.starts_with(BOM) {
            start = BOM.len();
        }
        let rest = &self.bytes[start..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let whole = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let shown = &whole[..whole.len().min(LINE_BYTES)];
        // Decoding piece by piece keeps the marked bytes' place where a broken sequence is replaced.
        let cut = |offset: u32| (offset as usize).saturating_sub(start).min(shown.len());
        let before = String::from_utf8_lossy(&shown[..cut(span.start)]);
        let marked = String::from_utf8_lossy(&shown[cut(span.start)..cut(span.end)]);
        let after = String::from_utf8_lossy(&shown[cut(span.end)..]);
        Place {
            line,
            column: before.chars().count() as u32 + 1,
            marked: before.len()..before.len() + marked.len(),
            text: [before, marked, after].concat().into(),
        }
    }

    pub(crate) fn text(&self, span: Span) -> Cow<'t, str> {
        String::from_utf8_lossy(&self.bytes[span.range()])
    }
}

/// The byte-order mark that some editors put first.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";
