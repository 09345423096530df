//! Accepts clients on one listener and answers those that can be answered at once.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::client::Client;
use super::connection::{Connection, First};
#[cfg(feature = "tls")]
use super::handshake::Handshake;
use super::limits::{
    ACCEPT_PAUSE, ACCEPTS, RUSH, RUSH_LOOK, TOLD_AGAIN, UNSENT_BYTES, UNSENT_IN_ALL, UNSENT_LEAST,
};
use super::pass;
use super::socket::accept_with_data;
use super::strain::descriptors;
use super::stream::{Fresh, watch};
use super::worker::Worker;
use crate::model::{Endpoint, Limit};
use crate::tls::Shield;

/// A listener that is being accepted from. Dropping it goes on accepting.
#[derive(Debug)]
pub struct Listening {
    door: Rc<Door>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Door {
    at: Endpoint,
    closing: Notify,
    /// Another process accepts from the same socket: who waits in its queue is its own.
    leaving: Cell<bool>,
    /// Trusted proxies begin their connections with a PROXY protocol head. Kept here, so that a connection costs nothing where
    /// they do not.
    prefaced: Cell<bool>,
    /// How hands are shaken; `None`: it is plain.
    shield: RefCell<Option<Arc<Shield>>>,
    /// What comes is passed on unread.
    passes: Cell<bool>,
}

fn passes(worker: &Worker, at: Endpoint) -> bool {
    let live = worker.farm.live().load();
    live.snapshot.passed_at(at).is_some()
}

fn prefaced(worker: &Worker, at: Endpoint) -> bool {
    let live = worker.farm.live().load();
    let node = live.snapshot.node_at(at);
    node.is_some_and(|node| live.snapshot.proxy_protocol(node))
}

fn shield(worker: &Worker, at: Endpoint) -> Option<Arc<Shield>> {
    worker.farm.keys().load().shield(at).cloned()
}

/// Sets what is accepted inherits: a call less a connection.
fn equip(listener: &TcpListener) -> io::Result<()> {
    socket2::SockRef::from(listener).set_tcp_nodelay(true)?;
    set_unsent(listener, UNSENT_BYTES)
}

fn set_unsent(listener: &TcpListener, bytes: u32) -> io::Result<()> {
    socket2::SockRef::from(listener).set_tcp_notsent_lowat(bytes)
}

/// How much of an answer the kernel may hold for each of so many connections.
fn unsent(open: usize) -> u32 {
    let each = UNSENT_IN_ALL / open.max(1).next_power_of_two();
    u32::try_from(each).map_or(UNSENT_BYTES, |each| each.clamp(UNSENT_LEAST, UNSENT_BYTES))
}

impl Listening {
    /// Accepts from `listener`, whose clients ask the virtual or dip at `at`, on the current thread's local tasks.
    ///
    /// # Errors
    /// The listener cannot be made non-blocking or be registered.
    pub fn start(worker: Rc<Worker>, listener: TcpListener, at: Endpoint) -> io::Result<Listening> {
        listener.set_nonblocking(true)?;
        equip(&listener)?;
        let listener = watch(listener, Interest::READABLE)?;
        let door = Rc::new(Door {
            at,
            closing: Notify::new(),
            leaving: Cell::new(false),
            prefaced: Cell::new(prefaced(&worker, at)),
            shield: RefCell::new(shield(&worker, at)),
            passes: Cell::new(passes(&worker, at)),
        });
        let accepting = accept_all(worker, listener, Rc::clone(&door));
        Ok(Listening {
            door,
            task: tokio::task::spawn_local(accepting),
        })
    }

    /// Looks at what the published snapshot says of this listener; to be called when another one is published.
    pub fn heed(&self, worker: &Worker) {
        self.door.prefaced.set(prefaced(worker, self.door.at));
        *self.door.shield.borrow_mut() = shield(worker, self.door.at);
        self.door.passes.set(passes(worker, self.door.at));
    }

    /// Where it listens.
    pub fn at(&self) -> Endpoint {
        self.door.at
    }

    /// Takes in who is waiting in the queue, then closes the listener. Connections that are open go on.
    pub async fn close(self) {
        self.door.closing.notify_one();
        // A panic in the task has closed the listener as well.
        let _ = self.task.await;
    }

    /// Accepts nobody any more and leaves the queue to another process, which has the same socket open. Connections that are open go
    /// on.
    pub async fn leave(self) {
        self.door.leaving.set(true);
        self.close().await;
    }
}

/// While many connections come, the kernel keeps each back until it can be read at once: a redirect then needs neither task nor
/// registration. In quiet times it does not, so that silent connections are ours to see and to end.
struct Rush {
    on: bool,
    came: u32,
    look_at: Instant,
}

impl Rush {
    fn new() -> Rush {
        Rush {
            on: false,
            came: 0,
            look_at: Instant::now() + RUSH_LOOK,
        }
    }

    fn look(&mut self, listener: &TcpListener) {
        let rushed = self.came >= RUSH;
        let now = Instant::now();
        if now < self.look_at && (self.on || !rushed) {
            return;
        }
        // Where the kernel does not know it, all goes on as in quiet times.
        self.on = match (self.on, rushed) {
            (false, true) => accept_with_data(listener.as_fd(), true).is_ok(),
            (true, false) => accept_with_data(listener.as_fd(), false).is_err(),
            // Whoever shared the socket with this process may have turned it off when it left.
            (true, true) => accept_with_data(listener.as_fd(), true).is_ok(),
            (false, false) => false,
        };
        self.came = 0;
        self.look_at = now + RUSH_LOOK;
    }

    /// Leaves the socket as it is in quiet times: whoever goes on accepting from it knows nothing of this rush.
    fn end(&mut self, listener: &TcpListener) {
        if self.on {
            self.on = accept_with_data(listener.as_fd(), false).is_err();
        }
    }
}

async fn accept_all(worker: Rc<Worker>, listener: AsyncFd<TcpListener>, door: Rc<Door>) {
    let Door { at, closing, .. } = &*door;
    let mut told: Option<Instant> = None;
    let mut rush = Rush::new();
    let mut held = UNSENT_BYTES;
    loop {
        let ready = tokio::select! {
            biased;
            () = closing.notified() => break,
            ready = listener.readable() => ready,
            () = tokio::time::sleep_until(rush.look_at.into()), if rush.on => {
                rush.look(listener.get_ref());
                continue;
            }
        };
        let most = worker.most_descriptors();
        let accepted = accept_some(&worker, listener.get_ref(), &door, (most, &mut rush.came));
        rush.look(listener.get_ref());
        let now = unsent(worker.open());
        // Where it cannot be set the connections have what those before them had.
        if now != held && set_unsent(listener.get_ref(), now).is_ok() {
            held = now;
        }
        match accepted {
            Ok(()) => tokio::task::yield_now().await,
            Err(Errno::WOULDBLOCK) => {
                if let Ok(mut ready) = ready {
                    ready.clear_ready();
                }
            }
            Err(error) => {
                worker.tally.hit(Limit::DescriptorsKept);
                if told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN) {
                    tracing::warn!(%at, %error, "accepting pauses: connections that are open go on; raise the limit of descriptors (`ulimit -n`) or lower `limit descriptors-kept` where that lasts");
                    told = Some(Instant::now());
                }
                if pause(&listener, closing).await {
                    break;
                }
            }
        }
    }
    if door.leaving.get() {
        rush.end(listener.get_ref());
        return;
    }
    let most = descriptors();
    while accept_some(&worker, listener.get_ref(), &door, (most, &mut rush.came)).is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Waits until there are descriptors again; true: the listener is to be closed.
async fn pause(listener: &AsyncFd<TcpListener>, closing: &Notify) -> bool {
    loop {
        tokio::select! {
            biased;
            () = closing.notified() => return true,
            () = tokio::time::sleep(ACCEPT_PAUSE) => {}
        }
        // Another limit may hold by now. The kernel gives out the lowest number that is free.
        if rustix::io::dup(listener.get_ref()).is_ok_and(|fd| below(&fd, descriptors())) {
            return false;
        }
    }
}

fn below(fd: &impl AsRawFd, most: usize) -> bool {
    usize::try_from(fd.as_raw_fd()).is_ok_and(|fd| fd < most)
}

/// Accepts a number of connections in a row; `Err(WOULDBLOCK)`: no more are waiting. `most`: the first
/// descriptor that is too many; `came` counts them.
fn accept_some(
    worker: &Rc<Worker>,
    listener: &TcpListener,
    door: &Door,
    (most, came): (usize, &mut u32),
) -> Result<(), Errno> {
    for _ in 0..ACCEPTS {
        match acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok((socket, peer)) => {
                *came += 1;
                let peer = peer.and_then(|p| SocketAddr::try_from(p).ok());
                let last = !below(&socket, most);
                let socket = TcpStream::from(socket);
                // Without an address the client is gone already.
                if let Some(peer) = peer {
                    welcome(worker, socket, peer, door);
                }
                if last {
                    return Err(Errno::MFILE);
                }
            }
            // These speak of the one connection (accept(2), "Error handling").
            Err(
                Errno::INTR
                | Errno::CONNABORTED
                | Errno::PROTO
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH
                | Errno::PERM,
            ) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn welcome(worker: &Rc<Worker>, socket: TcpStream, peer: SocketAddr, door: &Door) {
    if !worker.admit(peer.ip()) {
        return;
    }
    let at = door.at;
    if door.passes.get() {
        return pass::welcome(worker, socket, peer, at);
    }
    let local = match at.address.is_unspecified() {
        true => socket.local_addr().unwrap_or(at.socket()),
        false => at.socket(),
    };
    let client = Client::new(Fresh::new(socket), peer, local);
    #[cfg(feature = "tls")]
    if let Some(shield) = door.shield.borrow().clone() {
        return shake_hands(worker, client, (at, door.prefaced.get()), shield);
    }
    let mut connection = Connection::new(Rc::clone(worker), client, at);
    if door.prefaced.get() {
        connection.heed_proxy_head();
    }
    if connection.first() == First::GoesOn {
        tokio::task::spawn_local(async move { connection.run().await });
    }
}

#[cfg(feature = "tls")]
fn shake_hands(
    worker: &Rc<Worker>,
    client: Client<Fresh>,
    to: (Endpoint, bool),
    shield: Arc<Shield>,
) {
    if let Some(mut handshake) = Handshake::new(worker, client, to, shield)
        && handshake.first() == First::GoesOn
    {
        tokio::task::spawn_local(handshake.run());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;

    use super::*;

    /// Whether a client that says nothing is handed over at once. It stays in `silent`: its end would be heard.
    fn hears(listener: &TcpListener, silent: &mut Vec<TcpStream>) -> bool {
        let to = listener.local_addr().expect("bound");
        silent.push(TcpStream::connect(to).expect("a connection"));
        listener.accept().is_ok()
    }

    #[test]
    fn the_more_connections_there_are_the_less_each_may_hold() {
        assert_eq!(unsent(0), UNSENT_BYTES);
        assert_eq!(unsent(128), UNSENT_BYTES);
        assert_eq!(unsent(1_000), 64 * 1024);
        assert_eq!(unsent(1_000_000), UNSENT_LEAST);
        for open in [200, 2_000, 4_000] {
            assert!(open * unsent(open) as usize <= UNSENT_IN_ALL);
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        equip(&listener).expect("set");
        set_unsent(&listener, UNSENT_LEAST).expect("set again");
        let to = listener.local_addr().expect("bound");
        let _client = TcpStream::connect(to).expect("a connection");
        let (accepted, _) = listener.accept().expect("a client");
        let socket = socket2::SockRef::from(&accepted);
        assert_eq!(socket.tcp_notsent_lowat().expect("known"), UNSENT_LEAST);
    }

    #[test]
    fn clients_that_do_not_read_hold_little_of_the_kernels_memory() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        equip(&listener).expect("set");
        let to = listener.local_addr().expect("bound");
        let _client = TcpStream::connect(to).expect("a connection");
        let (accepted, _) = listener.accept().expect("a client");
        let socket = socket2::SockRef::from(&accepted);
        assert_eq!(socket.tcp_notsent_lowat().expect("known"), UNSENT_BYTES);
        assert!(socket.tcp_nodelay().expect("known"));
        accepted.set_nonblocking(true).expect("set");
        let piece = [0; 64 * 1024];
        let mut taken = 0;
        while let Ok(bytes) = (&accepted).write(&piece) {
            taken += bytes;
        }
        // What the client's own buffer holds comes on top.
        let most = UNSENT_BYTES as usize + (1 << 20);
        assert!(taken < most, "{taken}");
    }

    #[test]
    fn silent_clients_are_kept_back_while_many_come_and_no_longer() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("set");
        let (mut rush, mut silent) = (Rush::new(), Vec::new());
        rush.came = RUSH - 1;
        rush.look(&listener);
        assert!(hears(&listener, &mut silent));
        rush.came = RUSH;
        rush.look(&listener);
        assert!(!hears(&listener, &mut silent));
        rush.came = RUSH;
        rush.look_at = Instant::now();
        rush.look(&listener);
        assert!(!hears(&listener, &mut silent));
        rush.look_at = Instant::now();
        rush.look(&listener);
        assert!(hears(&listener, &mut silent));
    }
}
