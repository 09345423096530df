//! The console over SSH, with OpenSSH's client.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::{Director, free};

fn director() -> (Director, SocketAddr) {
    let (at, console) = (free(), free());
    let config = format!(
        "hostname farm\nvirtual {at}\nconsole ssh {console}\nusername ann privilege configure secret open-sesame\n"
    );
    (Director::start(&config), console)
}

/// Runs OpenSSH's client.
fn ssh(folder: &Path, console: SocketAddr, options: &[&str], words: &[&str]) -> Output {
    let known = folder.join("known_hosts");
    Command::new("ssh")
        .args(["-F", "none", "-o", "StrictHostKeyChecking=accept-new"])
        .args(["-o", &format!("UserKnownHostsFile={}", known.display())])
        .args(["-o", "ConnectTimeout=10", "-p", &console.port().to_string()])
        .args(options)
        .arg(format!("ann@{}", console.ip()))
        .args(words)
        .env("SSH_ASKPASS", folder.join("askpass"))
        .env("SSH_ASKPASS_REQUIRE", "force")
        .stdin(Stdio::null())
        .output()
        .expect("ssh runs; Debian's package is openssh-client")
}

fn with_password(password: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("askpass");
    fs::write(&file, format!("#!/bin/sh\necho {password}\n")).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).expect("set");
    folder
}

#[test]
fn a_password_leads_to_a_command_and_its_exit_status() {
    let (director, console) = director();
    let folder = with_password("open-sesame");
    let shown = ssh(folder.path(), console, &[], &["show version"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{:?}", shown);
    assert!(text.contains("farm is up"), "{text}");
    let wrong = ssh(folder.path(), console, &[], &["show nothing"]);
    assert_eq!(wrong.status.code(), Some(1));
    let subsystem = ssh(folder.path(), console, &["-s"], &["sftp"]);
    assert!(!subsystem.status.success());
    // The same host key after a restart: else the client would refuse.
    let director = director.restart();
    let again = ssh(folder.path(), console, &[], &["show version"]);
    assert!(again.status.success(), "{:?}", again);
    drop(director);
    let wrong = with_password("open-barley");
    assert!(!wrong.path().join("known_hosts").exists());
}

#[test]
fn a_wrong_password_does_not_lead_in_and_a_key_does() {
    let (director, console) = director();
    let folder = with_password("open-barley");
    let once = ["-o", "NumberOfPasswordPrompts=1"];
    let refused = ssh(folder.path(), console, &once, &["show version"]);
    assert_eq!(refused.status.code(), Some(255));

    let key = folder.path().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let public = fs::read_to_string(key.with_extension("pub")).expect("made");
    let words: Vec<&str> = public.split_whitespace().take(2).collect();
    let by_key = [
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "PasswordAuthentication=no",
        "-i",
        key.to_str().expect("a path"),
    ];
    let unknown = ssh(folder.path(), console, &by_key, &["show version"]);
    assert_eq!(unknown.status.code(), Some(255));
    let line = format!("username ann key {}", words.join(" "));
    director.typed(&["configure terminal", &line, "end"]);
    let known = ssh(folder.path(), console, &by_key, &["show who"]);
    let text = String::from_utf8_lossy(&known.stdout).into_owned();
    assert!(known.status.success() && text.contains("ssh"), "{known:?}");
}

#[test]
fn nothing_but_sessions_is_served() {
    let (_director, console) = director();
    let folder = with_password("open-sesame");
    let forward = format!("{}:localhost:1", free().port());
    let options = ["-R", &forward, "-o", "ExitOnForwardFailure=yes"];
    let refused = ssh(folder.path(), console, &options, &["show version"]);
    assert_eq!(refused.status.code(), Some(255));
}
