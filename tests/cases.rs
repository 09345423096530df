//! Cases: a file is an input, a line of dashes, and the exact output.

#[path = "support/files.rs"]
mod support;

use std::fs;

use signpost::language::Style;
use signpost::model;

use support::{check, files};

/// The bytes that `input` stands for.
fn bytes(input: &str) -> Vec<u8> {
    // `\xNN` stands for a byte that a text file cannot show.
    let mut bytes = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let byte = u8::from_str_radix(&rest[at + 2..at + 4], 16)
            .expect("two hexadecimal digits follow \\x");
        bytes.push(byte);
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// What `signpost check --print` says of `input`: diagnostics, then the canonical form.
fn checked(input: &str) -> String {
    let loaded = model::load("FILE", &bytes(input));
    let mut output = loaded.report(Style::Plain);
    if let Some(model) = &loaded.model {
        output.push_str(&model::print(model));
    }
    output
}

/// What `signpost import` says of `input`: the configuration; it must hold.
fn imported(input: &str) -> String {
    let text = model::foreign::import(&bytes(input)).text;
    let loaded = model::load("FILE", text.as_bytes());
    assert!(
        loaded.model.is_some(),
        "{}\n{text}",
        loaded.report(Style::Plain)
    );
    text
}

/// What is wrong with the cases of `folder`.
fn check_all(folder: &str, output: fn(&str) -> String, write: bool) -> Vec<String> {
    let files = files(folder, "case");
    let wrong = files
        .iter()
        .filter_map(|path| check(path, output, write).err());
    wrong.collect()
}

/// With `SIGNPOST_WRITE_CASES=1` the outputs are written anew: read the difference before committing it.
#[test]
fn every_case_says_exactly_what_its_file_says() {
    let write = std::env::var_os("SIGNPOST_WRITE_CASES").is_some();
    let mut wrong = check_all("tests/cases/check", checked, write);
    wrong.extend(check_all("tests/cases/import", imported, write));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_loads_prints_and_loads_again() {
    for path in files("configs", "conf") {
        let text = fs::read(&path).expect("an example can be read");
        assert!(
            text.starts_with(b"#"),
            "{}: begins with what it does",
            path.display()
        );
        let loaded = model::load(&path.display().to_string(), &text);
        let model = loaded
            .model
            .clone()
            .unwrap_or_else(|| panic!("{}", loaded.report(Style::Plain)));
        let printed = model::print(&model);
        let again = model::load("printed", printed.as_bytes());
        assert_eq!(again.model.as_ref(), Some(&model), "{}", path.display());
        assert_eq!(model::print(&model), printed);
        let only_figure = path.file_stem().is_some_and(|name| name == "figure");
        assert!(
            loaded.diagnostics.is_empty() || only_figure,
            "{}",
            loaded.report(Style::Plain)
        );
    }
}
