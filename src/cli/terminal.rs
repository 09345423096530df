//! Standard output and standard error: what was asked for, and everything else.

use std::io::{IsTerminal, Write};

/// Writes a line to standard output. A reader that went away is no fault of ours.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes an error to standard error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "signpost: {text}");
}

/// Sends the log to standard error.
pub(super) fn log() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .init();
}
