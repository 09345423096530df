//! The Unix socket, for whoever administers this host.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::converse::{Guest, converse};
use super::frame::{Call, Frames, Hello};
use super::limits::{ACCEPT_PAUSE, HELLO, HELLO_BYTES};
use super::room::{Caller, Room};
use super::wire::{Code, Ear, Wire, line};
use crate::console::{Origin, Over};
use crate::model::Level;

/// The socket's file, which goes where this is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    listener: StdListener,
    /// The file is another process's, and stays.
    keeps: Arc<AtomicBool>,
}

impl Socket {
    /// The same socket once more.
    pub(super) fn copy(&self) -> io::Result<StdListener> {
        self.listener.try_clone()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if !self.keeps.load(Ordering::Relaxed) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The socket at `path` that another process made and handed over.
///
/// # Errors
/// Where it cannot be copied.
pub(super) fn taken(
    path: &Path,
    listener: &StdListener,
    keeps: Arc<AtomicBool>,
) -> io::Result<Socket> {
    let listener = listener.try_clone()?;
    listener.set_nonblocking(true)?;
    Ok(Socket {
        path: path.to_owned(),
        listener,
        keeps,
    })
}

/// Makes the socket at `path`, for this user alone. One that nobody serves any more is replaced.
///
/// # Errors
/// Where it cannot be made, or somebody serves it.
pub(super) fn bind(path: &Path, keeps: Arc<AtomicBool>) -> io::Result<Socket> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::other("there is something else of that name"));
        }
        if StdStream::connect(path).is_ok() {
            return Err(io::Error::other("another signpost serves it"));
        }
    }
    // Nobody may reach it before its mode is set.
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let _ = fs::remove_file(&beside);
    let listener = StdListener::bind(&beside)?;
    listener.set_nonblocking(true)?;
    let moved = fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))
        .and_then(|()| fs::rename(&beside, path));
    if let Err(error) = moved {
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    Ok(Socket {
        path: path.to_owned(),
        listener,
        keeps,
    })
}

/// Serves the socket until it is aborted.
pub(super) async fn accept(room: Arc<Room>, socket: Socket) {
    let shared = socket.listener.try_clone().and_then(UnixListener::from_std);
    let listener = match shared {
        Ok(listener) => listener,
        Err(error) => return warn!("no console over the Unix socket: {error}"),
    };
    loop {
        let Ok(place) = Arc::clone(&room.local).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(sit(Arc::clone(&room), stream, place));
            }
            Err(error) => {
                warn!("the console's socket pauses: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn sit(room: Arc<Room>, mut stream: UnixStream, _place: OwnedSemaphorePermit) {
    let Ok(peer) = stream.peer_cred() else {
        return;
    };
    let own = rustix::process::geteuid().as_raw();
    if peer.uid() != 0 && peer.uid() != own {
        info!(
            "console over the socket: user {} was turned away",
            peer.uid()
        );
        return;
    }
    let Ok(Ok((first, behind))) = timeout(HELLO, line(&mut stream, HELLO_BYTES)).await else {
        return;
    };
    let Ok(hello) = serde_json::from_slice::<Hello>(&first) else {
        return;
    };
    if let Some(call) = hello.upgrade {
        return pass_on(&room, call, peer.uid(), stream).await;
    }
    let mut frames = Frames::default();
    frames.feed(&behind);
    let (ear, mouth) = stream.into_split();
    let origin = Origin {
        from: "unix".into(),
        over: Over::Unix,
        known: Some((name_of(peer.uid()), Level::Configure)),
        terminal: hello.terminal,
        columns: hello.columns,
        rows: hello.rows,
        command: hello.command.map(String::into_boxed_str),
    };
    let wire = Wire {
        ear: Ear::Bytes(Box::pin(ear)),
        mouth: Box::pin(mouth),
        code: Code::Frames(frames),
    };
    let guest = Guest {
        origin,
        wire,
        unproven: None,
        configured: false,
    };
    converse(room, guest).await;
}

/// Hands who wants another process in the place of this one to whoever can do that.
async fn pass_on(room: &Room, call: Call, user: u32, stream: UnixStream) {
    let Ok(stream) = stream.into_std() else {
        return;
    };
    // It is spoken to from threads of its own, with deadlines.
    if stream.set_nonblocking(false).is_ok() {
        let caller = Caller { call, user, stream };
        let _ = room.source.callers.send(caller).await;
    }
}

/// What this host calls a user.
fn name_of(uid: u32) -> Box<str> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|user| {
        let mut fields = user.split(':');
        let name = fields.next()?;
        let number = fields.nth(1)?;
        (number.parse() == Ok(uid)).then_some(name)
    });
    match named {
        Some(name) => name.into(),
        None => format!("uid-{uid}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_nobody_serves_is_replaced_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/console.sock");
        let socket = bind(&path, Arc::default()).expect("made");
        let mode = fs::metadata(&path).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(bind(&path, Arc::default()).is_err(), "it is served");
        drop(socket);
    }

    #[test]
    fn the_file_goes_with_the_socket_and_a_stale_one_gives_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("console.sock");
        drop(bind(&path, Arc::default()).expect("made"));
        assert!(!path.exists());
        drop(StdListener::bind(&path).expect("made"));
        assert!(path.exists(), "stale");
        drop(bind(&path, Arc::default()).expect("replaced"));
        let keeps = Arc::new(AtomicBool::new(true));
        let first = bind(&path, Arc::clone(&keeps)).expect("made");
        let second = taken(&path, &first.listener, Arc::default()).expect("handed over");
        drop(first);
        assert!(path.exists(), "it is another's");
        drop(second);
        assert!(!path.exists());
        fs::write(&path, "mine").expect("written");
        assert!(bind(&path, Arc::default()).is_err());
        assert_eq!(fs::read_to_string(&path).expect("left alone"), "mine");
    }

    #[test]
    fn users_are_named() {
        assert_eq!(&*name_of(0), "root");
        assert_eq!(&*name_of(4_000_000_000), "uid-4000000000");
    }
}
