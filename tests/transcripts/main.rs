//! The console by transcripts: a file is keys typed, a line of dashes, and the exact screen.
//!
//! A line of keys is typed as it stands: `<Enter>`, `<Tab>`, `<Up>`, `<C-a>`, `<A-b>`, `<Esc>`, `<lt>` … are keys, `\xNN` is a byte, the
//! end of the line is nothing. A line that begins with `: ` says how the session came about, or what happens around it; see
//! `director.rs`.

mod director;
mod screen;
#[path = "../support/files.rs"]
mod support;

use support::{check, files};

/// With `SIGNPOST_WRITE_CASES=1` the screens are written anew: read the difference before committing it.
#[test]
fn every_transcript_shows_exactly_what_its_file_says() {
    let write = std::env::var_os("SIGNPOST_WRITE_CASES").is_some();
    let cases = files("tests/cases/console", "case");
    assert!(cases.len() >= 25, "{} transcripts", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|path| check(path, director::play, write).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
