//! `signpost import FILE…`: takes saved LocalDirector configurations over.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::app;
use crate::model::foreign::{self, IMPORT_BYTES, Imported};

/// Take over a configuration that was saved by a Cisco LocalDirector
///
/// Prints a Signpost configuration that holds. What is not taken over stands in its comments, with what does its job today.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The saved configurations, each on its own
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Takes each file over. Configurations go to standard output, a summary of each file to standard error; failure if a file cannot be
/// read, is too large, or has a line that is not understood.
pub fn run(args: Args) -> ExitCode {
    let mut whole = true;
    for path in &args.files {
        whole &= import(path);
    }
    if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn import(path: &Path) -> bool {
    let file = path.display();
    let bytes = match app::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            tell(&format!("{file}: error: the file cannot be read: {error}"));
            return false;
        }
    };
    let imported = foreign::import(&bytes);
    let mut out = io::stdout().lock();
    let printed = out
        .write_all(imported.text.as_bytes())
        .and_then(|()| out.flush());
    let fits = bytes.len() <= IMPORT_BYTES;
    if !fits {
        let most = IMPORT_BYTES / (1024 * 1024);
        tell(&format!(
            "{file}: error: the file has {} bytes: more than {most} MiB are not read",
            bytes.len()
        ));
    }
    for note in imported.unknown() {
        let (line, text, why) = (note.line, &note.text, &note.why);
        tell(&format!(
            "{file}:{line}: error: not understood: {text}: {why}"
        ));
    }
    tell(&format!("{file}: {}", summary(&imported)));
    printed.is_ok() && fits && imported.unknown().next().is_none()
}

fn summary(imported: &Imported) -> String {
    let (taken, explained) = (imported.taken.len(), imported.explained());
    let unknown = match imported.unknown().count() {
        0 => String::new(),
        count => format!(", {count} not understood"),
    };
    let lines = if taken == 1 { "line" } else { "lines" };
    format!("{taken} {lines} taken over, {explained} explained{unknown}")
}

/// A standard error that is gone leaves nobody to tell.
fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
