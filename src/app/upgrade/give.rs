//! The running process's side: what it hands over, and that it goes on until the other serves.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::process::geteuid;
use tracing::info;

use super::wire::{hear, pass, say};
use super::{By, Handover, PROTOCOL, Pending, Reply, SILENCE, Saved, Word};
use crate::app::life::looks;
use crate::app::{Director, WISHES_WAITING};
use crate::console::serve::Caller;
use crate::console::serve::frame::Call;
use crate::decide::{Loads, Millis};
use crate::model::Running;

/// Ends the talk where this is dropped before its time, so that no thread is left waiting for the other side.
struct Talk(UnixStream);

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// What is handed over. Texts are made on a thread of their own: of a large farm it takes its time.
struct Gift {
    running: Arc<Running>,
    saved: Option<Arc<Running>>,
    before: Option<Arc<Running>>,
    handover: Handover,
    loads: Arc<Loads>,
    now: Millis,
    sockets: Vec<OwnedFd>,
}

impl Gift {
    fn give(mut self, stream: &UnixStream) -> Result<(), String> {
        let handover = &mut self.handover;
        handover.running = self.running.print();
        handover.saved = match &self.saved {
            None => Saved::Nothing,
            Some(saved) if Arc::ptr_eq(saved, &self.running) || **saved == *self.running => {
                Saved::Same
            }
            Some(saved) => Saved::Text(saved.print()),
        };
        if let (Some(pending), Some(before)) = (&mut handover.pending, &self.before) {
            pending.before = before.print();
        }
        handover.estate.clients = self.loads.keepsake(self.now);
        let sockets: Vec<_> = self.sockets.iter().map(AsFd::as_fd).collect();
        let count = sockets.len();
        say(stream, &Reply::Take(Box::new(self.handover)))
            .and_then(|()| pass(stream, &sockets))
            .map_err(|e| {
                let why = unheard(&e);
                format!("the new process could not be handed all {count} sockets: {why}")
            })?;
        match hear::<Word>(stream) {
            Ok(Word::Serving) => Ok(()),
            Ok(Word::Failed(why)) => Err(format!("the new process cannot serve: {why}")),
            Ok(Word::Mine) => Err("the new process spoke out of turn".to_owned()),
            Err(e) => Err(format!("the new process did not serve: {}", unheard(&e))),
        }
    }
}

/// Why nothing was heard.
fn unheard(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("it said nothing for {} s", SILENCE.as_secs())
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => "it ended".to_owned(),
        _ => error.to_string(),
    }
}

/// A process that serves beside this one, and waits for the word that it is alone.
pub struct Heir {
    talk: Talk,
    /// Its number.
    pub pid: u32,
    acknowledges: bool,
}

impl Heir {
    /// Says it, and waits until that is heard.
    fn let_go(self) -> Result<Heir, String> {
        let gone = |e: io::Error| {
            let why = unheard(&e);
            // It may be there still.
            let _ = say(&self.talk.0, &Reply::No(why.clone()));
            format!("the new process went away when it was to begin: {why}")
        };
        say(&self.talk.0, &Reply::Yours).map_err(gone)?;
        if self.acknowledges {
            match hear::<Word>(&self.talk.0).map_err(gone)? {
                Word::Mine => {}
                Word::Failed(why) => return Err(format!("the new process cannot serve: {why}")),
                Word::Serving => return Err("the new process spoke out of turn".to_owned()),
            }
        }
        info!("process {} serves in the place of this one", self.pid);
        Ok(self)
    }

    /// Tells it that whoever started this process knows of it.
    pub fn is_named(self) {
        // It does not wait for ever.
        let _ = say(&self.talk.0, &Reply::Named);
    }
}

impl Director {
    /// Leaves the service to the process that serves beside this one, which is to [retire](Director::retire).
    ///
    /// # Errors
    /// Why this process goes on, in words.
    pub async fn let_go(&mut self, heir: Heir) -> Result<Heir, String> {
        self.looking_meanwhile(move || heir.let_go()).await?
    }

    /// Hands over to the process that calls, and comes back when that serves. Nothing has changed here until it is told so. Cancel
    /// safe.
    ///
    /// # Errors
    /// Why this process goes on, in words; the other has been told.
    pub async fn hand_over(&mut self, caller: Caller) -> Result<Heir, String> {
        let Caller { call, user, stream } = caller;
        let Call::Take {
            protocol,
            version,
            pid,
            socket,
            acknowledges,
        } = call
        else {
            return Err("this is no call to take over".to_owned());
        };
        info!("process {pid}, signpost {version}, wants to take over");
        self.calls(pid);
        let talk = Talk(stream);
        let own = geteuid().as_raw();
        let result = if user != own {
            Err(format!(
                "process {pid} is user {user}'s: only user {own}, who runs this one, can take over from it"
            ))
        } else if protocol != PROTOCOL {
            Err(format!(
                "signpost {version} hands over in another way ({protocol}) than this one, {} ({PROTOCOL}): stop this one and start the other",
                env!("CARGO_PKG_VERSION"),
            ))
        } else {
            self.give_all(&talk, &socket).await
        };
        match result {
            Ok(()) => Ok(Heir {
                talk,
                pid,
                acknowledges,
            }),
            Err(why) => {
                // It may be gone.
                let _ = say(&talk.0, &Reply::No(why.clone()));
                Err(why)
            }
        }
    }

    async fn give_all(&mut self, talk: &Talk, socket: &std::path::Path) -> Result<(), String> {
        let failed = |e: std::io::Error| e.to_string();
        let gift = self.gift(socket).map_err(failed)?;
        self.gave_console = gift.handover.console;
        let stream = talk.0.try_clone().map_err(failed)?;
        let giving = move || {
            stream.set_read_timeout(Some(SILENCE)).map_err(failed)?;
            stream.set_write_timeout(Some(SILENCE)).map_err(failed)?;
            gift.give(&stream)
        };
        self.looking_meanwhile(giving).await??;
        if self.over {
            return Err("a worker ended by itself".to_owned());
        }
        Ok(())
    }

    /// Waits for the other process: whoever only looks is answered meanwhile, and who wants a change waits. Cancel safe.
    async fn looking_meanwhile<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let mut task = tokio::task::spawn_blocking(work);
        let done = loop {
            let waiting = self.put_off.len();
            let (tending, wishes, _) = self.tended();
            let wish = tokio::select! {
                biased;
                done = &mut task => break done,
                Some(wish) = wishes.recv(), if waiting < WISHES_WAITING => wish,
                () = tending => {
                    self.over = true;
                    break task.await;
                }
            };
            match looks(&wish) {
                true => self.grant(wish).await,
                false => self.put_off.push_back(wish),
            }
        };
        done.map_err(|e| format!("it ended early: {e}"))
    }

    fn gift(&self, socket: &std::path::Path) -> std::io::Result<Gift> {
        let mut sockets = Vec::new();
        let mut places = Vec::new();
        for (at, listener) in self.writer.sockets() {
            places.push(at.socket());
            sockets.push(listener.as_fd().try_clone_to_owned()?);
        }
        let same = self.console_at.as_deref() == Some(socket);
        let local = self.served.as_ref().and_then(|served| served.local());
        let local = local.filter(|_| same);
        if let Some(local) = local {
            sockets.push(local.as_fd().try_clone_to_owned()?);
        }
        let life = &self.life;
        let before = life.before();
        let now = self.writer.farm().now();
        let pending = before.as_ref().zip(life.confirm_due());
        let pending = pending.map(|((_, author), due)| Pending {
            by: By::from(author),
            before: String::new(),
            left_ms: due.0.saturating_sub(now.0),
        });
        Ok(Gift {
            running: Arc::clone(life.running()),
            saved: life.known_saved(),
            before: before.map(|(before, _)| before),
            loads: Arc::clone(&self.writer.farm().live().load().loads),
            now,
            handover: Handover {
                recovered: life.recovered().map(str::to_owned),
                generation: life.generation(),
                changed_by: life.changed_by().map(By::from),
                pending,
                estate: self.writer.estate(),
                sockets: places,
                console: local.is_some(),
                ..Handover::default()
            },
            sockets,
        })
    }
}
