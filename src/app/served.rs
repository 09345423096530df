//! The console's servers, laid to the writer: listeners and wishes one way, what is known of the configuration the other.

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::{Director, Error};
use crate::console::Question;
use crate::console::serve::{Caller, Console, Ground, Log, Source};
use crate::control::{Door, Wish, Writer};

/// How long the console may take to end.
const PARTING: Duration = Duration::from_secs(2);

/// How the console is served.
#[derive(Clone, Debug)]
pub struct Consoling {
    /// Where the Unix socket is made; `None`: nowhere.
    pub socket: Option<PathBuf>,
    /// The socket, where the process before hands it over.
    pub handed: Option<Arc<UnixListener>>,
    /// The file of the SSH host key.
    pub host_key: PathBuf,
    /// What the log said last.
    pub log: Arc<Log>,
}

/// The console as the director holds it.
#[derive(Debug)]
pub(super) struct Served {
    console: Console,
    ground: watch::Sender<Ground>,
}

impl Served {
    /// Starts the console; the writer hands it its listeners from now on.
    ///
    /// # Errors
    /// Where its thread cannot be started.
    pub(super) fn start(
        options: &Consoling,
        writer: &mut Writer,
        (wishes, questions, callers): (
            &mpsc::Sender<Wish>,
            &mpsc::Sender<Question>,
            &mpsc::Sender<Caller>,
        ),
    ) -> Result<Served, Error> {
        let (ground, known) = watch::channel(Ground::default());
        let source = Source {
            farm: Arc::clone(writer.farm()),
            wishes: wishes.clone(),
            questions: questions.clone(),
            ground: known,
            log: Arc::clone(&options.log),
            socket: options.socket.clone(),
            handed: options.handed.clone(),
            callers: callers.clone(),
            host_key: options.host_key.clone(),
        };
        let console = Console::start(source).map_err(Error::Thread)?;
        writer.admit(Door::Telnet, console.telnet.clone());
        writer.admit(Door::Ssh, console.ssh.clone());
        Ok(Served { console, ground })
    }

    /// The Unix socket, for a process that takes over from this one.
    pub(super) fn local(&self) -> Option<&UnixListener> {
        self.console.local.as_ref()
    }

    /// Whether the Unix socket's file is another process's.
    pub(super) fn keep_file(&self, keeps: bool) {
        self.console.keep_file(keeps);
    }

    /// Tells every session that the director ends, at once; to be awaited for their end.
    pub(super) fn stop(self) -> impl Future<Output = ()> {
        self.console.stop();
        async move {
            // Sessions that lost sight of the configuration would end before they are told why.
            let Served { console, ground } = self;
            let ended = tokio::task::spawn_blocking(|| console.join());
            // A session that hangs does not hold up the end.
            let _ = timeout(PARTING, ended).await;
            drop(ground);
        }
    }
}

impl Director {
    /// Tells the console what it has to know of the configuration.
    pub(super) fn publish(&self) {
        let Some(served) = &self.served else {
            return;
        };
        let model = self.life.running().model();
        let waits = self.life.confirm_due().zip(self.life.before());
        let console = &model.globals.console;
        let known = &served.ground;
        let same = *known.borrow().console == *console;
        let ground = Ground {
            hostname: model.hostname.clone().unwrap_or_default(),
            console: match same {
                true => Arc::clone(&known.borrow().console),
                false => Arc::new(console.clone()),
            },
            saved: self.life.is_saved(),
            undone: waits.map(|(due, (_, author))| (due, author)),
        };
        known.send_if_modified(|before| {
            let changed = *before != ground;
            *before = ground;
            changed
        });
    }
}
