//! Connections to servers: one set a worker, by where they lead, the last one used first.
//!
//! An idle one is its socket and nothing else: no task waits on it, and no buffer is held for it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::limits::IDLE_IN_ALL;
use super::retry::Budget;
use crate::decide::Quick;
use crate::model::Limit;
use crate::proxy::bounds;

/// A connection to a server, between two messages.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) stream: TcpStream,
    /// Served an exchange before this one.
    pub(super) used: bool,
}

impl Upstream {
    /// Whether it can take a request now: the server neither closed nor said a byte unasked.
    ///
    /// `probe` asks the kernel; without it a close that the runtime has not seen yet goes unnoticed.
    fn ready(&self, probe: bool) -> bool {
        let silent = match probe {
            true => SockRef::from(&self.stream).peek(&mut [MaybeUninit::uninit(); 1]),
            // No call, as long as the runtime has seen nothing.
            false => self.stream.try_read(&mut [0; 1]),
        };
        matches!(silent, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }
}

#[derive(Debug)]
struct Idle {
    upstream: Upstream,
    since: Instant,
}

type ByServer = HashMap<SocketAddr, VecDeque<Idle>, Quick>;

/// A worker's idle connections to servers, and its budget for retries.
#[derive(Debug, Default)]
pub struct Pools {
    idle: RefCell<ByServer>,
    count: Cell<usize>,
    pub(super) budget: Budget,
}

impl Pools {
    /// Takes the connection used last that is still open.
    pub(super) fn take(&self, server: SocketAddr, probe: bool) -> Option<Upstream> {
        let mut pools = self.idle.borrow_mut();
        let pool = pools.get_mut(&server)?;
        while let Some(idle) = pool.pop_back() {
            self.count.set(self.count.get() - 1);
            if idle.since.elapsed() < bounds::seconds(Limit::ServerIdle)
                && idle.upstream.ready(probe)
            {
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
        if pool.len() >= bounds::of(Limit::ServerIdleConnections) as usize {
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
            pool.retain(|idle| {
                idle.since.elapsed() < bounds::seconds(Limit::ServerIdle)
                    && idle.upstream.ready(false)
            });
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
