//! A person at a telnet client: keys go out, and what the screen shows is waited for.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A connection to a telnet console.
pub(crate) struct Telnet {
    stream: TcpStream,
    /// What has come and was not waited for yet, without telnet's own bytes.
    shown: Vec<u8>,
    /// Bytes of a command that has not come whole.
    begun: Vec<u8>,
    closed: bool,
}

const IAC: u8 = 255;

impl Telnet {
    /// Comes to the console at `address`, with a window of 100 columns and 40 rows.
    pub(crate) fn to(address: SocketAddr) -> Telnet {
        let mut stream = TcpStream::connect(address).expect("the console accepts");
        let short = Some(Duration::from_millis(20));
        stream.set_read_timeout(short).expect("set");
        stream.set_write_timeout(Some(PATIENCE)).expect("set");
        // WILL NAWS, and the size: RFC 1073.
        let size = [IAC, 251, 31, IAC, 250, 31, 0, 100, 0, 40, IAC, 240];
        // Whoever is turned away may be closed already.
        let _ = stream.write_all(&size);
        Telnet {
            stream,
            shown: Vec::new(),
            begun: Vec::new(),
            closed: false,
        }
    }

    /// Presses keys.
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Telnet {
        self.stream
            .write_all(keys.as_bytes())
            .expect("keys are taken");
        self
    }

    /// Sends bytes as they are; whether they were taken.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends bytes, the last of them urgent; whether they were taken.
    pub(crate) fn urgent(&mut self, bytes: &[u8]) -> bool {
        use rustix::net::{SendFlags, send};
        send(&self.stream, bytes, SendFlags::OOB).is_ok_and(|sent| sent == bytes.len())
    }

    /// Types a line.
    pub(crate) fn line(&mut self, line: &str) -> &mut Telnet {
        self.keys(&format!("{line}\r\n"))
    }

    /// Waits until the screen shows `what`; all that it showed up to there.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let shown = String::from_utf8_lossy(&self.shown).into_owned();
            if let Some(at) = shown.find(what) {
                let rest = shown.as_bytes()[at + what.len()..].to_vec();
                self.shown = rest;
                return shown[..at + what.len()].to_owned();
            }
            assert!(
                Instant::now() < end && !self.closed,
                "the console did not show `{what}`, but:\n{shown}"
            );
            self.read();
        }
    }

    /// Waits until the director closes the connection; all that it showed.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> String {
        let end = Instant::now() + 2 * PATIENCE;
        while !self.closed {
            assert!(Instant::now() < end, "the connection is still open");
            self.read();
        }
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    fn read(&mut self) {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(0) => self.closed = true,
            Ok(read) => self.take(&bytes[..read]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.closed = true,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.begun.push(*byte);
            match self.begun[..] {
                [IAC] | [IAC, 251..=254] => {}
                [IAC, IAC] => {
                    self.shown.push(IAC);
                    self.begun.clear();
                }
                [IAC, ..] => self.begun.clear(),
                _ => {
                    self.shown.push(*byte);
                    self.begun.clear();
                }
            }
        }
    }
}
