//! After a 101: bytes both ways until either side ends, or both are silent for the server's `timeout`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits::TUNNEL_BYTES;
use super::splice::{Lends, Pipes, Through};
use crate::proxy::client::{Client, Stream};
use crate::proxy::limits::DRAIN;

/// One direction: what was read and not yet written. Empty, it holds no memory.
#[derive(Debug)]
pub(in crate::proxy) struct Way<'a> {
    waiting: Bytes,
    /// Behind what is waiting.
    through: Through<'a>,
    /// Much comes at once: the kernel passes it on.
    streaming: bool,
    ended: bool,
    /// The side that it leads to takes no more.
    pub(in crate::proxy) refused: bool,
    /// Bytes written so far.
    pub(in crate::proxy) written: u64,
}

impl<'a> Way<'a> {
    /// A direction in which `waiting` was read already.
    pub(in crate::proxy) fn new(waiting: Bytes, pipes: &'a Pipes) -> Self {
        Way {
            waiting,
            through: Through::new(pipes),
            streaming: false,
            ended: false,
            refused: false,
            written: 0,
        }
    }

    /// Moves bytes until one side would wait. `Ready`: this direction is at its end, and all of it written. Not to be called again
    /// once it is [refused](Self::refused).
    pub(in crate::proxy) fn poll<R, W>(
        &mut self,
        from: &mut R,
        to: &mut W,
        cx: &mut Context<'_>,
        moved: &mut bool,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Lends + Unpin,
        W: AsyncWrite + Lends + Unpin,
    {
        loop {
            while self.waiting.has_remaining() {
                let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.waiting));
                let Some(written) = self.taken(written) else {
                    return Poll::Pending;
                };
                self.waiting.advance(written);
                self.written += written as u64;
                *moved = true;
            }
            self.waiting = Bytes::new();
            let (given, broken) = self.through.poll_give(to.lent(), cx);
            self.written += given;
            *moved |= given > 0;
            self.refused |= broken;
            if broken || !self.through.is_empty() {
                return Poll::Pending;
            }
            if self.ended {
                return Pin::new(to).poll_flush(cx);
            }
            if self.streaming
                && to.lent().is_some()
                && let Some(raw) = from.lent()
                && let Some(taken) = self.through.poll_take(raw, u64::MAX, cx)
            {
                let taken = ready!(taken)?;
                self.ended = taken == 0;
                self.streaming = taken >= TUNNEL_BYTES;
                *moved |= taken > 0;
                continue;
            }
            self.fill(from, to, cx, moved)?;
            if self.refused || (self.waiting.is_empty() && !self.ended) {
                return Poll::Pending;
            }
        }
    }

    /// How much was taken; `None`: no more will be.
    fn taken(&mut self, written: io::Result<usize>) -> Option<usize> {
        let written = written.ok().filter(|written| *written > 0);
        if written.is_none() {
            self.refused = true;
            self.waiting = Bytes::new();
        }
        written
    }

    /// Reads on the stack and writes at once: only what the other side does not take is kept.
    fn fill<R, W>(
        &mut self,
        from: &mut R,
        to: &mut W,
        cx: &mut Context<'_>,
        moved: &mut bool,
    ) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut bytes = [0; TUNNEL_BYTES];
        let mut rounds = 0;
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            let Poll::Ready(read) = Pin::new(&mut *from).poll_read(cx, &mut buffer) else {
                let _ = Pin::new(&mut *to).poll_flush(cx)?;
                return Ok(());
            };
            read?;
            let filled = buffer.filled();
            if filled.is_empty() {
                self.ended = true;
                return Ok(());
            }
            *moved = true;
            let written = match Pin::new(&mut *to).poll_write(cx, filled) {
                Poll::Ready(written) => match self.taken(written) {
                    Some(written) => written,
                    None => return Ok(()),
                },
                Poll::Pending => 0,
            };
            self.written += written as u64;
            rounds += 1;
            if written < filled.len() {
                self.waiting = Bytes::copy_from_slice(&filled[written..]);
                return Ok(());
            }
            if rounds == 16 {
                self.streaming = filled.len() == TUNNEL_BYTES;
                // Others want their turn.
                cx.waker().wake_by_ref();
                return Ok(());
            }
        }
    }
}

/// Passes bytes both ways. Ends when either side has ended and the other has what came from it: how many went to the server and
/// how many to the client.
pub(super) async fn tunnel<S, U>(
    client: &mut Client<S>,
    server: &mut U,
    early: Bytes,
    (silence, pipes): (Duration, &Pipes),
) -> (u64, u64)
where
    S: Stream,
    U: AsyncRead + AsyncWrite + Lends + Unpin,
{
    let input = std::mem::replace(&mut client.input, BytesMut::new());
    let mut up = Way::new(input.freeze(), pipes);
    let mut down = Way::new(early, pipes);
    client.deadline.set(silence);
    std::future::poll_fn(|cx| {
        let mut moved = false;
        // What a server said before it took no more is the client's all the same.
        let upward = match up.refused {
            true => Poll::Pending,
            false => up.poll(&mut client.stream, server, cx, &mut moved),
        };
        let downward = down.poll(server, &mut client.stream, cx, &mut moved);
        if upward.is_ready() || downward.is_ready() || down.refused {
            return Poll::Ready(());
        }
        if moved {
            client.deadline.set(silence);
        }
        client.deadline.poll_passed(cx)
    })
    .await;
    // The last bytes may have been written just now; a clean end towards both, where that can be said.
    client.deadline.set(DRAIN);
    std::future::poll_fn(|cx| match Pin::new(&mut *server).poll_shutdown(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => client.deadline.poll_passed(cx),
    })
    .await;
    (up.written, down.written)
}
