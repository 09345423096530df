//! One connection's TLS: bytes in, bytes out; its owner moves them.

use std::io::{self, Read, Write};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConnection;

use super::{ACME, Fault, Secure, Shield};

/// One connection's TLS, on the server's side.
pub struct Session {
    connection: Box<ServerConnection>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// What is spoken above TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1, agreed on or because nothing was offered.
    Http1,
    /// HTTP/2.
    Http2,
    /// Nothing: an authority has seen its proof (RFC 8737 §3).
    Proof,
}

impl Session {
    /// Of a connection that nothing was read from.
    ///
    /// # Errors
    /// Where there is no randomness.
    pub fn new(shield: &Shield) -> Result<Session, Fault> {
        match ServerConnection::new(Arc::clone(&shield.config)) {
            Ok(connection) => Ok(Session {
                connection: Box::new(connection),
            }),
            Err(_) => Err(Fault::Ours),
        }
    }

    /// Takes in what came. What is to be sent for it, an alert for a fault too, is written by [`Session::write_to`].
    ///
    /// # Errors
    /// Where the connection is over by it.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            match self.connection.read_tls(&mut bytes) {
                // Nothing behind the client's end counts.
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(_) => return Err(Fault::Malformed),
            }
            let processed = self.connection.process_new_packets();
            processed.map_err(|error| Fault::of(&error))?;
        }
        Ok(())
    }

    /// Reads once, hands being shaken and all plain bytes taken out.
    ///
    /// # Errors
    /// Those of `from`, and where the client broke the rules.
    pub fn read_from(&mut self, from: &mut impl Read) -> io::Result<()> {
        self.connection.read_tls(from)?;
        match self.connection.process_new_packets() {
            Ok(_) => Ok(()),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    /// Whether the handshake goes on.
    pub fn shakes_hands(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// What is spoken above TLS, once hands are shaken.
    pub fn spoken(&self) -> Spoken {
        match self.connection.alpn_protocol() {
            Some(b"h2") => Spoken::Http2,
            Some(ACME) => Spoken::Proof,
            _ => Spoken::Http1,
        }
    }

    /// What the handshake settled. `shield`: the one that the session was made of.
    pub fn secure(&self, shield: &Shield) -> Arc<Secure> {
        let name = self.connection.server_name();
        let Some(shown) = shield.shown.choose(name) else {
            return Arc::default();
        };
        let asked = name.filter(|name| !shown.names.cover(name));
        let usual = match name {
            None => &shown.nameless,
            Some(_) => &shown.named,
        };
        let client = self.connection.peer_certificates().and_then(<[_]>::first);
        if asked.is_none() && client.is_none() {
            return Arc::clone(usual);
        }
        Arc::new(Secure {
            asked: asked.map(|name| name.to_ascii_lowercase().into()),
            client: client.map(|der| format!(":{}:", STANDARD.encode(der)).into()),
            ..Secure::clone(usual)
        })
    }

    /// Takes out plain bytes; `None`: none has come. `Some(0)`: the client has ended.
    ///
    /// # Errors
    /// Where the connection broke.
    pub fn read(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        match self.connection.reader().read(into) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
            // Cut off without a word: requests and messages say themselves whether they are whole.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Some(Ok(0)),
            result => Some(result),
        }
    }

    /// Puts in plain bytes to be sent: how many there was room for.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.connection.writer().write(bytes)
    }

    /// Says that nothing follows.
    pub fn end(&mut self) {
        self.connection.send_close_notify();
    }

    /// Whether there is something to send.
    pub fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Sends by one call of `to`.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_to(&mut self, to: &mut impl Write) -> io::Result<usize> {
        self.connection.write_tls(to)
    }
}
