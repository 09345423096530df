//! What a client carries to be known again: a signed cookie without any state here.

use serde::{Deserialize, Serialize};

/// A client's association, as its cookie holds it. The same on every director that shares the key.
///
/// Servers are told by numbers that only holders of the key can make out ([`Keys::name`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// Which key names its servers and signs it.
    pub key: u8,
    /// The virtual that it was given at, by [`Keys::name`].
    pub at: u64,
    /// The server that serves the client.
    pub primary: u64,
    /// The one that takes over from it; 0: none.
    pub alternate: u64,
    /// How often the client was bounced.
    pub bounced: u8,
    /// Directors that have passed the client on, for loops over several; 0 here.
    pub hops: u8,
    /// When the primary was chosen, in minutes since 1970: of two tickets the later one holds.
    pub epoch: u32,
    /// When it ends, in seconds since 1970.
    pub expiry: u32,
}
