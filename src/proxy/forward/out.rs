//! What waits to be written to one side of an exchange: bytes go out at once and uncopied, and only what is not taken is kept.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::limits::INLINE_BODY_BYTES;

/// Bytes that one side has not taken yet. Empty, it holds no memory.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    /// How much of `bytes` is written.
    at: usize,
    /// The stream may hold bytes back.
    unflushed: bool,
    written: u64,
    broken: bool,
}

impl Unsent {
    /// Whether the side has taken all that it was given.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.unflushed
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Whether writing failed: nothing more will be.
    pub(super) fn broken(&self) -> bool {
        self.broken
    }

    /// So many bytes went past it; `broken`: and then writing failed.
    pub(super) fn went_past(&mut self, bytes: u64, broken: bool) {
        self.written += bytes;
        if broken {
            let _ = self.count(Ok(0));
        }
    }

    /// Writes `text` and then `data` behind what waits, and keeps what is not taken.
    pub(super) fn give<W>(
        &mut self,
        stream: &mut W,
        cx: &mut Context<'_>,
        mut text: &[u8],
        mut data: &[u8],
    ) where
        W: AsyncWrite + Unpin,
    {
        if self.broken || (text.is_empty() && data.is_empty()) {
            return;
        }
        while self.bytes.is_empty() && !(text.is_empty() && data.is_empty()) {
            let to = Pin::new(&mut *stream);
            let write = match (text.is_empty(), data.is_empty()) {
                (_, true) => to.poll_write(cx, text),
                (true, false) => to.poll_write(cx, data),
                (false, false) => {
                    to.poll_write_vectored(cx, &[IoSlice::new(text), IoSlice::new(data)])
                }
            };
            let Poll::Ready(written) = write else {
                break;
            };
            let Some(written) = self.count(written) else {
                return;
            };
            let of_text = written.min(text.len());
            text = &text[of_text..];
            data = &data[written - of_text..];
        }
        self.unflushed = true;
        self.bytes.extend_from_slice(text);
        self.bytes.extend_from_slice(data);
        if self.bytes.is_empty() {
            let _ = self.poll_write(stream, cx);
        }
    }

    /// Writes what waits. `Ready`: nothing waits any more, be it because writing failed.
    pub(super) fn poll_write<W>(&mut self, stream: &mut W, cx: &mut Context<'_>) -> Poll<()>
    where
        W: AsyncWrite + Unpin,
    {
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, rest));
            let Some(written) = self.count(written) else {
                return Poll::Ready(());
            };
            self.at += written;
        }
        self.bytes = Vec::new();
        self.at = 0;
        let flushed = ready!(Pin::new(stream).poll_flush(cx));
        self.unflushed = false;
        self.broken |= flushed.is_err();
        Poll::Ready(())
    }

    /// How much was written; `None`: it failed, and what waits is thrown away.
    fn count(&mut self, written: io::Result<usize>) -> Option<usize> {
        match written {
            Ok(written) if written > 0 => {
                self.written += written as u64;
                Some(written)
            }
            Ok(_) | Err(_) => {
                *self = Unsent {
                    written: self.written,
                    broken: true,
                    ..Unsent::default()
                };
                None
            }
        }
    }
}

/// The way on to one side, for heads, chunks and data in one write where that may be.
pub(super) struct Onward<'a, 'c, W> {
    /// Goes out before anything that follows; empty again once it is given.
    pub(super) text: &'a mut Vec<u8>,
    pub(super) unsent: &'a mut Unsent,
    pub(super) stream: &'a mut W,
    pub(super) cx: &'a mut Context<'c>,
}

impl<W: AsyncWrite + Unpin> Onward<'_, '_, W> {
    /// A piece of a body: small ones leave with what follows.
    pub(super) fn data(&mut self, data: &[u8]) {
        if data.len() <= INLINE_BODY_BYTES {
            self.text.extend_from_slice(data);
        } else {
            self.unsent.give(self.stream, self.cx, self.text, data);
            self.text.clear();
        }
    }

    /// Writes the text that has come together.
    pub(super) fn send(&mut self) {
        self.unsent.give(self.stream, self.cx, self.text, &[]);
        self.text.clear();
    }
}

#[cfg(test)]
#[path = "tests/out.rs"]
mod tests;
