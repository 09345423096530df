//! The rules that pick among a virtual's filled slots, as compiled tables.
//!
//! Each file turns weights into a table and a number into a slot. Deliberately unknown here: nodes, chains, health.

mod hash;
mod least;
mod schedule;
mod shares;

use std::sync::Arc;

pub(super) use hash::{HashTable, address_key, hash_key, wait};
pub(super) use least::{Candidate, SAMPLE, SCANNED, least};
pub(super) use schedule::schedule;
pub(super) use shares::{Shares, golden};

use crate::model::HashKey;

/// How a virtual picks.
#[derive(Debug, Default)]
pub(super) enum Pick {
    /// In turn.
    #[default]
    Turn,
    /// In turn along a table of places in the list of filled slots.
    Schedule(Box<[u32]>),
    /// By weight along the golden ratio, where a table would be too long.
    Spread(Shares),
    /// At random, all alike.
    Even,
    /// At random by weight.
    Random(Shares),
    /// The fewest connections, per weight where there are weights.
    Least(Option<Box<[f64]>>),
    /// The shortest response time.
    Fastest,
    /// Consistently.
    Hash(HashKey, Arc<HashTable>),
}

/// The next number of a sequence that begins anywhere (SplitMix64, Steele et al. 2014).
pub(super) fn next_draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mix(*state)
}

/// Scatters a number over all of `u64`.
pub(super) fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

/// The place in `0..count` that a number uniform over `u64` falls on.
pub(super) fn place(draw: u64, count: usize) -> usize {
    ((u128::from(draw) * count as u128) >> 64) as usize
}
