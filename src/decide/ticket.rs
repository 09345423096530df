//! What a client carries to be known again: a signed cookie without any state here.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::model::{Id, TicketKey};

/// The layout that is written, and the only one that is read.
const VERSION: u8 = 1;

/// Bytes that are signed.
const SIGNED: usize = 36;

/// Bytes of the signature.
const MAC: usize = 16;

/// Characters of a ticket.
pub const TICKET_CHARS: usize = 70;

/// The longest text that is looked at as a ticket, in bytes; later layouts may be longer than this one.
pub const TICKET_CHARS_MOST: usize = 256;

/// What the keys are derived for (BLAKE3's key derivation): part of the layout, never to be changed.
const SIGN_CONTEXT: &str = "signpost ticket 1: signature";
const NAME_CONTEXT: &str = "signpost ticket 1: names of servers";

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

/// Why a text is no ticket that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TicketFault {
    /// Not base64url, or not as long as a ticket is.
    Malformed,
    /// Of a layout that is not known here.
    Version,
    /// Signed with a key that is not known here.
    UnknownKey,
    /// The signature does not fit: altered or made up.
    BadMac,
    /// It was good until some time ago.
    Expired,
}

impl TicketFault {
    /// All faults.
    pub const ALL: [TicketFault; 5] = [
        TicketFault::Malformed,
        TicketFault::Version,
        TicketFault::UnknownKey,
        TicketFault::BadMac,
        TicketFault::Expired,
    ];

    /// The word, as metrics and logs have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            TicketFault::Malformed => "malformed",
            TicketFault::Version => "version",
            TicketFault::UnknownKey => "unknown-key",
            TicketFault::BadMac => "bad-mac",
            TicketFault::Expired => "expired",
        }
    }
}

impl fmt::Display for TicketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for TicketFault {}

struct Key {
    id: u8,
    sign: [u8; 32],
    name: [u8; 32],
}

impl Key {
    fn new(id: u8, secret: &[u8]) -> Key {
        Key {
            id,
            sign: blake3::derive_key(SIGN_CONTEXT, secret),
            name: blake3::derive_key(NAME_CONTEXT, secret),
        }
    }

    fn mac(&self, signed: &[u8]) -> [u8; MAC] {
        let hash = blake3::keyed_hash(&self.sign, signed);
        hash.as_bytes().first_chunk().copied().unwrap_or_default()
    }
}

/// The keys that sign and name, the signing one first: those of the configuration or, without any, this process's own
/// secret as key 0.
///
/// # The layout of a ticket, version 1
/// 70 characters of base64url without padding (RFC 4648 §5, the four bits left over 0), of 52 bytes; numbers have
/// their highest byte first:
///
/// | bytes | what |
/// | --- | --- |
/// | 0 | version: 1 |
/// | 1 | key id |
/// | 2 to 9 | `at`: the virtual |
/// | 10 to 17 | `primary` |
/// | 18 to 25 | `alternate` |
/// | 26 | `bounced` |
/// | 27 | `hops` |
/// | 28 to 31 | `epoch` |
/// | 32 to 35 | `expiry` |
/// | 36 to 51 | the first 16 bytes of BLAKE3, keyed, over bytes 0 to 35 |
///
/// The key of the signature is BLAKE3's `derive_key` of the secret's bytes in the context
/// `signpost ticket 1: signature`. A virtual's or server's number is the first 8 bytes of BLAKE3 over its id as it is
/// printed without names, keyed with `derive_key` in the context `signpost ticket 1: names of servers`; 1 where that
/// would be 0.
pub struct Keys(Box<[Key]>);

impl fmt::Debug for Keys {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|key| key.id);
        f.debug_tuple("Keys")
            .field(&ids.collect::<Vec<_>>())
            .finish()
    }
}

impl Keys {
    /// The configured keys in their order, or `secret` as key 0.
    pub fn new(configured: &[TicketKey], secret: [u8; 32]) -> Keys {
        let mut keys: Box<[Key]> = configured
            .iter()
            .map(|key| Key::new(key.id, key.secret.as_bytes()))
            .collect();
        if keys.is_empty() {
            keys = Box::new([Key::new(0, &secret)]);
        }
        Keys(keys)
    }

    /// The id of the key that new tickets are signed with.
    pub fn signing(&self) -> u8 {
        self.0.first().map_or(0, |key| key.id)
    }

    /// The key of this id; without one the signing key.
    fn key(&self, id: u8) -> Option<&Key> {
        let found = self.0.iter().find(|key| key.id == id);
        found.or(self.0.first())
    }

    /// The text of a ticket, signed with `ticket.key`; with the signing key where there is no such key any more.
    pub fn sign(&self, ticket: &Ticket) -> String {
        let mut bytes = [0; SIGNED + MAC];
        if let Some(key) = self.key(ticket.key) {
            let signed = write(key.id, ticket);
            let mac = key.mac(&signed);
            let (front, back) = bytes.split_at_mut(SIGNED);
            front.copy_from_slice(&signed);
            back.copy_from_slice(&mac);
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The ticket in `text`, which may be anything.
    ///
    /// # Errors
    /// What keeps it from counting, in the order of [`TicketFault`].
    pub fn read(&self, text: &str, now_unix_s: u64) -> Result<Ticket, TicketFault> {
        if text.len() > TICKET_CHARS_MOST {
            return Err(TicketFault::Malformed);
        }
        let mut room = [0; TICKET_CHARS_MOST];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut room);
        let length = length.map_err(|_| TicketFault::Malformed)?;
        let bytes = room.get(..length).unwrap_or_default();
        match bytes.first() {
            None => return Err(TicketFault::Malformed),
            Some(&VERSION) => {}
            Some(_) => return Err(TicketFault::Version),
        }
        let signed = bytes.first_chunk::<SIGNED>();
        let mac = bytes.get(SIGNED..).and_then(|mac| mac.try_into().ok());
        let (signed, mac): (_, [u8; MAC]) = signed.zip(mac).ok_or(TicketFault::Malformed)?;
        let ticket = parse(signed);
        let key = self.0.iter().find(|key| key.id == ticket.key);
        let key = key.ok_or(TicketFault::UnknownKey)?;
        if !is_equal(key.mac(signed), mac) {
            return Err(TicketFault::BadMac);
        }
        if u64::from(ticket.expiry) <= now_unix_s {
            return Err(TicketFault::Expired);
        }
        Ok(ticket)
    }

    /// The number of a virtual or server in tickets of this key (without such a key, in those of the signing one);
    /// never 0.
    pub fn name(&self, key: u8, id: &Id) -> u64 {
        let Some(key) = self.key(key) else {
            return 1;
        };
        let hash = blake3::keyed_hash(&key.name, id.to_string().as_bytes());
        let front = hash.as_bytes().first_chunk().copied();
        u64::from_be_bytes(front.unwrap_or_default()).max(1)
    }
}

fn write(key: u8, ticket: &Ticket) -> [u8; SIGNED] {
    let mut bytes = [0; SIGNED];
    bytes[0] = VERSION;
    bytes[1] = key;
    bytes[2..10].copy_from_slice(&ticket.at.to_be_bytes());
    bytes[10..18].copy_from_slice(&ticket.primary.to_be_bytes());
    bytes[18..26].copy_from_slice(&ticket.alternate.to_be_bytes());
    bytes[26] = ticket.bounced;
    bytes[27] = ticket.hops;
    bytes[28..32].copy_from_slice(&ticket.epoch.to_be_bytes());
    bytes[32..36].copy_from_slice(&ticket.expiry.to_be_bytes());
    bytes
}

fn parse(bytes: &[u8; SIGNED]) -> Ticket {
    let number = |at: usize, length: usize| {
        let bytes = bytes[at..at + length].iter();
        bytes.fold(0, |n, b| n << 8 | u64::from(*b))
    };
    Ticket {
        key: bytes[1],
        at: number(2, 8),
        primary: number(10, 8),
        alternate: number(18, 8),
        bounced: bytes[26],
        hops: bytes[27],
        epoch: number(28, 4) as u32,
        expiry: number(32, 4) as u32,
    }
}

/// In the same time wherever they differ.
fn is_equal(a: [u8; MAC], b: [u8; MAC]) -> bool {
    // Filled up to a whole hash, whose comparison is of constant time (crate constant_time_eq).
    let whole = |mac: [u8; MAC]| {
        let mut bytes = [0; 32];
        bytes[..MAC].copy_from_slice(&mac);
        blake3::Hash::from_bytes(bytes)
    };
    whole(a) == whole(b)
}

#[cfg(test)]
mod tests;
