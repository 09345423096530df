//! Counts per server and reason, one set a worker.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::decide::{Gauges, Reason};

/// What is counted beside the decision's reason: what became of a forwarded exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Event {
    /// The head of an answer came.
    Answered,
    /// The connection was refused or could not be made.
    ConnectFailed,
    /// The connection broke before the head of an answer.
    Reset,
    /// No connection or no head of an answer in time.
    Unanswered,
    /// The answer broke HTTP's rules.
    BadAnswer,
    /// A request was sent again after bytes of it had been sent.
    Retried,
    /// The client went away before the end.
    ClientGone,
    /// A tunnel was opened.
    Tunnel,
}

impl Event {
    /// All events, in the order of the table.
    pub const ALL: [Event; 8] = [
        Event::Answered,
        Event::ConnectFailed,
        Event::Reset,
        Event::Unanswered,
        Event::BadAnswer,
        Event::Retried,
        Event::ClientGone,
        Event::Tunnel,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Event::Answered => "answered",
            Event::ConnectFailed => "connect-failed",
            Event::Reset => "reset",
            Event::Unanswered => "unanswered",
            Event::BadAnswer => "bad-answer",
            Event::Retried => "retried",
            Event::ClientGone => "client-gone",
            Event::Tunnel => "tunnel",
        }
    }
}

const REASONS: usize = Reason::ALL.len();
const COLUMNS: usize = REASONS + Event::ALL.len();

/// One worker's counts. Not shared: other threads get a [`Table`] of it.
#[derive(Debug, Default)]
pub struct Tally {
    servers: RefCell<HashMap<usize, Row, BuildHasherDefault<AddressHasher>>>,
    unserved: RefCell<[u64; REASONS]>,
    rules: RefCell<BTreeMap<&'static str, u64>>,
    gone: RefCell<BTreeMap<&'static str, u64>>,
}

#[derive(Debug)]
struct Row {
    /// Keeps the address that the row is found by from being used again.
    server: Arc<Gauges>,
    counts: [u64; COLUMNS],
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

impl Tally {
    /// Counts a decision, at the server or url that it picked.
    pub fn decided(&self, server: Option<&Arc<Gauges>>, reason: Reason) {
        match server {
            Some(server) => {
                self.count(server, reason as usize);
            }
            None => self.unserved.borrow_mut()[reason as usize] += 1,
        }
    }

    /// Counts a url that was passed over because it leads back to where the client just asked; whether it is the first time.
    pub fn leads_back(&self, url: &Arc<Gauges>) -> bool {
        self.count(url, Reason::Loop as usize) == 1
    }

    /// Counts what became of an exchange.
    pub fn happened(&self, server: &Arc<Gauges>, event: Event) {
        self.count(server, REASONS + event as usize);
    }

    /// Counts a request refused by a rule of the front.
    pub fn refused(&self, rule: &'static str) {
        *self.rules.borrow_mut().entry(rule).or_default() += 1;
    }

    /// Counts, and returns the count.
    fn count(&self, server: &Arc<Gauges>, column: usize) -> u64 {
        let mut servers = self.servers.borrow_mut();
        let row = servers
            .entry(Arc::as_ptr(server) as usize)
            .or_insert_with(|| Row {
                server: Arc::clone(server),
                counts: [0; COLUMNS],
            });
        row.counts[column] += 1;
        row.counts[column]
    }

    /// Folds the counts of servers that are configured no more into one row, so that ids that come and
    /// go take no memory and no count is lost.
    pub fn forget_all_but(&self, living: &HashSet<usize>) {
        let mut gone = self.gone.borrow_mut();
        self.servers.borrow_mut().retain(|address, row| {
            let lives = living.contains(address);
            if !lives {
                for (word, count) in row.words() {
                    *gone.entry(word).or_default() += count;
                }
            }
            lives
        });
    }

    /// A copy of all counts.
    pub fn table(&self) -> Table {
        let mut table = Table::default();
        for row in self.servers.borrow().values() {
            let id = row.server.id.to_string();
            for (word, count) in row.words() {
                table.add(&id, word, count);
            }
        }
        for (reason, count) in Reason::ALL.iter().zip(*self.unserved.borrow()) {
            table.add(NOBODY, reason.as_str(), count);
        }
        for (rule, count) in &*self.rules.borrow() {
            table.add(NOBODY, rule, *count);
        }
        for (word, count) in &*self.gone.borrow() {
            table.add(REMOVED, word, *count);
        }
        table
    }
}

impl Row {
    fn words(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let words = Reason::ALL
            .iter()
            .map(|r| r.as_str())
            .chain(Event::ALL.iter().map(|e| e.as_str()));
        words.zip(self.counts).filter(|(_, count)| *count > 0)
    }
}

/// Stands where no server served.
const NOBODY: &str = "-";
/// Stands for all servers that are configured no more.
const REMOVED: &str = "(removed)";

/// Counts per server and word, added up over workers; printed as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(BTreeMap<(String, &'static str), u64>);

impl Table {
    /// Adds `other` to this one.
    pub fn merge(&mut self, other: &Table) {
        for ((server, word), count) in &other.0 {
            self.add(server, word, *count);
        }
    }

    /// The count of `word` at `server`.
    pub fn count(&self, server: &str, word: &str) -> u64 {
        self.0
            .iter()
            .find(|((s, w), _)| s == server && *w == word)
            .map_or(0, |(_, count)| *count)
    }

    fn add(&mut self, server: &str, word: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry((server.to_owned(), word)).or_default() += count;
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self
            .0
            .keys()
            .map(|(server, _)| server.len())
            .max()
            .unwrap_or(0)
            .max("server".len());
        writeln!(f, "{:widest$}  {:20}  {:>12}", "server", "reason", "count")?;
        for ((server, word), count) in &self.0 {
            writeln!(f, "{server:widest$}  {word:20}  {count:>12}")?;
        }
        Ok(())
    }
}
