//! The reference page is what the grammar says.

use std::fs;

/// `SIGNPOST_WRITE_REFERENCE=1 cargo test --test reference` writes the page anew.
#[test]
fn the_reference_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md");
    let page = signpost::language::reference();
    if std::env::var_os("SIGNPOST_WRITE_REFERENCE").is_some() {
        fs::write(path, &page).expect("the page can be written");
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == page,
        "docs/reference.md is not what the grammar says: run SIGNPOST_WRITE_REFERENCE=1 cargo test --test reference"
    );
}
