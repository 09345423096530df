//! Consistent hashing by weighted rendezvous, compiled into a table.

use std::fmt;
use std::net::IpAddr;

use arrayvec::ArrayVec;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{mix, next_draw, place};
use crate::decide::Ask;
use crate::model::HashKey;

/// The table of up to this many slots has [`FEW_BUCKETS`].
const FEW: usize = 128;
const FEW_BUCKETS: usize = 1 << 14;
/// Buckets a slot where there are more.
const EACH: usize = 128;
/// The longest table.
const MOST_BUCKETS: usize = 1 << 20;

/// Buckets, each owned by the bound slot that wins its rendezvous: the owner of a bucket depends on the ids and
/// weights of the slots alone, so that a slot which comes or goes moves only its own buckets, on every director.
///
/// The rendezvous of all slots in all buckets is not computed pair by pair. Each slot throws darts at random
/// buckets, as a Poisson process whose rate is its weight; the first dart to hit a bucket owns it. That is the same
/// distribution as the least of exponential variates (the "logarithmic method", Schindelhauer and Schomaker 2005).
///
/// Slots that are not filled keep their buckets; whoever falls on one hashes again.
pub(in crate::decide) struct HashTable {
    owners: Box<[u32]>,
    /// Seed and weight of each slot.
    slots: Box<[(u64, u64)]>,
}

impl fmt::Debug for HashTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = (self.owners.len(), &self.slots);
        f.debug_tuple("HashTable")
            .field(&fields.0)
            .field(fields.1)
            .finish()
    }
}

impl HashTable {
    /// How many buckets `bound` slots should have.
    pub(in crate::decide) fn buckets(bound: usize) -> usize {
        match bound {
            0..=FEW => FEW_BUCKETS,
            _ => (bound * EACH).next_power_of_two().min(MOST_BUCKETS),
        }
    }

    /// `slots`: a seed made of the id, and the weight, of every bound slot. `buckets`: a power of two.
    pub(in crate::decide) fn new(buckets: usize, slots: Vec<(u64, u64)>) -> HashTable {
        let mut owners = vec![u32::MAX; buckets];
        let sum: u64 = slots.iter().map(|s| s.1).sum();
        if sum == 0 {
            return HashTable {
                owners: [].into(),
                slots: slots.into(),
            };
        }
        let mut hits = vec![f64::INFINITY; buckets];
        // Every slot's next dart, and the state of its dice.
        let mut darts: Vec<(f64, u64)> = slots.iter().map(|s| (0.0, s.0)).collect();
        for (dart, slot) in darts.iter_mut().zip(&slots) {
            dart.0 = wait(&mut dart.1, slot.1);
        }
        let mut empty = buckets;
        // Time in which half the buckets are hit on average; doubled until none is empty.
        let mut until = 0.7 * buckets as f64 / sum as f64;
        while empty > 0 {
            for (owner, (dart, slot)) in darts.iter_mut().zip(&slots).enumerate() {
                while dart.0 < until && slot.1 > 0 {
                    let bucket = next_draw(&mut dart.1) as usize & (buckets - 1);
                    if dart.0 < hits[bucket] {
                        empty -= usize::from(owners[bucket] == u32::MAX);
                        hits[bucket] = dart.0;
                        owners[bucket] = owner as u32;
                    }
                    dart.0 += wait(&mut dart.1, slot.1);
                }
            }
            until *= 2.0;
        }
        HashTable {
            owners: owners.into(),
            slots: slots.into(),
        }
    }

    /// Whether [`new`](Self::new) of these would give this very table.
    pub(in crate::decide) fn is_of(&self, buckets: usize, slots: &[(u64, u64)]) -> bool {
        *self.slots == *slots && (self.owners.len() == buckets || self.owners.is_empty())
    }

    /// The slot that `key` falls on at its `attempt`-th try.
    pub(in crate::decide) fn owner(&self, key: u64, attempt: u32) -> Option<u32> {
        if self.owners.is_empty() {
            return None;
        }
        let mut state = key.wrapping_add(u64::from(attempt));
        Some(self.owners[place(next_draw(&mut state), self.owners.len())])
    }

    /// A number from 0 to 1 that belongs to `key` at its `attempt`-th try of a slot, on every director the same.
    pub(in crate::decide) fn point(&self, key: u64, slot: u32, attempt: u32) -> f64 {
        let (seed, _) = self.slots[slot as usize];
        let state = mix(seed) ^ key.wrapping_add(u64::from(attempt));
        (mix(state) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The winner of the rendezvous of `key` among `slots`, one by one: where few are left of many.
    pub(in crate::decide) fn rendezvous(&self, key: u64, slots: &[u32]) -> Option<u32> {
        let score = |k: u32| {
            let (seed, weight) = self.slots[k as usize];
            let mut state = mix(seed ^ key);
            wait(&mut state, weight)
        };
        slots
            .iter()
            .copied()
            .min_by(|&a, &b| score(a).total_cmp(&score(b)))
    }
}

/// An exponential variate of rate `weight`. `libm`, because the logarithm must be the same on every director.
pub(in crate::decide) fn wait(state: &mut u64, weight: u64) -> f64 {
    let uniform = ((next_draw(state) >> 11) + 1) as f64 / (1u64 << 53) as f64;
    -libm::log(uniform) / weight as f64
}

/// What of the request is hashed, hashed.
pub(in crate::decide) fn hash_key(by: HashKey, ask: &Ask<'_>, salt: u64) -> u64 {
    match by {
        HashKey::Source => match ask.client {
            IpAddr::V4(a) => xxh3_64_with_seed(&a.octets(), salt),
            IpAddr::V6(a) => xxh3_64_with_seed(&a.octets(), salt),
        },
        HashKey::Host => {
            // A valid name has at most 253 bytes; of anything longer the beginning is as good.
            let lower = ask.host.bytes().take(256).map(|b| b.to_ascii_lowercase());
            let lower: ArrayVec<u8, 256> = lower.collect();
            xxh3_64_with_seed(&lower, salt)
        }
        HashKey::Path => {
            let target = ask.target.as_bytes();
            let end = memchr::memchr(b'?', target).unwrap_or(target.len());
            xxh3_64_with_seed(&target[..end], salt)
        }
    }
}

/// A short key of an address, never 0, in 24 bits.
pub(in crate::decide) fn address_key(client: IpAddr) -> u64 {
    let hash = match client {
        IpAddr::V4(a) => xxh3_64(&a.octets()),
        IpAddr::V6(a) => xxh3_64(&a.octets()),
    };
    (hash & 0xFF_FFFF).max(1)
}
