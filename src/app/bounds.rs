//! What nobody at a console may have the director do, whatever else he may: run programs, and from afar write files anywhere.

use std::path::{Path, PathBuf};

use crate::control::Author;
use crate::model::{LogTo, Probe, ProbeKind, Running};

/// Where logs go that are this program's own.
const LOGS: &str = "/var/log/signpost";

/// That `author` may go from `before` to `after`, `startup` being what the startup file says.
///
/// # Errors
/// Why not, in words.
pub(super) fn admit(
    before: &Running,
    startup: Option<&Running>,
    after: &Running,
    author: &Author,
) -> Result<(), String> {
    names_no_program(before, startup, after)?;
    match &*author.from {
        "unix" => Ok(()),
        _ => writes_no_other_file(before, startup, after),
    }
}

/// That the access log of `after` is a file in a folder that `before` or the startup file names one in, or in that of the logs.
fn writes_no_other_file(
    before: &Running,
    startup: Option<&Running>,
    after: &Running,
) -> Result<(), String> {
    let Some(path) = log(after) else {
        return Ok(());
    };
    let known: Vec<&Path> = std::iter::once(before)
        .chain(startup)
        .filter_map(log)
        .collect();
    let real = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
    let folders: Vec<PathBuf> = known.iter().filter_map(|path| real(path)).collect();
    let logs = Path::new(LOGS).canonicalize().ok();
    let stands = real(path).is_some_and(|folder| folders.contains(&folder) || logs == Some(folder));
    // A link leads elsewhere.
    let is_link = path
        .symlink_metadata()
        .is_ok_and(|found| found.is_symlink());
    if known.contains(&path) || (stands && !is_link) {
        return Ok(());
    }
    Err(format!(
        "over the network an access log can be named only in `{LOGS}` or beside one that the startup file names; `{}` is elsewhere: write it at `signpost console` on the director's host",
        path.display()
    ))
}

/// The file of its access log.
fn log(running: &Running) -> Option<&Path> {
    match &running.model().globals.access_log.as_ref()?.to {
        LogTo::File(path) => Some(Path::new(&**path)),
        LogTo::Stdout | LogTo::Syslog => None,
    }
}

/// That `after` runs no program that neither `before` nor the startup file does, unless one of the two lets the console say so.
fn names_no_program(
    before: &Running,
    startup: Option<&Running>,
    after: &Running,
) -> Result<(), String> {
    let allow = || std::iter::once(before).chain(startup).map(Running::model);
    if allow().any(|model| model.globals.console.exec) {
        return Ok(());
    }
    let is = after.model();
    let runs = |kind: &ProbeKind| matches!(kind, ProbeKind::Exec(_));
    let known = |probe: &Probe| allow().any(|was| was.probes.iter().any(|p| p.kind == probe.kind));
    match is.probes.iter().find(|p| runs(&p.kind) && !known(p)) {
        Some(probe) => Err(format!(
            "probe `{}` would run a program: only the startup file may name programs, unless it says `console-exec`",
            probe.name
        )),
        None if is.globals.console.exec => {
            Err("`console-exec` can be said by the startup file alone".to_owned())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logging(path: &Path) -> Running {
        let text = format!("virtual 1.1.1.1\naccess-log file {}\n", path.display());
        let (running, _) = Running::read("test", text.as_bytes());
        running.expect("it holds")
    }

    #[test]
    fn from_afar_a_log_stays_where_the_startup_file_has_one() {
        let (logs, other) = (tempfile::tempdir(), tempfile::tempdir());
        let (logs, other) = (logs.expect("a folder"), other.expect("a folder"));
        let startup = logging(&logs.path().join("access.log"));
        let link = logs.path().join("link");
        std::os::unix::fs::symlink(other.path().join("passwd"), &link).expect("made");
        let (none, _) = Running::read("test", b"virtual 1.1.1.1\n");
        let none = none.expect("it holds");
        let may = |from: &str, path: &Path, before: &Running, startup| {
            let author = Author {
                user: "ann".into(),
                from: from.into(),
                session: 7,
            };
            admit(before, startup, &logging(path), &author)
        };
        for path in ["access.log", "other.log"] {
            let path = logs.path().join(path);
            may("192.0.2.7", &path, &none, Some(&startup)).expect("it is beside");
            may("192.0.2.7", &path, &startup, None).expect("it runs");
        }
        for path in [other.path().join("passwd"), logs.path().join("../x"), link] {
            let why = may("192.0.2.7", &path, &startup, Some(&startup)).expect_err("elsewhere");
            assert!(why.contains("/var/log/signpost"), "{why}");
            may("unix", &path, &none, None).expect("he is at home");
        }
    }
}
