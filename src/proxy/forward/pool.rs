//! Connections to servers: one set a worker, by where they lead, the last one used first.
//!
//! An idle one is its socket and nothing else: no task waits on it, and no buffer is held for it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use tokio::time::Instant;

use super::limits::IDLE_IN_ALL;
use super::retry::Budget;
use super::splice::Pipes;
use super::tongue::Tongue;
use super::wire::Wire;
use crate::decide::Quick;
use crate::model::{Id, Limit, Speech};
use crate::proxy::bounds;
use crate::tls::client::Trust;

/// Where connections lead and how is spoken over them: a number of a [`Tongue`]'s, or 0 for HTTP/1.1 in the clear.
pub(super) type Way = (SocketAddr, u32);

/// A connection to a server, between two messages.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) stream: Wire,
    /// Served an exchange before this one.
    pub(super) used: bool,
    /// Its server may say more than it was asked, and late: it is always asked for of the kernel.
    pub(super) wary: bool,
}

impl Upstream {
    pub(super) fn new(stream: Wire, used: bool) -> Upstream {
        Upstream {
            stream,
            used,
            wary: false,
        }
    }

    /// Whether it served before and, where an exchange over it broke off, would not again: only a stream of it may have been reset.
    pub(super) fn died(&self) -> bool {
        self.used && !self.stream.lives_on()
    }

    /// Whether it can take a request now: the server neither closed nor said a byte unasked.
    fn ready(&mut self, probe: bool) -> bool {
        self.stream.silent(probe || self.wary)
    }
}

#[derive(Debug)]
struct Idle {
    upstream: Upstream,
    since: Instant,
}

type ByServer = HashMap<Way, VecDeque<Idle>, Quick>;

/// A worker's idle connections to servers, its pipes, and its budget for retries.
#[derive(Debug, Default)]
pub struct Pools {
    idle: RefCell<ByServer>,
    count: Cell<usize>,
    pub(super) budget: Budget,
    pub(in crate::proxy) pipes: Pipes,
    tongues: RefCell<HashMap<Id, Rc<Tongue>>>,
    numbers: Cell<u32>,
}

impl Pools {
    /// Takes the connection used last that is still open.
    pub(super) fn take(&self, way: Way, probe: bool) -> Option<Upstream> {
        let mut pools = self.idle.borrow_mut();
        let pool = pools.get_mut(&way)?;
        while let Some(mut idle) = pool.pop_back() {
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
    pub(super) fn keep(&self, way: Way, mut upstream: Upstream) {
        if self.count.get() >= IDLE_IN_ALL || !upstream.ready(false) {
            return;
        }
        upstream.used = true;
        let mut pools = self.idle.borrow_mut();
        let pool = pools.entry(way).or_default();
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
        self.pipes.sweep();
        self.tongues.borrow_mut().retain(|_, tongue| {
            tongue.sweep();
            !tongue.forgotten()
        });
        let mut pools = self.idle.borrow_mut();
        pools.retain(|_, pool| {
            pool.retain_mut(|idle| {
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

    /// How to speak to a server of this id, as `speech` says.
    ///
    /// # Errors
    /// In a few words, why that cannot be.
    pub(super) fn tongue(
        &self,
        (id, address): (&Id, IpAddr),
        speech: &Speech,
        trust: &Trust,
    ) -> Result<Rc<Tongue>, String> {
        let mut tongues = self.tongues.borrow_mut();
        if let Some(tongue) = tongues.get(id).filter(|t| t.fits(speech, trust)) {
            return Ok(Rc::clone(tongue));
        }
        let number = self.numbers.get() + 1;
        self.numbers.set(number);
        let tongue = Rc::new(Tongue::new(speech, (address, trust), number)?);
        tongues.insert(id.clone(), Rc::clone(&tongue));
        Ok(tongue)
    }
}
