//! The console's servers: telnet, SSH and the Unix socket, all with the same sessions around the same [`Session`](super::Session).
//!
//! Enter at [`Console::start`]: a thread with a runtime of its own, so that neither a flood of keys nor a large table holds up the
//! writer. Listeners of the network come from the writer as its orders; the Unix socket is made here. What a session asks for becomes a
//! [`Wish`](crate::control::Wish) of the one writer or a [`Question`](super::Question) to whoever looks.
//!
//! Deliberately unknown here: what keys mean and what a screen looks like, how a configuration is changed, how a scene is gathered.

mod audit;
mod changes;
mod commands;
mod converse;
mod doors;
mod executor;
pub mod frame;
#[cfg(feature = "ssh")]
mod host_key;
pub mod limits;
mod log;
mod login;
mod look;
mod registry;
mod room;
#[cfg(feature = "ssh")]
mod ssh;
mod telnet;
mod unix;
mod wire;

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

pub use audit::TARGET as AUDIT;
pub use log::{Log, LogWriter};
pub use login::hash;
pub use room::{Caller, Ground, Source};

use crate::control::{Author, Order, Orders};
use crate::decide::Millis;
use crate::model::Endpoint;
use registry::Word;
use room::Room;
use unix::Socket;

/// Orders that may wait for the console.
const ORDERS_WAITING: usize = 64;

/// How long before a commit goes back everybody is told.
const TOLD_BEFORE: Duration = Duration::from_secs(60);

/// How long sessions may take to say their last words.
const PARTING: Duration = Duration::from_secs(1);

/// The running console.
#[derive(Debug)]
pub struct Console {
    /// Who takes the listeners of telnet.
    pub telnet: Orders,
    /// Who takes the listeners of SSH.
    pub ssh: Orders,
    /// The Unix socket, for a process that takes over from this one.
    pub local: Option<UnixListener>,
    thread: Option<JoinHandle<()>>,
    stop: mpsc::Sender<()>,
    keeps: Arc<AtomicBool>,
}

/// What the console is ordered.
#[derive(Debug)]
struct Inboxes {
    telnet: mpsc::Receiver<Order>,
    ssh: mpsc::Receiver<Order>,
    stop: mpsc::Receiver<()>,
}

impl Console {
    /// Starts the console's thread.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(source: Source) -> io::Result<Console> {
        let (telnet, telnet_inbox) = mpsc::channel(ORDERS_WAITING);
        let (ssh, ssh_inbox) = mpsc::channel(ORDERS_WAITING);
        let (stop, stopped) = mpsc::channel(1);
        let inboxes = Inboxes {
            telnet: telnet_inbox,
            ssh: ssh_inbox,
            stop: stopped,
        };
        let keeps = Arc::new(AtomicBool::new(source.handed.is_some()));
        let socket = source.socket.as_deref().and_then(|path| {
            let handed = source.handed.as_deref();
            made(path, handed, Arc::clone(&keeps))
        });
        let local = socket.as_ref().and_then(|socket| socket.copy().ok());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let kept = Arc::clone(&keeps);
        let thread = std::thread::Builder::new()
            .name("console".to_owned())
            .spawn(move || {
                runtime.block_on(serve(source, socket, inboxes, kept));
                // Nobody waits for passwords that are still being checked.
                runtime.shutdown_background();
            })?;
        Ok(Console {
            telnet,
            ssh,
            local,
            thread: Some(thread),
            stop,
            keeps,
        })
    }

    /// Whether the Unix socket's file stays when this ends, as it is another process's.
    pub fn keep_file(&self, keeps: bool) {
        self.keeps.store(keeps, Ordering::Relaxed);
    }

    /// Tells every session that the director ends, and has the console end within a second.
    pub fn stop(&self) {
        // It may be ending already.
        let _ = self.stop.try_send(());
    }

    /// Waits until it has ended; to be called off the runtime that answers wishes.
    pub fn join(mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the console's thread ended by a panic");
        }
    }
}

/// The Unix socket at `path`, or the one that was `handed` over; without it the director serves all the same.
fn made(path: &Path, handed: Option<&UnixListener>, keeps: Arc<AtomicBool>) -> Option<Socket> {
    let socket = match handed {
        Some(listener) => unix::taken(path, listener, keeps),
        None => unix::bind(path, keeps),
    };
    match socket {
        Ok(socket) => Some(socket),
        Err(e) => {
            let path = path.display();
            warn!(
                "no console over the Unix socket `{path}`: {e}; name another with `--console-socket PATH`"
            );
            None
        }
    }
}

async fn serve(
    source: Source,
    socket: Option<Socket>,
    mut inboxes: Inboxes,
    keeps: Arc<AtomicBool>,
) {
    let room = Arc::new(Room::new(source));
    let local = socket.map(|socket| tokio::spawn(unix::accept(Arc::clone(&room), socket)));
    let herald = tokio::spawn(announce(Arc::clone(&room)));
    let mut telnet = HashMap::new();
    let mut ssh = HashMap::new();
    loop {
        tokio::select! {
            _ = inboxes.stop.recv() => break,
            Some(order) = inboxes.telnet.recv() => {
                take(&mut telnet, order, |listener| tokio::spawn(telnet::accept(Arc::clone(&room), listener)).abort_handle());
            }
            Some(order) = inboxes.ssh.recv() => {
                take(&mut ssh, order, |listener| serve_ssh(&room, listener));
            }
        }
    }
    for accepting in telnet.into_values().chain(ssh.into_values()) {
        accepting.abort();
    }
    herald.abort();
    if let Some(local) = local {
        local.abort();
        // The socket's file goes with it.
        let _ = local.await;
    }
    let end = Word::End(match keeps.load(Ordering::Relaxed) {
        true => "% another process has taken over: come again".into(),
        false => "% the director ends".into(),
    });
    room.registry.tell_all(&end);
    let gone = async {
        while !room.registry.all().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    if timeout(PARTING, gone).await.is_err() {
        info!("sessions of the console that would not end were cut off");
    }
}

#[cfg(feature = "ssh")]
fn serve_ssh(room: &Arc<Room>, listener: TcpListener) -> AbortHandle {
    tokio::spawn(ssh::accept(Arc::clone(room), listener)).abort_handle()
}

#[cfg(not(feature = "ssh"))]
fn serve_ssh(_: &Arc<Room>, listener: TcpListener) -> AbortHandle {
    error!("this signpost was built without SSH: its port stays silent");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    })
    .abort_handle()
}

/// Opens or closes a listener.
fn take(
    open: &mut HashMap<Endpoint, AbortHandle>,
    order: Order,
    accept: impl FnOnce(TcpListener) -> AbortHandle,
) {
    match order {
        Order::Open { at, listener } => match TcpListener::from_std(listener) {
            Ok(listener) => {
                open.insert(at, accept(listener));
            }
            Err(error) => error!("cannot accept on {}: {error}", at.socket()),
        },
        Order::Close { at } => {
            if let Some(accepting) = open.remove(&at) {
                accepting.abort();
            }
        }
        Order::Drain
        | Order::Retire
        | Order::Forget(_)
        | Order::Heed
        | Order::Log(_)
        | Order::Listen(_)
        | Order::Count(_)
        | Order::Ping(_) => {}
    }
}

/// Tells every session a minute before a commit goes back, and when it has.
async fn announce(room: Arc<Room>) {
    let mut ground = room.source.ground.clone();
    let mut told = None;
    let mut waited: Option<(Millis, Author)> = None;
    loop {
        let undone = ground.borrow_and_update().undone.clone();
        if let Some((at, author)) = std::mem::replace(&mut waited, undone.clone())
            && undone.is_none()
            && room.now() >= at
        {
            let text = format!(
                "% the commit of {} was not confirmed in time: what ran before is in force again",
                author.user
            );
            room.registry.tell_all(&Word::Notice(text.into()));
        }
        let wait = async {
            match &undone {
                Some((at, _)) if told != Some(*at) => {
                    let left = Duration::from_millis(at.0.saturating_sub(room.now().0));
                    sleep(left.saturating_sub(TOLD_BEFORE)).await;
                }
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = ground.changed() => if changed.is_err() {
                return;
            },
            () = wait => if let Some((at, author)) = undone {
                told = Some(at);
                let left = at.0.saturating_sub(room.now().0).div_ceil(1_000);
                let text = format!("% the commit of {} goes back in {left} seconds unless `confirm` comes", author.user);
                room.registry.tell_all(&Word::Notice(text.into()));
            }
        }
    }
}
