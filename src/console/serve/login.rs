//! Passwords: hashed and checked two at a time, in the same time for whoever does not exist, with a wait that grows for addresses
//! that bring wrong ones.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::limits::{ADDRESSES, CHECKS, LONGEST_WAIT, REMEMBERED};
use crate::model::Secret;

/// Checks passwords.
#[derive(Debug)]
pub(super) struct Login {
    checks: Arc<Semaphore>,
    failed: Arc<Mutex<HashMap<IpAddr, Failed>>>,
}

/// What an address has earned by wrong passwords.
#[derive(Clone, Copy, Debug)]
struct Failed {
    times: u32,
    last: Instant,
}

impl Failed {
    /// When its next password is looked at.
    fn until(&self) -> Instant {
        let doubled = 1_u64 << self.times.saturating_sub(1).min(6);
        self.last + Duration::from_secs(doubled).min(LONGEST_WAIT)
    }
}

impl Default for Login {
    fn default() -> Login {
        Login {
            checks: Arc::new(Semaphore::new(CHECKS)),
            failed: Arc::default(),
        }
    }
}

impl Login {
    /// Whether `password` is what `secret` says; without a secret never, in the same time. An address that brought wrong ones waits
    /// first. Dropped, the wait ends.
    pub(super) async fn check(
        &self,
        from: Option<IpAddr>,
        secret: Option<&Secret>,
        password: &str,
    ) -> bool {
        let from = from.map(network);
        let secret = secret.cloned();
        let password = password.to_owned();
        let permit = loop {
            let Ok(permit) = Arc::clone(&self.checks).acquire_owned().await else {
                return false;
            };
            // Looked at with the turn in hand: of many at once from an address all but one wait for what that one earns.
            match from.and_then(|from| self.waits(from)) {
                Some(until) if until > Instant::now() => {
                    drop(permit);
                    sleep_until(until).await;
                }
                _ => break permit,
            }
        };
        let failed = Arc::clone(&self.failed);
        let checked = spawn_blocking(move || {
            let right = holds(secret.as_ref(), &password);
            // Here, as who asked may be gone before he is answered: it counts all the same.
            if let Some(from) = from {
                note(&failed, from, right, Instant::now());
            }
            drop(permit);
            right
        });
        checked.await.unwrap_or(false)
    }

    /// The hash of a password.
    ///
    /// # Errors
    /// Where it cannot be made, in words.
    pub(super) async fn hash(&self, password: &str) -> Result<String, String> {
        let password = password.to_owned();
        let permit = Arc::clone(&self.checks).acquire_owned().await;
        let hashed = spawn_blocking(move || {
            let hashed = hash(&password);
            drop(permit);
            hashed
        });
        hashed
            .await
            .unwrap_or_else(|_| Err("hashing ended early".to_owned()))
    }

    /// Until when this address has to wait.
    fn waits(&self, from: IpAddr) -> Option<Instant> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(&from).map(Failed::until)
    }

    /// Notes what came of a password from an address.
    #[cfg(test)]
    fn note(&self, from: IpAddr, right: bool, now: Instant) {
        note(&self.failed, from, right, now);
    }
}

/// Notes what came of a password from an address.
fn note(failed: &Mutex<HashMap<IpAddr, Failed>>, from: IpAddr, right: bool, now: Instant) {
    let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
    if right {
        failed.remove(&from);
        return;
    }
    failed.retain(|_, failed| now.duration_since(failed.last) < REMEMBERED);
    if failed.len() >= ADDRESSES && !failed.contains_key(&from) {
        let oldest = failed.iter().min_by_key(|(_, failed)| failed.last);
        if let Some(oldest) = oldest.map(|(address, _)| *address) {
            failed.remove(&oldest);
        }
    }
    let entry = failed.entry(from).or_insert(Failed {
        times: 0,
        last: now,
    });
    entry.times = entry.times.saturating_add(1);
    entry.last = now;
}

/// Whom an address is taken for: whoever has an IPv6 address has 2⁶⁴ of them.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

/// The argon2id hash of a password, in the PHC string format.
///
/// # Errors
/// Where it cannot be made, in words.
pub fn hash(password: &str) -> Result<String, String> {
    let hashed =
        PasswordHasher::<PasswordHash>::hash_password(&Argon2::default(), password.as_bytes());
    hashed
        .map(|hash| hash.to_string())
        .map_err(|e| format!("cannot hash a password: {e}"))
}

fn holds(secret: Option<&Secret>, password: &str) -> bool {
    let (hash, known) = match secret {
        Some(Secret::Hash(hash)) => (&**hash, true),
        // What was loaded is hashed before it is in force.
        Some(Secret::Plain(_)) | None => (dummy(), false),
    };
    let right = PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    });
    right && known
}

/// The hash of a password that nobody knows, as costly as any.
fn dummy() -> &'static str {
    static DUMMY: OnceLock<String> = OnceLock::new();
    DUMMY.get_or_init(|| hash("nobody").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(password: &str) -> Secret {
        Secret::Hash(hash(password).expect("hashed").into())
    }

    #[tokio::test]
    async fn the_right_password_alone_is_right() {
        let login = Login::default();
        let right = secret("open sesame");
        assert!(login.check(None, Some(&right), "open sesame").await);
        assert!(!login.check(None, Some(&right), "open barley").await);
        assert!(!login.check(None, Some(&right), "").await);
        assert!(!login.check(None, None, "nobody").await);
        let plain = Secret::Plain("open sesame".into());
        assert!(!login.check(None, Some(&plain), "open sesame").await);
        let torn = Secret::Hash("$argon2id$v=19$m=1".into());
        assert!(!login.check(None, Some(&torn), "").await);
    }

    #[test]
    fn waits_double_up_to_a_minute_and_end_with_the_right_password() {
        let login = Login::default();
        let from: IpAddr = [192, 0, 2, 7].into();
        let now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..8 {
            login.note(from, false, now);
            let until = login.waits(from).expect("it failed");
            waits.push((until - now).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(login.waits([192, 0, 2, 8].into()), None);
        login.note(from, true, now);
        assert_eq!(login.waits(from), None);
    }

    #[test]
    fn so_many_addresses_are_remembered_and_for_so_long() {
        let login = Login::default();
        let address = |n: usize| IpAddr::from((n as u32).to_be_bytes());
        let now = Instant::now();
        for n in 0..=ADDRESSES {
            let later = Duration::from_millis(n as u64);
            login.note(address(n), false, now + later);
        }
        let kept = || login.failed.lock().expect("held").len();
        assert_eq!(kept(), ADDRESSES);
        assert!(login.waits(address(0)).is_none());
        login.note(address(0), false, now + 2 * REMEMBERED);
        assert_eq!(kept(), 1);
    }

    #[tokio::test]
    async fn a_password_counts_though_nobody_waits_for_the_answer() {
        let login = Arc::new(Login::default());
        let from: IpAddr = [192, 0, 2, 7].into();
        let asked = Arc::clone(&login);
        let check = tokio::spawn(async move { asked.check(Some(from), None, "wrong").await });
        while login.checks.available_permits() == CHECKS {
            tokio::task::yield_now().await;
        }
        check.abort();
        let _ = check.await;
        let all = login.checks.acquire_many(CHECKS as u32).await;
        assert!(login.waits(from).is_some());
        drop(all);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let a: IpAddr = "2001:db8::1".parse().expect("an address");
        let b: IpAddr = "2001:db8::ffff:1".parse().expect("an address");
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().expect("an address");
        assert_eq!(network(a), network(b));
        assert_eq!(network(mapped), IpAddr::from([192, 0, 2, 1]));
    }
}
