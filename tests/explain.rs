//! `signpost explain` as the operator meets it.

use std::fs;
use std::process::{Command, Output};

const FARM: &str = "name 1.1.1.3 spare\nvirtual 1.1.1.1\ndip 1.1.1.2 10.0.0.2\ndip spare 10.0.0.3\nurl one http://1.1.1.2/%d\n\
    url two http://1.1.1.3/%d\nurl sorry http://sorry.example/\nbind 1.1.1.1 one two\nlink one 1.1.1.2\nlink two spare\n\
    backup 1.1.1.1 sorry\n";

fn explain(args: &[&str]) -> Output {
    explain_of(FARM, args)
}

fn explain_of(config: &str, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("farm");
    fs::write(&file, config).expect("it can be written");
    Command::new(env!("CARGO_BIN_EXE_signpost"))
        .arg("explain")
        .arg(file)
        .args(["--from", "192.0.2.9"])
        .args(args)
        .output()
        .expect("signpost can be run")
}

#[track_caller]
fn told(args: &[&str]) -> String {
    told_of(FARM, args)
}

#[track_caller]
fn told_of(config: &str, args: &[&str]) -> String {
    let out = explain_of(config, args);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    String::from_utf8(out.stdout).expect("it prints UTF-8")
}

#[test]
fn whatever_has_an_id_can_be_down_or_out_of_service() {
    let asked = "http://www.example.com/x";
    let two = "-> redirect 302 to http://1.1.1.3/x by two (predicted)";
    for id in ["one", "1.1.1.2", "1.1.1.2:80:0:tcp"] {
        for how in ["--down", "--oos"] {
            let told = told(&[how, id, asked]);
            assert!(told.contains(two), "{how} {id}: {told}");
        }
    }
    for how in ["--down", "--oos"] {
        let told = told(&[how, "1.1.1.1", asked]);
        assert!(told.contains("by sorry (virtual-backup)"), "{how}: {told}");
    }
}

#[test]
fn the_targets_of_a_virtual_that_is_out_are_not_said_to_wait_for_their_turn() {
    let told = told(&["--oos", "1.1.1.1", "http://www.example.com/x"]);
    assert!(!told.contains("turn\n"), "{told}");
    assert!(
        told.contains("1.1.1.1 itself is not asked: it is out of service"),
        "{told}"
    );
}

#[test]
fn to_takes_every_form_of_an_id() {
    for to in ["spare", "spare:80", "1.1.1.3:0", "1.1.1.3:80:0:tcp"] {
        let told = told(&["--to", to, "http://www.example.com/x"]);
        assert!(told.contains("-> forward to "), "{to}: {told}");
    }
    let out = explain(&["--to", "1.1.1.9", "http://www.example.com/x"]);
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn whoever_listens_on_all_addresses_is_asked_at_each() {
    let config = "virtual 0.0.0.0:8080\nvirtual 127.0.0.1:8081\nurl u http://u.example/%d\nbind 0.0.0.0:8080 u\n";
    let told = told_of(config, &["http://127.0.0.9:8080/x"]);
    assert!(told.contains("http://u.example/x by u"), "{told}");
}

#[test]
fn an_address_in_brackets_is_no_part_of_a_name() {
    let config = "virtual 1.1.1.1\nurl longer http://www.%h:81/%d\nurl plain http://%h:81/%d\nbind 1.1.1.1 longer\nbackup longer plain\n";
    for (host, to) in [
        ("x.example", "http://www.x.example:81/ by longer"),
        ("[::1]", "http://[::1]:81/ by plain"),
        ("192.0.2.1", "http://www.192.0.2.1:81/ by longer"),
    ] {
        let told = told_of(config, &[&format!("http://{host}/")]);
        assert!(told.contains(to), "{host}: {told}");
    }
}

#[test]
fn the_examples_with_care_decide_as_plain_ones_do_while_all_is_well() {
    let asked = "http://127.0.0.1:8080/x";
    for (name, config, args, told) in [
        (
            "watched",
            include_str!("../configs/watched.conf"),
            &["--down", "one"][..],
            "-> redirect 302 to http://127.0.0.3:8080/x by two (predicted)",
        ),
        (
            "seen",
            include_str!("../configs/seen.conf"),
            &["--down", "one"],
            "-> redirect 302 to http://127.0.0.13:8081/x by two (predicted)",
        ),
        (
            "shop",
            include_str!("../configs/shop.conf"),
            &["--oos", "127.0.0.2:8080", "--down", "127.0.0.4:8080"],
            "-> redirect 302 to http://127.0.0.3:8080/x by two (predicted)",
        ),
    ] {
        let args: Vec<&str> = args.iter().copied().chain([asked]).collect();
        let said = told_of(config, &args);
        assert!(said.contains(told), "{name}: {said}");
    }
}

#[test]
fn a_fragment_makes_no_other_url() {
    let config = "virtual 1.1.1.1\nurl same http://x.example/%d#top\nbind 1.1.1.1 same\n";
    let told = told_of(config, &["http://x.example/a"]);
    assert!(told.contains("refuse with 503 (loop)"), "{told}");
}

#[test]
fn a_client_can_be_stuck_whatever_it_is_known_by() {
    let asked = "http://www.example.com/x";
    for (by, reason) in [
        ("source", "sticky"),
        ("cookie", "sticky"),
        ("referer", "referer"),
    ] {
        let config = format!("{FARM}sticky 1.1.1.1 30 {by}\n");
        for id in ["two", "1.1.1.3", "spare"] {
            let told = told_of(&config, &["--stuck", id, asked]);
            let want = format!("-> redirect 302 to http://1.1.1.3/x by two ({reason})");
            assert!(told.contains(&want), "{by} {id}: {told}");
        }
        let told = told_of(&config, &["--stuck", "two", "--down", "two", asked]);
        assert!(told.contains("by one (predicted)"), "{by}: {told}");
    }
    for (config, id) in [
        (FARM.to_owned(), "two"),
        (format!("{FARM}sticky 1.1.1.1 30\n"), "sorry"),
        (format!("{FARM}sticky 1.1.1.1 30\n"), "nobody"),
    ] {
        let out = explain_of(&config, &["--stuck", id, asked]);
        assert_eq!(out.status.code(), Some(2), "{id}: {out:?}");
    }
}
