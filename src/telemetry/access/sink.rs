//! Where lines go. Only the journal's own thread writes here, and so only that may wait.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::model::LogTo;

/// The host's syslog.
const DEV_LOG: &str = "/dev/log";
/// local0.info (RFC 3164 §4.1.1).
const PRIORITY: u32 = 16 * 8 + 6;
/// How long a syslog may leave a line untaken.
const SYSLOG_PATIENCE: Duration = Duration::from_secs(1);
/// How often a pipe that is full is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(20);
/// How long a sink that nobody logs to any more may take nothing before the rest is given up.
const GIVE_UP: Duration = Duration::from_secs(1);
/// How often it is told that lines are lost, at most.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Why the access log cannot be opened.
#[derive(Debug)]
pub struct OpenError {
    /// What was to be opened.
    pub to: LogTo,
    /// Why it could not be.
    pub source: io::Error,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &self.source;
        match &self.to {
            LogTo::File(path) => {
                write!(f, "cannot open the access log `{path}`: ")?;
                match error.kind() {
                    io::ErrorKind::NotFound => write!(f, "its folder is not there; create it (`mkdir -p {}`)", folder(path)),
                    io::ErrorKind::PermissionDenied => f.write_str("it may not be written; give the user that signpost runs as the right to, or name another file"),
                    io::ErrorKind::IsADirectory => f.write_str("it is a folder; name a file in it"),
                    _ if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                        f.write_str("it is a pipe that nobody reads; start its reader first")
                    }
                    _ => write!(f, "{error}; name another file"),
                }
            }
            LogTo::Stdout => write!(
                f,
                "cannot write the access log to standard output: {error}; name a file"
            ),
            LogTo::Syslog => write!(
                f,
                "cannot reach the host's syslog at `{DEV_LOG}`: {error}; start it (rsyslog, systemd-journald), or write `access-log file PATH`"
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

fn folder(path: &str) -> std::path::Display<'_> {
    Path::new(path).parent().unwrap_or(Path::new(".")).display()
}

/// An open sink.
#[derive(Debug)]
pub(super) struct Sink {
    kind: Kind,
    told: Option<Instant>,
}

#[derive(Debug)]
enum Kind {
    Stream {
        file: File,
        /// The last line that went out is not whole.
        torn: bool,
        /// Since when it takes nothing.
        stalled: Option<Instant>,
    },
    Syslog {
        path: PathBuf,
        socket: UnixDatagram,
    },
}

impl Sink {
    pub(super) fn open(to: &LogTo) -> Result<Sink, OpenError> {
        let opened = match to {
            LogTo::File(path) => Sink::file(Path::new(&**path)),
            LogTo::Stdout => rustix::io::dup(io::stdout())
                .map(|fd| Sink::stream(fd.into()))
                .map_err(io::Error::from),
            LogTo::Syslog => Sink::syslog(Path::new(DEV_LOG)),
        };
        opened.map_err(|source| OpenError {
            to: to.clone(),
            source,
        })
    }

    fn file(path: &Path) -> io::Result<Sink> {
        // A pipe that nobody reads would hold up the opening itself.
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?;
        Ok(Sink::stream(file))
    }

    fn stream(file: File) -> Sink {
        Sink {
            kind: Kind::Stream {
                file,
                torn: false,
                stalled: None,
            },
            told: None,
        }
    }

    pub(super) fn syslog(path: &Path) -> io::Result<Sink> {
        Ok(Sink {
            kind: Kind::Syslog {
                path: path.to_owned(),
                socket: connect(path)?,
            },
            told: None,
        })
    }

    /// As after half a line.
    #[cfg(test)]
    pub(super) fn tear(&mut self) {
        if let Kind::Stream { torn, .. } = &mut self.kind {
            *torn = true;
        }
    }

    /// Writes whole lines; how many of them went out. `abandoned`: nobody logs here any more.
    pub(super) fn write(&mut self, lines: &[u8], abandoned: &AtomicBool) -> u64 {
        let (written, result) = match &mut self.kind {
            Kind::Stream {
                file,
                torn,
                stalled,
            } => write_stream(file, (torn, stalled), lines, abandoned),
            Kind::Syslog { path, socket } => write_syslog(path, socket, lines),
        };
        match (result, self.told) {
            (Err(error), told) if told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN) => {
                self.told = Some(Instant::now());
                tracing::warn!(
                    "the access log cannot be written: {error}; its lines are lost and counted, requests go on"
                );
            }
            (Ok(()), Some(_)) => {
                self.told = None;
                tracing::info!("the access log is written again");
            }
            _ => {}
        }
        written
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

fn write_stream(
    file: &mut File,
    (torn, stalled): (&mut bool, &mut Option<Instant>),
    lines: &[u8],
    abandoned: &AtomicBool,
) -> (u64, io::Result<()>) {
    let mut at = 0;
    let result = loop {
        if at == lines.len() {
            break Ok(());
        }
        // What follows half a line must not become a part of it.
        let rest = if *torn { b"\n" } else { &lines[at..] };
        match file.write(rest) {
            Ok(_) if *torn && at == 0 => *torn = false,
            Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                at += written;
                *stalled = None;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let since = *stalled.get_or_insert_with(Instant::now);
                if abandoned.load(Ordering::Relaxed) && since.elapsed() >= GIVE_UP {
                    break Err(error);
                }
                std::thread::sleep(TRY_AGAIN);
            }
            Err(error) => break Err(error),
        }
    };
    if at > 0 {
        *torn = lines[at - 1] != b'\n';
    }
    (count(&lines[..at]), result)
}

fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(SYSLOG_PATIENCE))?;
    Ok(socket)
}

fn write_syslog(path: &Path, socket: &mut UnixDatagram, lines: &[u8]) -> (u64, io::Result<()>) {
    let mut written = 0;
    let prefix = prefix();
    let mut message = Vec::new();
    for line in lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        message.clear();
        message.extend_from_slice(prefix.as_bytes());
        message.extend_from_slice(line);
        let sent = socket.send(&message).or_else(|error| {
            if error.kind() == io::ErrorKind::WouldBlock {
                return Err(error);
            }
            // It was started anew.
            *socket = connect(path)?;
            socket.send(&message)
        });
        match sent {
            Ok(_) => written += 1,
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

/// `<PRI>TIMESTAMP TAG[PID]: `, as a host's own syslog takes it: RFC 3164 §4.1 without a host name.
fn prefix() -> String {
    let now = jiff::Zoned::now();
    format!(
        "<{PRIORITY}>{} signpost[{}]: ",
        now.strftime("%b %e %H:%M:%S"),
        std::process::id()
    )
}
