//! Stands in for TLS towards servers where this program is built without it: nothing can be made, and nothing connects.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::{Check, Fault, Sessions, TrustError};

/// There is none.
#[derive(Debug)]
pub struct Stream(Infallible);

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

/// There are none.
#[derive(Debug)]
pub struct Anchors(Infallible);

/// Says that this program was built without TLS.
pub(super) fn read(_: &Path, _: Option<&Arc<Anchors>>) -> Result<Arc<Anchors>, TrustError> {
    Err(TrustError::Without)
}

/// Says that this program was built without TLS.
pub(super) fn has_host() -> Result<(), TrustError> {
    Err(TrustError::Without)
}

/// Never made.
#[derive(Clone, Debug)]
pub struct Connector(Infallible);

impl Connector {
    /// Says that it cannot.
    ///
    /// # Errors
    /// Always.
    pub fn new(_: &str, _: &Check, _: &[&str], _: Sessions) -> Result<Connector, Fault> {
        Err(Fault::Ours(TrustError::Without.to_string()))
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub async fn connect(&self, _: TcpStream) -> Result<Stream, Fault> {
        match self.0 {}
    }
}

/// Never called.
pub fn protocol(stream: &Stream) -> Option<&[u8]> {
    match stream.0 {}
}

/// Never called.
pub fn socket(stream: &Stream) -> &TcpStream {
    match stream.0 {}
}
