//! Session tickets (RFC 8446 §4.6.1, RFC 5077): keys that all workers share, read without a lock.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;

/// How long a ticket is good for at least, in seconds: its key seals for one such time and opens for two more.
pub(super) const ROTATED_S: u32 = 6 * 3_600;
/// Keys that open: the one that seals and two before it.
const KEYS: usize = 3;
/// The first bytes of a ticket name its key.
const NAME: usize = 8;

struct Key {
    name: [u8; NAME],
    secret: [u8; 32],
    key: RandomizedNonceKey,
}

impl Key {
    fn new(name: [u8; NAME], secret: [u8; 32]) -> Option<Key> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &secret).ok()?;
        Some(Key { name, secret, key })
    }
}

/// A key as another process takes it over: its name and its secret.
type Kept = ([u8; NAME], [u8; 32]);

/// The keys of tickets. Newest first; the first seals, all of them open.
pub struct Tickets {
    keys: ArcSwap<Vec<Arc<Key>>>,
}

impl Tickets {
    /// With one key, known to this process alone. Without randomness there are none, and no tickets.
    pub fn new() -> Arc<Tickets> {
        Arc::new(Tickets {
            keys: ArcSwap::from_pointee(fresh().map(Arc::new).into_iter().collect()),
        })
    }

    /// Seals by a new key from now on. To be called every six hours, by one task alone.
    pub fn rotate(&self) {
        let Some(key) = fresh() else {
            return;
        };
        let before = self.keys.load();
        let kept = before.iter().take(KEYS - 1).cloned();
        let keys = std::iter::once(Arc::new(key)).chain(kept).collect();
        self.keys.store(Arc::new(keys));
    }

    /// The keys, for a process that takes over from this one.
    pub fn keep(&self) -> Vec<Kept> {
        let keys = self.keys.load();
        keys.iter().map(|key| (key.name, key.secret)).collect()
    }

    /// Seals and opens by the keys of another process, where there are any.
    pub fn resume(&self, kept: &[Kept]) {
        let kept = kept.iter().take(KEYS);
        let keys: Vec<_> = kept
            .filter_map(|(name, secret)| Key::new(*name, *secret).map(Arc::new))
            .collect();
        if !keys.is_empty() {
            self.keys.store(Arc::new(keys));
        }
    }

    /// How long a key seals, in seconds.
    pub const fn rotated_s() -> u32 {
        ROTATED_S
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.load().len();
        f.debug_struct("Tickets").field("keys", &keys).finish()
    }
}

fn fresh() -> Option<Key> {
    let (mut secret, mut name) = ([0; 32], [0; NAME]);
    rand::fill(&mut secret).ok()?;
    rand::fill(&mut name).ok()?;
    Key::new(name, secret)
}

/// The tickets of listeners that ask the same of their clients: those of others do not open here, so that no ticket stands for a certificate that
/// was never asked for.
#[derive(Debug)]
pub(super) struct Scoped {
    pub(super) tickets: Arc<Tickets>,
    pub(super) scope: [u8; 32],
}

impl ProducesTickets for Scoped {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        ROTATED_S * 2
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let keys = self.tickets.keys.load();
        let Key { name, key, .. } = &**keys.first()?;
        let mut sealed = Vec::with_capacity(plain.len() + 16);
        sealed.extend_from_slice(plain);
        let aad = Aad::from(&self.scope);
        let nonce = key.seal_in_place_append_tag(aad, &mut sealed).ok()?;
        let mut ticket = Vec::with_capacity(NAME + NONCE_LEN + sealed.len());
        ticket.extend_from_slice(name);
        ticket.extend_from_slice(nonce.as_ref());
        ticket.extend_from_slice(&sealed);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (of, rest) = ticket.split_at_checked(NAME)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let keys = self.tickets.keys.load();
        let Key { key, .. } = &**keys.iter().find(|key| key.name == of)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        let length = key
            .open_in_place(nonce, Aad::from(&self.scope), &mut plain)
            .ok()?
            .len();
        plain.truncate(length);
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scoped(tickets: &Arc<Tickets>, scope: u8) -> Scoped {
        Scoped {
            tickets: Arc::clone(tickets),
            scope: [scope; 32],
        }
    }

    #[test]
    fn a_ticket_outlives_two_rotations_and_no_third() {
        let tickets = Tickets::new();
        let here = scoped(&tickets, 1);
        let ticket = here.encrypt(b"session").expect("a ticket");
        for _ in 0..2 {
            tickets.rotate();
            assert_eq!(here.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        }
        tickets.rotate();
        assert_eq!(here.decrypt(&ticket), None);
    }

    #[test]
    fn a_ticket_opens_only_where_it_was_given_and_only_whole() {
        let tickets = Tickets::new();
        let here = scoped(&tickets, 1);
        let ticket = here.encrypt(b"session").expect("a ticket");
        assert_eq!(scoped(&tickets, 2).decrypt(&ticket), None);
        assert_eq!(scoped(&Tickets::new(), 1).decrypt(&ticket), None);
        for length in 0..ticket.len() {
            assert_eq!(here.decrypt(&ticket[..length]), None, "{length}");
            let mut bent = ticket.clone();
            bent[length] ^= 1;
            assert_eq!(here.decrypt(&bent), None, "{length}");
        }
        assert_ne!(here.encrypt(b"session").expect("a ticket"), ticket);
    }
}
