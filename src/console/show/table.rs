//! A table that fits a window: what matters least is left out, what is long is cut.

use comfy_table::{CellAlignment, ContentArrangement, Table as Comfy};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands where a text goes on.
const CUT: char = '…';

/// Blanks between two columns.
const GAP: usize = 2;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(in crate::console) struct Column {
    head: &'static str,
    right: bool,
    /// So narrow may it be cut, in columns of the window; `None`: never.
    least: Option<usize>,
}

/// A column of words.
pub(in crate::console) const fn words(head: &'static str) -> Column {
    Column {
        head,
        right: false,
        least: None,
    }
}

/// A column of numbers.
pub(in crate::console) const fn numbers(head: &'static str) -> Column {
    Column {
        head,
        right: true,
        least: None,
    }
}

/// A column of texts that may be cut to `least`.
pub(in crate::console) const fn texts(head: &'static str, least: usize) -> Column {
    Column {
        head,
        right: false,
        least: Some(least),
    }
}

/// Rows of cells under heads, the most important column first.
#[derive(Clone, Debug)]
pub(in crate::console) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::console) fn new(columns: &[Column]) -> Table {
        Table {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of as many cells as there are columns. No control byte of theirs reaches a terminal.
    pub(in crate::console) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(plain);
        self.rows.push(cells.collect());
    }

    pub(in crate::console) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For a window of so many columns; 0: nothing is left out or cut.
    pub(in crate::console) fn render(self, window: u16) -> String {
        let widths = self.fit(window.into());
        let mut table = Comfy::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        let heads = self.columns.iter().map(|column| column.head);
        table.set_header(heads.zip(&widths).map(|(head, width)| cut(head, *width)));
        for row in self.rows {
            let cells = row.into_iter().zip(&widths);
            table.add_row(cells.map(|(cell, width)| match cell.width() > *width {
                true => cut(&cell, *width),
                false => cell,
            }));
        }
        for (n, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, GAP as u16));
            if self.columns.get(n).is_some_and(|column| column.right) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// How wide each column is of those that fit, from the left.
    fn fit(&self, window: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| c.head.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        if window == 0 {
            return widths;
        }
        let least = |n: usize| {
            let cut = self.columns[n].least.unwrap_or(usize::MAX);
            widths[n].min(cut.max(self.columns[n].head.width()))
        };
        let mut fitting: Vec<usize> = Vec::new();
        let mut used = 0;
        for n in 0..widths.len() {
            let gap = if n == 0 { 0 } else { GAP };
            // Without its first column a table says nothing.
            if n > 0 && used + gap + least(n) > window {
                break;
            }
            used += gap + least(n);
            fitting.push(least(n));
        }
        let mut spare = window.saturating_sub(used);
        for (n, width) in fitting.iter_mut().enumerate() {
            let more = (widths[n] - *width).min(spare);
            *width += more;
            spare -= more;
        }
        if let [only] = &mut fitting[..] {
            *only = (*only).min(window);
        }
        fitting
    }
}

/// `text` within `width` columns of a window.
pub(in crate::console) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    if width > 0 {
        kept.push(CUT);
    }
    kept
}

/// What a terminal would obey or hide: controls, and what turns the direction of writing.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `text` without what a terminal would obey or hide.
pub(in crate::console) fn plain(text: String) -> String {
    if !text.contains(is_obeyed) {
        return text;
    }
    let mut told = String::new();
    for c in text.chars() {
        match is_obeyed(c) {
            true => told.extend(c.escape_unicode()),
            false => told.push(c),
        }
    }
    told
}

/// The same of a JSON document, which stays the same document.
pub(in crate::console) fn plain_json(document: String) -> String {
    let obeyed = |c: char| is_obeyed(c) && c != '\n';
    if !document.contains(obeyed) {
        return document;
    }
    let mut told = String::new();
    for c in document.chars() {
        match obeyed(c) {
            // All of them are of the first plane.
            true => told.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => told.push(c),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table() -> Table {
        let mut table = Table::new(&[words("Id"), numbers("N"), texts("Why", 6), words("Last")]);
        let row = |cells: [&str; 4]| cells.map(str::to_owned);
        table.row(row(["10.0.0.1", "5", "it has been silent for long", "x"]));
        table.row(row(["b", "12345", "", "y"]));
        table
    }

    #[test]
    fn without_a_limit_nothing_is_left_out() {
        assert_eq!(
            table().render(0),
            "Id            N  Why                          Last\n\
             10.0.0.1      5  it has been silent for long  x\n\
             b         12345                               y\n"
        );
    }

    #[test]
    fn what_is_long_is_cut_and_then_columns_are_left_out_from_the_right() {
        let shown = |window| {
            table()
                .render(window)
                .lines()
                .nth(1)
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(shown(51), "10.0.0.1      5  it has been silent for long  x");
        assert_eq!(shown(40), "10.0.0.1      5  it has been sile…  x");
        assert_eq!(shown(29), "10.0.0.1      5  it ha…  x");
        assert_eq!(shown(28), "10.0.0.1      5  it has bee…");
        assert_eq!(shown(22), "10.0.0.1      5");
        assert_eq!(shown(8), "10.0.0.1");
        assert_eq!(shown(5), "10.0…");
        assert_eq!(shown(1), "…");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("ab", 0), "");
    }

    #[test]
    fn json_says_the_same_in_printable_characters() {
        let text = "a\x1b[31m\x7f\u{9b}\u{202e}é\n";
        let document = plain_json(serde_json::to_string_pretty(&[text]).expect("JSON"));
        assert_eq!(
            document,
            "[\n  \"a\\u001b[31m\\u007f\\u009b\\u202eé\\n\"\n]"
        );
        let back: Vec<String> = serde_json::from_str(&document).expect("JSON");
        assert_eq!(back, [text]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_window_and_no_control_byte_comes_through(
            cells in prop::collection::vec(any::<String>(), 8),
            window in 1u16..60,
        ) {
            let mut table = Table::new(&[texts("One", 4), numbers("Two"), words("Three"), texts("Four", 5)]);
            for row in cells.chunks(4) {
                table.row(row.to_vec());
            }
            let text = table.render(window);
            prop_assert_eq!(text.lines().count(), 3);
            for line in text.lines() {
                prop_assert!(line.width() <= usize::from(window), "{:?}", line);
                prop_assert!(!line.contains(char::is_control));
            }
        }
    }
}
