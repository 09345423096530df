//! The client's side of a connection, plain or (later) TLS: a byte stream, what was read from it and
//! not yet used, and the connection's deadline.

use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

use super::deadline::Deadline;
use crate::model::Scheme;
use crate::tls::Secure;

/// A byte stream to a client.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Whether the end of this connection, however it comes about, is a reset and no orderly end: set while
    /// the end is what tells the client that a body is whole (RFC 9112 §6.3, 8).
    fn reset_at_end(&mut self, reset: bool);

    /// Writes what the end of the connection follows at once: it may be kept back to leave with it.
    fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self).poll_write(cx, bytes)
    }

    /// Whether the client is known to have closed its side, whatever it sent before; reads nothing.
    fn ended(&mut self, cx: &mut Context<'_>) -> bool;

    /// The socket, where its bytes are the stream's own: the kernel may then pass them on by itself.
    fn raw(&mut self) -> Option<&mut dyn Raw> {
        None
    }
}

/// A call on a socket: how many bytes it moved.
pub type Call<'a> = dyn FnMut(BorrowedFd<'_>) -> io::Result<usize> + 'a;

/// A non-blocking socket that calls wait for.
pub trait Raw {
    /// Calls as soon as there may be bytes to be taken, and again until it would not block.
    fn poll_from(&mut self, cx: &mut Context<'_>, call: &mut Call<'_>) -> Poll<io::Result<usize>>;

    /// Calls as soon as there may be room for bytes, and again until it would not block.
    fn poll_to(&mut self, cx: &mut Context<'_>, call: &mut Call<'_>) -> Poll<io::Result<usize>>;
}

/// In memory there is no reset: the client sees an end.
impl Stream for DuplexStream {
    fn reset_at_end(&mut self, _: bool) {}

    fn ended(&mut self, _: &mut Context<'_>) -> bool {
        false
    }
}

/// A client's connection.
#[derive(Debug)]
pub struct Client<S> {
    /// The byte stream.
    pub stream: S,
    /// Bytes read and not yet used; given back (capacity 0) while the connection is idle.
    pub input: BytesMut,
    /// This connection's deadline, set anew for each phase.
    pub deadline: Deadline,
    /// Who is at the other end of the connection.
    pub peer: SocketAddr,
    /// Whom the connection is for: what a trusted proxy said at its start, else the peer.
    pub from: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
    /// What the handshake settled, where the connection is TLS.
    pub secure: Option<Arc<Secure>>,
}

impl<S> Client<S> {
    /// A client that nothing was read from.
    pub fn new(stream: S, peer: SocketAddr, local: SocketAddr) -> Client<S> {
        Client {
            stream,
            input: BytesMut::new(),
            deadline: Deadline::default(),
            peer,
            from: peer,
            local,
            secure: None,
        }
    }

    /// The same client on another byte stream, of which nothing was read.
    pub(super) fn with<T>(&self, stream: T) -> Client<T> {
        Client {
            stream,
            input: BytesMut::new(),
            deadline: Deadline::default(),
            peer: self.peer,
            from: self.from,
            local: self.local,
            secure: self.secure.clone(),
        }
    }

    /// What the client calls a URL's scheme that leads here.
    pub fn scheme(&self) -> Scheme {
        match self.secure {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        }
    }
}
