//! As much of a terminal as a session speaks to, with everything that ever scrolled out of its window.

use unicode_width::UnicodeWidthChar;

/// A terminal.
pub(crate) struct Screen {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// The window's first row, for what speaks of the whole window.
    top: usize,
    /// What the alternate screen hides.
    hidden: Option<(Vec<Vec<char>>, usize, usize, usize)>,
    /// What the alternate screen showed last.
    pub(crate) last_alternate: Option<String>,
    escape: Option<Vec<u8>>,
    utf8: Vec<u8>,
    pub(crate) bells: usize,
}

impl Screen {
    pub(crate) fn new(columns: usize) -> Screen {
        Screen {
            columns: if columns == 0 { 80 } else { columns },
            rows: vec![vec![]],
            row: 0,
            column: 0,
            top: 0,
            hidden: None,
            last_alternate: None,
            escape: None,
            utf8: vec![],
            bells: 0,
        }
    }

    pub(crate) fn resize(&mut self, columns: usize) {
        self.columns = columns;
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        if let Some(escape) = &mut self.escape {
            escape.push(byte);
            let first = escape.len() == 1 && byte == b'[';
            if !first && (0x40..0x7f).contains(&byte) {
                let escape = self.escape.take().unwrap_or_default();
                self.sequence(&String::from_utf8(escape).expect("a sequence is ASCII"));
            }
            return;
        }
        match byte {
            0x1b => self.escape = Some(vec![]),
            b'\r' => self.column = 0,
            b'\n' => self.down(),
            0x08 => self.column = self.column.saturating_sub(1),
            7 => self.bells += 1,
            0..0x20 | 0x7f => panic!("the control byte {byte:#x} reached the terminal"),
            _ => {
                self.utf8.push(byte);
                if let Ok(text) = std::str::from_utf8(&self.utf8) {
                    let c = text.chars().next().expect("a character");
                    self.utf8.clear();
                    self.put(c);
                }
                assert!(self.utf8.len() < 4, "no UTF-8 reached the terminal");
            }
        }
    }

    fn down(&mut self) {
        self.row += 1;
        if self.rows.len() <= self.row {
            self.rows.push(vec![]);
        }
    }

    fn put(&mut self, c: char) {
        let wide = c.width().expect("a character that is shown");
        if self.column + wide > self.columns {
            self.column = 0;
            self.down();
        }
        let line = &mut self.rows[self.row];
        while line.len() < self.column + wide {
            line.push(' ');
        }
        line[self.column] = c;
        // The other half of a wide character.
        for half in 1..wide {
            line[self.column + half] = '\0';
        }
        self.column += wide;
    }

    fn sequence(&mut self, sequence: &str) {
        let digits: String = sequence.chars().filter(char::is_ascii_digit).collect();
        let n = digits.parse().unwrap_or(1);
        match sequence {
            "[K" => {
                let column = self.column;
                self.rows[self.row].truncate(column);
            }
            "[J" => {
                let column = self.column;
                self.rows[self.row].truncate(column);
                self.rows.truncate(self.row + 1);
            }
            "[2J" => {
                self.rows.truncate(self.top);
                self.rows.push(vec![]);
            }
            "[H" => {
                // What was there scrolls away: a transcript forgets nothing.
                if self.hidden.is_none() {
                    self.rows.push(vec![]);
                    self.top = self.rows.len() - 1;
                }
                self.row = self.top;
                self.column = 0;
            }
            "[?1049h" => {
                let rows = std::mem::replace(&mut self.rows, vec![vec![]]);
                self.hidden = Some((rows, self.row, self.column, self.top));
                (self.row, self.column, self.top) = (0, 0, 0);
            }
            "[?1049l" => {
                self.last_alternate = Some(self.text(0));
                let hidden = self.hidden.take().expect("the alternate screen was on");
                (self.rows, self.row, self.column, self.top) = hidden;
            }
            "[?25l" | "[?25h" => {}
            _ if sequence.ends_with('C') => self.column = (self.column + n).min(self.columns - 1),
            _ if sequence.ends_with('D') => self.column = self.column.saturating_sub(n),
            other => panic!("the terminal knows no {other:?}"),
        }
    }

    /// The row that the cursor is in.
    pub(crate) fn row(&self) -> usize {
        self.row
    }

    /// All rows from `first` on, the cursor shown as `█` unless it stands behind the last row's text.
    pub(crate) fn text(&self, first: usize) -> String {
        let mut text = String::new();
        for (n, row) in self.rows.iter().enumerate().skip(first) {
            let mut line: String = row.iter().filter(|c| **c != '\0').collect();
            if n == self.row && self.column < row.len() {
                let before: String = row[..self.column].iter().filter(|c| **c != '\0').collect();
                let behind: String = row[self.column..].iter().filter(|c| **c != '\0').collect();
                line = format!("{before}█{behind}");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
