//! What all sessions share.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::frame::Call;
use super::limits::UNIX_SESSIONS;
use super::log::Log;
use super::login::Login;
use super::places::Places;
use super::registry::Registry;
use crate::console::{Question, Setting};
use crate::control::{Author, Farm, Reply, Wish};
use crate::decide::Millis;
use crate::model::Console;

/// What sessions have to know of the running configuration. Whoever puts one into force publishes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// What the prompt says.
    pub hostname: Box<str>,
    /// Who may come, and how many.
    pub console: Arc<Console>,
    /// What runs is what the startup file says.
    pub saved: bool,
    /// When what was committed goes back unless it is confirmed, and whose it is.
    pub undone: Option<(Millis, Author)>,
}

impl Ground {
    /// What a session has to know of it.
    pub(super) fn setting(&self) -> Setting {
        Setting {
            hostname: self.hostname.clone(),
            idle_minutes: self.console.idle_minutes,
            users: !self.console.users.is_empty(),
            enable: self.console.enable.is_some(),
            saved: self.saved,
            exec: self.console.exec,
        }
    }
}

/// What the console needs of the rest of the house.
#[derive(Clone, Debug)]
pub struct Source {
    /// For the time.
    pub farm: Arc<Farm>,
    /// To the one writer.
    pub wishes: mpsc::Sender<Wish>,
    /// To whoever looks.
    pub questions: mpsc::Sender<Question>,
    /// What is known of the configuration.
    pub ground: watch::Receiver<Ground>,
    /// What the log said last.
    pub log: Arc<Log>,
    /// Where the Unix socket is made; `None`: nowhere.
    pub socket: Option<PathBuf>,
    /// The same, made by the process that this one takes over from.
    pub handed: Option<Arc<UnixListener>>,
    /// To whoever can put another process into the place of this one.
    pub callers: mpsc::Sender<Caller>,
    /// The file of the SSH host key, made where it is missing.
    pub host_key: PathBuf,
}

/// Somebody at the Unix socket who wants another process in the place of this one. Of root or of this process's user.
#[derive(Debug)]
pub struct Caller {
    /// What is asked.
    pub call: Call,
    /// The user who asks.
    pub user: u32,
    /// Where it is answered.
    pub stream: UnixStream,
}

/// What all sessions share.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) source: Source,
    pub(super) registry: Registry,
    pub(super) login: Login,
    /// Connections that nobody has logged in on.
    pub(super) unproven: Arc<Places>,
    /// Sessions over the Unix socket.
    pub(super) local: Arc<Semaphore>,
}

/// What is said where the director does not answer any more.
pub(super) const SILENT: &str = "the director is ending: it does not answer any more";

impl Room {
    pub(super) fn new(source: Source) -> Room {
        Room {
            source,
            registry: Registry::default(),
            login: Login::default(),
            unproven: Arc::default(),
            local: Arc::new(Semaphore::new(UNIX_SESSIONS)),
        }
    }

    /// The time.
    pub(super) fn now(&self) -> Millis {
        self.source.farm.now()
    }

    /// Has the one writer do something.
    pub(super) async fn wish<T>(&self, wish: impl FnOnce(Reply<T>) -> Wish) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        if self.source.wishes.send(wish(reply)).await.is_err() {
            return Err(SILENT.to_owned());
        }
        answer.await.unwrap_or_else(|_| Err(SILENT.to_owned()))
    }

    /// Asks whoever looks.
    pub(super) async fn ask<T>(
        &self,
        question: impl FnOnce(Reply<T>) -> Question,
    ) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        if self.source.questions.send(question(reply)).await.is_err() {
            return Err(SILENT.to_owned());
        }
        answer.await.unwrap_or_else(|_| Err(SILENT.to_owned()))
    }

    /// Lets others change the configuration again, where the session of this number kept them from it.
    pub(super) fn release(self: &Arc<Room>, session: u64) {
        let wishes = self.source.wishes.clone();
        // The writer may be busy, and nobody waits for this; without a runtime the director is gone, and what was held with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { wishes.send(Wish::Unlock { session }).await });
        }
    }
}
