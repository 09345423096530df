//! `signpost check` as the operator meets it.

#[path = "support/command.rs"]
mod support;

use std::fs;
use std::process::Output;

use support::{signpost, text};

fn check(args: &[&str]) -> Output {
    signpost(&[&["check"], args].concat())
}

#[test]
fn each_file_is_checked_on_its_own() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("good"), "VIRTUAL 1.1.1.1:80:0:tcp is\n").expect("it can be written");
    fs::write(path("bad"), "virtual 1.1.1.1 up\nnonsense\n").expect("it can be written");
    let out = check(&["--print", &path("good"), &path("bad"), &path("missing")]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(text(&out.stdout), "virtual 1.1.1.1\n");
    let told = text(&out.stderr);
    for place in [
        format!("{}:1:17: error: ", path("bad")),
        format!("{}:2:1: error: ", path("bad")),
        format!("{}: error: the file cannot be read: ", path("missing")),
    ] {
        assert!(told.contains(&place), "{place} in {told}");
    }
}

#[test]
fn warnings_are_told_and_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("file");
    fs::write(&path, "real 1.1.1.1\n").expect("it can be written");
    let out = check(&[&path.display().to_string()]);
    assert_eq!(out.status.code(), Some(0));
    assert!(
        text(&out.stderr).contains(":1:6: warning: "),
        "{}",
        text(&out.stderr)
    );
    assert_eq!(text(&out.stdout), "");
}

#[test]
fn wrong_usage_is_told_apart() {
    assert_eq!(check(&[]).status.code(), Some(2));
    assert_eq!(check(&["--frobnicate", "file"]).status.code(), Some(2));
}

/// What `check` says of these lines in a folder of their own.
fn said_of(lines: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("startup-config");
    fs::write(folder.path().join("empty.pem"), "").expect("it can be written");
    fs::write(&path, lines).expect("it can be written");
    let out = check(&[&path.display().to_string()]);
    assert_eq!(out.status.code(), Some(0));
    text(&out.stderr).to_owned()
}

#[test]
fn files_that_serve_would_refuse_are_told_with_who_names_them() {
    let told = said_of(
        "virtual 127.0.0.1:443\nurl a http://b.example/\nbind 127.0.0.1:443 a\ncertificate k none.crt none.key\ntls 127.0.0.1:443 k\nclient-certificates 127.0.0.1:443 empty.pem\nreal 192.0.2.1:443 is tls verify b.example ca /none/ca.pem\ndip 192.0.2.3 192.0.2.2:443 tls verify b.example ca other.pem\n",
    );
    for (of, why) in [
        ("certificate k: `", "none.crt`: it cannot be read"),
        (
            "client-certificates 127.0.0.1:443: `",
            "empty.pem`: no certificate is in it",
        ),
        ("real 192.0.2.1:443: ", "`/none/ca.pem` cannot be used"),
        ("dip 192.0.2.3: ", "/other.pem` cannot be used"),
    ] {
        let line = told.lines().find(|line| line.contains(of));
        let line = line.unwrap_or_else(|| panic!("{of}: {told}"));
        assert!(line.contains(why), "{line}");
        assert!(line.contains("`serve` refuses to start"), "{line}");
    }
}

#[test]
fn a_certificate_that_is_not_for_servers_is_told() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut params = rcgen::CertificateParams::new(vec!["a.example".into()]).expect("names");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("k.crt"), certificate.pem()).expect("it can be written");
    fs::write(path("k.key"), key.serialize_pem()).expect("it can be written");
    fs::write(path("file"), "certificate k k.crt k.key\n").expect("it can be written");
    let out = check(&[&path("file").display().to_string()]);
    assert_eq!(out.status.code(), Some(0));
    let told = text(&out.stderr);
    assert!(told.contains("lacks serverAuth"), "{told}");
}
