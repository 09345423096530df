use proptest::prelude::*;

use super::*;
use crate::language::{Style, vocabulary};
use crate::model::load;

#[test]
fn a_command_is_found_by_its_longest_words_behind_a_no() {
    for (line, command) in [
        ("mtu 0 1500", "mtu"),
        ("no ping-allow 0", "ping-allow"),
        ("NO Shutdown ethernet 0", "shutdown"),
        ("  failover", "failover"),
        ("failover ip address 10.0.0.1", "failover ip address"),
        ("failover ip", "failover"),
        ("ip address 10.0.0.1 255.0.0.0", "ip address"),
        ("dynamic-feedback-pw x", "dynamic-feedback-pw"),
    ] {
        assert_eq!(hint(line).map(|it| it.command), Some(command), "{line}");
    }
    for line in [
        "",
        "no",
        "virtual 1.1.1.1",
        "mtus",
        "no no mtu 0",
        "telnet 10.0.0.0 255.0.0.0",
    ] {
        assert_eq!(hint(line), None, "{line}");
    }
}

#[test]
fn no_command_explained_is_a_statement_and_each_stands_once() {
    let statements = &vocabulary().statements;
    let mut before = "";
    for hint in table::COMMANDS {
        assert!(before < hint.command, "{before} {}", hint.command);
        before = hint.command;
        let first = hint.command.split(' ').next();
        let is = statements.iter().any(|it| {
            it.keywords.first().map(String::as_str) == first && it.form.starts_with(hint.command)
        });
        assert!(!is, "{} is a statement", hint.command);
        for part in [hint.was, hint.today] {
            assert!(!part.ends_with('.') && !part.is_empty(), "{part}");
        }
    }
}

#[test]
fn check_explains_commands_that_signpost_has_not() {
    let loaded = load(
        "FILE",
        b"no rip passive\nredirection 1.1.1.1 directed local\n",
    );
    for (told, command) in loaded.diagnostics.iter().zip(["rip", "redirection"]) {
        let help = told.help.as_deref().unwrap_or_default();
        assert!(
            help.starts_with(&format!("on the LocalDirector `{command}` ")),
            "{help}"
        );
    }
    assert_eq!(loaded.diagnostics.len(), 2);
}

#[test]
fn secrets_are_not_repeated() {
    let imported = import(
        b"enable password s3cret encrypted\npassword s3cret\nsnmp-server community s3cret ro\nusername a password 0 s3cret\n\
          dynamic-feedback-pw s3cret\nfrob secret s3cret\n",
    );
    assert!(!imported.text.contains("s3cret"), "{}", imported.text);
    assert!(
        imported
            .notes
            .iter()
            .all(|note| !note.text.contains("s3cret"))
    );
    assert_eq!(imported.unknown().count(), 1);
    assert_eq!(imported.explained(), 5);
}

#[test]
fn a_real_of_every_port_is_one_at_each_port_that_it_was_asked_at() {
    let imported = import(
        b"virtual 1.1.1.1:80 is\nvirtual 1.1.1.1:8080 is\nreal 1.1.1.2:0:0:tcp is\nreal 1.1.1.3:0 is\nbind 1.1.1.1:80 1.1.1.2\n\
          bind 1.1.1.1:8080 1.1.1.2\nbackup 1.1.1.2 1.1.1.3\nweight 1.1.1.2 4\n",
    );
    let model = load("", imported.text.as_bytes()).model.expect("it holds");
    let reals: Vec<String> = model.reals.iter().map(|real| real.id.to_string()).collect();
    assert_eq!(reals, ["1.1.1.2", "1.1.1.2:8080", "1.1.1.3"]);
    for line in [
        "weight 1.1.1.2 4\n",
        "weight 1.1.1.2:8080 4\n",
        "backup 1.1.1.2:8080 1.1.1.3\n",
    ] {
        assert!(imported.text.contains(line), "{}", imported.text);
    }
    assert_eq!(imported.taken, (1..=8).collect::<Vec<u32>>());
}

#[test]
fn more_than_is_read_is_told() {
    let imported = import(&vec![b' '; IMPORT_BYTES + 1]);
    assert!(imported.text.contains("NOT ALL OF IT"));
}

fn line() -> impl Strategy<Value = String> {
    let id = || {
        prop::sample::select(vec![
            "1.1.1.1",
            "1.1.1.1:80:0:tcp",
            "1.1.1.1:0",
            "1.1.1.1:8080",
            "1.1.1.1:443",
            "1.1.1.1:80:2:tcp",
            "1.1.1.2",
            "1.1.1.2:0:0:tcp",
            "1.1.1.2:81",
            "1.1.1.3:0:3",
            "1.1.1.3:53:0:udp",
            "www",
            "www:80",
            "a",
            "b",
            "bind",
        ])
    };
    let word = prop::sample::select(vec![
        "is",
        "oos",
        "all",
        "0",
        "1",
        "60",
        "99999999",
        "leastconns",
        "loaded",
        "slowstart",
        "none",
        "ssl",
        "cookie",
        "http://a/%d",
        "http://%x",
        "302",
        "failed",
        "virtual",
        "real",
        "url",
        "\"",
        "www",
        "1.1.1.9",
        "!",
    ]);
    let command = prop::sample::select(vec![
        "virtual",
        "real",
        "dip",
        "url",
        "bind",
        "unbind",
        "link",
        "backup",
        "in-service",
        "out-of-service virtual",
        "is real",
        "oos url",
        "predictor",
        "sticky",
        "weight",
        "maxconns",
        "threshold",
        "retry",
        "timeout",
        "autounfail",
        "name",
        "hostname",
        "mtu",
        "keepalive",
        "frob",
        "name 1.1.1.1",
        "name 1.1.1.2",
        "telnet",
        "direct - ip",
        "description",
        "watch",
        "probe a tcp",
    ]);
    let no = prop::sample::select(vec!["", "", "", "no "]);
    let behind = prop::collection::vec(prop_oneof![2 => id(), 1 => word], 0..5);
    (no, command, behind)
        .prop_map(|(no, command, behind)| format!("{no}{command} {}\n", behind.join(" ")))
}

fn holds(bytes: &[u8]) {
    let imported = import(bytes);
    let loaded = load("", imported.text.as_bytes());
    assert!(
        loaded.model.is_some(),
        "{}\n{}",
        loaded.report(Style::Plain),
        imported.text
    );
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    for (number, line) in (1..).zip(text.split('\n')) {
        let begun = line.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let says = !begun.is_empty() && !begun.starts_with([':', '!', '#']);
        let told =
            imported.taken.contains(&number) || imported.notes.iter().any(|it| it.line == number);
        assert_eq!(says, told, "line {number}: {line}\n{}", imported.text);
    }
}

proptest! {
    #[test]
    fn whatever_is_read_holds_and_no_line_is_dropped(lines in prop::collection::vec(line(), 0..24)) {
        holds(lines.concat().as_bytes());
    }

    #[test]
    fn any_bytes_hold(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        holds(&bytes);
    }
}
