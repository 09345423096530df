//! The audit log: every command line, by whom and from where.

use tracing::info;

use crate::control::Author;

/// The target of these events.
pub const TARGET: &str = "audit";

/// A line was run; its secrets are masked already.
pub(super) fn ran(author: &Author, line: &str) {
    info!(target: TARGET, session = author.session, user = %author.user, from = %author.from, "ran `{}`", printable(line));
}

/// Somebody came in.
pub(super) fn came(author: &Author, over: &str) {
    info!(target: TARGET, session = author.session, user = %author.user, from = %author.from, "came in over {over}");
}

/// Somebody left.
pub(super) fn left(author: &Author) {
    info!(target: TARGET, session = author.session, user = %author.user, from = %author.from, "left");
}

/// Somebody was not let in.
pub(super) fn refused(user: &str, from: &str, over: &str) {
    info!(target: TARGET, user = %printable(user), %from, "was not let in over {over}");
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
    fn no_control_byte_reaches_the_log() {
        assert_eq!(printable("root\x1b[2J\n"), "root·[2J·");
        assert_eq!(printable(&"a".repeat(513)).len(), 512);
    }
}
