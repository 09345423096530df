//! Connections to servers: one set a worker, by where they lead, the last one used first.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::body::RequestBody;
use super::limits::{ANSWER_HEAD_BYTES, IDLE, IDLE_IN_ALL, IDLE_PER_SERVER, READ_BYTES};
use super::retry::Budget;
use super::wire::{Seen, Wire};

/// hyper's half of a connection to a server; polled by whoever has an exchange on it, never by a task of its own.
pub(super) type Link = Connection<TokioIo<Wire>, RequestBody>;

/// A connection to a server.
pub(super) struct Upstream {
    pub(super) link: Box<Link>,
    pub(super) sender: SendRequest<RequestBody>,
    pub(super) seen: Rc<Seen>,
    /// Served an exchange before this one.
    pub(super) used: bool,
}

impl Upstream {
    /// Speaks HTTP/1.1 over a fresh connection.
    pub(super) async fn new(stream: TcpStream) -> io::Result<Upstream> {
        let seen = Rc::new(Seen::default());
        let wire = Wire {
            stream,
            seen: Rc::clone(&seen),
        };
        let mut builder = Builder::new();
        builder
            .max_buf_size(READ_BYTES)
            .max_header_size(ANSWER_HEAD_BYTES);
        let (sender, link) = builder
            .handshake(TokioIo::new(wire))
            .await
            .map_err(io::Error::other)?;
        Ok(Upstream {
            link: Box::new(link),
            sender,
            seen,
            used: false,
        })
    }

    /// Whether it can take a request now: the server neither closed nor said a byte unasked.
    ///
    /// `probe` asks the kernel; without it a close that the runtime has not seen yet goes unnoticed.
    pub(super) fn ready(&mut self, probe: bool) -> bool {
        self.seen.probe.set(probe);
        let mut cx = Context::from_waker(Waker::noop());
        let open = Pin::new(&mut *self.link).poll(&mut cx).is_pending();
        self.seen.probe.set(false);
        open && self.sender.is_ready()
    }
}

struct Idle {
    upstream: Upstream,
    since: Instant,
}

/// A worker's idle connections to servers, and its budget for retries.
#[derive(Default)]
pub struct Pools {
    idle: RefCell<HashMap<SocketAddr, VecDeque<Idle>>>,
    count: Cell<usize>,
    pub(super) budget: Budget,
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pools")
            .field("idle", &self.count.get())
            .finish_non_exhaustive()
    }
}

impl Pools {
    /// Takes the connection used last that is still open.
    pub(super) fn take(&self, server: SocketAddr, probe: bool) -> Option<Upstream> {
        let mut pools = self.idle.borrow_mut();
        let pool = pools.get_mut(&server)?;
        while let Some(mut idle) = pool.pop_back() {
            self.count.set(self.count.get() - 1);
            if idle.since.elapsed() < IDLE && idle.upstream.ready(probe) {
                return Some(idle.upstream);
            }
        }
        None
    }

    /// Keeps a connection over which an exchange went through whole, unless there are enough.
    pub(super) fn keep(&self, server: SocketAddr, mut upstream: Upstream) {
        if self.count.get() >= IDLE_IN_ALL || !upstream.ready(false) {
            return;
        }
        upstream.used = true;
        let mut pools = self.idle.borrow_mut();
        let pool = pools.entry(server).or_default();
        if pool.len() >= IDLE_PER_SERVER {
            pool.pop_front();
        } else {
            self.count.set(self.count.get() + 1);
        }
        pool.push_back(Idle {
            upstream,
            since: Instant::now(),
        });
    }

    /// Closes what has been idle for long or was closed by its server; a worker calls it about once a second.
    pub fn sweep(&self) {
        let mut pools = self.idle.borrow_mut();
        pools.retain(|_, pool| {
            pool.retain_mut(|idle| idle.since.elapsed() < IDLE && idle.upstream.ready(false));
            !pool.is_empty()
        });
        self.count.set(pools.values().map(VecDeque::len).sum());
    }

    /// Idle connections at this moment, to all servers.
    pub fn idle(&self) -> usize {
        self.count.get()
    }

    /// Closes every idle connection.
    pub fn clear(&self) {
        self.idle.borrow_mut().clear();
        self.count.set(0);
    }
}
