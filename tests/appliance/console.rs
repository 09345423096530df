//! `signpost console` as scripts use it: plain output, exit status by outcome, over the Unix socket.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Director, Origin, free, get, run};

fn director() -> (Director, std::net::SocketAddr, Origin) {
    let (at, origin) = (free(), Origin::saying("one"));
    let real = origin.address;
    let config = format!("hostname farm\nvirtual {at}\nreal {real}\nbind {at} {real}\n");
    (Director::start(&config), at, origin)
}

#[test]
fn a_command_prints_plain_text_or_json_and_ends_by_its_outcome() {
    let (director, at, origin) = director();
    let real = origin.address.to_string();
    let shown = director.typed(&["show real | json"]);
    let reals: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(reals[0]["id"], real.as_str());
    assert_eq!(reals[0]["state"], "IS");
    let shown = director.typed(&["show virtual"]);
    assert!(shown.contains(&at.to_string()), "{shown}");
    assert!(
        !shown.contains('\x1b') && !shown.contains('\r'),
        "{shown:?}"
    );

    let wrong = director.console(&["show nothing"]);
    assert_eq!(wrong.status.code(), Some(1));
    let several = director.console(&["show version", "show nothing", "show version"]);
    assert_eq!(several.status.code(), Some(1));
    assert_eq!(run(&["console", "--nothing"]).status.code(), Some(2));
    let nobody = run(&["console", "--socket", "/nowhere/console.sock", "-c", "who"]);
    assert_eq!(nobody.status.code(), Some(3));
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(said.contains("signpost serve"), "{said}");
}

#[test]
fn a_script_changes_the_farm_and_changes_nothing_the_second_time() {
    let (director, at, origin) = director();
    let (real, second) = (origin.address, Origin::saying("two"));
    let script = format!(
        "configure terminal\nreal {0}\nbind {at} {0}\nout-of-service real {real}\nend\nwrite memory\n",
        second.address
    );
    for _ in 0..2 {
        let file = director.socket().with_file_name("script");
        std::fs::write(&file, &script).expect("written");
        let socket = director.socket();
        let paths = [socket.to_str(), file.to_str()].map(|path| path.expect("a path"));
        let ran = run(&["console", "--socket", paths[0], paths[1]]);
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{said}");
        assert_eq!(get(at, "/").text(), "two");
    }
    let running = director.typed(&["show running-config"]);
    let stored = std::fs::read_to_string(director.file()).expect("read");
    assert_eq!(running.trim(), stored.trim());
    let director = director.restart();
    assert_eq!(get(at, "/").text(), "two");
    assert_eq!(director.typed(&["show running-config"]), running);
}

#[test]
fn standard_input_is_a_script_too_and_ends_at_a_wrong_line_told_by_its_number() {
    let (director, ..) = director();
    let mut child = Command::new(env!("CARGO_BIN_EXE_signpost"))
        .args(["console", "--socket"])
        .arg(director.socket())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("piped");
    input
        .write_all(b"configure terminal\nhostname wiser\nweigth 5\nend\nshow version\n")
        .expect("taken");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("line 3") && !said.contains("is up"), "{said}");
    assert!(director.typed(&["show version"]).contains("wiser is up"));
}

#[test]
fn a_mistake_is_told_whatever_of_the_script_is_still_to_come() {
    let (director, ..) = director();
    let file = director.socket().with_file_name("script");
    // More than a socket takes in: the director has ended the session while it is still being sent.
    let rest = "show version\n".repeat(100_000);
    std::fs::write(&file, format!("weigth 5\n{rest}")).expect("written");
    let socket = director.socket();
    let paths = [socket.to_str(), file.to_str()].map(|path| path.expect("a path"));
    let ran = run(&["console", "--socket", paths[0], paths[1]]);
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{told}");
    assert!(told.contains("line 1: Unknown command: weigth"), "{ran:?}");
}

#[test]
fn every_line_is_audited_and_no_secret_is_told() {
    let (director, ..) = director();
    director.typed(&[
        "configure terminal",
        "username ann privilege view secret open-sesame",
        "end",
    ]);
    let running = director.typed(&["show running-config"]);
    assert!(running.contains("username ann privilege view secret $argon2id$"));
    let log = director.log();
    assert!(
        log.contains("ran `username ann privilege view secret ********`"),
        "{log}"
    );
    assert!(
        log.contains("from=unix") && !log.contains("open-sesame"),
        "{log}"
    );
    let shown = director.typed(&["show log"]);
    assert!(shown.contains("ran `configure terminal`"), "{shown}");
}

#[test]
fn a_password_is_hashed_where_it_need_not_stand_in_a_file() {
    let hash = |password: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signpost"))
            .arg("secret")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("piped");
        // One that is too long is not read to its end.
        let _ = input.write_all(password.as_bytes());
        drop(input);
        child.wait_with_output().expect("it ends")
    };
    let good = hash("open-sesame\n");
    assert!(good.status.success());
    assert!(good.stdout.starts_with(b"$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(hash(&"a".repeat(128)).status.success());
    for wrong in ["", "seven77\n", &"a".repeat(129)] {
        assert_eq!(hash(wrong).status.code(), Some(1), "{wrong:?}");
    }
}
