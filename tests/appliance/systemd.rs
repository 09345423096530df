//! The service manager, played by the test: what it is told, what it keeps, what it hands over (issue 5, 7).

use std::io::{IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use rustix::cmsg_space;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tempfile::TempDir;

use crate::support::{Client, Director, PATIENCE, eventually, free, get};
use crate::upgrade::{calls, hears, says};

/// Where the service manager hears.
struct Manager {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Manager {
        let folder = TempDir::new().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("bound");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        Manager { folder, socket }
    }

    /// A command that starts signpost as a service.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signpost"));
        command
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .stdin(Stdio::null());
        command
    }

    /// The next word that begins with `wanted`, and the sockets that came with it.
    #[track_caller]
    fn hears(&self, wanted: &str) -> (String, Vec<OwnedFd>) {
        self.hears_before(wanted, None)
    }

    /// The same, where a word that begins with `never` does not come before it.
    #[track_caller]
    fn hears_before(&self, wanted: &str, never: Option<&str>) -> (String, Vec<OwnedFd>) {
        loop {
            let mut bytes = [0; 4096];
            let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(8))];
            let mut rights = RecvAncillaryBuffer::new(&mut space);
            let mut into = [IoSliceMut::new(&mut bytes)];
            let heard = recvmsg(
                &self.socket,
                &mut into,
                &mut rights,
                RecvFlags::CMSG_CLOEXEC,
            );
            let heard = heard.unwrap_or_else(|e| panic!("`{wanted}` does not come: {e}"));
            let mut sockets = Vec::new();
            for message in rights.drain() {
                if let RecvAncillaryMessage::ScmRights(some) = message {
                    sockets.extend(some);
                }
            }
            let word = String::from_utf8_lossy(&bytes[..heard.bytes]).into_owned();
            assert!(never.is_none_or(|never| !word.starts_with(never)), "{word}");
            if word.starts_with(wanted) {
                return (word, sockets);
            }
        }
    }
}

#[test]
fn it_is_told_what_the_service_does() {
    let (at, extra) = (free(), free());
    let base = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n");
    let manager = Manager::new();
    let mut director = Director::start_by(manager.command(), &base, &["--workers", "1"]);
    let (word, sockets) = manager.hears("FDSTORE=1");
    let named = format!("FDNAME=signpost-{}", at.to_string().replace(':', "_"));
    assert!(word.contains(&named), "{word}");
    let kept = TcpListener::from(sockets.into_iter().next().expect("a socket"));
    assert_eq!(kept.local_addr().expect("bound"), at);
    let (word, _) = manager.hears("READY=1");
    assert!(
        word.contains(&format!("STATUS=listening on {at}")),
        "{word}"
    );

    director.reload(&format!("{base}virtual {extra}\nbind {extra} t\n"));
    let (word, _) = manager.hears("RELOADING=1");
    assert!(word.contains("MONOTONIC_USEC="), "{word}");
    manager.hears("FDSTORE=1");
    let (word, _) = manager.hears("READY=1");
    assert!(word.contains(&extra.to_string()), "{word}");
    director.reload(&base);
    let (word, _) = manager.hears("FDSTOREREMOVE=1");
    assert!(word.contains(&extra.port().to_string()), "{word}");
    director.reload_refused("virtual nothing\n");
    manager.hears("RELOADING=1");
    manager.hears("READY=1");

    director.upgrade(&[]);
    let (word, _) = manager.hears("MAINPID=");
    assert_eq!(word.trim(), format!("MAINPID={}", director.pid()));
    manager.hears("READY=1");
    director.terminate();
    manager.hears("STOPPING=1");
    assert_eq!(director.wait().code(), Some(0));
}

#[test]
fn a_process_that_dies_when_it_is_to_begin_does_not_become_the_service() {
    let at = free();
    let config = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n");
    let manager = Manager::new();
    let mut director = Director::start_by(manager.command(), &config, &[]);
    manager.hears("READY=1");
    let mut heir = calls(&director, 1);
    hears(&mut heir);
    // The sockets came with one byte.
    heir.read_exact(&mut [0]).expect("the sockets");
    says(&mut heir, r#""Serving""#);
    assert_eq!(hears(&mut heir), r#""Yours""#);
    drop(heir);
    eventually("it goes on", || {
        director.log().contains("went away when it was to begin")
    });
    director.reload(&config);
    manager.hears_before("RELOADING=1", Some("MAINPID="));
    assert_eq!(get(at, "/x").status, 302);
    director.upgrade(&[]);
    let (word, _) = manager.hears("MAINPID=");
    assert_eq!(word.trim(), format!("MAINPID={}", director.pid()));
    manager.hears("READY=1");
}

#[test]
fn its_watchdog_is_fed() {
    let at = free();
    let manager = Manager::new();
    let mut command = manager.command();
    command.env("WATCHDOG_USEC", "300000");
    let config = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n");
    let mut director = Director::start_by(command, &config, &[]);
    manager.hears("WATCHDOG=1");
    manager.hears("WATCHDOG=1");
    director.upgrade(&[]);
    manager.hears("MAINPID=");
    manager.hears("WATCHDOG=1");
}

/// Starts signpost with `listener` as the one socket that the service manager hands over.
fn activated(listener: &TcpListener, config: &str) -> Director {
    let mut command = Command::new("sh");
    let script =
        "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec \"$0\" \"$@\"";
    let handed = OwnedFd::from(listener.try_clone().expect("copied"));
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_signpost")])
        .stdin(Stdio::from(handed));
    Director::start_by(command, config, &[])
}

#[test]
fn its_sockets_are_taken_by_address_with_who_waits_in_their_queues() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("bound");
    let config = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n");
    let mut early = Client::to(at);
    early.send("GET /early HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut director = activated(&listener, &config);
    assert_eq!(early.answer().location(), "http://t.example/early");
    // While nobody serves, who comes waits: the manager has the socket still.
    director.terminate();
    assert_eq!(director.wait().code(), Some(0));
    let mut between = Client::to(at);
    between.send("GET /between HTTP/1.1\r\nHost: x\r\n\r\n");
    let director = activated(&listener, &config);
    assert_eq!(between.answer().location(), "http://t.example/between");
    drop(director);
}

#[test]
fn a_socket_that_nothing_is_configured_for_is_told() {
    let (listener, at) = (TcpListener::bind("127.0.0.1:0").expect("a port"), free());
    let config = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n");
    let director = activated(&listener, &config);
    assert!(
        director
            .log()
            .contains("nothing is configured at 127.0.0.1:")
    );
    assert_eq!(get(at, "/").status, 302);
}
