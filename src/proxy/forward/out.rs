//! What waits to be written to a client: a head and the pieces of a body, as few writes as may be.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::limits::{INLINE_BODY_BYTES, OUT_BYTES, OUT_PIECES};

/// Bytes on their way to a client.
#[derive(Debug, Default)]
pub(super) struct Out {
    /// Written first; grows only while nothing stands behind it.
    text: Vec<u8>,
    /// How much of `text` is written.
    at: usize,
    pieces: VecDeque<Bytes>,
    bytes: usize,
    written: u64,
}

impl Out {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes not yet written.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Whether more may be taken from the server.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < OUT_BYTES && self.pieces.len() < OUT_PIECES
    }

    /// Appends what `write` appends, a head or a line.
    pub(super) fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.pieces.is_empty() {
            if self.at == self.text.len() {
                self.text.clear();
                self.at = 0;
            }
            let before = self.text.len();
            write(&mut self.text);
            self.bytes += self.text.len() - before;
        } else {
            let mut line = Vec::new();
            write(&mut line);
            self.bytes += line.len();
            self.pieces.push_back(line.into());
        }
    }

    /// Appends a piece of a body, without copying it unless it is small.
    pub(super) fn data(&mut self, data: Bytes) {
        if data.len() <= INLINE_BODY_BYTES && self.pieces.is_empty() {
            self.text(|out| out.extend_from_slice(&data));
        } else if !data.is_empty() {
            self.bytes += data.len();
            self.pieces.push_back(data);
        }
    }

    /// Writes all there is. `Ready(Ok(()))`: nothing is left.
    pub(super) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.bytes > 0 {
            let rest = &self.text[self.at..];
            let written = if self.pieces.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, rest))?
            } else {
                let mut slices = [IoSlice::new(&[]); OUT_PIECES + 4];
                let mut count = 0;
                if !rest.is_empty() {
                    slices[0] = IoSlice::new(rest);
                    count = 1;
                }
                for (slice, piece) in slices[count..].iter_mut().zip(&self.pieces) {
                    *slice = IoSlice::new(piece);
                    count += 1;
                }
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..count]))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Pin::new(stream).poll_flush(cx)
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        self.written += written as u64;
        let text = written.min(self.text.len() - self.at);
        self.at += text;
        written -= text;
        while written > 0 {
            let Some(piece) = self.pieces.front_mut() else {
                return;
            };
            let most = written.min(piece.len());
            piece.advance(most);
            written -= most;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}
