//! Passwords are kept as hashes only (argon2id, RFC 9106).

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};

use crate::model::Running;

/// Memory of one hash, in KiB: OWASP's first choice for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;

/// The argon2id hash of `plain`, as a PHC string. Takes some tens of milliseconds and 19 MiB.
///
/// # Errors
/// Where no salt could be drawn or `plain` is too long, in words.
pub fn hash(plain: &str) -> Result<String, String> {
    let hashed = hasher()?.hash_password(plain.as_bytes());
    let hashed = hashed.map_err(|e| format!("a secret cannot be hashed: {e}"))?;
    Ok(hashed.to_string())
}

/// Whether `plain` is what `hashed` was made of. A hash that cannot be read is of nothing.
pub fn is_of(hashed: &str, plain: &str) -> bool {
    let (Ok(read), Ok(hasher)) = (PasswordHash::new(hashed), hasher()) else {
        return false;
    };
    hasher.verify_password(plain.as_bytes(), &read).is_ok()
}

fn hasher() -> Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|e| format!("a secret cannot be hashed: {e}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// `running` with a hash in the place of each plain secret. A secret that `before` has the hash of keeps that, so that to repeat a
/// statement changes nothing.
///
/// # Errors
/// Where a secret cannot be hashed, in words.
pub fn seal(running: Running, before: &Running) -> Result<Running, String> {
    running.sealed(before, |plain, known| match known {
        Some(known) if is_of(known, plain) => Ok(known.into()),
        _ => hash(plain).map(Into::into),
    })
}
