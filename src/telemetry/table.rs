//! The table that is printed of the counts.

use std::collections::BTreeMap;
use std::fmt;

use super::Counts;

/// Stands where no server served.
const NOBODY: &str = "-";
/// Stands for all servers that are configured no more.
const REMOVED: &str = "(removed)";

/// Counts per server and word, added up over workers; printed as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(BTreeMap<(String, &'static str), u64>);

impl Table {
    /// Adds `other` to this one.
    pub fn merge(&mut self, other: &Table) {
        for ((server, word), count) in &other.0 {
            self.add(server, word, *count);
        }
    }

    /// The count of `word` at `server`.
    pub fn count(&self, server: &str, word: &str) -> u64 {
        self.0
            .iter()
            .find(|((s, w), _)| s == server && *w == word)
            .map_or(0, |(_, count)| *count)
    }

    fn add(&mut self, server: &str, word: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry((server.to_owned(), word)).or_default() += count;
        }
    }
}

impl From<&Counts> for Table {
    fn from(counts: &Counts) -> Table {
        let mut table = Table::default();
        for row in &counts.rows {
            let id = row.server.id.to_string();
            for (word, count) in row.numbers.words() {
                table.add(&id, word, count);
            }
        }
        let totals = &counts.totals;
        for (word, count) in totals.words() {
            table.add(NOBODY, word, count);
        }
        for gone in [&totals.gone_urls, &totals.gone_servers] {
            for (word, count) in gone.words() {
                table.add(REMOVED, word, count);
            }
        }
        table
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self
            .0
            .keys()
            .map(|(server, _)| server.len())
            .max()
            .unwrap_or(0)
            .max("server".len());
        writeln!(f, "{:widest$}  {:20}  {:>12}", "server", "reason", "count")?;
        for ((server, word), count) in &self.0 {
            writeln!(f, "{server:widest$}  {word:20}  {count:>12}")?;
        }
        Ok(())
    }
}
