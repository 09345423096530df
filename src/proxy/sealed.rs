//! A client's TCP connection under TLS, as a plain stream: read and written directly like the one below it, holding no more than the session itself while
//! idle.

use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client::Stream;
use super::stream::Fresh;
use crate::tls::Session;

/// A connection whose hands are shaken.
#[derive(Debug)]
pub(super) struct Sealed {
    socket: Fresh,
    session: Session,
    /// So many bytes of the write under way are sealed; it is done when all that was sealed is sent.
    accepted: usize,
    /// It was said that nothing follows, or it must not be.
    ended: bool,
}

impl Sealed {
    pub(super) fn new(socket: Fresh, session: Session) -> Sealed {
        Sealed {
            socket,
            session,
            accepted: 0,
            ended: false,
        }
    }

    /// Sends all that is sealed. `last`: the end follows, and leaves in one packet with what it can.
    fn poll_sent(&mut self, cx: &mut Context<'_>, last: bool) -> Poll<io::Result<()>> {
        poll_sent(&mut self.session, &mut self.socket, cx, last)
    }

    /// Seals as much as there is room for, unless that was done before for the same bytes.
    fn poll_accepted(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        last: bool,
    ) -> Poll<io::Result<usize>> {
        if self.accepted == 0 && !bytes.is_empty() {
            self.accepted = self.session.write(bytes)?;
            if self.accepted == 0 {
                ready!(self.poll_sent(cx, false))?;
                self.accepted = self.session.write(bytes)?;
            }
            if last && self.accepted == bytes.len() {
                self.end();
            }
        }
        ready!(self.poll_sent(cx, last && self.ended))?;
        Poll::Ready(Ok(std::mem::take(&mut self.accepted).min(bytes.len())))
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.session.end();
        }
    }
}

/// Sends all that a session has sealed.
pub(super) fn poll_sent(
    session: &mut Session,
    socket: &mut Fresh,
    cx: &mut Context<'_>,
    last: bool,
) -> Poll<io::Result<()>> {
    while session.wants_write() {
        let mut to = Polled { socket, cx, last };
        match session.write_to(&mut to) {
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(e) => return Poll::Ready(Err(e)),
        }
    }
    Poll::Ready(Ok(()))
}

/// Sends what can be sent without waiting, and without registering the socket.
pub(super) fn send_at_once(session: &mut Session, socket: &Fresh) -> io::Result<()> {
    while session.wants_write() {
        match session.write_to(&mut Direct(socket)) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// A socket that a session reads and writes, and that says `WouldBlock` once the task will be woken.
struct Polled<'a, 'c> {
    socket: &'a mut Fresh,
    cx: &'a mut Context<'c>,
    last: bool,
}

fn blocked<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Polled<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(into);
        blocked(Pin::new(&mut *self.socket).poll_read(self.cx, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl Write for Polled<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        blocked(match self.last {
            true => self.socket.poll_write_last_vectored(self.cx, slices),
            false => Pin::new(&mut *self.socket).poll_write_vectored(self.cx, slices),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same without a task to wake.
struct Direct<'a>(&'a Fresh);

impl Write for Direct<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.0.try_write_vectored(slices);
        written.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says that nothing follows, where it was not said: an end without that is one that anybody on the way could have made (RFC 8446 §6.1).
impl Drop for Sealed {
    fn drop(&mut self) {
        if !self.ended && !self.session.shakes_hands() {
            self.end();
            // Whoever does not take it is not waited for.
            let _ = send_at_once(&mut self.session, &self.socket);
        }
    }
}

impl Stream for Sealed {
    fn reset_at_end(&mut self, reset: bool) {
        self.ended = reset;
        self.socket.reset_at_end(reset);
    }

    fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_accepted(cx, bytes, true)
    }

    fn ended(&mut self, cx: &mut Context<'_>) -> bool {
        self.socket.ended(cx)
    }
}

impl AsyncRead for Sealed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if let Some(read) = this.session.read(buffer.initialize_unfilled()) {
                buffer.advance(read?);
                return Poll::Ready(Ok(()));
            }
            // A ticket, or the answer to a change of keys: it leaves with the next answer, or before waiting.
            if this.session.wants_write() {
                let _ = this.poll_sent(cx, false)?;
            }
            let mut from = Polled {
                socket: &mut this.socket,
                cx,
                last: false,
            };
            match this.session.read_from(&mut from) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(e) => {
                    this.ended = true;
                    // The alert that says why.
                    let _ = send_at_once(&mut this.session, &this.socket);
                    return Poll::Ready(Err(e));
                }
            }
        }
    }
}

impl AsyncWrite for Sealed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_accepted(cx, bytes, false)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sent(cx, false)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        ready!(self.poll_sent(cx, true))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
