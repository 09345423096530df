//! What a director begins with: the startup file, what the archive has in its place, or nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{error, info, warn};

use super::Error;
use crate::control::{Archive, Life, seal, serves, tidy};
use crate::language::Style;
use crate::model::Running;

/// The startup file where no other is named.
pub const STARTUP: &str = "/etc/signpost/startup-config";

/// Reads a configuration file with its comments, in the place of `before`; passwords are sealed. Warnings are logged, and returned.
///
/// # Errors
/// Where it cannot be read or does not hold.
pub(super) fn load(path: &Path, before: &Running) -> Result<(Running, String), Error> {
    let bytes = super::read(path).map_err(|e| Error::Read(path.to_owned(), e))?;
    let (running, told) = Running::read(&path.display().to_string(), &bytes);
    let mut told = told.report(Style::Plain);
    let read = running.ok_or_else(|| Error::Invalid(told.clone()))?;
    let plain = Arc::clone(read.model());
    let running = seal(read, before).map_err(Error::Invalid)?;
    if !Arc::ptr_eq(&plain, running.model()) {
        told += &format!(
            "passwords stand in `{}` as they were written: `write memory` stores their hashes\n",
            path.display()
        );
    }
    for line in told.lines() {
        warn!("{line}");
    }
    Ok((running, told))
}

/// Begins the life of the configuration at `path`. Where that `is_named` by the operator it has to be there and to serve something;
/// else a director without one begins with an empty farm, and where it does not hold, with the newest of the archive that does.
///
/// # Errors
/// Where it cannot be read or does not hold.
pub fn open(path: &Path, is_named: bool) -> Result<Life, Error> {
    tidy(path);
    let archive = Archive::beside(path);
    archive.tidy();
    let (running, recovered) = match load(path, &Running::default()) {
        Ok((running, _)) => (running, None),
        Err(Error::Read(_, e)) if !is_named && e.kind() == io::ErrorKind::NotFound => {
            info!("there is no `{}`", path.display());
            (Running::default(), None)
        }
        Err(Error::Invalid(told)) if !is_named => recover(path, &archive, &told)?,
        Err(e) => return Err(e),
    };
    if !serves(running.model()) {
        if is_named {
            return Err(Error::Nothing(path.to_owned(), newest(&archive)));
        }
        info!(
            "nothing is configured yet: no virtual and no dip; `signpost console` on this host, over its Unix socket, is the way to configure it"
        );
    }
    let running = Arc::new(running);
    let is_there = running.model().as_ref() != Running::default().model().as_ref();
    let saved = (recovered.is_none() && is_there).then(|| Arc::clone(&running));
    Ok(Life::new(running, saved, Some(path.to_owned()), recovered))
}

/// The file of the newest configuration of the archive that has something to serve.
fn newest(archive: &Archive) -> Option<PathBuf> {
    let kept = archive.list().unwrap_or_default();
    let found = kept.iter().find(|kept| {
        let text = archive.text(kept.number).unwrap_or_default();
        let (running, _) = Running::read("archive", text.as_bytes());
        running.is_some_and(|running| serves(running.model()))
    });
    archive.path(found?.number)
}

/// The newest configuration of the archive that holds, as the startup file does not, and why.
fn recover(path: &Path, archive: &Archive, told: &str) -> Result<(Running, Option<String>), Error> {
    for line in told.lines() {
        error!("{line}");
    }
    for kept in archive.list().unwrap_or_default() {
        let text = archive.text(kept.number).unwrap_or_default();
        let (running, _) = Running::read("archive", text.as_bytes());
        if let Some(running) = running {
            let why = format!(
                "`{}` does not hold; in its place serves configuration {} of the archive, of {} by {} ({})",
                path.display(),
                kept.number,
                kept.at,
                kept.user,
                kept.why,
            );
            error!("{why}");
            let running = seal(running, &Running::default()).map_err(Error::Invalid)?;
            return Ok((running, Some(why)));
        }
    }
    Err(Error::Invalid(told.to_owned()))
}
