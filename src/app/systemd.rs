//! The service manager: told when this process serves, reloads, ends and goes round; it hands listening sockets over and keeps them.
//!
//! Without systemd (`NOTIFY_SOCKET`, `LISTEN_FDS` and `WATCHDOG_USEC` are not set) nothing of it does anything.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::upgrade::take::endpoint;
use crate::control::{Order, Writer};
use crate::model::Endpoint;
use crate::proxy::inherited;

/// The watchdog is fed so many times in the time after which it bites.
const FEEDS: u32 = 3;

/// The longest status, in bytes.
const STATUS_BYTES: usize = 300;

/// The service manager as this process knows it.
#[derive(Debug, Default)]
pub struct Manager {
    /// What it keeps for the next process, by name.
    stored: HashSet<String>,
}

impl Manager {
    /// The listening sockets that it hands over: those of its socket units, and those it kept of the process before. Taken once;
    /// then there are none.
    pub fn sockets(&mut self) -> HashMap<Endpoint, Vec<TcpListener>> {
        let mut sockets: HashMap<Endpoint, Vec<TcpListener>> = HashMap::new();
        let named = match sd_notify::listen_fds_with_names() {
            Ok(named) => named.map(|(_, name)| name).collect::<Vec<_>>(),
            Err(e) => {
                warn!("the sockets of the service manager cannot be taken: {e}");
                return sockets;
            }
        };
        for (name, descriptor) in named.iter().zip(inherited(named.len())) {
            let listener = TcpListener::from(descriptor);
            match endpoint(&listener) {
                Ok(at) => sockets.entry(at).or_default().push(listener),
                Err(e) => warn!(
                    "a socket of the service manager, `{name}`, is left alone: not TCP at an address and port ({e})"
                ),
            }
            if name.starts_with(NAMED) {
                self.stored.insert(name.clone());
            }
        }
        if !sockets.is_empty() {
            info!(
                "the service manager hands over sockets at {} addresses",
                sockets.len()
            );
        }
        sockets
    }

    /// This process serves, as the line `status` says.
    pub fn ready(&self, status: &str) {
        let status = short(status);
        notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// Something else is to be shown.
    pub fn status(&self, status: &str) {
        notify(&[NotifyState::Status(short(status))]);
    }

    /// The configuration is read again; [`ready`](Self::ready) follows whatever comes of it.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(e) => warn!("the service manager is not told of the reload: {e}"),
        }
    }

    /// This process ends.
    pub fn stopping(&self) {
        notify(&[
            NotifyState::Stopping,
            NotifyState::Status("connections end"),
        ]);
    }

    /// Process `pid` is the service from now on, and speaks for it.
    pub fn gives_way(&self, pid: u32) {
        notify(&[NotifyState::MainPid(pid)]);
    }

    /// How often [`feed`](super::Director::feed) is to be called; `None`: there is no watchdog.
    pub fn watched(&self) -> Option<Duration> {
        let after = sd_notify::watchdog_enabled()?;
        Some(after / FEEDS).filter(|often| !often.is_zero())
    }

    /// Has it keep the listening sockets, so that a restart or crash closes no queue, and no others any more.
    pub fn store(&mut self, writer: &Writer) {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return;
        }
        let mut open: HashMap<String, Vec<&TcpListener>> = HashMap::new();
        for (at, socket) in writer.sockets() {
            open.entry(name(at)).or_default().push(socket);
        }
        for gone in self.stored.iter().filter(|name| !open.contains_key(*name)) {
            notify(&[NotifyState::FdStoreRemove, NotifyState::FdName(gone)]);
        }
        self.stored.retain(|name| open.contains_key(name));
        for (name, sockets) in open {
            if self.stored.contains(&name) {
                continue;
            }
            let state = [NotifyState::FdStore, NotifyState::FdName(&name)];
            // One at a time: it may have room for some, and says nothing where it has for none.
            let kept = sockets
                .iter()
                .try_for_each(|socket| sd_notify::notify_with_fds(&state, &[socket.as_fd()]));
            told(kept);
            self.stored.insert(name);
        }
    }
}

/// What begins the name of a socket that is kept.
const NAMED: &str = "signpost-";

/// What the sockets of an endpoint are called there: without a colon (sd_pid_notify_with_fds(3)).
fn name(at: Endpoint) -> String {
    format!("{NAMED}{}", at.socket()).replace(':', "_")
}

fn short(status: &str) -> &str {
    let line = status.lines().next().unwrap_or_default();
    let mut end = line.len().min(STATUS_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

fn notify(state: &[NotifyState<'_>]) {
    told(sd_notify::notify(state));
}

fn told(result: io::Result<()>) {
    if let Err(e) = result {
        warn!("the service manager cannot be told: {e}");
    }
}

/// Feeds the watchdog once every worker has said that it goes round; one that does not in time leaves it hungry. To be called by
/// whoever runs the writer, so that it goes round as well.
pub(super) fn feed(workers: Vec<mpsc::Sender<Order>>, within: Duration) {
    tokio::spawn(async move {
        let all = async {
            for worker in workers {
                let (send, answered) = oneshot::channel();
                if worker.send(Order::Ping(send)).await.is_err() || answered.await.is_err() {
                    return false;
                }
            }
            true
        };
        match tokio::time::timeout(within, all).await {
            Ok(true) => notify(&[NotifyState::Watchdog]),
            Ok(false) | Err(_) => {
                warn!("a worker does not go round: the service manager's watchdog is not fed");
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_colon_and_status_is_short() {
        let at = |text: &str| text.parse().expect("an endpoint");
        assert_eq!(name(at("192.0.2.1:8080")), "signpost-192.0.2.1_8080");
        assert_eq!(name(at("[2001:db8::1]:443")), "signpost-[2001_db8__1]_443");
        assert_eq!(short("one\ntwo"), "one");
        assert_eq!(short(&"é".repeat(200)).len(), STATUS_BYTES);
        assert_eq!(short(&format!("a{}", "é".repeat(200))).len(), 299);
    }
}
