//! The SSH host key: made once, beside the startup file.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::ssh_key::{Algorithm, HashAlg, LineEnding};
use tracing::{info, warn};

/// The host key in `path`, made where it is missing; where it cannot be kept, one for this run.
///
/// # Errors
/// Where none can be made.
pub(super) fn host_key(path: &Path) -> io::Result<PrivateKey> {
    let named = path.display();
    match fs::read(path) {
        Ok(text) => match PrivateKey::from_openssh(&text) {
            Ok(key) if key.algorithm() == Algorithm::Ed25519 => return Ok(key),
            Ok(_) => warn!("`{named}` is no ed25519 key; this run has another"),
            Err(e) => warn!("`{named}` is no host key: {e}; this run has another"),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let key = new_key()?;
            match keep(&key, path) {
                Ok(()) => info!(
                    "made the SSH host key `{named}`: {}",
                    key.fingerprint(HashAlg::Sha256)
                ),
                Err(e) => warn!(
                    "cannot keep the SSH host key in `{named}`: {e}; the next run has another"
                ),
            }
            return Ok(key);
        }
        Err(e) => warn!("cannot read `{named}`: {e}; this run has another"),
    }
    new_key()
}

pub(super) fn new_key() -> io::Result<PrivateKey> {
    let mut seed = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    PrivateKey::new(pair, "signpost").map_err(io::Error::other)
}

/// Writes the key whole or not at all, for this user alone.
fn keep(key: &PrivateKey, path: &Path) -> io::Result<()> {
    let text = key.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Made for this user alone.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_host_key_is_made_once_for_this_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ssh_host_ed25519_key");
        let first = host_key(&path).expect("made");
        let mode = fs::metadata(&path).expect("kept").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = host_key(&path).expect("read");
        assert_eq!(first.public_key(), second.public_key());
        fs::write(&path, "torn").expect("written");
        let other = host_key(&path).expect("another");
        assert_ne!(first.public_key(), other.public_key());
        assert_eq!(fs::read(&path).expect("left alone"), b"torn");
    }
}
