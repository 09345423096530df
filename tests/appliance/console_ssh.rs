//! The console over SSH, with OpenSSH's client.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

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
fn a_person_types_at_a_terminal() {
    let (_director, console) = director();
    let folder = with_password("open-sesame");
    let known = folder.path().join("known_hosts");
    let mut client = Command::new("ssh")
        .args([
            "-F",
            "none",
            "-tt",
            "-o",
            "StrictHostKeyChecking=accept-new",
        ])
        .args(["-o", &format!("UserKnownHostsFile={}", known.display())])
        .args(["-o", "ConnectTimeout=10", "-p", &console.port().to_string()])
        .arg(format!("ann@{}", console.ip()))
        .env("SSH_ASKPASS", folder.path().join("askpass"))
        .env("SSH_ASKPASS_REQUIRE", "force")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("ssh runs; Debian's package is openssh-client");
    let mut keys = client.stdin.take().expect("piped");
    keys.write_all(b"enable\rshow version\rquit\r")
        .expect("typed");
    let (done, ended) = mpsc::channel();
    let id = client.id();
    std::thread::spawn(move || done.send(client.wait_with_output()));
    let shown = ended.recv_timeout(Duration::from_secs(20));
    if shown.is_err() {
        let _ = Command::new("kill").arg(id.to_string()).status();
    }
    let shown = shown.expect("`quit` ends the session").expect("waited for");
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("farm# show version"), "{text}");
    assert!(text.contains("farm is up"), "{text}");
    assert!(shown.status.success(), "{shown:?}");
}

#[test]
fn a_second_password_is_looked_at() {
    let (_director, console) = director();
    let folder = with_password("open-sesame");
    // The first one that it tells is wrong.
    let script = "#!/bin/sh\ncd \"${0%/*}\"\nif mkdir asked 2>/dev/null; then echo open-barley; else echo open-sesame; fi\n";
    fs::write(folder.path().join("askpass"), script).expect("written");
    let shown = ssh(folder.path(), console, &[], &["show version"]);
    assert!(folder.path().join("asked").exists());
    assert!(shown.status.success(), "{shown:?}");
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
