//! Who was sent where a moment ago: a client that asks again so soon probably did not get there.

use std::net::IpAddr;

use xxhash_rust::xxh3::Xxh3Default;

use super::Millis;
use super::table::{Row, Table};

/// The most redirects that are remembered at once, over all virtuals.
pub const RETURNS: usize = 65_536;

/// A redirect that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// [`Gauges::tag`](super::Gauges::tag) of the url or server that the client was sent to.
    pub(super) server: u32,
    /// How long ago, in milliseconds.
    pub(super) ago_ms: u64,
    /// How often in a row the client was sent anywhere for this resource; 1: once. More: it polls.
    pub(super) times: u8,
}

/// The memory of bounce-back. What is forgotten early is a client that is not noticed.
#[derive(Debug)]
pub(super) struct Returns {
    table: Table,
}

impl Returns {
    /// Room for `redirects`.
    pub(super) fn new(redirects: usize) -> Returns {
        Returns {
            table: Table::new(redirects.saturating_mul(2)),
        }
    }

    /// What tells one resource of one client from another: `at` is what the virtual knows its own by
    /// ([`Gauges::sending`](super::Gauges::sending)), `host` in lower case.
    pub(super) fn key(at: u64, client: IpAddr, host: &str, target: &str) -> u64 {
        let mut hash = Xxh3Default::new();
        hash.update(&at.to_le_bytes());
        match client.to_canonical() {
            IpAddr::V4(a) => hash.update(&a.octets()),
            IpAddr::V6(a) => hash.update(&a.octets()),
        }
        hash.update(host.as_bytes());
        hash.update(&[0]);
        hash.update(target.as_bytes());
        hash.digest()
    }

    /// Where the client of `key` was last sent to, within the time that was given then.
    pub(super) fn last(&self, key: u64, now: Millis) -> Option<Sent> {
        let row = self.table.find(key, now)?;
        let ago = (now.0 as u32).wrapping_sub(row.value as u32);
        Some(Sent {
            server: (row.value >> 32) as u32,
            // A thread whose clock is a little behind sees something from its future.
            ago_ms: if ago > u32::MAX / 2 { 0 } else { ago.into() },
            times: row.note,
        })
    }

    /// Notes that the client of `key` is sent to `server`, for `within_ms`.
    pub(super) fn sent(&self, key: u64, server: u32, now: Millis, within_ms: u64) {
        let before = self.table.find(key, now).map_or(0, |row| row.note);
        let row = Row {
            value: u64::from(server) << 32 | u64::from(now.0 as u32),
            note: before.saturating_add(1),
        };
        self.table.put(key, row, now, within_ms);
    }

    /// Forgets the redirect: the client arrived.
    pub(super) fn forget(&self, key: u64) {
        self.table.remove(key);
    }

    /// Forgets all redirects.
    pub(super) fn forget_all(&self) {
        let all = 0..self.table.sets();
        self.table.forget(all, |_| true, |_, _| {});
    }

    /// The most memory that it can take, in bytes.
    #[cfg(test)]
    fn bytes_most(&self) -> usize {
        self.table.bytes_most()
    }
}

#[cfg(test)]
mod tests;
