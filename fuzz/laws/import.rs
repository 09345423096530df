//! Any bytes become a configuration that holds, and no line of them is dropped in silence.

use std::collections::HashSet;

use signpost::language::Style;
use signpost::model::foreign::{IMPORT_BYTES, hint, import};
use signpost::model::load;

/// Panics where the law is broken.
pub(crate) fn check(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(IMPORT_BYTES)];
    let imported = import(bytes);
    let loaded = load("imported", imported.text.as_bytes());
    assert!(
        loaded.model.is_some(),
        "{}\n{}",
        loaded.report(Style::Plain),
        imported.text
    );
    let noted = imported.notes.iter().map(|note| note.line);
    let told: HashSet<u32> = imported.taken.iter().copied().chain(noted).collect();
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    for (number, line) in (1..).zip(text.split('\n')) {
        let begun = line.trim_matches(|c: char| c.is_ascii_whitespace());
        let silent = begun.is_empty() || begun.starts_with([':', '!', '#']);
        assert_eq!(
            told.contains(&number),
            !silent,
            "line {number} of\n{text}\n{}",
            imported.text
        );
        let _ = hint(line);
    }
    for note in &imported.notes {
        let begun: String = note.text.chars().take(1000).collect();
        assert!(imported.text.contains(&begun), "{begun}\n{}", imported.text);
    }
}
