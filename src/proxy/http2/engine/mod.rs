//! One connection's HTTP/2, server side: a client's bytes → [`Event`]s, answers → bytes (RFC 9113).
//!
//! Feed [`Engine::take`] with what was read until it says [`Step::More`], answer by [`respond`](Engine::respond) and
//! [`send`](Engine::send), write [`output`](Engine::output) and say so by [`written`](Engine::written); then
//! [`room`](Engine::room) says whose `send` took less than all and may go on.
//!
//! Deliberately unknown here: sockets, tasks and clocks; what a request is answered with.

use super::code::ErrorCode;
use super::fields::Fields;
use super::limits;

/// A stream's number: odd, below 2³¹.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// What a connection offers its client. [`limits`](super::limits) has the values it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Streams open at once.
    pub streams: u32,
    /// Window of a stream, in bytes: 0 to 2³¹ - 1.
    pub stream_window: u32,
    /// Window of the connection, in bytes: 65,535 to 2³¹ - 1.
    pub connection_window: u32,
    /// Whether `CONNECT` with `:protocol` is taken (RFC 8441).
    pub connect_protocol: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            streams: limits::STREAMS,
            stream_window: limits::STREAM_WINDOW,
            connection_window: limits::CONNECTION_WINDOW,
            connect_protocol: true,
        }
    }
}

/// What became of the bytes at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// They are too few for a frame: nothing was used.
    More,
    /// The client takes too little of what is written to it: nothing was used; write [`Engine::output`], then go on.
    Full,
    /// So many were used, and nobody has to know more.
    Used(usize),
    /// So many were used, and this came of it.
    Event(usize, Event<'a>),
    /// The connection is at its end: a GOAWAY with this code stands in [`Engine::output`], to be written before it is closed.
    /// [`Engine::why`] says why.
    Broken(ErrorCode),
}

/// What a client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A request, checked; what it says stands in the [`Fields`].
    Request {
        /// Its stream.
        stream: StreamId,
        /// Whether no body follows.
        end: bool,
    },
    /// A piece of a request's body. All that is long of it must go through [`Engine::consumed`] some time.
    Data {
        /// Its stream.
        stream: StreamId,
        /// Never empty but at the end.
        data: &'a [u8],
        /// Whether the request is whole.
        end: bool,
    },
    /// Trailers: the request is whole. They stand in the [`Fields`].
    Trailers {
        /// Its stream.
        stream: StreamId,
    },
    /// A stream that was told of by [`Event::Request`] is no more: the client reset it, or it was reset here for a fault of the
    /// client's. What is done with its id from now on comes to nothing.
    Reset {
        /// The stream.
        stream: StreamId,
        /// The code that was sent or received.
        code: ErrorCode,
        /// What was wrong; empty where the client did it.
        why: &'static str,
    },
    /// A request that was not told of: its stream was reset with this code, or answered by 431 (with
    /// [`NO_ERROR`](ErrorCode::NO_ERROR)). Nothing is to be done, but perhaps to be counted.
    Malformed {
        /// The stream.
        stream: StreamId,
        /// The code that was sent.
        code: ErrorCode,
        /// What was wrong.
        why: &'static str,
    },
}

/// One connection. Holds no buffer while it is idle and after [`rest`](Engine::rest).
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    output: Vec<u8>,
    at: usize,
}

impl Engine {
    /// A connection's start: its settings and its window wait in [`output`](Engine::output). The client's preface comes first in
    /// the input.
    pub fn new(settings: Settings) -> Engine {
        Engine {
            settings,
            output: Vec::new(),
            at: 0,
        }
    }

    /// Takes the preface, or at most one frame, from the front of `input`, at `now` in milliseconds of any steady clock. Fields
    /// that an event has are left in `fields`.
    pub fn take<'a>(&mut self, input: &'a [u8], now: u64, fields: &mut Fields) -> Step<'a> {
        drop((input, now, fields));
        Step::More
    }

    /// Queues an answer's head: `status` 100 to 999 (1xx: several, never with `end`), then fields with names in any case; such as
    /// belong to an HTTP/1 connection (Connection, Transfer-Encoding and the like) are left out. With `end` nothing follows it.
    ///
    /// With `end` before the request is whole the client is told to stop (RFC 9113 §8.1: RST_STREAM with NO_ERROR).
    pub fn respond<'f>(
        &mut self,
        stream: StreamId,
        status: u16,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        end: bool,
    ) {
        drop((stream, status, fields.into_iter().count(), end));
    }

    /// As [`respond`](Engine::respond) with a final head whose pieces, one after the other, were made by
    /// [`hpack::status`](super::hpack::status) and [`hpack::field`](super::hpack::field) before: nothing is looked at.
    pub fn respond_encoded(&mut self, stream: StreamId, pieces: &[&[u8]], end: bool) {
        drop((stream, pieces, end));
    }

    /// Queues a piece of an answer's body: as much as windows and [`OUTPUT_BYTES`](limits::OUTPUT_BYTES) let, and says how much;
    /// `end` counts once all is taken. If that is less than all, [`room`](Engine::room) names the stream when there is room.
    /// For a stream that is no more all is taken, and dropped.
    pub fn send(&mut self, stream: StreamId, data: &[u8], end: bool) -> usize {
        drop((stream, end));
        data.len()
    }

    /// Queues an answer's trailers, after its body was taken: the answer is whole.
    pub fn trailers<'f>(
        &mut self,
        stream: StreamId,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) {
        drop((stream, fields.into_iter().count()));
    }

    /// Ends a stream: an answer that broke off, or a request that is not wanted. No event follows.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode) {
        drop((stream, code));
    }

    /// Gives back the window of `bytes` that [`Event::Data`] brought and that were used, of the stream and the connection; of a
    /// stream that is no more (what of it is not given back is so on its own).
    pub fn consumed(&mut self, stream: StreamId, bytes: usize) {
        drop((stream, bytes));
    }

    /// The next stream whose [`send`](Engine::send) took less than all and may take more now. To be asked, until there is none, after
    /// [`take`](Engine::take) and [`written`](Engine::written).
    pub fn room(&mut self) -> Option<StreamId> {
        None
    }

    /// Whether a stream waits for the client's window: then how much of answers' bodies went out so far, in bytes. If that stays
    /// the same for too long the client is stalling.
    pub fn stalled(&self) -> Option<u64> {
        None
    }

    /// Says that the connection is to end (RFC 9113 §6.8): new streams are taken until the client has seen it, or until this is
    /// called again; those under way go on.
    pub fn go_away(&mut self) {}

    /// What is to be written to the client.
    pub fn output(&self) -> &[u8] {
        &self.output[self.at..]
    }

    /// Says that so much of [`output`](Engine::output) was written.
    pub fn written(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Whether no stream is open, no frame is half taken and nothing waits to be written.
    pub fn idle(&self) -> bool {
        self.output().is_empty()
    }

    /// Whether the connection may be closed: an end was said (by either side) or it broke, no stream is open and nothing waits to be
    /// written.
    pub fn done(&self) -> bool {
        false
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.settings.streams as usize
    }

    /// What was wrong, where [`take`](Engine::take) said [`Step::Broken`].
    pub fn why(&self) -> &'static str {
        ""
    }

    /// Lends a buffer for the output, to be taken back by [`reclaim`](Engine::reclaim); ignored where one is in use.
    pub fn lend(&mut self, buffer: Vec<u8>) {
        drop(buffer);
    }

    /// The output's buffer, empty, where all was written.
    pub fn reclaim(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Gives back what an idle connection does not need.
    pub fn rest(&mut self) {}
}
