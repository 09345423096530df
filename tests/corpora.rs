//! Replays the fuzz targets' committed corpora: each target's law over each of its files.

use std::fs;
use std::path::Path;

#[path = "../fuzz/laws/answer.rs"]
mod answer;
#[path = "../fuzz/laws/config.rs"]
mod config;
#[path = "../fuzz/laws/decision.rs"]
mod decision;
#[path = "../fuzz/laws/front.rs"]
mod front;
#[path = "../fuzz/laws/head.rs"]
mod head;
#[path = "../fuzz/laws/import.rs"]
mod import;
#[path = "../fuzz/laws/location.rs"]
mod location;

/// Calls `law` for each file of the target's folder in `fuzz/corpus`.
fn replay(target: &str, law: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the corpus is there") {
        let path = entry.expect("it can be listed").path();
        law(&fs::read(path).expect("it can be read"));
        count += 1;
    }
    assert!(count > 0, "the corpus of {target} is empty");
}

#[test]
fn configurations_print_as_themselves() {
    replay("config", config::check);
}

#[test]
fn what_stands_before_and_in_requests_is_read_alike_in_any_pieces() {
    replay("front", front::check);
}

#[test]
fn answers_go_on_as_they_came_in_any_pieces() {
    replay("answer", answer::check);
}

#[test]
fn heads_are_read_alike_in_any_pieces() {
    replay("head", head::check);
}

#[test]
fn nothing_of_an_imported_file_is_dropped_in_silence() {
    replay("import", import::check);
}

#[test]
fn locations_stay_under_their_authority() {
    replay("location", location::check);
}

#[test]
fn decisions_end_at_usable_servers() {
    replay("decision", decision::check);
}
