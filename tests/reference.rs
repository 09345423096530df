//! The reference pages are what the grammars say.

use std::fs;

/// `SIGNPOST_WRITE_REFERENCE=1 cargo test --test reference` writes the pages anew.
fn check(name: &str, page: &str) {
    let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("SIGNPOST_WRITE_REFERENCE").is_some() {
        fs::write(&path, page).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/{name} is not what the grammar says: run SIGNPOST_WRITE_REFERENCE=1 cargo test --test reference"
    );
}

#[test]
fn the_reference_page_is_current() {
    check("reference.md", &signpost::language::reference());
}

#[test]
fn the_reference_page_of_the_console_is_current() {
    check(
        "console-reference.md",
        &signpost::language::console_reference(),
    );
}
