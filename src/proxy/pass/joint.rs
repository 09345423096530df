//! Two connections joined: bytes both ways, each side's end the other's.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::proxy::deadline::Deadline;

/// What is read at once, in bytes; so much is kept at most of each direction.
const BYTES: usize = 16 * 1024;

/// Reads in a row before others have their turn.
const ROUNDS: usize = 16;

/// How two joined connections ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Both sides have said that they are done.
    Both,
    /// One of them broke off.
    Reset,
    /// Nothing moved for too long.
    Silent,
}

/// One direction: what was read and not yet written. Empty, it holds no memory.
#[derive(Debug, Default)]
struct Way {
    waiting: Bytes,
    /// The side that it comes from has said all.
    ended: bool,
    /// All of it was passed on, or the other side takes no more.
    done: bool,
    passed: u64,
}

impl Way {
    /// Moves bytes until one side would wait. `Ready`: this direction is done.
    fn poll(
        &mut self,
        from: &TcpStream,
        to: &TcpStream,
        cx: &mut Context<'_>,
        moved: &mut bool,
    ) -> Poll<io::Result<()>> {
        let mut rounds = 0;
        while !self.done {
            if !self.waiting.is_empty() {
                match to.try_write(&self.waiting) {
                    Ok(written) => {
                        self.waiting.advance(written);
                        self.passed += written as u64;
                        *moved = true;
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                        ready!(to.poll_write_ready(cx))?;
                    }
                    // What the other side said before it took no more is still to be passed on.
                    Err(_) => self.done = true,
                }
            } else if self.ended {
                // It may have broken off meanwhile, which reading from it tells.
                let _ = SockRef::from(to).shutdown(std::net::Shutdown::Write);
                self.done = true;
            } else if rounds == ROUNDS {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            } else {
                rounds += 1;
                ready!(self.fill(from, to, cx, moved))?;
            }
        }
        self.waiting = Bytes::new();
        Poll::Ready(Ok(()))
    }

    /// Reads on the stack and writes at once: only what the other side does not take is kept.
    fn fill(
        &mut self,
        from: &TcpStream,
        to: &TcpStream,
        cx: &mut Context<'_>,
        moved: &mut bool,
    ) -> Poll<io::Result<()>> {
        self.waiting = Bytes::new();
        let mut bytes = [0; BYTES];
        let read = match from.try_read(&mut bytes) {
            Ok(0) => {
                self.ended = true;
                return Poll::Ready(Ok(()));
            }
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return from.poll_read_ready(cx),
            Err(e) => return Poll::Ready(Err(e)),
        };
        *moved = true;
        let written = match to.try_write(&bytes[..read]) {
            Ok(written) => written,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => {
                self.done = true;
                return Poll::Ready(Ok(()));
            }
        };
        self.passed += written as u64;
        if written < read {
            self.waiting = Bytes::copy_from_slice(&bytes[written..read]);
        }
        Poll::Ready(Ok(()))
    }
}

/// Passes bytes both ways until both sides have ended, one breaks off or both are silent for `silence`: how many went to the server
/// and how many to the client.
pub(super) async fn carry(
    client: &TcpStream,
    server: &TcpStream,
    silence: Duration,
) -> (u64, u64, End) {
    let (mut up, mut down) = (Way::default(), Way::default());
    let deadline = Deadline::default();
    deadline.set(silence);
    let end = std::future::poll_fn(|cx| {
        let mut moved = false;
        let upward = up.poll(client, server, cx, &mut moved);
        let downward = down.poll(server, client, cx, &mut moved);
        match (upward, downward) {
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => return Poll::Ready(End::Reset),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(End::Both),
            _ => {}
        }
        if moved {
            deadline.set(silence);
        }
        deadline.poll_passed(cx).map(|()| End::Silent)
    })
    .await;
    (up.passed, down.passed, end)
}
