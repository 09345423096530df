//! Accepts clients on one listener and answers those that can be answered at once.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;

use bytes::BytesMut;
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::client::Client;
use super::connection::{Connection, First};
use super::deadline::Deadline;
use super::limits::{ACCEPT_PAUSE, ACCEPTS};
use super::stream::{Fresh, watch};
use super::worker::Worker;
use crate::model::Endpoint;

/// A listener that is being accepted from. Dropping it goes on accepting.
#[derive(Debug)]
pub struct Listening {
    at: Endpoint,
    closing: Rc<Notify>,
    task: JoinHandle<()>,
}

impl Listening {
    /// Accepts from `listener`, whose clients ask the virtual or dip at `at`, on the current thread's local tasks.
    ///
    /// # Errors
    /// The listener cannot be made non-blocking or be registered.
    pub fn start(worker: Rc<Worker>, listener: TcpListener, at: Endpoint) -> io::Result<Listening> {
        listener.set_nonblocking(true)?;
        // What is accepted inherits it: a call less a connection.
        socket2::SockRef::from(&listener).set_tcp_nodelay(true)?;
        let listener = watch(listener, Interest::READABLE)?;
        let closing = Rc::new(Notify::new());
        let accepting = accept_all(worker, listener, at, Rc::clone(&closing));
        Ok(Listening {
            at,
            closing,
            task: tokio::task::spawn_local(accepting),
        })
    }

    /// Where it listens.
    pub fn at(&self) -> Endpoint {
        self.at
    }

    /// Takes in who is waiting in the queue, then closes the listener. Connections that are open go on.
    pub async fn close(self) {
        self.closing.notify_one();
        // A panic in the task has closed the listener as well.
        let _ = self.task.await;
    }
}

async fn accept_all(
    worker: Rc<Worker>,
    listener: AsyncFd<TcpListener>,
    at: Endpoint,
    closing: Rc<Notify>,
) {
    loop {
        let ready = tokio::select! {
            biased;
            () = closing.notified() => break,
            ready = listener.readable() => ready,
        };
        match accept_some(&worker, listener.get_ref(), at) {
            Ok(()) => tokio::task::yield_now().await,
            Err(Errno::WOULDBLOCK) => {
                if let Ok(mut ready) = ready {
                    ready.clear_ready();
                }
            }
            Err(error) => {
                tracing::warn!(%at, %error, "cannot accept for the moment");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    while accept_some(&worker, listener.get_ref(), at).is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Accepts a number of connections in a row; `Err(WOULDBLOCK)`: no more are waiting.
fn accept_some(worker: &Rc<Worker>, listener: &TcpListener, at: Endpoint) -> Result<(), Errno> {
    for _ in 0..ACCEPTS {
        match acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok((socket, peer)) => {
                let peer = peer.and_then(|p| SocketAddr::try_from(p).ok());
                let socket = TcpStream::from(socket);
                // Without an address the client is gone already.
                if let Some(peer) = peer {
                    welcome(worker, socket, peer, at);
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

fn welcome(worker: &Rc<Worker>, socket: TcpStream, peer: SocketAddr, at: Endpoint) {
    let local = match at.address.is_unspecified() {
        true => socket.local_addr().unwrap_or(at.socket()),
        false => at.socket(),
    };
    let client = Client {
        stream: Fresh::new(socket),
        input: BytesMut::new(),
        deadline: Deadline::default(),
        peer,
        local,
    };
    let mut connection = Connection::new(Rc::clone(worker), client, at);
    if connection.first() == First::GoesOn {
        tokio::task::spawn_local(async move { connection.run().await });
    }
}
