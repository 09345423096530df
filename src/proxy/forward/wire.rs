//! The byte stream to a server.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::http2::Exchange;
use crate::proxy::client::{Call, Raw};
use crate::tls::client;

/// The byte stream to a server.
#[derive(Debug)]
pub(super) enum Wire {
    /// In the clear.
    Plain(TcpStream),
    /// Over TLS.
    Tls(Box<client::Stream>),
    /// One exchange over a connection that speaks HTTP/2.
    Http2(Box<Exchange>),
}

impl Wire {
    /// The socket, where its bytes are the stream's own.
    pub(super) fn raw(&mut self) -> Option<&mut dyn Raw> {
        match self {
            Wire::Plain(stream) => Some(stream),
            Wire::Tls(_) | Wire::Http2(_) => None,
        }
    }

    /// Whether trailers of a request go to this server. Many a server of HTTP/1.1 leaves them unread, and takes them for the start of
    /// the next request, which may be another client's.
    pub(super) fn takes_trailers(&self) -> bool {
        matches!(self, Wire::Http2(_))
    }

    /// Whether the server says that it did nothing with what was sent.
    pub(super) fn refused(&self) -> bool {
        matches!(self, Wire::Http2(exchange) if exchange.refused())
    }

    /// Whether an exchange that broke off leaves the connection to others.
    pub(super) fn lives_on(&self) -> bool {
        matches!(self, Wire::Http2(exchange) if exchange.lives_on())
    }

    /// Whether nothing came unasked, nor an end. `probe` asks the kernel; without it what the runtime has not seen yet goes
    /// unnoticed.
    pub(super) fn silent(&mut self, probe: bool) -> bool {
        let socket = match self {
            Wire::Plain(stream) => &*stream,
            Wire::Tls(stream) => client::socket(stream),
            Wire::Http2(_) => return false,
        };
        let waits = |e: &io::Error| e.kind() == io::ErrorKind::WouldBlock;
        if probe {
            let peeked = SockRef::from(socket).peek(&mut [MaybeUninit::uninit(); 1]);
            if !peeked.is_err_and(|e| waits(&e)) {
                return false;
            }
        }
        match self {
            // No call, as long as the runtime has seen nothing.
            Wire::Plain(stream) => stream.try_read(&mut [0; 1]).is_err_and(|e| waits(&e)),
            // Tickets for further sessions may come at any time.
            stream => {
                let mut byte = [0; 1];
                let mut cx = Context::from_waker(Waker::noop());
                let read = Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte));
                read.is_pending()
            }
        }
    }
}

impl Raw for TcpStream {
    fn poll_from(&mut self, cx: &mut Context<'_>, call: &mut Call<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(cx))?;
            match self.try_io(Interest::READABLE, || call(self.as_fd())) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_to(&mut self, cx: &mut Context<'_>, call: &mut Call<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(cx))?;
            match self.try_io(Interest::WRITABLE, || call(self.as_fd())) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            Wire::Http2(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
            Wire::Http2(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Wire::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Wire::Http2(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Http2(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Http2(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
