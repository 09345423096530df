//! The new process's side: calls, takes all that runs, and says when it serves.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::TcpListener;
use std::num::NonZeroU16;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use tracing::info;

use super::wire::{hear, receive, say};
use super::{Handover, PROTOCOL, Reply, Saved, WORD, Word};
use crate::console::serve::frame::{Call, Hello};
use crate::control::{Author, Estate, Life};
use crate::decide::Millis;
use crate::language::Style;
use crate::model::{Endpoint, Running};

/// What was taken from the running process, which goes on until it is told [that this one serves](Taken::serves).
#[derive(Debug)]
pub struct Taken {
    stream: UnixStream,
    handover: Handover,
    /// Its listening sockets.
    pub sockets: HashMap<Endpoint, Vec<TcpListener>>,
    /// Its console's Unix socket.
    pub console: Option<Arc<UnixListener>>,
}

/// Takes all that runs from the process whose console is at `socket`; this one's is to be at `own`.
///
/// # Errors
/// Why not, in words; the running process goes on.
pub fn take_over(socket: &Path, own: &Path) -> Result<Taken, String> {
    let shown = socket.display();
    let stream = UnixStream::connect(socket)
        .map_err(|e| format!("no director to take over from at `{shown}`: {e}"))?;
    let failed = |e: io::Error| {
        format!("the director at `{shown}` does not hand over: {e}; is it of an older release?")
    };
    let peer = socket_peercred(&stream).map_err(|e| failed(e.into()))?;
    let user = geteuid();
    if peer.uid != user {
        let (theirs, own) = (peer.uid.as_raw(), user.as_raw());
        return Err(format!(
            "the director at `{shown}` is user {theirs}'s: only that user can take over from it, and this is user {own}"
        ));
    }
    stream.set_read_timeout(Some(WORD)).map_err(failed)?;
    stream.set_write_timeout(Some(WORD)).map_err(failed)?;
    let hello = Hello {
        upgrade: Some(Call::Take {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            socket: absolute(own),
            acknowledges: true,
        }),
        ..Hello::default()
    };
    let mut line = serde_json::to_vec(&hello).map_err(|e| e.to_string())?;
    line.push(b'\n');
    (&stream).write_all(&line).map_err(failed)?;
    let handover = match hear::<Reply>(&stream).map_err(failed)? {
        Reply::Take(handover) => *handover,
        Reply::No(why) => return Err(why),
        Reply::Yours | Reply::Named => {
            return Err("the running director spoke out of turn".to_owned());
        }
    };
    let mut taken = Taken {
        stream,
        handover,
        sockets: HashMap::new(),
        console: None,
    };
    taken.receive().map_err(|why| taken.fails(&why))?;
    Ok(taken)
}

/// `path` without regard to the folder in which a process was started.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Taken {
    fn receive(&mut self) -> Result<(), String> {
        let places = std::mem::take(&mut self.handover.sockets);
        let count = places.len() + usize::from(self.handover.console);
        let mut descriptors = receive(&self.stream, count).map_err(|e| e.to_string())?;
        if self.handover.console {
            self.console = descriptors.pop().map(UnixListener::from).map(Arc::new);
        }
        for (place, descriptor) in places.into_iter().zip(descriptors) {
            let listener = TcpListener::from(descriptor);
            let at = endpoint(&listener).map_err(|e| format!("{place} is no listener: {e}"))?;
            self.sockets.entry(at).or_default().push(listener);
        }
        Ok(())
    }

    /// What runs, with `startup` as its file, and what is known beside it.
    ///
    /// # Errors
    /// Where this release does not understand it; the running process has been told.
    pub fn life(&mut self, startup: &Path) -> Result<(Life, Estate), String> {
        let life = self.read(startup).map_err(|why| self.fails(&why))?;
        Ok((life, std::mem::take(&mut self.handover.estate)))
    }

    fn read(&mut self, startup: &Path) -> Result<Life, String> {
        let handed = &mut self.handover;
        let running = Arc::new(read("running", &handed.running)?);
        let saved = match &handed.saved {
            Saved::Nothing => None,
            Saved::Same => Some(Arc::clone(&running)),
            // What was stored and cannot be read any more is not what runs, and that is all there is to know of it.
            Saved::Text(text) => read("saved", text).ok().map(Arc::new),
        };
        let pending = match handed.pending.take() {
            Some(pending) => {
                let before = Arc::new(read("what runs unless it is confirmed", &pending.before)?);
                Some((pending.by.into(), before, Millis(pending.left_ms)))
            }
            None => None,
        };
        let changed_by = handed.changed_by.take().map(Author::from);
        let recovered = handed.recovered.take();
        Ok(
            Life::new(running, saved, Some(startup.to_owned()), recovered).resumed(
                handed.generation,
                changed_by,
                pending,
            ),
        )
    }

    /// Tells the running process that this one cannot serve, and returns `why`.
    pub fn fails(&self, why: &str) -> String {
        // It hears of the end of this process anyway.
        let _ = say(&self.stream, &Word::Failed(why.to_owned()));
        why.to_owned()
    }

    /// Tells the running process that this one accepts connections, and waits until it has let go.
    ///
    /// # Errors
    /// Where it goes on, in words: this process has to end.
    pub fn serves(self) -> Result<(), String> {
        let failed = |e: io::Error| format!("the running director does not let go: {e}");
        say(&self.stream, &Word::Serving).map_err(failed)?;
        match hear::<Reply>(&self.stream).map_err(failed)? {
            Reply::Yours => self.is_alone(),
            Reply::No(why) => Err(why),
            Reply::Take(_) | Reply::Named => {
                Err("the running director spoke out of turn".to_owned())
            }
        }
    }

    /// Acknowledges that this process is alone, and waits until the service manager knows: it listens to nobody else before.
    fn is_alone(&self) -> Result<(), String> {
        // A director of another release does not wait for it, and says nothing more.
        let said = say(&self.stream, &Word::Mine);
        match said.and_then(|()| hear::<Reply>(&self.stream)) {
            Ok(Reply::No(why)) => Err(why),
            // Where the other one ended meanwhile nobody serves but this one.
            Ok(_) | Err(_) => {
                info!("took over: the process before lets its connections end");
                Ok(())
            }
        }
    }
}

/// Where a socket listens.
pub(in crate::app) fn endpoint(listener: &TcpListener) -> io::Result<Endpoint> {
    let at = listener.local_addr()?;
    let port = NonZeroU16::new(at.port()).ok_or_else(|| io::Error::other("it has no port"))?;
    Ok(Endpoint::new(at.ip(), port))
}

fn read(what: &str, text: &str) -> Result<Running, String> {
    let (running, told) = Running::read(what, text.as_bytes());
    running.ok_or_else(|| {
        format!(
            "this release does not understand what runs:\n{}",
            told.report(Style::Plain)
        )
    })
}
