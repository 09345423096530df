//! Blocks of fields: requests and trailers (RFC 9113 §4.3, §6.2, §6.10, §8.1).

use super::streams::Stream;
use super::{
    Block, Broken, Engine, Event, LONG_LIST, Leaving, MANY_FIELDS, MANY_STREAMS, Settings,
    StreamId, Took,
};
use crate::proxy::http2::code::ErrorCode;
use crate::proxy::http2::fields::{Fields, Kind, Verdict};
use crate::proxy::http2::frame::{self, Head, LAST_STREAM, flag};
use crate::proxy::http2::limits::{BLOCK_BYTES, CONTINUATIONS};

impl Engine {
    pub(super) fn headers<'a>(
        &mut self,
        head: Head,
        payload: &[u8],
        fields: &mut Fields,
    ) -> Took<'a> {
        let padding = "padding is longer than its frame";
        let mut bytes = frame::unpadded(head, payload).ok_or(Broken::protocol(padding))?;
        let mut on_itself = false;
        if head.has(flag::PRIORITY) {
            on_itself = frame::number(bytes) & LAST_STREAM == head.stream;
            bytes = bytes.get(5..).ok_or(Broken::protocol(padding))?;
        }
        let mut block = Block {
            stream: head.stream,
            end: head.has(flag::END_STREAM),
            on_itself,
            continuations: 0,
            bytes: Vec::new(),
        };
        if head.has(flag::END_HEADERS) {
            return self.block(&block, bytes, fields);
        }
        block.bytes.extend_from_slice(bytes);
        self.block = Some(Box::new(block));
        Ok(None)
    }

    pub(super) fn continuation<'a>(
        &mut self,
        head: Head,
        payload: &[u8],
        fields: &mut Fields,
    ) -> Took<'a> {
        let Some(mut block) = self.block.take() else {
            return Err(Broken::protocol("a CONTINUATION continues nothing"));
        };
        block.continuations += 1;
        if block.continuations > CONTINUATIONS {
            return Err(Broken::calm("too many CONTINUATION frames"));
        }
        if block.bytes.len() + payload.len() > BLOCK_BYTES {
            return Err(Broken::calm("a block of fields is too long"));
        }
        block.bytes.extend_from_slice(payload);
        if head.has(flag::END_HEADERS) {
            return self.block(&block, &block.bytes, fields);
        }
        self.block = Some(block);
        Ok(None)
    }

    /// A whole block. Whatever becomes of it, it is decoded: the connection's table depends on it.
    fn block<'a>(&mut self, block: &Block, bytes: &[u8], fields: &mut Fields) -> Took<'a> {
        let id = block.stream;
        if let Some(at) = self.streams.find(id) {
            return self.second_block(at, block, bytes, fields);
        }
        if !self.streams.is_idle(id) {
            self.decode(Kind::Nothing, bytes, fields)?;
            if block.end {
                self.heard_out(id);
            }
            return self.after_end(id);
        }
        self.streams.began(id);
        if self.leaving == Leaving::Done {
            // RFC 9113 §6.8: it was told that nothing would be done about it.
            self.decode(Kind::Nothing, bytes, fields)?;
            self.streams.remember(id, false);
            return self.nothing_new();
        }
        if self.streams.open.len() >= self.settings.streams as usize {
            self.decode(Kind::Nothing, bytes, fields)?;
            // Before it has seen the settings it cannot know.
            if self.acknowledged {
                self.count_fault()?;
            } else {
                self.nothing_new()?;
            }
            return self.refuse(block, ErrorCode::REFUSED_STREAM, MANY_STREAMS);
        }
        self.decode(Kind::Request, bytes, fields)?;
        self.request(block, fields)
    }

    fn decode(&mut self, kind: Kind, bytes: &[u8], fields: &mut Fields) -> Result<(), Broken> {
        let Settings {
            list_bytes,
            list_fields,
            ..
        } = self.settings;
        fields.begin(kind, (list_bytes as usize, list_fields as usize));
        let decoded = self.decoder.decode(bytes, fields);
        decoded.map_err(|damage| Broken {
            code: ErrorCode::COMPRESSION_ERROR,
            why: damage.why(),
        })
    }

    fn request<'a>(&mut self, block: &Block, fields: &mut Fields) -> Took<'a> {
        let mut verdict = fields.verdict(self.settings.connect_protocol);
        let length = fields.content_length();
        if verdict == Verdict::Good {
            if block.on_itself {
                verdict = Verdict::Malformed("a stream depends on itself");
            } else if block.end && length.is_some_and(|l| l > 0) {
                verdict = Verdict::Malformed("Content-Length without a body");
            }
        }
        match verdict {
            Verdict::Good => {}
            Verdict::Malformed(why) => {
                self.count_fault()?;
                return self.refuse(block, ErrorCode::PROTOCOL_ERROR, why);
            }
            Verdict::Large => {
                self.head(block.stream, true, |output| {
                    super::hpack::status(output, 431);
                });
                let why = if fields.are_many() {
                    MANY_FIELDS
                } else {
                    LONG_LIST
                };
                return self.refuse(block, ErrorCode::NO_ERROR, why);
            }
        }
        self.streams.open.push(Stream {
            id: block.stream,
            send: self.initial_send,
            receive: self.settings.stream_window,
            window: self.settings.stream_window,
            owed: 0,
            given: 0,
            left: length,
            remote: !block.end,
            local: true,
            answered: false,
            wants: false,
        });
        // A browser's WINDOW_UPDATE and PRIORITY_UPDATE of each stream are paid for.
        self.idle_frames.pay(2);
        let (stream, end) = (StreamId(block.stream), block.end);
        Ok(Some(Event::Request { stream, end }))
    }

    /// Ends a stream that nobody was told of.
    fn refuse<'a>(&mut self, block: &Block, code: ErrorCode, why: &'static str) -> Took<'a> {
        if code != ErrorCode::NO_ERROR {
            self.write_reset(block.stream, code);
        } else if !block.end {
            self.linger(block.stream);
        }
        if !block.end {
            self.streams.remember(block.stream, false);
        }
        let stream = StreamId(block.stream);
        Ok(Some(Event::Malformed { stream, code, why }))
    }

    /// Trailers, or what should have been some.
    fn second_block<'a>(
        &mut self,
        at: usize,
        block: &Block,
        bytes: &[u8],
        fields: &mut Fields,
    ) -> Took<'a> {
        let id = block.stream;
        if !self.streams.open[at].remote {
            self.decode(Kind::Nothing, bytes, fields)?;
            let why = "a block of fields behind a request's end";
            return self.fault(id, ErrorCode::STREAM_CLOSED, why);
        }
        self.decode(Kind::Trailers, bytes, fields)?;
        let stream = &mut self.streams.open[at];
        let fault = match fields.verdict(false) {
            _ if !block.end => Some("a second block of fields that does not end the request"),
            _ if block.on_itself => Some("a stream depends on itself"),
            Verdict::Malformed(why) => Some(why),
            Verdict::Large => Some("too large a list of trailers"),
            Verdict::Good if stream.left.is_some_and(|left| left > 0) => {
                Some("less data than Content-Length says")
            }
            Verdict::Good => None,
        };
        if let Some(why) = fault {
            return self.fault(id, ErrorCode::PROTOCOL_ERROR, why);
        }
        stream.remote = false;
        if !stream.local {
            self.close(at);
        }
        Ok(Some(Event::Trailers {
            stream: StreamId(id),
        }))
    }
}
