//! Reads the imports and fails where a room knows what it must not (see the map in `lib.rs`).

use std::fs;
use std::path::{Path, PathBuf};

/// All rooms from left to right: each may know those to its right. Rooms in one entry do not know each other.
const ROOMS: [&[&str]; 9] = [
    &["cli"],
    &["app"],
    &["proxy", "admin", "console", "probes", "acme"],
    &["control"],
    &["telemetry", "tls"],
    &["health"],
    &["decide"],
    &["model"],
    &["language"],
];

const PURE: [&str; 4] = ["language", "model", "decide", "health"];

/// What no pure room may say.
const IMPURE: [&str; 21] = [
    "tokio",
    "hyper",
    "hyper_util",
    "socket2",
    "arc_swap",
    "tracing",
    "rand",
    "getrandom",
    "fastrand",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::io::stdin",
    "Instant",
    "SystemTime",
    "RandomState",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
];

fn files(at: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = match fs::read_dir(at) {
        Ok(entries) => entries.map(|e| e.expect("an entry").path()).collect(),
        Err(_) => return,
    };
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// A file's code without comments and without what only its tests see.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    let own = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = own
        .lines()
        .map(|l| l.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn room(room: &str) -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = vec![];
    files(&src.join(room), &mut found);
    let single = src.join(format!("{room}.rs"));
    if single.exists() {
        found.push(single);
    }
    found.retain(|p| !p.components().any(|c| c.as_os_str() == "tests") && !p.ends_with("tests.rs"));
    found.into_iter().map(|p| (p.clone(), code(&p))).collect()
}

/// Whether `word` stands in `text` as a whole path segment or path.
fn says(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[test]
fn pure_rooms_know_no_outside_world() {
    for name in PURE {
        let files = room(name);
        assert!(!files.is_empty(), "no files in room `{name}`");
        for (path, text) in files {
            for word in IMPURE {
                assert!(
                    !says(&text, word),
                    "{} is pure and says `{word}`",
                    path.display()
                );
            }
        }
    }
}

/// Sessions, telnet and tables take bytes and give bytes: only `console/serve` knows sockets.
#[test]
fn the_console_is_pure_but_for_its_servers() {
    let files = room("console");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
    // A question carries the way back for its answer.
    let serves =
        |path: &Path| path.starts_with(here.join("serve")) || *path == here.join("question.rs");
    let mut pure = 0;
    for (path, text) in files.iter().filter(|(path, _)| !serves(path)) {
        pure += 1;
        for word in IMPURE {
            assert!(
                !says(text, word),
                "{} is pure and says `{word}`",
                path.display()
            );
        }
    }
    assert!(pure > 10, "{pure} files in the console");
}

#[test]
fn rooms_know_only_those_to_their_right() {
    for (i, names) in ROOMS.iter().enumerate() {
        for name in *names {
            let forbidden = ROOMS[..=i]
                .iter()
                .flat_map(|r| r.iter())
                .filter(|r| r != &name);
            // `telemetry` is known by `app`, `proxy`, `admin` and `control` only.
            let silent = matches!(
                *name,
                "cli" | "probes" | "acme" | "health" | "decide" | "model" | "language"
            );
            let forbidden: Vec<&&str> = forbidden.chain(silent.then_some(&"telemetry")).collect();
            for (path, text) in room(name) {
                for other in &forbidden {
                    let knows = says(&text, &format!("crate::{other}"));
                    assert!(!knows, "{} must not know `{other}`", path.display());
                }
                assert!(
                    !text.contains("crate::{"),
                    "{}: name each room in a `use` of its own",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn main_is_short_and_words_are_found_whole() {
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs");
    let lines = fs::read_to_string(main).expect("main.rs").lines().count();
    assert!(lines < 60, "main.rs has {lines} lines");
    assert!(says("use tokio::net;", "tokio") && says("a Instant::now()", "Instant"));
    assert!(!says("operand", "rand") && !says("an Instantly", "Instant"));
}
