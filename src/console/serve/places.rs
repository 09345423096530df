//! Places for connections that nobody has logged in on: few in all, and fewer an address, so that no host holds them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{UNPROVEN, UNPROVEN_EACH};
use super::login::network;

/// All of them.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// How many each address has taken, of those that have any.
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    from: IpAddr,
    places: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            free: Arc::new(Semaphore::new(UNPROVEN)),
            taken: Mutex::default(),
        }
    }
}

impl Places {
    /// A place for a connection from there.
    ///
    /// # Errors
    /// Where there is none, in words.
    pub(super) fn take(self: &Arc<Places>, from: IpAddr) -> Result<Place, &'static str> {
        let from = network(from);
        let mut taken = self.locked();
        let own = taken.get(&from).copied().unwrap_or(0);
        if own >= UNPROVEN_EACH {
            return Err("as many connections from there wait for a login as may");
        }
        let permit = Arc::clone(&self.free).try_acquire_owned();
        let permit = permit.map_err(|_| "as many connections wait for a login as may")?;
        taken.insert(from, own + 1);
        Ok(Place {
            from,
            places: Arc::clone(self),
            _permit: permit,
        })
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.locked();
        let left = taken.get(&self.from).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            taken.remove(&self.from);
        } else {
            taken.insert(self.from, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_its_share_and_all_together_take_all() {
        let places = Arc::new(Places::default());
        let from = |n: u8| IpAddr::from([192, 0, 2, n]);
        let mut held: Vec<Place> = (0..UNPROVEN_EACH)
            .map(|_| places.take(from(1)).expect("its share"))
            .collect();
        assert!(places.take(from(1)).is_err());
        for _ in UNPROVEN_EACH..UNPROVEN {
            held.push(places.take(from(2)).expect("another's"));
        }
        assert!(places.take(from(3)).is_err());
        held.pop();
        held.push(places.take(from(3)).expect("it was given back"));
        drop(held);
        assert!(places.locked().is_empty());
    }

    #[test]
    fn whoever_has_a_whole_network_is_one() {
        let places = Arc::new(Places::default());
        let from = |n: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n]);
        let held: Vec<_> = (0..UNPROVEN_EACH as u16)
            .map(|n| places.take(from(n)).expect("its share"))
            .collect();
        assert!(places.take(from(77)).is_err());
        drop(held);
    }
}
