//! The lines that were typed.

use std::collections::VecDeque;

/// How many lines a session remembers.
pub(super) const LINES: usize = 100;

/// The lines of one session, oldest first; none that holds a secret is put here.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    lines: VecDeque<String>,
}

impl History {
    /// Remembers a line, unless it is blank or the one before again.
    pub(super) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    /// The line `back` lines ago; 1 is the last one.
    pub(super) fn ago(&self, back: usize) -> Option<&str> {
        let at = self.lines.len().checked_sub(back)?;
        self.lines.get(at).map(String::as_str)
    }

    /// All of them, as they were typed.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// All of them, each with a line end.
    pub(super) fn text(&self) -> String {
        self.lines
            .iter()
            .flat_map(|line| ["  ", line, "\n"])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_lines_and_no_more() {
        let mut history = History::default();
        for n in 0..=LINES {
            history.remember(&n.to_string());
            history.remember(&n.to_string());
            history.remember("  ");
        }
        assert_eq!(history.ago(1), Some("100"));
        assert_eq!(history.ago(LINES), Some("1"));
        assert_eq!(history.ago(LINES + 1), None);
        assert_eq!(history.ago(0), None);
        assert_eq!(history.text().lines().count(), LINES);
    }
}
