//! `signpost` as it is run from a shell.

use std::process::{Command, Output};

/// Runs `signpost` with these words to its end.
pub(crate) fn signpost(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_signpost"))
        .args(words)
        .output()
        .expect("signpost can be run")
}

/// What it printed.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it prints UTF-8")
}
