//! What all sessions share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::limits::{UNIX_SESSIONS, UNPROVEN};
use super::log::Log;
use super::login::Login;
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
    /// The file of the SSH host key, made where it is missing.
    pub host_key: PathBuf,
}

/// What all sessions share.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) source: Source,
    pub(super) registry: Registry,
    pub(super) login: Login,
    /// Connections that nobody has logged in on.
    pub(super) unproven: Arc<Semaphore>,
    /// Sessions over the Unix socket.
    pub(super) local: Arc<Semaphore>,
    /// Who alone may change anything, by the number of his session.
    held: Mutex<Option<Author>>,
}

/// What is said where the director does not answer any more.
pub(super) const SILENT: &str = "the director is ending: it does not answer any more";

impl Room {
    pub(super) fn new(source: Source) -> Room {
        Room {
            source,
            registry: Registry::default(),
            login: Login::default(),
            unproven: Arc::new(Semaphore::new(UNPROVEN)),
            local: Arc::new(Semaphore::new(UNIX_SESSIONS)),
            held: Mutex::default(),
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

    /// Lets nobody but `author`'s session change anything until it is released.
    ///
    /// # Errors
    /// Where somebody else does already, in words.
    pub(super) fn hold(&self, author: &Author) -> Result<(), String> {
        self.free_for(author)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(author.clone());
        Ok(())
    }

    /// Gives up what the session of this number holds.
    pub(super) fn release(&self, session: u64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held
            .as_ref()
            .is_some_and(|author| author.session == session)
        {
            *held = None;
        }
    }

    /// Whether `author`'s session may change anything.
    ///
    /// # Errors
    /// Where somebody else has it to himself, in words.
    pub(super) fn free_for(&self, author: &Author) -> Result<(), String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_ref() {
            Some(other) if other.session != author.session => Err(format!(
                "{} has the configuration to himself since `configure exclusive` (session {}, from {}); `kill {}` ends that",
                other.user, other.session, other.from, other.session
            )),
            _ => Ok(()),
        }
    }
}
