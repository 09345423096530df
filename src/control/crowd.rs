//! Who is connected, over all workers, where that is limited: in all and by address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::Limit;

/// Parts of the table by address, so that workers seldom meet in one.
const PARTS: usize = 64;

/// Connections of clients. What came while nothing was limited is not known here.
#[derive(Debug)]
pub struct Crowd {
    total: AtomicU32,
    parts: [Mutex<HashMap<IpAddr, u32>>; PARTS],
}

/// A connection that was counted, to be given back where it ends.
#[derive(Debug, Default)]
pub struct Entry {
    total: bool,
    from: Option<IpAddr>,
}

impl Default for Crowd {
    fn default() -> Crowd {
        Crowd {
            total: AtomicU32::new(0),
            parts: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl Crowd {
    /// Counts a connection, in all where there are `most` and by its address `from` where there are `most_each`; 0: not limited.
    ///
    /// # Errors
    /// The limit that it is beyond; it is not counted then.
    pub fn enter(&self, most: u32, from: Option<IpAddr>, most_each: u32) -> Result<Entry, Limit> {
        let mut entry = Entry::default();
        if most > 0 {
            entry.total = true;
            if self.total.fetch_add(1, Ordering::Relaxed) >= most {
                self.leave(entry);
                return Err(Limit::Connections);
            }
        }
        let Some(from) = from.filter(|_| most_each > 0).map(network) else {
            return Ok(entry);
        };
        let mut part = self.part(from);
        let own = part.entry(from).or_default();
        if *own >= most_each {
            drop(part);
            self.leave(entry);
            return Err(Limit::ConnectionsPerClient);
        }
        *own += 1;
        entry.from = Some(from);
        Ok(entry)
    }

    /// Gives back what [`enter`](Crowd::enter) counted.
    pub fn leave(&self, entry: Entry) {
        if entry.total {
            self.total.fetch_sub(1, Ordering::Relaxed);
        }
        let Some(from) = entry.from else {
            return;
        };
        let mut part = self.part(from);
        if let Some(own) = part.get_mut(&from) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                part.remove(&from);
            }
        }
    }

    /// Connections counted in all.
    pub fn total(&self) -> u32 {
        self.total.load(Ordering::Relaxed)
    }

    fn part(&self, from: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        let bits = match from {
            IpAddr::V4(address) => address.to_bits().into(),
            // The lower half is gone.
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        };
        let spread = bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58;
        let part = &self.parts[spread as usize % PARTS];
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom an address is taken for: whoever has an IPv6 address has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_come_in_all_and_from_an_address_and_no_more() {
        let crowd = Crowd::default();
        let from = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        let first = crowd.enter(3, from(1), 2).expect("a place");
        let second = crowd.enter(3, from(1), 2).expect("a place");
        assert_eq!(
            crowd.enter(3, from(1), 2).err(),
            Some(Limit::ConnectionsPerClient)
        );
        assert_eq!(crowd.total(), 2, "who is turned away is not counted");
        let exempt = crowd.enter(3, None, 2).expect("a place");
        assert_eq!(crowd.enter(3, from(2), 2).err(), Some(Limit::Connections));
        for entry in [first, second, exempt] {
            crowd.leave(entry);
        }
        assert_eq!(crowd.total(), 0);
        assert!(
            crowd
                .parts
                .iter()
                .all(|part| part.lock().is_ok_and(|part| part.is_empty()))
        );
        let free = crowd.enter(0, from(1), 0).expect("no limit");
        assert_eq!(crowd.total(), 0);
        crowd.leave(free);
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let crowd = Crowd::default();
        let from = |n: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, n]));
        let _one = crowd.enter(0, from(1), 1).expect("a place");
        assert!(crowd.enter(0, from(2), 1).is_err());
    }
}
