//! Two connections joined: bytes both ways, each side's end the other's.

use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::proxy::deadline::Deadline;
use crate::proxy::forward::{Pipes, Way};

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

/// One direction, up to its end.
struct Half<'a> {
    way: Way<'a>,
    /// All of it was passed on, and that it was all; or the other side takes no more.
    done: bool,
}

impl<'a> Half<'a> {
    fn new(pipes: &'a Pipes) -> Self {
        Half {
            way: Way::new(Bytes::new(), pipes),
            done: false,
        }
    }

    /// Moves bytes until one side would wait. An error: the side that they come from broke off.
    fn poll(
        &mut self,
        from: &mut TcpStream,
        to: &mut TcpStream,
        cx: &mut Context<'_>,
        moved: &mut bool,
    ) -> io::Result<()> {
        if self.done {
            return Ok(());
        }
        if self.way.poll(from, to, cx, moved)?.is_ready() {
            // It may have broken off meanwhile, which reading from it tells.
            let _ = SockRef::from(&*to).shutdown(Shutdown::Write);
            self.done = true;
        }
        // What the other side said before it took no more is still to be passed on.
        self.done |= self.way.refused;
        Ok(())
    }
}

/// Passes bytes both ways until both sides have ended, one breaks off or both are silent for `silence`: how many went to the server
/// and how many to the client.
pub(super) async fn carry(
    client: &mut TcpStream,
    server: &mut TcpStream,
    (silence, pipes): (Duration, &Pipes),
) -> (u64, u64, End) {
    let (mut up, mut down) = (Half::new(pipes), Half::new(pipes));
    let deadline = Deadline::default();
    deadline.set(silence);
    let end = std::future::poll_fn(|cx| {
        let mut moved = false;
        let upward = up.poll(client, server, cx, &mut moved);
        let downward = down.poll(server, client, cx, &mut moved);
        if upward.and(downward).is_err() {
            return Poll::Ready(End::Reset);
        }
        if up.done && down.done {
            return Poll::Ready(End::Both);
        }
        if moved {
            deadline.set(silence);
        }
        deadline.poll_passed(cx).map(|()| End::Silent)
    })
    .await;
    (up.way.written, down.way.written, end)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    const MUCH: usize = 8 << 20;
    const SILENCE: Duration = Duration::from_secs(7200);

    /// Two ends of a connection with room for far more than is read in a row.
    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        SockRef::from(&listener)
            .set_recv_buffer_size(1 << 20)
            .expect("a buffer");
        let at = listener.local_addr().expect("bound");
        let near = TcpStream::connect(at).await.expect("a connection");
        let (far, _) = listener.accept().await.expect("a connection");
        for end in [&near, &far] {
            let end = SockRef::from(end);
            end.set_send_buffer_size(1 << 20).expect("a buffer");
        }
        (near, far)
    }

    /// Says `much` of `byte`, and its end.
    async fn say(to: &mut (impl AsyncWriteExt + Unpin), byte: u8, much: usize) {
        to.write_all(&vec![byte; much]).await.expect("taken");
        to.shutdown().await.expect("half closed");
    }

    async fn hear(from: &mut (impl AsyncReadExt + Unpin), byte: u8, much: usize) {
        let mut all = Vec::new();
        from.read_to_end(&mut all).await.expect("an end");
        assert_eq!(all.len(), much);
        assert!(all.iter().all(|one| *one == byte));
    }

    fn run(what: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().expect("a runtime");
        let in_time = async { timeout(Duration::from_secs(60), what).await };
        runtime.block_on(in_time).expect("it ends in time");
    }

    #[test]
    fn much_passes_through_pipes_both_ways_and_each_side_ends_for_itself() {
        run(async {
            let (mut visitor, mut client) = pair().await;
            let (mut server, mut origin) = pair().await;
            let pipes = Pipes::default();
            let joined = carry(&mut client, &mut server, (SILENCE, &pipes));
            let visits = async {
                let (mut from, mut to) = visitor.split();
                // Its end comes when there is much to be said the other way.
                tokio::join!(say(&mut to, b'u', MUCH), hear(&mut from, b'd', 2 * MUCH));
            };
            let answers = async {
                let (mut from, mut to) = origin.split();
                let (said, heard) = (vec![b'd'; MUCH], hear(&mut from, b'u', MUCH));
                tokio::join!(async { to.write_all(&said).await.expect("taken") }, heard);
                // All was heard, the end too, and there is as much again to be said.
                say(&mut to, b'd', MUCH).await;
            };
            let ((up, down, end), (), ()) = tokio::join!(joined, visits, answers);
            assert_eq!((up, down, end), (MUCH as u64, 2 * MUCH as u64, End::Both));
            let (kept, lent) = pipes.count();
            assert!(kept > 0 && lent == 0, "{kept} pipes kept, {lent} lent");
        });
    }

    #[test]
    fn who_breaks_off_in_the_middle_leaves_no_pipe_behind() {
        run(async {
            let (visitor, mut client) = pair().await;
            let (mut server, origin) = pair().await;
            let pipes = Pipes::default();
            let joined = carry(&mut client, &mut server, (SILENCE, &pipes));
            let breaks = async {
                // Nobody reads, so that bytes come to wait in a pipe.
                let bytes = vec![b'u'; 1 << 20];
                while pipes.count().1 == 0 {
                    let _ = visitor.try_write(&bytes);
                    tokio::task::yield_now().await;
                }
                let linger = Some(Duration::ZERO);
                SockRef::from(&origin).set_linger(linger).expect("a reset");
                drop(origin);
            };
            let (_, ()) = tokio::join!(joined, breaks);
            assert_eq!(pipes.count().1, 0);
        });
    }
}
