//! Says in a few words what went wrong.

use std::borrow::Cow;
use std::io;

use rustix::io::Errno;

use super::limits::WORDS;

/// Why a sounding has nothing good to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server is not as the probe wants it.
    Server(Cow<'static, str>),
    /// It could not be asked, which says nothing about the server.
    Ours(Cow<'static, str>),
}

impl Fault {
    /// The server's fault, in these words.
    pub(super) fn server(why: impl Into<Cow<'static, str>>) -> Fault {
        Fault::Server(why.into())
    }

    /// What an error at connecting means.
    pub(super) fn connect(error: &io::Error) -> Fault {
        let errno = Errno::from_io_error(error);
        match errno {
            Some(Errno::CONNREFUSED) => Fault::server("connect refused"),
            Some(Errno::HOSTUNREACH) => Fault::server("host unreachable"),
            Some(Errno::NETUNREACH) => Fault::server("network unreachable"),
            Some(Errno::CONNRESET) => Fault::server("connection reset"),
            Some(Errno::TIMEDOUT) => Fault::server("connection timed out"),
            _ => ours(error).unwrap_or_else(|| Fault::server(format!("cannot connect: {error}"))),
        }
    }

    /// What an error on an open connection means.
    pub(super) fn exchange(error: &io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Fault::server("connection reset")
            }
            io::ErrorKind::UnexpectedEof => Fault::server("connection closed"),
            _ => ours(error)
                .unwrap_or_else(|| Fault::server(plain(&format!("connection failed: {error}")))),
        }
    }
}

/// An error that speaks of this host's limits alone.
pub(super) fn ours(error: &io::Error) -> Option<Fault> {
    let why = match Errno::from_io_error(error)? {
        Errno::MFILE | Errno::NFILE => "no descriptor is free: raise the limit (`ulimit -n`)",
        Errno::NOBUFS | Errno::NOMEM => "no memory for a socket or program",
        Errno::ADDRNOTAVAIL => "no local port is free",
        Errno::AGAIN => "no more programs or threads may run here (`ulimit -u`)",
        _ => return None,
    };
    Some(Fault::Ours(why.into()))
}

/// A stranger's words, fit for a log: one line, no control characters, not too long.
pub(super) fn plain(text: &str) -> String {
    let words = text.trim().chars().map(|c| match c {
        '\t' => ' ',
        c if c.is_control() => '?',
        c => c,
    });
    words.take(WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_words_are_one_short_line() {
        assert_eq!(plain("  disk\tfull\u{1b}[2J\n"), "disk full?[2J");
        assert_eq!(plain(&"x".repeat(WORDS)).len(), WORDS);
        assert_eq!(plain(&"é".repeat(WORDS + 1)).chars().count(), WORDS);
    }

    #[test]
    fn what_this_host_lacks_is_not_held_against_a_server() {
        let full = io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        assert!(matches!(Fault::connect(&full), Fault::Ours(_)));
        let refused = io::Error::from_raw_os_error(Errno::CONNREFUSED.raw_os_error());
        assert_eq!(Fault::connect(&refused), Fault::server("connect refused"));
    }
}
