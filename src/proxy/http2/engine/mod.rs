//! One connection's HTTP/2, server side: a client's bytes → [`Event`]s, answers → bytes (RFC 9113).
//!
//! Feed [`Engine::take`] with what was read until it says [`Step::More`], answer by [`respond`](Engine::respond) and
//! [`send`](Engine::send), write [`output`](Engine::output) and say so by [`written`](Engine::written); then
//! [`room`](Engine::room) says whose `send` took less than all and may go on.
//!
//! Deliberately unknown here: sockets, tasks and clocks; what a request is answered with.

mod answer;
#[cfg(test)]
mod answer_tests;
mod body;
#[cfg(test)]
mod body_tests;
mod headers;
mod streams;
mod take;
#[cfg(test)]
mod tests;

use self::streams::Streams;
use super::code::ErrorCode;
use super::fields::Fields;
use super::frame::{self, kind, setting};
use super::hpack::{self, Decoder, Known};
use super::limits;
use super::patience::Count;

/// A stream's number: odd, below 2³¹.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// What a connection offers its client. [`limits`] has the values it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Streams open at once.
    pub streams: u32,
    /// Window of a stream at first, in bytes: 65,535 to 2³¹ - 1.
    pub stream_window: u32,
    /// Window of the connection, in bytes: 65,535 to 2³¹ - 1.
    pub connection_window: u32,
    /// Whether `CONNECT` with `:protocol` is taken (RFC 8441).
    pub connect_protocol: bool,
    /// Streams that the client may reset before they were answered ([`limits::PENDING_RESETS`]).
    pub resets: u32,
    /// A list of fields, in bytes, up to 32,768 ([`limits::LIST_BYTES`]).
    pub list_bytes: u32,
    /// Fields of a list, up to 1,000 ([`limits::LIST_FIELDS`]).
    pub list_fields: u32,
    /// Bytes that wait to be written to the client ([`limits::OUTPUT_BYTES`]).
    pub output_bytes: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            streams: limits::STREAMS,
            stream_window: limits::STREAM_WINDOW,
            connection_window: limits::connection_window(limits::STREAMS),
            connect_protocol: true,
            resets: limits::PENDING_RESETS,
            list_bytes: limits::LIST_BYTES as u32,
            list_fields: limits::LIST_FIELDS as u32,
            output_bytes: limits::OUTPUT_BYTES as u32,
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
    /// A piece of a request's body: a frame's data, or what came of it so far. All that is long of it must go through [`Engine::consumed`] some time.
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
    /// A request that was not told of: its stream was reset with this code, or answered by 431 (then it is
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
    stage: Stage,
    leaving: Leaving,
    /// Whether the client said GOAWAY.
    client_leaves: bool,
    /// Whether it has seen our settings.
    acknowledged: bool,
    no_table_said: bool,
    no_table_due: bool,
    broken: Option<Broken>,
    /// What waits to be written, from `at` on.
    output: Vec<u8>,
    at: usize,
    streams: Streams,
    lingering: Vec<Lingering>,
    decoder: Decoder,
    /// A block of which CONTINUATION frames are to come.
    block: Option<Box<Block>>,
    /// A DATA frame of which more is to come.
    part: Option<Part>,
    /// How much may be sent to the client: on all streams, and on a new one. In bytes.
    send: i32,
    initial_send: i32,
    /// How much the client may send, and what it was not yet told that it may send again. In bytes.
    receive: u32,
    given: u32,
    /// What the windows of open streams have grown by, in bytes.
    grown: u32,
    /// Bytes of answers' bodies that went to the output.
    sent: u64,
    /// The last stream that was told that there is room.
    turn: u32,
    /// The latest time, in milliseconds.
    now: u64,
    idle_frames: Count,
    resets: Count,
    faults: Count,
}

/// What the client has to say next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Preface,
    Settings,
    Open,
}

/// How far a graceful end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// GOAWAY was said, without a last stream.
    Said,
    /// With one.
    Done,
}

/// A block that is not whole.
#[derive(Debug)]
struct Block {
    stream: u32,
    end: bool,
    /// The frame made its stream depend on itself.
    on_itself: bool,
    continuations: u32,
    bytes: Vec<u8>,
}

/// A DATA frame that is told of as it comes: a long one of a slow client may take a while.
#[derive(Clone, Copy, Debug)]
struct Part {
    stream: u32,
    /// Bytes that are to come.
    left: u32,
    /// It is the request's last.
    end: bool,
}

/// A stream that is answered, while its client may still be sending.
#[derive(Clone, Copy, Debug)]
struct Lingering {
    stream: u32,
    /// It was when it was last asked who is.
    long: bool,
}

/// A fault: one stream more than [`Settings::streams`].
pub const MANY_STREAMS: &str = "too many streams";
/// A fault: a list longer than [`Settings::list_bytes`].
pub const LONG_LIST: &str = "too large a list of fields";
/// A fault: a list of more fields than [`Settings::list_fields`].
pub const MANY_FIELDS: &str = "too many fields in a list";
/// A fault: one reset more than [`Settings::resets`].
pub const MANY_RESETS: &str = "too many requests were reset before they were answered";

/// Why the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Broken {
    code: ErrorCode,
    why: &'static str,
}

impl Broken {
    fn protocol(why: &'static str) -> Broken {
        let code = ErrorCode::PROTOCOL_ERROR;
        Broken { code, why }
    }

    fn size(why: &'static str) -> Broken {
        let code = ErrorCode::FRAME_SIZE_ERROR;
        Broken { code, why }
    }

    fn flow(why: &'static str) -> Broken {
        let code = ErrorCode::FLOW_CONTROL_ERROR;
        Broken { code, why }
    }

    fn calm(why: &'static str) -> Broken {
        let code = ErrorCode::ENHANCE_YOUR_CALM;
        Broken { code, why }
    }
}

/// What came of a frame.
type Took<'a> = Result<Option<Event<'a>>, Broken>;

impl Engine {
    /// A connection's start: its settings and its window wait in [`output`](Engine::output). The client's preface comes first in
    /// the input.
    pub fn new(settings: Settings) -> Engine {
        let settings = Settings {
            stream_window: settings
                .stream_window
                .clamp(LEAST_WINDOW, frame::LAST_STREAM),
            connection_window: settings
                .connection_window
                .clamp(LEAST_WINDOW, frame::LAST_STREAM),
            ..settings
        };
        let mut engine = Engine {
            settings,
            stage: Stage::Preface,
            leaving: Leaving::No,
            client_leaves: false,
            acknowledged: false,
            no_table_said: false,
            no_table_due: false,
            broken: None,
            output: Vec::new(),
            at: 0,
            streams: Streams::default(),
            lingering: Vec::new(),
            decoder: Decoder::default(),
            block: None,
            part: None,
            send: LEAST_WINDOW as i32,
            initial_send: LEAST_WINDOW as i32,
            receive: settings.connection_window,
            given: 0,
            grown: 0,
            sent: 0,
            turn: 0,
            now: 0,
            idle_frames: Count::default(),
            resets: Count::default(),
            faults: Count::default(),
        };
        engine.announce();
        engine
    }

    fn announce(&mut self) {
        let settings = [
            (setting::MAX_CONCURRENT_STREAMS, self.settings.streams),
            (setting::INITIAL_WINDOW_SIZE, self.settings.stream_window),
            (setting::MAX_HEADER_LIST_SIZE, self.settings.list_bytes),
            (
                setting::ENABLE_CONNECT_PROTOCOL,
                u32::from(self.settings.connect_protocol),
            ),
        ];
        let mut payload = [0; 24];
        for (place, (id, value)) in payload.chunks_exact_mut(6).zip(settings) {
            place[..2].copy_from_slice(&id.to_be_bytes());
            place[2..].copy_from_slice(&value.to_be_bytes());
        }
        frame::write(&mut self.output, kind::SETTINGS, 0, 0, &payload);
        let more = self.settings.connection_window - LEAST_WINDOW;
        if more > 0 {
            frame::write(
                &mut self.output,
                kind::WINDOW_UPDATE,
                0,
                0,
                &more.to_be_bytes(),
            );
        }
    }

    /// Takes the preface, or at most one frame, from the front of `input`, at `now` in milliseconds of any steady clock. Fields
    /// that an event has are left in `fields`.
    pub fn take<'a>(&mut self, input: &'a [u8], now: u64, fields: &mut Fields) -> Step<'a> {
        self.step(input, now, fields)
    }

    /// Queues an answer's head: `status` 100 to 999 (1xx: several, never with `end`), then fields with names in any case; such as
    /// belong to an HTTP/1 connection (Connection, Transfer-Encoding and the like) are left out. With `end` nothing follows it.
    ///
    /// With `end` before the request is whole the client is told to stop, some time after (RFC 9113 §8.1: RST_STREAM with NO_ERROR): see
    /// [`tell_to_stop`](Engine::tell_to_stop).
    pub fn respond<'f>(
        &mut self,
        stream: StreamId,
        status: u16,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        end: bool,
    ) {
        let Some(at) = self.may_send(stream.0, false) else {
            return;
        };
        let last = status >= 200;
        self.head(stream.0, end && last, |output| {
            hpack::status(output, status);
            append(output, fields);
        });
        if last {
            self.headed(at, end);
        }
    }

    /// As [`respond`](Engine::respond) with a final head whose pieces, one after the other, were made by
    /// [`hpack::status`] and [`hpack::field`] before: nothing is looked at.
    pub fn respond_encoded(&mut self, stream: StreamId, pieces: &[&[u8]], end: bool) {
        let Some(at) = self.may_send(stream.0, false) else {
            return;
        };
        self.head(stream.0, end, |output| {
            for piece in pieces {
                output.extend_from_slice(piece);
            }
        });
        self.headed(at, end);
    }

    /// Queues a piece of an answer's body: as much as windows and [`output_bytes`](Settings::output_bytes) let, and says how much;
    /// `end` counts once all is taken. If that is less than all, [`room`](Engine::room) names the stream when there is room.
    /// For a stream that is no more all is taken, and dropped.
    pub fn send(&mut self, stream: StreamId, data: &[u8], end: bool) -> usize {
        self.send_data(stream.0, data, end)
    }

    /// Queues an answer's trailers, after its body was taken: the answer is whole.
    pub fn trailers<'f>(
        &mut self,
        stream: StreamId,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) {
        let Some(at) = self.may_send(stream.0, true) else {
            return;
        };
        self.head(stream.0, true, |output| append(output, fields));
        self.answered(at);
    }

    /// Ends a stream: an answer that broke off, or a request that is not wanted. No event follows.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode) {
        if let Some(at) = self.streams.find(stream.0) {
            self.reset_here(at, code);
        }
    }

    /// Gives back the window of `bytes` that [`Event::Data`] brought and that were used, of the stream and the connection; of a
    /// stream that is no more (what of it is not given back is so on its own).
    pub fn consumed(&mut self, stream: StreamId, bytes: usize) {
        self.used(stream.0, bytes);
    }

    /// The next stream whose [`send`](Engine::send) took less than all and may take more now. To be asked, until there is none, after
    /// [`take`](Engine::take) and [`written`](Engine::written).
    pub fn room(&mut self) -> Option<StreamId> {
        self.next_room()
    }

    /// Whether a stream waits for the client's window: then how much of answers' bodies went out so far, in bytes. If that stays
    /// the same for too long the client is stalling.
    pub fn stalled(&self) -> Option<u64> {
        let mut open = self.streams.open.iter();
        let waits = open.any(|s| s.wants && s.send.min(self.send) <= 0);
        waits.then_some(self.sent)
    }

    /// Says that the connection is to end (RFC 9113 §6.8): new streams are taken until the client has seen it, or until this is
    /// called again; those under way go on.
    pub fn go_away(&mut self) {
        if self.broken.is_none() {
            self.say_leaving();
        }
    }

    /// Whether there are streams that are answered while their clients may still be sending. What they send is dropped.
    pub fn lingers(&self) -> bool {
        !self.lingering.is_empty()
    }

    /// Tells the client to stop sending on those of them that there were when this was last called.
    pub fn tell_to_stop(&mut self) {
        self.stop_lingering();
    }

    /// What is to be written to the client.
    pub fn output(&self) -> &[u8] {
        &self.output[self.at..]
    }

    /// Says that so much of [`output`](Engine::output) was written.
    pub fn written(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.output.len());
        if self.at == self.output.len() {
            self.output.clear();
            self.at = 0;
        } else if self.at >= self.output.len() / 2 {
            self.output.drain(..self.at);
            self.at = 0;
        }
    }

    /// Whether no stream is open, no frame is half taken and nothing waits to be written.
    pub fn idle(&self) -> bool {
        self.at_rest() && self.part.is_none()
    }

    fn at_rest(&self) -> bool {
        self.streams.open.is_empty() && self.block.is_none() && self.output().is_empty()
    }

    /// Whether a frame's data was told of, and more of the same frame is to come.
    pub(super) fn within_data(&self) -> bool {
        self.part.is_some()
    }

    /// Whether the connection may be closed: an end was said (by either side) or it broke, no stream is open and nothing waits to be
    /// written.
    pub fn done(&self) -> bool {
        let said = self.leaving == Leaving::Done || self.client_leaves || self.broken.is_some();
        said && self.at_rest()
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.streams.open.len()
    }

    /// What was wrong, where [`take`](Engine::take) said [`Step::Broken`].
    pub fn why(&self) -> &'static str {
        self.broken.map_or("", |b| b.why)
    }

    /// Whether so much waits to be written that nothing more is taken.
    fn is_full(&self) -> bool {
        self.output().len() >= self.settings.output_bytes as usize
    }

    /// Lends a buffer for the output, to be taken back by [`reclaim`](Engine::reclaim); ignored where one is in use.
    pub fn lend(&mut self, buffer: Vec<u8>) {
        if self.output.capacity() == 0 {
            self.output = buffer;
            self.output.clear();
        }
    }

    /// The output's buffer, empty, where all was written.
    pub fn reclaim(&mut self) -> Option<Vec<u8>> {
        let free = self.output.is_empty() && self.output.capacity() > 0;
        free.then(|| std::mem::take(&mut self.output))
    }

    /// Gives back what an idle connection does not need.
    pub fn rest(&mut self) {
        if self.output.is_empty() {
            self.output = Vec::new();
        }
        self.streams.rest();
        self.lingering.shrink_to_fit();
        self.decoder.rest();
    }

    /// How many bytes of memory it takes, with what it holds on the heap.
    pub fn held(&self) -> usize {
        self.held_without_table() + self.decoder.held()
    }

    /// As [`held`](Engine::held), without the table of fields: that has what the client put in, at most three times
    /// [`TABLE_BYTES`](limits::TABLE_BYTES).
    pub fn held_without_table(&self) -> usize {
        let block = self.block.as_ref();
        let block = block.map_or(0, |b| size_of::<Block>() + b.bytes.capacity());
        let lingering = self.lingering.capacity() * size_of::<Lingering>();
        size_of::<Engine>() + self.output.capacity() + self.streams.held() + block + lingering
    }
}

/// The window that both sides begin with (RFC 9113 §6.9.2), in bytes.
const LEAST_WINDOW: u32 = 65_535;

/// Appends fields, but for those that are an HTTP/1 connection's own.
fn append<'f>(output: &mut Vec<u8>, fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>) {
    for (name, value) in fields {
        if !Known::is_hop(name) {
            hpack::field(output, name, value);
        }
    }
}
