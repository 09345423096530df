//! A configuration's text without its secrets.

use crate::language::{Rule, keeps_secret, parse};

/// What stands in a secret's place.
const MASK: &str = "********";

/// `text` with `********` in the place of each secret, for eyes that may not see them. Of a line that cannot be read and may hold a
/// secret only the first word is left.
pub fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        mask_line(line, &mut masked);
    }
    masked
}

fn mask_line(line: &str, masked: &mut String) {
    let words = line.trim_start_matches([' ', '\t']);
    let statement = words.trim_start_matches([':', '!', '#', ' ', '\t']);
    if !keeps_secret(statement) {
        masked.push_str(line);
        return;
    }
    masked.push_str(&line[..line.len() - statement.len()]);
    let (read, _) = parse(statement.as_bytes());
    if read.is_empty() && statement.len() == words.len() {
        // A slip: whatever may be the secret is not shown.
        let first = statement.split([' ', '\t']).next().unwrap_or_default();
        masked.extend([first.trim_end(), " ", MASK, "\n"]);
        return;
    }
    let mut from = 0;
    let words = read.iter().flat_map(|line| line.words());
    for word in words.filter(|word| matches!(word.rule, Rule::secret | Rule::login_secret)) {
        let span = word.span.range();
        masked.extend([&statement[from..span.start], MASK]);
        from = span.end;
    }
    masked.push_str(&statement[from..]);
}
