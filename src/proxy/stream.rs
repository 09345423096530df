//! A client's TCP connection that is read and written directly, and registered with the runtime's epoll only
//! when it would block: a redirect on a new connection then costs no `epoll_ctl` at all, and a connection
//! that never has to wait for room to write is never woken for it.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream as Socket;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{SendFlags, send};
use socket2::SockRef;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

use super::client::{Call, Raw, Stream};

/// A non-blocking TCP connection, registered when it first has to wait.
#[derive(Debug)]
pub struct Fresh(State);

#[derive(Debug)]
enum State {
    Direct(Socket),
    /// Registered for reading alone.
    Reads(AsyncFd<Socket>),
    /// Registered for both: it had to wait for room to write.
    Both(AsyncFd<Socket>),
    /// Registering failed: every further call does.
    Broken,
}

impl Fresh {
    /// Takes a socket that is non-blocking already.
    pub fn new(socket: Socket) -> Fresh {
        Fresh(State::Direct(socket))
    }

    /// Reads without registering; `None`: nothing to be read yet.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        self.direct(|mut socket| socket.read(buffer))
    }

    /// Writes without registering; `None`: it would block. `last`: the end follows, and leaves in one packet with what it can.
    pub(super) fn try_write(&self, bytes: &[u8], last: bool) -> Option<io::Result<usize>> {
        match last {
            true => self.direct(|socket| send_last(socket, bytes)),
            false => self.direct(|mut socket| socket.write(bytes)),
        }
    }

    /// The same of several slices.
    #[cfg(feature = "tls")]
    pub(super) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> Option<io::Result<usize>> {
        self.direct(|mut socket| socket.write_vectored(slices))
    }

    /// The same as [`Stream::poll_write_last`] of several slices.
    #[cfg(feature = "tls")]
    pub(super) fn poll_write_last_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        self.poll_written(cx, |socket| {
            let mut nothing = rustix::net::SendAncillaryBuffer::default();
            Ok(rustix::net::sendmsg(socket, slices, &mut nothing, flags)?)
        })
    }

    /// Calls again after a signal; `None` where it would block.
    fn direct<T>(&self, mut call: impl FnMut(&Socket) -> io::Result<T>) -> Option<io::Result<T>> {
        let Some(socket) = self.socket() else {
            return Some(Err(io::ErrorKind::NotConnected.into()));
        };
        loop {
            match call(socket) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return None,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return Some(result),
            }
        }
    }

    fn socket(&self) -> Option<&Socket> {
        match &self.0 {
            State::Direct(socket) => Some(socket),
            State::Reads(fd) | State::Both(fd) => Some(fd.get_ref()),
            State::Broken => None,
        }
    }

    /// Registered for reading, and for writing too where that was ever waited for.
    fn for_reading(&mut self) -> io::Result<&AsyncFd<Socket>> {
        if let State::Direct(_) = self.0
            && let State::Direct(socket) = std::mem::replace(&mut self.0, State::Broken)
        {
            self.0 = State::Reads(watch(socket, Interest::READABLE)?);
        }
        self.registered()
    }

    fn for_writing(&mut self) -> io::Result<&AsyncFd<Socket>> {
        if !matches!(self.0, State::Both(_)) {
            let socket = match std::mem::replace(&mut self.0, State::Broken) {
                State::Direct(socket) => socket,
                State::Reads(fd) => fd.into_inner(),
                State::Both(_) | State::Broken => return Err(io::ErrorKind::NotConnected.into()),
            };
            self.0 = State::Both(watch(socket, Interest::READABLE | Interest::WRITABLE)?);
        }
        self.registered()
    }

    fn registered(&self) -> io::Result<&AsyncFd<Socket>> {
        match &self.0 {
            State::Reads(fd) | State::Both(fd) => Ok(fd),
            State::Direct(_) | State::Broken => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn poll_written(
        &mut self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(result) = self.direct(&mut call) {
                return Poll::Ready(result);
            }
            if !matches!(self.0, State::Both(_)) {
                // Registering anew forgets who waits to read: everybody looks once more.
                cx.waker().wake_by_ref();
            }
            let fd = self.for_writing()?;
            ready!(fd.poll_write_ready(cx))?.clear_ready();
        }
    }
}

/// Writes, and ends our side where all is written. The last, not full packet is kept back for the end to join it: a packet, and a wake-up of
/// the client, less (tcp(7) "TCP_CORK", send(2) `MSG_MORE`).
///
/// The end is said here and not left to the close: where bytes have come meanwhile a close throws away what was kept back, and resets.
fn send_last(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    let sent = send(socket, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?;
    if sent == bytes.len() {
        socket.shutdown(std::net::Shutdown::Write)?;
    }
    Ok(sent)
}

/// Registers a socket with the runtime's epoll.
pub(super) fn watch<T: Into<OwnedFd> + AsRawFd>(
    socket: T,
    interest: Interest,
) -> io::Result<AsyncFd<T>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types that may change their descriptor; an owned socket never does"
    )]
    AsyncFd::with_interest(socket, interest)
}

impl Stream for Fresh {
    fn reset_at_end(&mut self, reset: bool) {
        if let Some(socket) = self.socket() {
            let linger = reset.then_some(Duration::ZERO);
            // Where it fails the connection is broken already.
            let _ = SockRef::from(socket).set_linger(linger);
        }
    }

    fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_written(cx, |socket| send_last(socket, bytes))
    }

    fn ended(&mut self, cx: &mut Context<'_>) -> bool {
        match self.for_reading().map(|fd| fd.poll_read_ready(cx)) {
            Err(_) | Ok(Poll::Ready(Err(_))) => true,
            Ok(Poll::Ready(Ok(guard))) => guard.ready().is_read_closed(),
            Ok(Poll::Pending) => false,
        }
    }

    fn raw(&mut self) -> Option<&mut dyn Raw> {
        Some(self)
    }
}

impl Raw for Fresh {
    fn poll_from(&mut self, cx: &mut Context<'_>, call: &mut Call<'_>) -> Poll<io::Result<usize>> {
        let fd = self.for_reading()?;
        loop {
            let mut guard = ready!(fd.poll_read_ready(cx))?;
            match call(fd.get_ref().as_fd()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_to(&mut self, cx: &mut Context<'_>, call: &mut Call<'_>) -> Poll<io::Result<usize>> {
        self.poll_written(cx, |socket| call(socket.as_fd()))
    }
}

impl AsyncRead for Fresh {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Until it is registered it was read directly once, in vain, when it was accepted.
        let fd = self.for_reading()?;
        loop {
            let mut guard = ready!(fd.poll_read_ready(cx))?;
            let room = buffer.initialize_unfilled();
            match fd.get_ref().read(room) {
                Ok(n) => {
                    // Less than there was room for: the socket is empty, and epoll tells of what comes next.
                    if 0 < n && n < room.len() {
                        guard.clear_ready();
                    }
                    buffer.advance(n);
                    return Poll::Ready(Ok(()));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }
}

impl AsyncWrite for Fresh {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(cx, |mut socket| socket.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(cx, |mut socket| socket.write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match self.socket() {
            Some(socket) => socket.shutdown(std::net::Shutdown::Write),
            None => Ok(()),
        };
        Poll::Ready(match result {
            // The client went first: there is nothing to shut down.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Shutdown, TcpListener};

    use super::*;

    #[test]
    fn the_last_answer_arrives_though_more_came_meanwhile() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut client =
            Socket::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (socket, _) = listener.accept().expect("a client");
        client.write_all(b"more").expect("written");
        // What came is there for certain before the answer is given.
        socket.peek(&mut [0; 4]).expect("it came");
        socket.set_nonblocking(true).expect("set");
        let fresh = Fresh::new(socket);
        let sent = fresh.try_write(b"the answer", true);
        assert!(matches!(sent, Some(Ok(10))), "{sent:?}");
        drop(fresh);
        let _ = client.shutdown(Shutdown::Write);
        let mut got = [0; 10];
        client.read_exact(&mut got).expect("the answer");
        assert_eq!(&got, b"the answer");
    }
}
