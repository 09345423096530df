//! Stands in for TLS towards servers where this program is built without it: nothing can be made, and nothing connects.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::client_trust::TrustError;

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

/// Nothing is trusted.
#[derive(Debug, Default)]
pub struct Trust(());

impl Trust {
    /// Says that this program was built without TLS, where anything is asked for.
    ///
    /// # Errors
    /// Where anything is asked for.
    pub fn load<'a>(
        _: &Path,
        mut files: impl Iterator<Item = &'a str>,
        host: bool,
        _: &Trust,
    ) -> Result<Trust, TrustError> {
        match host || files.next().is_some() {
            true => Err(TrustError::Without),
            false => Ok(Trust(())),
        }
    }

    /// Nothing.
    pub fn anchors(&self, _: &str) -> Option<&Arc<Anchors>> {
        None
    }
}

/// Whose certificates are taken.
#[derive(Clone, Debug)]
pub enum Check {
    /// Anyone's.
    Off,
    /// Those that the host's certificate authorities vouch for.
    Host,
    /// Those that these vouch for.
    By(Arc<Anchors>),
}

/// Whether sessions are taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// Never.
    Fresh,
    /// With the same server, by this connector.
    Resumed,
}

/// Why hands were not shaken.
#[derive(Debug)]
pub enum Fault {
    /// The connection broke.
    Io(io::Error),
    /// The two sides did not agree; in a few words.
    Tls(String),
    /// It was never tried.
    Ours(String),
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
