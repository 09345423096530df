//! The streams that are open, and what is remembered of those that are not.

use std::collections::VecDeque;
use std::ops::Range;

use crate::proxy::http2::limits::REMEMBERED;

/// An open stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u32,
    /// How much may be sent to the client, in bytes; below 0 after it made its windows smaller.
    pub(super) send: i32,
    /// How much the client may send, in bytes.
    pub(super) receive: u32,
    /// How much that is where nothing came that was not used, in bytes.
    pub(super) window: u32,
    /// Bytes that were told of and not yet used.
    pub(super) owed: u32,
    /// Bytes that were used and that the client was not yet told of.
    pub(super) given: u32,
    /// What must still come of the body, where its length was said.
    pub(super) left: Option<u64>,
    /// Whether the client may send more.
    pub(super) remote: bool,
    /// Whether more may be sent to it.
    pub(super) local: bool,
    /// Whether a final head was sent.
    pub(super) answered: bool,
    /// Whether more was to be sent than there was room for.
    pub(super) wants: bool,
}

/// How a stream came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was reset here, while the client was sending.
    Here,
    /// The client reset it.
    There,
    /// The client began a later one and never this one.
    Skipped,
    /// Both sides had said all, or so long ago that it does not matter how.
    Whole,
}

/// All streams of a connection.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// By their ids.
    pub(super) open: Vec<Stream>,
    /// The last that were reset: their ids, doubled, and 1 more where the client did it.
    reset: VecDeque<u32>,
    /// The highest that the client began.
    pub(super) last: u32,
    /// Those that it left out when it last left some out.
    skipped: Range<u32>,
}

impl Streams {
    /// Where an open stream stands.
    pub(super) fn find(&self, id: u32) -> Option<usize> {
        let found = match self.open.last() {
            Some(last) if last.id == id => return Some(self.open.len() - 1),
            _ => self.open.binary_search_by_key(&id, |s| s.id),
        };
        found.ok()
    }

    /// Notes that the client began a stream, the highest so far.
    pub(super) fn began(&mut self, id: u32) {
        // The first is 1.
        let due = if self.last == 0 { 1 } else { self.last + 2 };
        if id > due {
            self.skipped = due..id;
        }
        self.last = id;
    }

    /// Whether the client never began this stream nor a later one.
    pub(super) fn is_idle(&self, id: u32) -> bool {
        id > self.last || id.is_multiple_of(2)
    }

    /// How a stream ended that is neither open nor idle.
    pub(super) fn end(&self, id: u32) -> End {
        let remembered = self.reset.iter().rev().find(|r| **r >> 1 == id);
        match remembered {
            Some(r) if r & 1 == 0 => End::Here,
            Some(_) => End::There,
            None if self.skipped.contains(&id) => End::Skipped,
            None => End::Whole,
        }
    }

    /// Remembers how a stream was reset.
    pub(super) fn remember(&mut self, id: u32, by_client: bool) {
        if self.reset.len() == REMEMBERED {
            self.reset.pop_front();
        }
        self.reset.push_back(id << 1 | u32::from(by_client));
    }

    /// Gives back what is not needed.
    pub(super) fn rest(&mut self) {
        self.open.shrink_to_fit();
        self.reset.shrink_to_fit();
    }

    /// How many bytes it holds on the heap.
    pub(super) fn held(&self) -> usize {
        self.open.capacity() * size_of::<Stream>() + self.reset.capacity() * size_of::<u32>()
    }
}
