//! DATA and windows, both ways (RFC 9113 §5.2, §6.1, §6.9).

use super::streams::Stream;
use super::{Broken, Engine, Event, Part, StreamId, Took};
use crate::proxy::http2::code::ErrorCode;
use crate::proxy::http2::frame::{self, Head, LAST_STREAM, PAYLOAD, flag, kind};
use crate::proxy::http2::limits::{GROWN_WINDOW, GROWTH_BYTES, UPDATE_BYTES};

impl Engine {
    pub(super) fn data<'a>(&mut self, head: Head, payload: &'a [u8]) -> Took<'a> {
        let (id, length) = (head.stream, payload.len() as u32);
        if self.streams.is_idle(id) {
            return Err(Broken::protocol("data on an idle stream"));
        }
        let left = self.receive.checked_sub(length);
        self.receive = left.ok_or(Broken::flow("more data than the connection's window"))?;
        let padding = Broken::protocol("padding is longer than its frame");
        let data = frame::unpadded(head, payload).ok_or(padding)?;
        let Some(at) = self.streams.find(id) else {
            self.give_back(length);
            if head.has(flag::END_STREAM) {
                self.heard_out(id);
            }
            return self.after_end(id);
        };
        let end = head.has(flag::END_STREAM);
        if let Err((code, why)) = self.streams.open[at].take_in(length, data.len(), end) {
            self.give_back(length);
            return self.fault(id, code, why);
        }
        self.give_back(length - data.len() as u32);
        let (stream, whole) = (StreamId(id), &self.streams.open[at]);
        if !whole.remote && !whole.local {
            self.close(at);
        }
        if data.is_empty() && !end {
            return self.nothing_new();
        }
        if data.len() >= 1024 {
            self.idle_frames.pay(1);
        }
        Ok(Some(Event::Data { stream, data, end }))
    }

    /// Begins a DATA frame of which not all has come. Whether it is to be told of piece by piece; what has padding or is at fault waits
    /// until it is whole.
    pub(super) fn begin_data(&mut self, head: Head) -> bool {
        let (id, length) = (head.stream, head.length as u32);
        if head.kind != kind::DATA || head.has(flag::PADDED) {
            return false;
        }
        let Some(at) = self.streams.find(id) else {
            return false;
        };
        let Some(receive) = self.receive.checked_sub(length) else {
            return false;
        };
        let end = head.has(flag::END_STREAM);
        let stream = &mut self.streams.open[at];
        if stream.take_in(length, head.length, end).is_err() {
            return false;
        }
        // It is owed as it comes.
        stream.owed -= length;
        self.receive = receive;
        if head.length >= 1024 {
            self.idle_frames.pay(1);
        }
        self.part = Some(Part {
            stream: id,
            left: length,
            end,
        });
        true
    }

    /// Takes in what came of a DATA frame that has begun.
    pub(super) fn go_on<'a>(&mut self, part: Part, input: &'a [u8]) -> (usize, Option<Event<'a>>) {
        let data = &input[..input.len().min(part.left as usize)];
        if data.is_empty() {
            return (0, None);
        }
        let length = data.len() as u32;
        let left = part.left - length;
        self.part = (left > 0).then_some(Part { left, ..part });
        let Some(at) = self.streams.find(part.stream) else {
            // It was answered or reset meanwhile.
            self.give_back(length);
            if part.end && left == 0 {
                self.heard_out(part.stream);
            }
            return (data.len(), None);
        };
        self.streams.open[at].owed += length;
        let (stream, end) = (StreamId(part.stream), part.end && left == 0);
        (data.len(), Some(Event::Data { stream, data, end }))
    }

    /// Gives back window of the connection.
    pub(super) fn give_back(&mut self, bytes: u32) {
        self.given += bytes;
        if self.given >= UPDATE_BYTES.min(self.settings.connection_window / 2) {
            self.receive += self.given;
            let given = std::mem::take(&mut self.given);
            frame::write(
                &mut self.output,
                kind::WINDOW_UPDATE,
                0,
                0,
                &given.to_be_bytes(),
            );
        }
    }

    pub(super) fn used(&mut self, id: u32, bytes: usize) {
        let Some(at) = self.streams.find(id) else {
            return;
        };
        let stream = &mut self.streams.open[at];
        let bytes = bytes.min(stream.owed as usize) as u32;
        stream.owed -= bytes;
        stream.given += bytes;
        if stream.remote && stream.given >= stream.window / 2 {
            // Its server takes what comes: it may be a fast one.
            let growth = GROWN_WINDOW.saturating_sub(stream.window);
            if self.grown + growth <= GROWTH_BYTES {
                self.grown += growth;
                stream.window += growth;
                stream.given += growth;
            }
            stream.receive += stream.given;
            let given = std::mem::take(&mut stream.given);
            frame::write(
                &mut self.output,
                kind::WINDOW_UPDATE,
                0,
                id,
                &given.to_be_bytes(),
            );
        }
        self.give_back(bytes);
    }

    pub(super) fn window_update<'a>(&mut self, head: Head, payload: &[u8]) -> Took<'a> {
        let id = head.stream;
        let more = (frame::number(payload) & LAST_STREAM) as i32;
        if id == 0 {
            if more == 0 {
                return Err(Broken::protocol("a window grows by nothing"));
            }
            let window = self.send.checked_add(more);
            self.send = window.ok_or(Broken::flow("the connection's window is too large"))?;
            return self.nothing_new();
        }
        if self.streams.is_idle(id) {
            return Err(Broken::protocol("a window of an idle stream"));
        }
        self.nothing_new()?;
        let Some(at) = self.streams.find(id) else {
            return Ok(None);
        };
        if more == 0 {
            return self.fault(id, ErrorCode::PROTOCOL_ERROR, "a window grows by nothing");
        }
        let stream = &mut self.streams.open[at];
        match stream.send.checked_add(more) {
            Some(window) => stream.send = window,
            None => {
                let why = "a stream's window is too large";
                return self.fault(id, ErrorCode::FLOW_CONTROL_ERROR, why);
            }
        }
        Ok(None)
    }

    /// The client's initial window changes those of all its streams (§6.9.2).
    pub(super) fn initial_window(&mut self, window: i32) -> Result<(), Broken> {
        // Both are 0 or more.
        let change = window - self.initial_send;
        self.initial_send = window;
        for stream in &mut self.streams.open {
            let changed = stream.send.checked_add(change);
            stream.send = changed.ok_or(Broken::flow("a stream's window is too large"))?;
        }
        Ok(())
    }

    pub(super) fn send_data(&mut self, id: u32, data: &[u8], end: bool) -> usize {
        let Some(at) = self.streams.find(id) else {
            return data.len();
        };
        if !self.streams.open[at].answered || !self.streams.open[at].local {
            return data.len();
        }
        let room = self.settings.output_bytes as usize;
        let room = room.saturating_sub(self.output().len());
        let alone = self.streams.open.iter().all(|s| s.id == id || !s.wants);
        let stream = &mut self.streams.open[at];
        let window = stream.send.min(self.send).max(0) as usize;
        let turn = if alone { usize::MAX } else { PAYLOAD };
        let taken = data.len().min(room).min(window).min(turn);
        stream.wants = taken < data.len();
        stream.send -= taken as i32;
        self.send -= taken as i32;
        self.sent += taken as u64;
        let last = end && taken == data.len();
        let mut rest = &data[..taken];
        while !rest.is_empty() || last {
            let (piece, behind) = rest.split_at(rest.len().min(PAYLOAD));
            rest = behind;
            let flags = if last && rest.is_empty() {
                flag::END_STREAM
            } else {
                0
            };
            frame::write(&mut self.output, kind::DATA, flags, id, piece);
            if rest.is_empty() {
                break;
            }
        }
        // Crumbs that a client's small windows ask for do not pay for them.
        if taken == data.len() || taken >= 1024 {
            self.idle_frames.pay(2 + (taken / 2048) as u32);
        }
        if last {
            self.answered(at);
        }
        taken
    }

    /// The next of those that want to send, behind the one that was last.
    pub(super) fn next_room(&mut self) -> Option<StreamId> {
        if self.is_full() || self.send <= 0 {
            return None;
        }
        let ready = |s: &Stream| s.wants && s.send > 0;
        let open = &mut self.streams.open;
        let from = open.partition_point(|s| s.id <= self.turn);
        let behind = open[from..].iter().position(ready).map(|at| from + at);
        let at = behind.or_else(|| open[..from].iter().position(ready))?;
        open[at].wants = false;
        self.turn = open[at].id;
        Some(StreamId(self.turn))
    }
}

impl Stream {
    /// Takes a DATA frame into account: `length` with its padding, `data` without.
    fn take_in(
        &mut self,
        length: u32,
        data: usize,
        end: bool,
    ) -> Result<(), (ErrorCode, &'static str)> {
        if !self.remote {
            return Err((ErrorCode::STREAM_CLOSED, "data behind a request's end"));
        }
        let window = self.receive.checked_sub(length);
        let window = window.ok_or((
            ErrorCode::FLOW_CONTROL_ERROR,
            "more data than a stream's window",
        ))?;
        if let Some(left) = &mut self.left {
            let rest = left.checked_sub(data as u64);
            let rest = rest.ok_or((
                ErrorCode::PROTOCOL_ERROR,
                "more data than Content-Length says",
            ))?;
            if end && rest > 0 {
                return Err((
                    ErrorCode::PROTOCOL_ERROR,
                    "less data than Content-Length says",
                ));
            }
            *left = rest;
        }
        self.receive = window;
        self.owed += data as u32;
        self.given += length - data as u32;
        self.remote = !end;
        Ok(())
    }
}
