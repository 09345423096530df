//! A configuration's text without its secrets.

use crate::language::{keeps_secret, parse};

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
    let (statements, mistakes) = parse(line.as_bytes());
    if statements.is_empty() || !mistakes.is_empty() {
        // Commented out, or a slip: whatever may be the secret is not shown.
        let first = statement.split([' ', '\t']).next().unwrap_or_default();
        let before = &line[..line.len() - statement.len()];
        masked.extend([before, first.trim_end(), " ", MASK, "\n"]);
        return;
    }
    let mut from = 0;
    let words = statements.iter().flat_map(|line| line.words());
    for word in words.filter(|word| is_secret(&format!("{:?}", word.rule))) {
        let span = word.span.range();
        masked.extend([&line[from..span.start], MASK]);
        from = span.end;
    }
    masked.push_str(&line[from..]);
}

/// Whether a word that plays the part `rule` is a secret.
fn is_secret(rule: &str) -> bool {
    matches!(rule, "secret")
}
