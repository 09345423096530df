//! Standard output and standard error: what was asked for, and everything else.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use rustix::stdio::{stdin, stdout};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::console::serve::{Log, LogWriter, QUIET};

/// Where a director's socket for `signpost console` is unless told otherwise.
pub(super) const SOCKET: &str = "/run/signpost/console.sock";

/// Writes a line to standard output. A reader that went away is no fault of ours.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes an error to standard error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "signpost: {text}");
}

/// Sends the log to standard error, and keeps its last lines for the console.
pub(super) fn log() -> Arc<Log> {
    let kept = Arc::new(Log::default());
    let keeping = Arc::clone(&kept);
    let shown = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let keep = fmt::layer()
        .with_writer(move || LogWriter::new(&keeping))
        .with_ansi(false)
        .with_target(false)
        .with_filter(FilterFn::new(|event| event.target() != QUIET));
    tracing_subscriber::registry()
        .with(LevelFilter::INFO)
        .with(shown)
        .with(keep)
        .init();
    kept
}

/// A terminal that gives each key as it is pressed and shows nothing by itself; as it was before where this is dropped.
#[derive(Debug)]
pub(super) struct Raw {
    before: Termios,
}

impl Raw {
    /// Makes the terminal of standard input raw.
    ///
    /// # Errors
    /// Where it is none.
    pub(super) fn enter() -> std::io::Result<Raw> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Drain, &raw)?;
        Ok(Raw { before })
    }

    /// Lets the terminal of standard input show nothing of what is typed.
    ///
    /// # Errors
    /// Where it is none.
    pub(super) fn silent() -> std::io::Result<Raw> {
        let before = tcgetattr(stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Drain, &silent)?;
        Ok(Raw { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &self.before);
    }
}

/// The window's columns and rows; 0: unknown.
pub(super) fn window() -> (u16, u16) {
    tcgetwinsize(stdout()).map_or((0, 0), |size| (size.ws_col, size.ws_row))
}
