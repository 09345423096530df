//! Files that are stored whole or not at all: whatever happens, the old one or the new one is there.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tracing::warn;

/// Links that are followed on the way to a file; more are a circle.
const LINKS: usize = 40;

/// How a file that is about to replace another is called until it does: `.NAME.new`.
fn temporary(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    Some(path.with_file_name(format!(".{name}.new")))
}

/// Stores `bytes` as the file at `path`, so that after a crash, a full disk or an I/O error at any moment the file is the old or
/// the new one. A link is written through to what it leads to; mode and owner of a file that is there are kept, a new one is for its
/// owner alone.
///
/// # Errors
/// Where any step fails. The old file is there then, but for one case that the message tells: the new one is there and may be lost
/// if the power fails at once.
pub fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = followed(path)?;
    let new = temporary(&path)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this is not a file's name"))?;
    // What a crash left behind is in the way of `create_new`, which takes no file that somebody else may hold open.
    forget(&new)?;
    let written = write(&path, &new, bytes).and_then(|()| fs::rename(&new, &path));
    if let Err(error) = written {
        // The first error is the one to tell; what cannot be removed now is at the next start.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    sync_folder(&path).map_err(|e| {
        let told =
            format!("the new file is in its place, but may be lost if the power fails now: {e}");
        io::Error::new(e.kind(), told)
    })
}

fn write(path: &Path, new: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(new)?;
    file.write_all(bytes)?;
    match fs::metadata(path) {
        Ok(old) => keep_owner(&file, &old, path)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    file.sync_all()
}

/// Gives `file` the owner and mode of `old`. Who may not give files away keeps at least the mode.
fn keep_owner(file: &File, old: &fs::Metadata, path: &Path) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid())
        && let Err(e) = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()))
    {
        warn!("the owner of `{}` cannot be kept: {e}", path.display());
    }
    file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))
}

/// Where the links that begin at `path` lead, whether there is a file or not.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                let to = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("/")).join(to);
            }
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            Ok(_) | Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// Makes the name of a file as lasting as its bytes.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Removes what a crash during [`save`] may have left beside the file at `path`.
pub fn tidy(path: &Path) {
    let left = followed(path).ok().and_then(|path| temporary(&path));
    if let Some(left) = left
        && let Err(e) = forget(&left)
    {
        warn!("cannot remove `{}`: {e}", left.display());
    }
}
