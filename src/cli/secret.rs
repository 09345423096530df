//! `signpost secret`: hashes a password for `username` and `enable secret`.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;

use super::terminal::{Raw, complain, say};
use crate::console::serve::hash;

/// The shortest and the longest password, in bytes.
const BYTES: std::ops::RangeInclusive<usize> = 8..=128;

/// Hashes a password for `username NAME … secret` and `enable secret`, so that it need not stand in a file.
///
/// Asked for at a terminal, else read from standard input: its first line.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the argon2id hash; 1 where there is no password that may be one.
pub fn run(_: Args) -> ExitCode {
    match password().and_then(|password| hash(&password)) {
        Ok(hash) => {
            say(&hash);
            ExitCode::SUCCESS
        }
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn password() -> Result<String, String> {
    let password = if std::io::stdin().is_terminal() {
        let first = asked("Password: ")?;
        if asked("Again: ")? != first {
            return Err("the two are not the same".to_owned());
        }
        first
    } else {
        line()?
    };
    if BYTES.contains(&password.len()) {
        Ok(password)
    } else {
        Err(format!(
            "a password has {} to {} bytes",
            BYTES.start(),
            BYTES.end()
        ))
    }
}

fn asked(what: &str) -> Result<String, String> {
    let silent = Raw::silent().map_err(|e| e.to_string())?;
    let mut shown = std::io::stderr();
    let _ = write!(shown, "{what}");
    let line = line();
    let _ = writeln!(shown);
    drop(silent);
    line
}

fn line() -> Result<String, String> {
    let mut line = String::new();
    // One byte more than may be is enough to refuse it.
    let most = *BYTES.end() as u64 + 3;
    let mut stdin = std::io::stdin().lock().take(most);
    stdin.read_line(&mut line).map_err(|e| e.to_string())?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
