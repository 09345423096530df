//! What comes from the client: each frame's rules, and the frames of the connection (RFC 9113 §5, §6).

use super::streams::End;
use super::{Broken, Engine, Event, Leaving, MANY_RESETS, Stage, Step, StreamId, Took};
use crate::proxy::http2::code::ErrorCode;
use crate::proxy::http2::fields::Fields;
use crate::proxy::http2::frame::{self, HEAD, Head, LAST_STREAM, PREFACE, flag, kind, setting};
use crate::proxy::http2::limits::{
    FAULTS_FORGOTTEN_MS, FRAME_BYTES, IDLE_FRAMES, IDLE_FRAMES_FORGOTTEN_MS, LATE_RESET,
    LINGERING_RESET, LOCAL_RESETS, RESETS_FORGOTTEN_MS, SETTINGS, TABLE_BYTES,
};

/// What the ping says that goes out with a GOAWAY: when it comes back the client has seen that.
pub(super) const LEAVING_PING: &[u8; 8] = b"signpost";

impl Engine {
    pub(super) fn step<'a>(&mut self, input: &'a [u8], now: u64, fields: &mut Fields) -> Step<'a> {
        if let Some(broken) = self.broken {
            return Step::Broken(broken.code);
        }
        if self.is_full() {
            return Step::Full;
        }
        self.now = self.now.max(now);
        let taken = if self.stage == Stage::Preface {
            self.preface(input)
        } else {
            self.one(input, fields)
        };
        match taken {
            Ok((0, _)) => Step::More,
            Ok((used, None)) => Step::Used(used),
            Ok((used, Some(event))) => Step::Event(used, event),
            Err(broken) => {
                self.give_up(broken);
                Step::Broken(broken.code)
            }
        }
    }

    fn preface<'a>(&mut self, input: &[u8]) -> Result<(usize, Option<Event<'a>>), Broken> {
        let shown = input.len().min(PREFACE.len());
        if input[..shown] != PREFACE[..shown] {
            return Err(Broken::protocol("the connection's preface is none"));
        }
        if shown < PREFACE.len() {
            return Ok((0, None));
        }
        self.stage = Stage::Settings;
        Ok((shown, None))
    }

    fn one<'a>(
        &mut self,
        input: &'a [u8],
        fields: &mut Fields,
    ) -> Result<(usize, Option<Event<'a>>), Broken> {
        if let Some(part) = self.part {
            return Ok(self.go_on(part, input));
        }
        let Some(head) = Head::read(input) else {
            return Ok((0, None));
        };
        self.check(head)?;
        let Some(payload) = input.get(HEAD..HEAD + head.length) else {
            let used = if self.begin_data(head) { HEAD } else { 0 };
            return Ok((used, None));
        };
        let event = match head.kind {
            kind::DATA => self.data(head, payload),
            kind::HEADERS => self.headers(head, payload, fields),
            kind::PRIORITY => self.priority(head, payload),
            kind::RST_STREAM => self.client_reset(head, payload),
            kind::SETTINGS => self.settings(head, payload),
            kind::PING => self.ping(head, payload),
            kind::GOAWAY => {
                self.client_leaves = true;
                self.nothing_new()
            }
            kind::WINDOW_UPDATE => self.window_update(head, payload),
            kind::CONTINUATION => self.continuation(head, payload, fields),
            _ => self.nothing_new(),
        };
        Ok((HEAD + head.length, event?))
    }

    /// What is wrong with a frame before its payload has come.
    fn check(&mut self, head: Head) -> Result<(), Broken> {
        let Head {
            length,
            kind: k,
            stream,
            ..
        } = head;
        let settings = k == kind::SETTINGS && !head.has(flag::ACK);
        if self.stage == Stage::Settings && !settings {
            return Err(Broken::protocol("the first frame is no SETTINGS"));
        }
        if length > FRAME_BYTES {
            return Err(Broken::size("a frame is longer than was announced"));
        }
        match &self.block {
            Some(block) if k != kind::CONTINUATION || stream != block.stream => {
                return Err(Broken::protocol("a block of fields was interrupted"));
            }
            None if k == kind::CONTINUATION => {
                return Err(Broken::protocol("a CONTINUATION continues nothing"));
            }
            _ => {}
        }
        let of_stream = matches!(
            k,
            kind::DATA | kind::HEADERS | kind::PRIORITY | kind::RST_STREAM | kind::CONTINUATION
        );
        if of_stream && stream == 0 {
            return Err(Broken::protocol("a frame of a stream is the connection's"));
        }
        if matches!(k, kind::SETTINGS | kind::PING | kind::GOAWAY) && stream != 0 {
            return Err(Broken::protocol("a frame of the connection is a stream's"));
        }
        let fits = match k {
            kind::HEADERS if stream.is_multiple_of(2) => {
                return Err(Broken::protocol("a client's stream has an even number"));
            }
            kind::PUSH_PROMISE => return Err(Broken::protocol("a client pushes")),
            kind::PRIORITY => length == 5,
            kind::RST_STREAM | kind::WINDOW_UPDATE => length == 4,
            kind::SETTINGS if head.has(flag::ACK) => length == 0,
            kind::SETTINGS => length.is_multiple_of(6),
            kind::PING => length == 8,
            kind::GOAWAY => length >= 8,
            kind::DATA => !head.has(flag::PADDED) || length >= 1,
            kind::HEADERS => {
                let padding = usize::from(head.has(flag::PADDED));
                length >= padding + 5 * usize::from(head.has(flag::PRIORITY))
            }
            _ => true,
        };
        fits.then_some(()).ok_or(Broken::size(
            "a frame has a length that its kind cannot have",
        ))
    }

    /// Counts a frame that brought nothing.
    pub(super) fn nothing_new<'a>(&mut self) -> Took<'a> {
        let (now, each) = (self.now, IDLE_FRAMES_FORGOTTEN_MS);
        if self.idle_frames.above(IDLE_FRAMES, now, each) {
            return Err(Broken::calm("too many frames that bring nothing"));
        }
        Ok(None)
    }

    /// Resets a stream for a fault of the client's, of which there may be so many.
    pub(super) fn fault<'a>(&mut self, id: u32, code: ErrorCode, why: &'static str) -> Took<'a> {
        self.count_fault()?;
        let stream = StreamId(id);
        if let Some(at) = self.streams.find(id) {
            self.reset_here(at, code);
            return Ok(Some(Event::Reset { stream, code, why }));
        }
        self.write_reset(id, code);
        Ok(None)
    }

    pub(super) fn count_fault(&mut self) -> Result<(), Broken> {
        let (now, each) = (self.now, FAULTS_FORGOTTEN_MS);
        if self.faults.above(LOCAL_RESETS, now, each) {
            return Err(Broken::calm("too many streams had to be reset"));
        }
        Ok(())
    }

    /// What a frame that opens nothing means on a stream that is neither open nor idle.
    pub(super) fn after_end<'a>(&mut self, id: u32) -> Took<'a> {
        match self.streams.end(id) {
            // It was under way.
            End::Here => self.nothing_new(),
            End::There => self.fault(
                id,
                ErrorCode::STREAM_CLOSED,
                "a frame on a stream that the client reset",
            ),
            End::Skipped => Err(Broken::protocol(
                "a stream's number is lower than one before",
            )),
            End::Whole => Err(Broken {
                code: ErrorCode::STREAM_CLOSED,
                why: "a frame on a stream that has ended",
            }),
        }
    }

    /// Priorities mean nothing (RFC 9113 §5.3.2), but what cannot be is refused.
    fn priority<'a>(&mut self, head: Head, payload: &[u8]) -> Took<'a> {
        if frame::number(payload) & LAST_STREAM == head.stream {
            return Err(Broken::protocol("a stream depends on itself"));
        }
        self.nothing_new()
    }

    fn client_reset<'a>(&mut self, head: Head, payload: &[u8]) -> Took<'a> {
        let id = head.stream;
        if self.streams.is_idle(id) {
            return Err(Broken::protocol("an idle stream is reset"));
        }
        let Some(at) = self.streams.find(id) else {
            match self.heard_out(id) {
                true => self.brings_nothing(LINGERING_RESET)?,
                false => self.brings_nothing(LATE_RESET)?,
            }
            return Ok(None);
        };
        if self.streams.open[at].answered {
            self.brings_nothing(LATE_RESET)?;
        } else if (self.resets).above(self.settings.resets, self.now, RESETS_FORGOTTEN_MS) {
            return Err(Broken::calm(MANY_RESETS));
        }
        self.close(at);
        self.streams.remember(id, true);
        let code = ErrorCode(frame::number(payload));
        let (stream, why) = (StreamId(id), "");
        Ok(Some(Event::Reset { stream, code, why }))
    }

    /// Counts a reset of what was answered: a client that does so each time never meant to read.
    fn brings_nothing(&mut self, frames: u32) -> Result<(), Broken> {
        for _ in 0..frames {
            self.nothing_new()?;
        }
        Ok(())
    }

    fn settings<'a>(&mut self, head: Head, payload: &[u8]) -> Took<'a> {
        if self.stage == Stage::Open {
            self.nothing_new()?;
        }
        self.stage = Stage::Open;
        if head.has(flag::ACK) {
            self.acknowledged = true;
            return Ok(None);
        }
        if payload.len() > SETTINGS * 6 {
            return Err(Broken::calm("too many settings in a frame"));
        }
        for setting in payload.chunks_exact(6) {
            let (id, value) = setting.split_at(2);
            let id = id.first_chunk().map_or(0, |b| u16::from_be_bytes(*b));
            self.setting(id, frame::number(value))?;
        }
        frame::write(&mut self.output, kind::SETTINGS, flag::ACK, 0, &[]);
        Ok(None)
    }

    fn setting(&mut self, id: u16, value: u32) -> Result<(), Broken> {
        match id {
            // Answers are encoded without the table; a smaller one must be said to be used so (RFC 7541 §4.2).
            setting::HEADER_TABLE_SIZE if (value as usize) < TABLE_BYTES => self.say_no_table(),
            setting::ENABLE_PUSH | setting::ENABLE_CONNECT_PROTOCOL if value > 1 => {
                return Err(Broken::protocol("a setting is neither 0 nor 1"));
            }
            setting::INITIAL_WINDOW_SIZE => {
                if value > LAST_STREAM {
                    return Err(Broken::flow("an initial window is too large"));
                }
                self.initial_window(value as i32)?;
            }
            setting::MAX_FRAME_SIZE if !(1 << 14..1 << 24).contains(&value) => {
                return Err(Broken::protocol("a frame size is out of range"));
            }
            _ => {}
        }
        Ok(())
    }

    fn ping<'a>(&mut self, head: Head, payload: &[u8]) -> Took<'a> {
        self.nothing_new()?;
        if !head.has(flag::ACK) {
            frame::write(&mut self.output, kind::PING, flag::ACK, 0, payload);
        } else if self.leaving == Leaving::Said && payload == LEAVING_PING {
            self.leave();
        }
        Ok(None)
    }
}
