//! Who is stuck to which server: the table behind `sticky … source`.

use std::hash::Hasher;
use std::net::IpAddr;
use std::ops::Range;

use super::Millis;
use super::table::{Put, Row, Table};

/// The most clients that are remembered at once, over all virtuals.
pub const STICK_CLIENTS: usize = 1_048_576;

/// A client's association. Servers are told by [`Gauges::tag`](super::Gauges::tag).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stuck {
    /// The server that serves the client.
    pub primary: u32,
    /// The one that takes over from it; 0: none.
    pub alternate: u32,
    /// How often the client was bounced.
    pub bounced: u8,
}

/// Associations by key, each until its client was away for its time.
///
/// Twice as many entries of 24 bytes as clients, in sets of eight of which every key has two: 48 MiB for
/// [`STICK_CLIENTS`], in pages that come into being when they are first put to. Where both sets are full the
/// association that would expire first gives way.
#[derive(Debug)]
pub struct StickTable {
    table: Table,
}

impl From<Stuck> for Row {
    fn from(stuck: Stuck) -> Row {
        Row {
            value: u64::from(stuck.primary) << 32 | u64::from(stuck.alternate),
            note: stuck.bounced,
        }
    }
}

impl From<Row> for Stuck {
    fn from(row: Row) -> Stuck {
        Stuck {
            primary: primary(row.value),
            alternate: row.value as u32,
            bounced: row.note,
        }
    }
}

fn primary(value: u64) -> u32 {
    (value >> 32) as u32
}

impl StickTable {
    /// Room for `clients`.
    pub fn new(clients: usize) -> StickTable {
        StickTable {
            table: Table::new(clients.saturating_mul(2)),
        }
    }

    /// The association of `key`, unless it expired. Does not touch it: [`put`](Self::put) it again for that.
    pub fn find(&self, key: u64, now: Millis) -> Option<Stuck> {
        self.table.find(key, now).map(Stuck::from)
    }

    /// Puts or renews an association that ends `idle_ms` from now (at most a quarter of a second later).
    ///
    /// Says whose primary lost an entry: the key's own before, an expired or an evicted one; `stuck.primary` itself
    /// where nothing could be put because others were writing there. So whoever counts adds one to `stuck.primary`
    /// and takes one from the answer.
    pub fn put(&self, key: u64, stuck: Stuck, now: Millis, idle_ms: u64) -> Option<u32> {
        match self.table.put(key, stuck.into(), now, idle_ms) {
            Put::Stored { lost } => lost.map(primary),
            Put::Busy => Some(stuck.primary),
        }
    }

    /// Ends an association and says whose primary lost it, expired or not.
    pub fn remove(&self, key: u64, _now: Millis) -> Option<u32> {
        self.table.remove(key).map(primary)
    }

    /// How many parts there are to [`sweep`](Self::sweep).
    pub fn parts(&self) -> usize {
        self.table.sets()
    }

    /// Tells every association that has not expired: its key, and how many milliseconds it has left.
    pub(super) fn each(&self, now: Millis, mut tell: impl FnMut(u64, Stuck, u64)) {
        self.table
            .each(now, |key, row, left_ms| tell(key, row.into(), left_ms));
    }

    /// Takes the expired associations of `part` of `0..parts()` away and tells the primary of each.
    pub fn sweep(&self, part: Range<usize>, now: Millis, mut lost: impl FnMut(u32)) {
        self.table.sweep(part, now, |value| lost(primary(value)));
    }

    /// Takes the associations of `part` of `0..parts()` away whose primary `ends`, and tells each one's and whether it had not
    /// expired at a time.
    pub(super) fn forget(
        &self,
        part: Range<usize>,
        ends: impl Fn(u32) -> bool,
        mut lost: impl FnMut(u32, &dyn Fn(Millis) -> bool),
    ) {
        let ends = |value| ends(primary(value));
        self.table
            .forget(part, ends, |value, alive| lost(primary(value), alive));
    }

    /// The most memory that it can take, in bytes.
    pub fn bytes_most(&self) -> usize {
        self.table.bytes_most()
    }
}

/// The key of a client at a virtual: which clients share a set cannot be known without `secret`.
///
/// `at` tells virtuals apart; of an IPv6 address `v6_prefix` leading bits count, and an IPv4 address mapped into IPv6
/// is the IPv4 address.
pub(super) fn client_key(secret: &[u8; 32], at: u64, client: IpAddr, v6_prefix: u8) -> u64 {
    let word = |from: usize| {
        let bytes = secret[from..].first_chunk().copied().unwrap_or_default();
        u64::from_le_bytes(bytes)
    };
    #[expect(
        deprecated,
        reason = "the one hash of std that takes a key and stays as it is"
    )]
    let mut hasher = std::hash::SipHasher::new_with_keys(word(0), word(8));
    hasher.write(&at.to_le_bytes());
    match client.to_canonical() {
        IpAddr::V4(a) => hasher.write(&a.octets()),
        IpAddr::V6(a) => {
            let beyond = 128 - u32::from(v6_prefix.min(128));
            let mask = u128::MAX.checked_shl(beyond).unwrap_or(0);
            hasher.write(&(a.to_bits() & mask).to_be_bytes());
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
