//! Counts per server and reason, one set a worker.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::doors::{self, Door, Doors};
use super::numbers::Column;
use super::{Cause, Event, Http2Event, Numbers, QueueEvent, Table};
use crate::decide::{Action, Gauges, Reason};
use crate::model::{Id, Limit};

const REASONS: usize = Reason::ALL.len();
const QUEUE_EVENTS: usize = QueueEvent::ALL.len();
const HTTP2_EVENTS: usize = Http2Event::ALL.len();

/// How many servers' numbers are copied at a stretch, so that the requests of a worker wait a fraction of a millisecond for a scrape.
const COPIED: usize = 512;

/// One worker's counts. Not shared: other threads get [`Counts`], a copy of it.
#[derive(Debug, Default)]
pub struct Tally {
    servers: RefCell<Rows>,
    doors: RefCell<Doors>,
    totals: RefCell<Totals>,
}

#[derive(Debug, Default)]
struct Rows {
    rows: Vec<Row>,
    /// By the address of the gauges.
    index: HashMap<usize, u32, BuildHasherDefault<AddressHasher>>,
    /// The row that was counted in last, and its address: what happens to a server seldom happens alone.
    last: Cell<(usize, u32)>,
}

/// What is counted of one server or url that is configured.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whose. Keeps the address that the row is found by from being used again.
    pub server: Arc<Gauges>,
    /// What.
    pub numbers: Numbers,
}

/// What is counted of no server in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests whose head held, whatever became of them.
    pub requests: u64,
    /// Connections of clients so far.
    pub connected: u64,
    /// Connections of clients that have ended.
    pub disconnected: u64,
    /// Decisions that picked no server.
    pub unserved: [u64; REASONS],
    /// Requests that were answered with an error, by the rule that they broke or by what failed them.
    pub rules: BTreeMap<&'static str, u64>,
    /// Requests that found everything full and may wait.
    pub queue: [u64; QUEUE_EVENTS],
    /// What happened on connections that speak HTTP/2.
    pub http2: [u64; HTTP2_EVENTS],
    /// Streams and connections of HTTP/2 that were ended here, by the rule that the client broke.
    pub http2_faults: BTreeMap<&'static str, u64>,
    /// How often each limit was hit, by [`Limit`].
    pub hits: [u64; Limit::COUNT],
    /// Of urls that are configured no more.
    pub gone_urls: Numbers,
    /// Of servers that are configured no more.
    pub gone_servers: Numbers,
}

/// Spreads the addresses of allocations, which have no secrets and no adversary.
#[derive(Debug, Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = (self.0 ^ address as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(29);
    }
}

impl Rows {
    fn of(&mut self, server: &Arc<Gauges>) -> &mut Numbers {
        let address = Arc::as_ptr(server) as usize;
        let (last, mut row) = self.last.get();
        if last != address {
            let rows = &mut self.rows;
            row = *self.index.entry(address).or_insert_with(|| {
                rows.push(Row {
                    server: Arc::clone(server),
                    numbers: Numbers::default(),
                });
                (rows.len() - 1) as u32
            });
            self.last.set((address, row));
        }
        &mut self.rows[row as usize].numbers
    }
}

impl Tally {
    /// Counts a connection of a client.
    pub fn connected(&self) {
        self.totals.borrow_mut().connected += 1;
    }

    /// Counts the end of a client's connection.
    pub fn disconnected(&self) {
        self.totals.borrow_mut().disconnected += 1;
    }

    /// Counts a request whose head held.
    pub fn requested(&self) {
        self.totals.borrow_mut().requests += 1;
    }

    /// Counts a decision, at the server or url that it picked.
    pub fn decided(&self, server: Option<&Arc<Gauges>>, reason: Reason) {
        match server {
            Some(server) => {
                self.count(server, reason.into());
            }
            None => self.totals.borrow_mut().unserved[reason as usize] += 1,
        }
    }

    /// Counts what became of a request at the virtual or dip that it came to.
    pub fn came(&self, at: &Arc<Gauges>, action: Action) {
        self.doors.borrow_mut().count(at, action);
    }

    /// Counts a url that was passed over because it leads back to where the client just asked; whether it is the first time.
    pub fn leads_back(&self, url: &Arc<Gauges>) -> bool {
        self.count(url, Reason::Loop.into()) == 1
    }

    /// Counts what became of an exchange.
    pub fn happened(&self, server: &Arc<Gauges>, event: Event) {
        self.count(server, event.into());
    }

    /// Counts a request that left `server` for another one.
    pub fn reassigned(&self, server: &Arc<Gauges>, cause: Cause) {
        self.count(server, cause.into());
    }

    /// Counts a client that came back from the server or url that it had been sent to.
    pub fn came_back(&self, server: &Arc<Gauges>) {
        self.happened(server, Event::CameBack);
    }

    /// Counts that enough different clients came back for the server to be probed at once.
    pub fn suspected(&self, server: &Arc<Gauges>) {
        self.happened(server, Event::Suspected);
    }

    /// Counts bytes, heads included, that went to `server` and from it to its clients.
    pub fn passed(&self, server: &Arc<Gauges>, to_server: u64, to_client: u64) {
        let mut servers = self.servers.borrow_mut();
        let traffic = servers.of(server).traffic_mut();
        traffic.to_server += to_server;
        traffic.to_client += to_client;
    }

    /// Counts the time to the head of an answer, in microseconds, beside [`Event::Answered`].
    pub fn answered_in(&self, server: &Arc<Gauges>, micros: u32) {
        let mut servers = self.servers.borrow_mut();
        servers.of(server).traffic_mut().answers.add(micros);
    }

    /// Counts a request refused by a rule of the front.
    pub fn refused(&self, rule: &'static str) {
        *self.totals.borrow_mut().rules.entry(rule).or_default() += 1;
    }

    /// Counts that a limit was hit.
    pub fn hit(&self, limit: Limit) {
        self.totals.borrow_mut().hits[limit as usize] += 1;
    }

    /// Counts what became of a request that found everything full.
    pub fn queued(&self, event: QueueEvent) {
        self.totals.borrow_mut().queue[event as usize] += 1;
    }

    /// Counts what happened on a connection that speaks HTTP/2.
    pub fn http2(&self, event: Http2Event) {
        self.totals.borrow_mut().http2[event as usize] += 1;
    }

    /// Counts a stream or connection of HTTP/2 that was ended because its client broke this rule.
    pub fn http2_fault(&self, rule: &'static str) {
        let mut totals = self.totals.borrow_mut();
        *totals.http2_faults.entry(rule).or_default() += 1;
    }

    /// Counts, and returns the count.
    fn count(&self, server: &Arc<Gauges>, column: Column) -> u64 {
        self.servers.borrow_mut().of(server).count(column)
    }

    /// Folds the counts of servers that are configured no more into two rows, so that ids that come and
    /// go take no memory and no count is lost.
    pub fn forget_all_but(&self, living: &HashSet<usize>) {
        let mut servers = self.servers.borrow_mut();
        let mut totals = self.totals.borrow_mut();
        servers.rows.retain(|row| {
            let lives = living.contains(&row.address());
            if !lives {
                match row.server.id {
                    Id::Url(_) => totals.gone_urls.merge(&row.numbers),
                    Id::Endpoint(_) => totals.gone_servers.merge(&row.numbers),
                }
            }
            lives
        });
        servers.index = (0..)
            .zip(&servers.rows)
            .map(|(i, r)| (r.address(), i))
            .collect();
        servers.last.set((0, 0));
        self.doors.borrow_mut().forget_all_but(living);
    }

    /// Copies the counts of some more servers into `copy`, and with the last of them the rest; whether that was all. Begun
    /// with an empty copy, called again until it is; nothing may be forgotten in between.
    pub fn copy(&self, copy: &mut Counts) -> bool {
        let servers = self.servers.borrow();
        let left = &servers.rows[copy.rows.len()..];
        if copy.rows.is_empty() {
            copy.rows.reserve_exact(left.len());
        }
        copy.rows.extend_from_slice(&left[..left.len().min(COPIED)]);
        let all = left.len() <= COPIED;
        if all {
            copy.doors = self.doors.borrow().copy();
            copy.totals = self.totals.borrow().clone();
        }
        all
    }

    /// A copy of all counts, at one stretch.
    pub fn counts(&self) -> Counts {
        let mut copy = Counts::default();
        while !self.copy(&mut copy) {}
        copy
    }

    /// All counts as a table.
    pub fn table(&self) -> Table {
        self.counts().table()
    }
}

impl Row {
    /// What tells it from other rows of all workers.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.server) as usize
    }
}

/// A copy of the counts of one worker or of several.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Of servers and urls that are configured, each once, in no order.
    pub rows: Vec<Row>,
    /// Of virtuals and dips, each once, in no order.
    pub doors: Vec<Door>,
    /// Of no server in particular.
    pub totals: Totals,
}

impl Counts {
    /// The counts of all workers added up.
    pub fn sum(workers: impl IntoIterator<Item = Counts>) -> Counts {
        let mut workers = workers.into_iter();
        let mut sum = workers.next().unwrap_or_default();
        let mut index: HashMap<usize, usize, BuildHasherDefault<AddressHasher>> = (0..)
            .zip(&sum.rows)
            .map(|(i, r)| (r.address(), i))
            .collect();
        for worker in workers {
            sum.totals.merge(&worker.totals);
            doors::merge(&mut sum.doors, worker.doors);
            for row in worker.rows {
                match index.get(&row.address()) {
                    Some(mine) => sum.rows[*mine].numbers.merge(&row.numbers),
                    None => {
                        index.insert(row.address(), sum.rows.len());
                        sum.rows.push(row);
                    }
                }
            }
        }
        sum
    }

    /// As a table.
    pub fn table(&self) -> Table {
        Table::from(self)
    }
}

impl Totals {
    /// Requests that wait at this moment.
    pub fn waiting(&self) -> u64 {
        let [entered, left @ .., _full] = self.queue;
        entered.saturating_sub(left.iter().sum())
    }

    /// Connections of clients that are open.
    pub fn open(&self) -> u64 {
        self.connected.saturating_sub(self.disconnected)
    }

    /// What is not 0 of what picked no server, by its word.
    pub fn words(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let unserved = Reason::ALL.iter().map(|r| r.as_str()).zip(self.unserved);
        let queue = QueueEvent::ALL.iter().map(|e| e.as_str()).zip(self.queue);
        let http2 = Http2Event::ALL.iter().map(|e| e.as_str()).zip(self.http2);
        let rules = self.rules.iter().chain(&self.http2_faults);
        let rules = rules.map(|(rule, count)| (*rule, *count));
        let all = unserved.chain(queue).chain(http2).chain(rules);
        all.filter(|(_, count)| *count > 0)
    }

    fn merge(&mut self, other: &Totals) {
        self.requests += other.requests;
        self.connected += other.connected;
        self.disconnected += other.disconnected;
        let unserved = self.unserved.iter_mut().zip(&other.unserved);
        let queue = self.queue.iter_mut().zip(&other.queue);
        let http2 = self.http2.iter_mut().zip(&other.http2);
        let hits = self.hits.iter_mut().zip(&other.hits);
        for (mine, more) in unserved.chain(queue).chain(http2).chain(hits) {
            *mine += more;
        }
        for (rule, more) in &other.http2_faults {
            *self.http2_faults.entry(rule).or_default() += more;
        }
        for (rule, more) in &other.rules {
            *self.rules.entry(rule).or_default() += more;
        }
        self.gone_urls.merge(&other.gone_urls);
        self.gone_servers.merge(&other.gone_servers);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
