//! What goes to the client: heads, trailers, resets, the end.

use super::take::LEAVING_PING;
use super::{Broken, Engine, Leaving, Lingering};
use crate::proxy::http2::code::ErrorCode;
use crate::proxy::http2::frame::{self, HEAD, Head, LAST_STREAM, PAYLOAD, flag, kind};
use crate::proxy::http2::limits::LINGERING;

impl Engine {
    /// Queues a block of fields that `write` appends to the output, in as many frames as it takes.
    pub(super) fn head(&mut self, id: u32, end: bool, write: impl FnOnce(&mut Vec<u8>)) {
        let output = &mut self.output;
        let start = output.len();
        output.extend_from_slice(&[0; HEAD]);
        if std::mem::take(&mut self.no_table_due) {
            output.push(0x20);
        }
        write(output);
        let length = output.len() - start - HEAD;
        let end_stream = if end { flag::END_STREAM } else { 0 };
        let mut head = Head {
            length,
            kind: kind::HEADERS,
            flags: end_stream | flag::END_HEADERS,
            stream: id,
        };
        if length <= PAYLOAD {
            output[start..start + HEAD].copy_from_slice(&head.bytes());
            return;
        }
        let block = output.split_off(start + HEAD);
        output.truncate(start);
        let mut pieces = block.chunks(PAYLOAD).peekable();
        head.flags = end_stream;
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            let flags = head.flags | if last { flag::END_HEADERS } else { 0 };
            frame::write(output, head.kind, flags, id, piece);
            (head.kind, head.flags) = (kind::CONTINUATION, 0);
        }
    }

    /// The client's next block from here says that no dynamic table is used.
    pub(super) fn say_no_table(&mut self) {
        // Once said it stays true.
        self.no_table_due |= !std::mem::replace(&mut self.no_table_said, true);
    }

    /// Where a stream stands that may still be sent to: before its final head, or `behind` it.
    pub(super) fn may_send(&self, id: u32, behind: bool) -> Option<usize> {
        let at = self.streams.find(id)?;
        let stream = &self.streams.open[at];
        (stream.local && stream.answered == behind).then_some(at)
    }

    /// A final head is out.
    pub(super) fn headed(&mut self, at: usize, end: bool) {
        self.streams.open[at].answered = true;
        if end {
            self.answered(at);
        }
    }

    /// All of an answer is out.
    pub(super) fn answered(&mut self, at: usize) {
        self.resets.pay(1);
        let stream = &mut self.streams.open[at];
        stream.local = false;
        stream.wants = false;
        if !stream.remote {
            self.close(at);
        } else {
            // A tunnel too: whoever heard what it says is gone, and only the client's good will would end the stream.
            let id = stream.id;
            self.streams.remember(id, false);
            self.close(at);
            self.linger(id);
        }
    }

    /// Has the client told to stop sending on a stream that is answered, but not yet: it might not see the answer (curl 7.88 does not).
    pub(super) fn linger(&mut self, id: u32) {
        if self.lingering.len() == LINGERING {
            let first = self.lingering.remove(0);
            self.write_reset(first.stream, ErrorCode::NO_ERROR);
        }
        self.lingering.push(Lingering {
            stream: id,
            long: false,
        });
    }

    /// The client says no more on a stream: whether it was one that was answered before that.
    pub(super) fn heard_out(&mut self, id: u32) -> bool {
        let found = self.lingering.iter().position(|l| l.stream == id);
        found.map(|at| self.lingering.remove(at)).is_some()
    }

    pub(super) fn stop_lingering(&mut self) {
        let mut lingering = std::mem::take(&mut self.lingering);
        lingering.retain_mut(|lingering| {
            let long = std::mem::replace(&mut lingering.long, true);
            if long {
                self.write_reset(lingering.stream, ErrorCode::NO_ERROR);
            }
            !long
        });
        self.lingering = lingering;
    }

    /// Resets an open stream.
    pub(super) fn reset_here(&mut self, at: usize, code: ErrorCode) {
        let stream = &self.streams.open[at];
        let (id, remote) = (stream.id, stream.remote);
        self.write_reset(id, code);
        if remote {
            self.streams.remember(id, false);
        }
        self.close(at);
    }

    pub(super) fn write_reset(&mut self, id: u32, code: ErrorCode) {
        frame::write(
            &mut self.output,
            kind::RST_STREAM,
            0,
            id,
            &code.0.to_be_bytes(),
        );
    }

    /// Forgets a stream; what of its data was not used no longer holds the connection's window.
    pub(super) fn close(&mut self, at: usize) {
        let stream = self.streams.open.remove(at);
        self.grown -= stream.window - self.settings.stream_window;
        self.give_back(stream.owed);
    }

    /// Says the first or the last word of a graceful end.
    pub(super) fn say_leaving(&mut self) {
        match self.leaving {
            Leaving::No => {
                self.leaving = Leaving::Said;
                self.write_go_away(LAST_STREAM, ErrorCode::NO_ERROR, "");
                frame::write(&mut self.output, kind::PING, 0, 0, LEAVING_PING);
            }
            Leaving::Said => self.leave(),
            Leaving::Done => {}
        }
    }

    /// From here on no new stream is taken.
    pub(super) fn leave(&mut self) {
        self.leaving = Leaving::Done;
        self.write_go_away(self.streams.last, ErrorCode::NO_ERROR, "");
    }

    fn write_go_away(&mut self, last: u32, code: ErrorCode, why: &str) {
        let mut payload = [last.to_be_bytes(), code.0.to_be_bytes()].concat();
        payload.extend_from_slice(why.as_bytes());
        frame::write(&mut self.output, kind::GOAWAY, 0, 0, &payload);
    }

    /// The end without grace.
    pub(super) fn give_up(&mut self, broken: Broken) {
        self.write_go_away(self.streams.last, broken.code, broken.why);
        self.broken = Some(broken);
        self.block = None;
        self.part = None;
        self.lingering = Vec::new();
        self.streams.open = Vec::new();
    }
}
