//! The byte stream to a server as hyper's client sees it: counts what passes, and writes what
//! `http::Uri` refuses to carry.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
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
    line: RefCell<Option<Line>>,
}

/// A request line to be written in place of the one that hyper writes.
///
/// Browsers send targets that `http::Uri` refuses (`"`, `<`, `>`, a backtick); they are to go on as they
/// came (RELIABILITY.md part B). hyper is given the target `/`, and its line's beginning is swapped here.
#[derive(Debug)]
struct Line {
    /// Method, blank and target, what is left to write of it.
    ours: Bytes,
    /// How long hyper's method, blank and target are.
    theirs: usize,
}

impl Seen {
    /// The next request's line begins with `method target`, in place of hyper's `method /`.
    pub(super) fn swap_target(&self, method: &[u8], target: &[u8]) {
        let mut ours = Vec::with_capacity(method.len() + 2 + target.len());
        ours.extend_from_slice(method);
        ours.push(b' ');
        if !target.starts_with(b"/") {
            // Of an absolute-form target without a path.
            ours.push(b'/');
        }
        ours.extend_from_slice(target);
        *self.line.borrow_mut() = Some(Line {
            ours: ours.into(),
            theirs: method.len() + 2,
        });
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

    /// Writes a swapped request line; then says how much of hyper's bytes it stands for.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<usize>>> {
        let mut slot = self.seen.line.borrow_mut();
        let Some(line) = slot.as_mut() else {
            return Poll::Ready(Ok(None));
        };
        while line.ours.has_remaining() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &line.ours))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            line.ours.advance(written);
            self.seen
                .written
                .set(self.seen.written.get() + written as u64);
        }
        let theirs = line.theirs;
        *slot = None;
        Poll::Ready(Ok(Some(theirs)))
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
        if let Some(theirs) = ready!(this.poll_line(cx))? {
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
        if let Some(theirs) = ready!(this.poll_line(cx))? {
            return Poll::Ready(Ok(theirs));
        }
        // A head alone, the usual case: `send` costs less than `writev`.
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
