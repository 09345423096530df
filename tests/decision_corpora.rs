//! Replays the fuzz corpora of `location` and `decision` against their laws.

use std::fs;
use std::path::Path;

#[path = "../fuzz/laws/decision.rs"]
mod decision;
#[path = "../fuzz/laws/location.rs"]
mod location;

fn replay(target: &str, law: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a corpus") {
        let path = entry.expect("an entry").path();
        law(&fs::read(path).expect("a file"));
        count += 1;
    }
    assert!(count > 0, "the corpus of {target} is empty");
}

#[test]
fn locations() {
    replay("location", location::check);
}

#[test]
fn decisions() {
    replay("decision", decision::check);
}
