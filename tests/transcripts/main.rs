//! The console by transcripts: a file is keys typed, a line of dashes, and the exact screen.
//!
//! A line of keys is typed as it stands: `<Enter>`, `<Tab>`, `<Up>`, `<C-a>`, `<A-b>`, `<Esc>`, `<lt>` … are keys, `\xNN` is a byte, the
//! end of the line is nothing. A line that begins with `: ` says how the session came about, or what happens around it; see
//! `director.rs`.

mod director;
mod screen;

use std::fs;
use std::path::{Path, PathBuf};

const DASHES: &str = "----------\n";

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/console");
    let entries = fs::read_dir(folder).expect("the folder of cases is there");
    let mut cases: Vec<_> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    cases.retain(|path| path.extension().is_some_and(|found| found == "case"));
    cases.sort();
    cases
}

fn check(path: &Path, write: bool) -> Result<(), String> {
    let text = fs::read_to_string(path).expect("a case can be read");
    let (input, expected) = text.split_once(DASHES).unwrap_or((&text, ""));
    let found = director::play(input);
    if found == expected {
        return Ok(());
    }
    if write {
        fs::write(path, format!("{input}{DASHES}{found}")).expect("a case can be written");
        return Ok(());
    }
    Err(format!(
        "{}:\n--- expected\n{expected}--- found\n{found}",
        path.display()
    ))
}

/// With `SIGNPOST_WRITE_CASES=1` the screens are written anew: read the difference before committing it.
#[test]
fn every_transcript_shows_exactly_what_its_file_says() {
    let write = std::env::var_os("SIGNPOST_WRITE_CASES").is_some();
    let cases = cases();
    assert!(cases.len() >= 25, "{} transcripts", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|path| check(path, write).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
