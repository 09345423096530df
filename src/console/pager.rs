//! Long text a window at a time.

use super::plain::width;

/// What is shown where more follows.
pub(super) const MORE: &str = "--More--";

/// Text that is shown in pieces.
#[derive(Clone, Debug)]
pub(super) struct Pager {
    text: String,
    at: usize,
}

impl Pager {
    /// Nothing of `text` has been shown.
    pub(super) fn new(text: String) -> Pager {
        Pager { text, at: 0 }
    }

    /// The lines that fit into so many rows, at least one, each with its line end.
    pub(super) fn rows(&mut self, rows: usize, columns: usize) -> &str {
        let from = self.at;
        let mut used = 0;
        while let Some(line) = self.text[self.at..].split_inclusive('\n').next() {
            let wide = width(line.trim_end_matches('\n'));
            let takes = wide.div_ceil(columns.max(1)).max(1);
            if used > 0 && used + takes > rows {
                break;
            }
            used += takes;
            self.at += line.len();
        }
        &self.text[from..self.at]
    }

    /// Whether anything is left.
    pub(super) fn has_more(&self) -> bool {
        self.at < self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_as_a_terminal_counts_them() {
        let mut pager = Pager::new("1\n22222222222\n\n3\n".to_owned());
        assert_eq!(pager.rows(3, 10), "1\n22222222222\n");
        assert_eq!(pager.rows(1, 10), "\n");
        assert!(pager.has_more());
        assert_eq!(pager.rows(5, 10), "3\n");
        assert!(!pager.has_more());
    }

    #[test]
    fn a_line_longer_than_the_window_is_shown_all_the_same() {
        let mut pager = Pager::new("x".repeat(100));
        assert_eq!(pager.rows(2, 10).len(), 100);
        assert!(!pager.has_more());
    }
}
