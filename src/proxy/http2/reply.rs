//! An answer in HTTP/1's framing, passed on as the frames of a stream.

use super::engine::{Engine, StreamId};
use crate::proxy::http1::{Answer, AnswerParser, BodyDecoder, Extent, Found, Framing};

/// 101: from here on the stream's bytes are the two sides' own.
const SWITCHING: u16 = 101;

/// An answer on its way onto a stream.
#[derive(Debug)]
pub(super) struct Reply {
    stage: Stage,
    /// The request was a HEAD.
    head_only: bool,
    /// The request was a CONNECT for a WebSocket.
    websocket: bool,
    /// Data at the front of what is given next that was looked at and not taken yet.
    left: usize,
}

#[derive(Debug)]
enum Stage {
    /// What came of a head that is not whole.
    Head(Option<Box<(AnswerParser, Vec<u8>)>>),
    Body(BodyDecoder),
    Tunnel,
    Whole,
}

/// The answer is none: its stream is to be reset.
#[derive(Debug)]
pub(super) struct Broken;

impl Reply {
    pub(super) fn new(head_only: bool, websocket: bool) -> Reply {
        Reply {
            stage: Stage::Head(None),
            head_only,
            websocket,
            left: 0,
        }
    }

    /// The last `length` bytes of an answer whose head went out.
    pub(super) fn rest(length: usize) -> Reply {
        Reply {
            stage: Stage::Body(BodyDecoder::new(Framing::Length(length as u64))),
            ..Reply::new(false, false)
        }
    }

    /// Whether the engine has all of it.
    pub(super) fn whole(&self) -> bool {
        matches!(self.stage, Stage::Whole)
    }

    /// Whether it was a 101.
    pub(super) fn switched(&self) -> bool {
        matches!(self.stage, Stage::Tunnel)
    }

    /// Takes what there is room for of `bytes`: how much that is.
    pub(super) fn take(
        &mut self,
        engine: &mut Engine,
        stream: StreamId,
        bytes: &[u8],
    ) -> Result<usize, Broken> {
        let mut at = 0;
        loop {
            match &mut self.stage {
                Stage::Head(_) if at == bytes.len() => return Ok(at),
                Stage::Head(_) => at += self.head(engine, stream, &bytes[at..])?,
                Stage::Body(_) => {
                    let before = at;
                    at += self.body(engine, stream, &bytes[at..])?;
                    let waits = at == before || at == bytes.len() || self.left > 0;
                    if waits && !self.whole() {
                        return Ok(at);
                    }
                }
                Stage::Tunnel => return Ok(at + engine.send(stream, &bytes[at..], false)),
                Stage::Whole => return Ok(bytes.len()),
            }
        }
    }

    /// Heads mostly come whole: only of what does not, bytes are kept.
    fn head(
        &mut self,
        engine: &mut Engine,
        stream: StreamId,
        bytes: &[u8],
    ) -> Result<usize, Broken> {
        let Stage::Head(half) = &mut self.stage else {
            return Ok(0);
        };
        let Some(mut half) = half.take() else {
            let mut parser = AnswerParser::default();
            let Some(length) = parser.parse(bytes).map_err(|_| Broken)? else {
                self.stage = Stage::Head(Some(Box::new((parser, bytes.to_vec()))));
                return Ok(bytes.len());
            };
            self.begin(engine, stream, &parser.answer(&bytes[..length]))?;
            return Ok(length);
        };
        let (parser, kept) = &mut *half;
        let before = kept.len();
        kept.extend_from_slice(bytes);
        let Some(length) = parser.parse(kept).map_err(|_| Broken)? else {
            self.stage = Stage::Head(Some(half));
            return Ok(bytes.len());
        };
        self.begin(engine, stream, &parser.answer(&kept[..length]))?;
        Ok(length - before)
    }

    fn begin(
        &mut self,
        engine: &mut Engine,
        stream: StreamId,
        answer: &Answer<'_>,
    ) -> Result<(), Broken> {
        let status = answer.status();
        // Only the server's side of the connection knows the key that it belongs to (RFC 8441 §5).
        let ours = |name: &[u8]| name.eq_ignore_ascii_case(b"sec-websocket-accept");
        let fields = answer.lines().filter(|(name, _)| !ours(name));
        if status == SWITCHING && self.websocket {
            engine.respond(stream, 200, fields, false);
            self.stage = Stage::Tunnel;
            return Ok(());
        }
        if status == SWITCHING {
            return Err(Broken);
        }
        if status < 200 {
            engine.respond(stream, status, fields, false);
            return Ok(());
        }
        if self.websocket && status < 300 {
            // To the client it would mean that there is a WebSocket now.
            engine.respond(stream, 502, [], true);
            self.stage = Stage::Whole;
            return Ok(());
        }
        let Extent::Framed(framing) = answer.extent(self.head_only) else {
            return Err(Broken);
        };
        let end = framing == Framing::None;
        engine.respond(stream, status, fields, end);
        self.stage = match end {
            true => Stage::Whole,
            false => Stage::Body(BodyDecoder::new(framing)),
        };
        Ok(())
    }

    /// One piece of the body.
    fn body(
        &mut self,
        engine: &mut Engine,
        stream: StreamId,
        bytes: &[u8],
    ) -> Result<usize, Broken> {
        let Stage::Body(decoder) = &mut self.stage else {
            return Ok(0);
        };
        let mut at = 0;
        if self.left == 0 {
            let (skip, length, found) = decoder.scan(bytes).map_err(|_| Broken)?;
            at = skip;
            match found {
                Found::More => return Ok(at),
                Found::Data => self.left = length,
                Found::End => {
                    engine.send(stream, &[], true);
                    self.stage = Stage::Whole;
                    return Ok(at);
                }
                Found::Trailers => {
                    let trailers = decoder.take_trailers();
                    let fields = trailers.iter().map(|(name, value)| (&name[..], &value[..]));
                    engine.trailers(stream, fields);
                    self.stage = Stage::Whole;
                    return Ok(at);
                }
            }
        }
        let data = &bytes[at..(at + self.left).min(bytes.len())];
        let last = decoder.ended() && data.len() == self.left;
        let taken = engine.send(stream, data, last);
        self.left -= taken;
        if last && self.left == 0 {
            self.stage = Stage::Whole;
        }
        Ok(at + taken)
    }
}
