//! The audit log: every command line, by whom and from where.

use tracing::info;

use crate::control::Author;

/// The target of these events.
pub const TARGET: &str = "audit";

/// The target of those of them that `show log` leaves out: what a local script looks at, again and again perhaps, would leave no
/// room there for anything else.
pub const QUIET: &str = "audit::script";

/// Logs an event of `author`, quietly where that is asked for.
macro_rules! log {
    ($quiet:expr, $author:expr, $($message:tt)+) => {
        if $quiet {
            info!(target: QUIET, session = $author.session, user = %$author.user, from = %$author.from, $($message)+);
        } else {
            info!(target: TARGET, session = $author.session, user = %$author.user, from = %$author.from, $($message)+);
        }
    };
}

/// A line was run; its secrets are masked already.
pub(super) fn ran(author: &Author, line: &str, by_script: bool) {
    log!(
        by_script && looks(line),
        author,
        "ran `{}`",
        printable(line)
    );
}

/// Somebody came in.
pub(super) fn came(author: &Author, over: &str, by_script: bool) {
    log!(by_script, author, "came in over {over}");
}

/// Somebody left.
pub(super) fn left(author: &Author, by_script: bool) {
    log!(by_script, author, "left");
}

/// Somebody was not let in: a user of the configuration, or (`None`) nobody who is known. What was typed is not told then, as it
/// may be a password that was typed too early.
pub(super) fn refused(user: Option<&str>, from: &str, over: &str) {
    let user = user.map_or_else(|| "an unknown user".to_owned(), printable);
    info!(target: TARGET, %user, %from, "was not let in over {over}");
}

/// Whether a line only looks.
fn looks(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let begun = |word: &str, least| first.len() >= least && word.starts_with(first);
    begun("show", 2) || begun("who", 2) || begun("explain", 3)
}

/// `text` without control bytes, and not without end.
fn printable(text: &str) -> String {
    let clean = text.chars().take(512);
    clean
        .map(|c| if c.is_control() { '·' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_is_told_from_what_changes() {
        for line in [
            "show real | json",
            "sh run",
            "who",
            "explain http://a.example/",
        ] {
            assert!(looks(line), "{line}");
        }
        for line in ["", "s", "secret", "configure terminal", "wr", "shutdown"] {
            assert!(!looks(line), "{line}");
        }
    }

    #[test]
    fn no_control_byte_reaches_the_log() {
        assert_eq!(printable("root\x1b[2J\n"), "root·[2J·");
        assert_eq!(printable(&"a".repeat(513)).len(), 512);
    }
}
