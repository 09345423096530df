//! The byte stream to a server as hyper's client sees it: counts what passes, and writes our own heads in
//! place of hyper's.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use memchr::memmem;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What passed over a wire, read by the exchange that runs over it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Bytes written since the connection began.
    pub(super) written: Cell<u64>,
    /// Bytes read since the connection began.
    pub(super) read: Cell<u64>,
    /// The next read asks the kernel whatever the readiness says.
    pub(super) probe: Cell<bool>,
    head: RefCell<Option<Ours>>,
}

/// A head to be written in place of the one that hyper writes: whole, and what is left of it to write.
type Ours = Bytes;

impl Seen {
    /// The next request's head is `ours`, whatever hyper writes.
    pub(super) fn swap_head(&self, ours: Ours) {
        *self.head.borrow_mut() = Some(ours);
    }
}

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    pub(super) seen: Rc<Seen>,
}

impl Wire {
    fn count(&self, written: usize) {
        let seen = &self.seen.written;
        seen.set(seen.get() + written as u64);
    }

    /// Writes our head in place of the one that begins `theirs`; then says how much of `theirs` that was.
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        theirs: &[u8],
    ) -> Poll<io::Result<Option<usize>>> {
        let mut slot = self.seen.head.borrow_mut();
        let Some(ours) = slot.as_mut() else {
            return Poll::Ready(Ok(None));
        };
        // hyper writes a head in one piece, and no field that it was given holds an empty line.
        let Some(end) = memmem::find(theirs, b"\r\n\r\n") else {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        };
        while ours.has_remaining() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, ours))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            ours.advance(written);
            self.seen
                .written
                .set(self.seen.written.get() + written as u64);
        }
        *slot = None;
        Poll::Ready(Ok(Some(end + 4)))
    }

    /// Asks the kernel itself whether the server is still there and silent.
    fn closed(&self) -> bool {
        let mut one = [MaybeUninit::uninit(); 1];
        !matches!(SockRef::from(&self.stream).peek(&mut one), Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.seen.probe.replace(false) && this.closed() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        let read = buffer.filled().len() - before;
        this.seen.read.set(this.seen.read.get() + read as u64);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(theirs) = ready!(this.poll_head(cx, bytes))? {
            return Poll::Ready(Ok(theirs));
        }
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))?;
        this.count(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let first = pieces.iter().find(|piece| !piece.is_empty());
        if let Some(theirs) = ready!(this.poll_head(cx, first.map_or(&[], |piece| piece)))? {
            return Poll::Ready(Ok(theirs));
        }
        // One piece alone: `send` costs less than `writev`.
        let written = match pieces {
            [one] => ready!(Pin::new(&mut this.stream).poll_write(cx, one))?,
            pieces => ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, pieces))?,
        };
        this.count(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
