//! Cases as files: an input, a line of dashes, and the exact output.

use std::fs;
use std::path::{Path, PathBuf};

const DASHES: &str = "----------\n";

/// The files of a folder of this repository that end so, in order.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).expect("the folder of cases is there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    assert!(!files.is_empty(), "no {extension} in {}", folder.display());
    files
}

/// Whether the case at `path` has the `output` of its input; where it is to `write`, the file is made to have it.
pub(crate) fn check(path: &Path, output: fn(&str) -> String, write: bool) -> Result<(), String> {
    let text = fs::read_to_string(path).expect("a case can be read");
    let (input, expected) = text.split_once(DASHES).unwrap_or((&text, ""));
    let found = output(input);
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
