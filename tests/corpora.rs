//! Replays the fuzz targets' committed corpora: each target's law over each of its files.

use std::fs;
use std::path::Path;

mod laws;

/// Panics where it is broken.
type Law = fn(&[u8]);

/// Each target's name, that of its folder in `fuzz/corpus`, and its law.
const TARGETS: &[(&str, Law)] = &[("config", laws::config::check)];

#[test]
fn every_law_holds_for_its_corpus() {
    for (target, law) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(target);
        let mut count = 0;
        for entry in fs::read_dir(&folder).expect("the corpus is there") {
            let path = entry.expect("it can be listed").path();
            law(&fs::read(&path).expect("it can be read"));
            count += 1;
        }
        assert!(count > 0, "{} is empty", folder.display());
    }
}
