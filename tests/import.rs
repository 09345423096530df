//! `signpost import` as the operator meets it.

#[path = "support/command.rs"]
mod support;

use std::fs;

use support::{signpost, text};

#[test]
fn what_is_printed_passes_check_and_the_lines_are_counted() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let saved = ": Saved\nmtu 0 1500\nvirtual 192.0.2.1:80:0:tcp is\nreal 10.0.0.1:80:0:tcp is\n\
                 bind 192.0.2.1:80:0:tcp 10.0.0.1:80:0:tcp\nretry 10.0.0.1:80:0:tcp 2\n: end\n";
    fs::write(path("saved"), saved).expect("it can be written");
    let out = signpost(&["import", &path("saved")]);
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(
        text(&out.stderr),
        format!("{}: 4 lines taken over, 1 explained\n", path("saved"))
    );
    fs::write(path("new"), &out.stdout).expect("it can be written");
    let checked = signpost(&["check", "--print", &path("new")]);
    assert_eq!(checked.status.code(), Some(0));
    assert_eq!(text(&checked.stderr), "");
    assert_eq!(
        text(&checked.stdout),
        "virtual 192.0.2.1\nreal 10.0.0.1\nbind 192.0.2.1 10.0.0.1\npredictor 192.0.2.1 leastconns\nretry 10.0.0.1 120\n"
    );
}

#[test]
fn a_line_that_is_not_understood_is_listed_and_fails() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("odd"), "real 10.0.0.1 is\nfrobnicate it\n").expect("it can be written");
    let out = signpost(&["import", &path("odd"), &path("missing")]);
    assert_eq!(out.status.code(), Some(1));
    let told = text(&out.stderr);
    for part in [
        format!("{}:2: error: not understood: frobnicate it: ", path("odd")),
        format!(
            "{}: 1 line taken over, 0 explained, 1 not understood\n",
            path("odd")
        ),
        format!("{}: error: the file cannot be read: ", path("missing")),
    ] {
        assert!(told.contains(&part), "{part} in {told}");
    }
    assert!(text(&out.stdout).contains("! not understood: frobnicate it\n"));
    assert_eq!(signpost(&["import"]).status.code(), Some(2));
}
