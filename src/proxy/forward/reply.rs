//! What the server says: its heads are checked and passed on, interim ones too, and its body after them.

use std::io;
use std::task::Context;

use super::body::Passage;
use super::limits::INTERIM;
use super::out::Onward;
use super::relay::{End, Failure, Relay};
use super::response::{self, Delimited, SWITCHING, Style};
use super::{After, note_answer};
use crate::proxy::client::Stream;
use crate::proxy::http1::{Answer, AnswerParser, Version};
use crate::proxy::worker::Desk;

const CONTINUE: u16 = 100;

/// How far the answer is.
#[derive(Debug)]
enum Stage {
    Head,
    Body(Passage),
    /// What the server said behind its 101.
    Switching(Vec<u8>),
    /// All of it is on its way to the client.
    Whole,
    /// It broke off; what came is on its way to the client.
    Broken,
}

/// Half a head.
#[derive(Debug)]
struct Half {
    parser: AnswerParser,
    bytes: Vec<u8>,
}

/// A server's answer on its way.
#[derive(Debug)]
pub(super) struct Reply {
    stage: Stage,
    half: Option<Box<Half>>,
    /// Interim answers passed on.
    interims: usize,
    continued: bool,
    after: After,
    /// The client takes the end of its connection for the end of the body.
    until_close: bool,
    /// The server's connection may stay open after this answer.
    reusable: bool,
}

impl Default for Reply {
    fn default() -> Self {
        Reply {
            stage: Stage::Head,
            half: None,
            interims: 0,
            continued: false,
            after: After::Close,
            until_close: false,
            reusable: false,
        }
    }
}

impl Reply {
    /// Whether more of it has to come from the server.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.stage, Stage::Head | Stage::Body(_))
    }

    /// How many of the bytes that come next are data for certain: they may go another way.
    pub(super) fn data_left(&self) -> u64 {
        match &self.stage {
            Stage::Body(passage) => passage.data_left(),
            _ => 0,
        }
    }

    /// So many bytes of data go another way, behind `text`.
    pub(super) fn pass_over(&mut self, bytes: u64, text: &mut Vec<u8>) {
        if let Stage::Body(passage) = &mut self.stage {
            passage.pass_over(bytes, text);
            if passage.ended() {
                self.stage = Stage::Whole;
            }
        }
    }

    /// Whether its head has come, interim ones aside.
    pub(super) fn begun(&self) -> bool {
        !matches!(self.stage, Stage::Head)
    }

    /// Whether the client was told to go on.
    pub(super) fn continued(&self) -> bool {
        self.continued
    }

    /// Whether the server's connection is as it was before this answer.
    pub(super) fn reusable(&self) -> bool {
        self.reusable && matches!(self.stage, Stage::Whole)
    }

    /// What the server said behind its 101.
    pub(super) fn early(self) -> Vec<u8> {
        match self.stage {
            Stage::Switching(early) => early,
            _ => Vec::new(),
        }
    }

    /// Whether an interim answer is passed on: to HTTP/1.1 alone, a 100 only where it was asked for, and not too many.
    fn admits(&mut self, status: u16, version: Version, expects: bool) -> bool {
        let unasked = status == CONTINUE && (!expects || self.continued);
        if version == Version::Http10 || self.interims >= INTERIM || unasked {
            return false;
        }
        self.interims += 1;
        self.continued |= status == CONTINUE;
        true
    }
}

impl<S: Stream> Relay<'_, S> {
    /// Takes in what was read from the server into the desk's input, and passes it on.
    pub(super) fn take_in(
        &mut self,
        cx: &mut Context<'_>,
        desk: &mut Desk,
        read: io::Result<usize>,
    ) -> Result<(), Failure> {
        let Desk {
            input,
            out,
            answers,
            ..
        } = desk;
        match read {
            Ok(filled) if filled > 0 => {
                self.answered = true;
                self.take_bytes(cx, &input[..filled], answers, out)?;
            }
            ended => return self.take_last(cx, out, ended.is_ok()),
        }
        self.send_down(cx, out);
        Ok(())
    }

    fn send_down(&mut self, cx: &mut Context<'_>, text: &mut Vec<u8>) {
        (self.down).give(&mut self.client.stream, cx, text, &[]);
        text.clear();
    }

    /// Takes in that the server's side has ended, in good order or not.
    pub(super) fn take_last(
        &mut self,
        cx: &mut Context<'_>,
        text: &mut Vec<u8>,
        orderly: bool,
    ) -> Result<(), Failure> {
        self.take_end(orderly, text)?;
        self.send_down(cx, text);
        Ok(())
    }

    fn take_bytes(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        parser: &mut AnswerParser,
        text: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        if self.reply.begun() {
            self.take_body(cx, bytes, text);
            return Ok(());
        }
        let Some(mut half) = self.reply.half.take() else {
            let used = self.take_heads(bytes, parser, text)?;
            if self.reply.begun() {
                self.take_body(cx, &bytes[used..], text);
            } else {
                self.reply.half = Some(Box::new(Half {
                    parser: std::mem::take(parser),
                    bytes: bytes[used..].to_vec(),
                }));
            }
            return Ok(());
        };
        half.bytes.extend_from_slice(bytes);
        let used = self.take_heads(&half.bytes, &mut half.parser, text)?;
        if self.reply.begun() {
            self.take_body(cx, &half.bytes[used..], text);
        } else {
            half.bytes.drain(..used);
            self.reply.half = Some(half);
        }
        Ok(())
    }

    /// Takes the heads at the front of `bytes`, to the first that is not interim: how many bytes they are.
    fn take_heads(
        &mut self,
        bytes: &[u8],
        parser: &mut AnswerParser,
        text: &mut Vec<u8>,
    ) -> Result<usize, Failure> {
        let mut at = 0;
        while !self.reply.begun() {
            let taken = match parser.parse(&bytes[at..]) {
                Ok(None) => return Ok(at),
                Ok(Some(length)) => {
                    let answer = parser.answer(&bytes[at..at + length]);
                    at += length;
                    self.take_head(&answer, text)
                }
                Err(_) => Err(Failure::BadAnswer),
            };
            parser.reset();
            taken?;
        }
        Ok(at)
    }

    fn take_head(&mut self, answer: &Answer<'_>, text: &mut Vec<u8>) -> Result<(), Failure> {
        let head = &self.exchange.head;
        let status = answer.status();
        let switching = status == SWITCHING;
        if status < 200 && !switching {
            if (self.reply).admits(status, head.version, head.expects_continue) {
                response::write_interim(text, answer);
            }
            return Ok(());
        }
        let delimit = response::delimit(answer, head);
        let (extent, delimited) = delimit.map_err(|_| Failure::BadAnswer)?;
        // What is left of the request would be taken for the new protocol's (RFC 9110 §7.8).
        if switching && !self.sent_whole() {
            return Err(Failure::BadAnswer);
        }
        note_answer(self.worker, self.exchange, self.place, (self.begun, status));
        self.begin(text, answer, delimited);
        let reply = &mut self.reply;
        reply.reusable = answer.keep_alive();
        let passage = Passage::new(extent, delimited == Delimited::Chunked);
        reply.stage = match delimited {
            _ if switching => Stage::Switching(Vec::new()),
            Delimited::Empty => Stage::Whole,
            _ => Stage::Body(passage),
        };
        Ok(())
    }

    /// Writes the head that the client gets, and settles what becomes of its connection.
    fn begin(&mut self, text: &mut Vec<u8>, answer: &Answer<'_>, delimited: Delimited) {
        let head = &self.exchange.head;
        // An answer ahead of its request's end: whether the rest will come cannot be known.
        let keep_alive = head.keep_alive
            && self.upload.ended()
            && delimited != Delimited::Close
            && self.worker.keeps_alive();
        self.reply.after = match (keep_alive, self.upload.ended()) {
            (true, _) => After::KeepAlive,
            (false, true) => After::Close,
            (false, false) => After::Linger,
        };
        let style = Style {
            version: head.version,
            keep_alive,
            delimited,
            pseudonym: &self.worker.pseudonym,
            date: self.worker.date(),
            cookie: (self.exchange).cookie_line(self.worker),
        };
        response::write_head(text, answer, &style);
        self.reply.until_close = delimited == Delimited::Close;
        if self.reply.until_close {
            self.client.stream.reset_at_end(true);
        }
    }

    /// Takes what came behind the head.
    fn take_body(&mut self, cx: &mut Context<'_>, bytes: &[u8], text: &mut Vec<u8>) {
        let reply = &mut self.reply;
        let passage = match &mut reply.stage {
            Stage::Body(passage) => passage,
            Stage::Switching(early) => return early.extend_from_slice(bytes),
            _ => {
                reply.reusable &= bytes.is_empty();
                return;
            }
        };
        let passed = passage.pass(
            bytes,
            &mut Onward {
                text,
                unsent: &mut self.down,
                stream: &mut self.client.stream,
                cx,
            },
        );
        match passed {
            Err(_) => reply.stage = Stage::Broken,
            Ok(used) if passage.ended() => {
                reply.reusable &= used == bytes.len();
                reply.stage = Stage::Whole;
            }
            Ok(_) => {}
        }
    }

    /// The server's side has ended, in good order or not.
    fn take_end(&mut self, orderly: bool, text: &mut Vec<u8>) -> Result<(), Failure> {
        let reply = &mut self.reply;
        reply.reusable = false;
        let whole = match &mut reply.stage {
            Stage::Head => return Err(Failure::Reset),
            Stage::Body(passage) => orderly && passage.close(text),
            Stage::Switching(_) | Stage::Whole | Stage::Broken => return Ok(()),
        };
        reply.stage = match whole {
            true => Stage::Whole,
            false => Stage::Broken,
        };
        Ok(())
    }

    /// The end of the exchange, where the client has taken all that there is.
    pub(super) fn reply_end(&mut self) -> Option<End> {
        match self.reply.stage {
            Stage::Whole => Some(End::Whole(self.whole())),
            Stage::Broken => Some(End::Cut),
            Stage::Switching(_) => Some(End::Switched),
            Stage::Head | Stage::Body(_) => None,
        }
    }

    /// What follows an answer that the client has whole.
    fn whole(&mut self) -> After {
        if self.reply.until_close {
            self.client.stream.reset_at_end(false);
        }
        match self.reply.after {
            // What it sent behind its last request is left unread.
            After::Close if !self.client.input.is_empty() => After::Linger,
            after => after,
        }
    }
}
