//! Large bodies in the clear: the kernel passes them from socket to socket, and their bytes are never copied (splice(2)).
//!
//! A pipe stands between the two. A worker has a few, and an exchange holds one only while there are bytes in it.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use rustix::pipe::{
    PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice,
};
use tokio::net::TcpStream;

use super::limits::{PIPE_BYTES, PIPE_LEAST_BYTES, PIPES, PIPES_KEPT, SPLICE_BYTES};
use super::wire::Wire;
use crate::proxy::client::{Raw, Stream};

/// One side of a tunnel.
pub(in crate::proxy) trait Lends {
    /// The socket, where its bytes are the side's own.
    fn lent(&mut self) -> Option<&mut dyn Raw>;
}

impl<S: Stream> Lends for S {
    fn lent(&mut self) -> Option<&mut dyn Raw> {
        self.raw()
    }
}

impl Lends for TcpStream {
    fn lent(&mut self) -> Option<&mut dyn Raw> {
        Some(self)
    }
}

impl Lends for Wire {
    fn lent(&mut self) -> Option<&mut dyn Raw> {
        self.raw()
    }
}

/// A pipe of the kernel's.
#[derive(Debug)]
struct Pipe {
    from: OwnedFd,
    to: OwnedFd,
}

impl Pipe {
    /// `None`: there is none to be had, or only one that is not worth it (pipe(7), "/proc/sys/fs/pipe-user-pages-soft").
    fn open() -> Option<Pipe> {
        let (from, to) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).ok()?;
        let _ = fcntl_setpipe_size(&to, PIPE_BYTES);
        let size = fcntl_getpipe_size(&to).ok()?;
        (size >= PIPE_LEAST_BYTES).then_some(Pipe { from, to })
    }
}

/// A worker's pipes, all of them empty.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Pipes {
    kept: RefCell<Vec<Pipe>>,
    /// Those that exchanges hold.
    lent: Cell<usize>,
    /// The fewest that were kept since the last sweep: so many were of no use.
    least: Cell<usize>,
    /// None could be had since the last sweep.
    out: Cell<bool>,
}

impl Pipes {
    fn take(&self) -> Option<Pipe> {
        let mut kept = self.kept.borrow_mut();
        let pipe = match kept.pop() {
            None if self.out.get() || self.lent.get() >= PIPES => return None,
            None => Pipe::open(),
            pipe => pipe,
        };
        self.least.set(self.least.get().min(kept.len()));
        match pipe {
            Some(_) => self.lent.set(self.lent.get() + 1),
            None => self.out.set(true),
        }
        pipe
    }

    /// Takes one back that is empty.
    fn keep(&self, pipe: Pipe) {
        self.lent.set(self.lent.get() - 1);
        let mut kept = self.kept.borrow_mut();
        if kept.len() < PIPES_KEPT {
            kept.push(pipe);
        }
    }

    /// One went with what was in it.
    fn lost(&self) {
        self.lent.set(self.lent.get() - 1);
    }

    /// Closes those that were not needed since the last call.
    pub(super) fn sweep(&self) {
        let mut kept = self.kept.borrow_mut();
        let needed = kept.len() - self.least.get().min(kept.len());
        kept.truncate(needed);
        self.least.set(kept.len());
        self.out.set(false);
    }

    /// Pipes that are kept and pipes that are lent.
    #[cfg(test)]
    pub(in crate::proxy) fn count(&self) -> (usize, usize) {
        (self.kept.borrow().len(), self.lent.get())
    }
}

/// One direction's way through the kernel.
#[derive(Debug)]
pub(super) struct Through<'a> {
    pipes: &'a Pipes,
    pipe: Option<Pipe>,
    /// Bytes in the pipe.
    held: usize,
    /// A body is passing.
    on: bool,
    /// The kernel cannot, or there was no pipe: the rest is copied.
    off: bool,
}

impl<'a> Through<'a> {
    pub(super) fn new(pipes: &'a Pipes) -> Self {
        Through {
            pipes,
            pipe: None,
            held: 0,
            on: false,
            off: false,
        }
    }

    /// Whether all that was taken is given.
    pub(super) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Whether it is worth while where so many bytes of data come next. What was begun goes on.
    pub(super) fn wants(&mut self, left: u64) -> bool {
        self.on &= left > 0;
        !self.off && (self.on || left >= SPLICE_BYTES)
    }

    /// Takes up to `most` bytes; 0: the end. All that was taken before is to be [given](Self::poll_give) first. `None`: bytes are
    /// to be copied.
    pub(super) fn poll_take(
        &mut self,
        from: &mut dyn Raw,
        most: u64,
        cx: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        let Some(pipe) = self.pipe.take().or_else(|| self.pipes.take()) else {
            self.off = true;
            return None;
        };
        let most = usize::try_from(most).map_or(PIPE_BYTES, |most| most.min(PIPE_BYTES));
        let taken = from.poll_from(cx, &mut |socket| {
            let moved = splice(socket, None, &pipe.to, None, most, SpliceFlags::NONBLOCK);
            Ok(moved?)
        });
        match &taken {
            Poll::Ready(Ok(taken)) if *taken > 0 => {
                self.on = true;
                self.held = *taken;
                self.pipe = Some(pipe);
            }
            Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::InvalidInput => {
                self.pipes.keep(pipe);
                self.off = true;
                return None;
            }
            _ => self.pipes.keep(pipe),
        }
        Some(taken)
    }

    /// Gives what was taken, as much as there is room for: how many bytes that were, and whether it failed. Nothing is then held any
    /// more.
    pub(super) fn poll_give(
        &mut self,
        to: Option<&mut dyn Raw>,
        cx: &mut Context<'_>,
    ) -> (u64, bool) {
        let mut all = 0;
        let Some(to) = to.filter(|_| self.held > 0) else {
            return (0, false);
        };
        while let Some(pipe) = self.pipe.as_ref().filter(|_| self.held > 0) {
            let held = self.held;
            let given = to.poll_to(cx, &mut |socket| {
                let flags = SpliceFlags::NONBLOCK;
                Ok(splice(&pipe.from, None, socket, None, held, flags)?)
            });
            match given {
                Poll::Pending => return (all, false),
                Poll::Ready(Ok(given)) if given > 0 => {
                    self.held -= given;
                    all += given as u64;
                }
                Poll::Ready(_) => {
                    self.throw_away();
                    return (all, true);
                }
            }
        }
        if let Some(pipe) = self.pipe.take() {
            self.pipes.keep(pipe);
        }
        (all, false)
    }

    fn throw_away(&mut self) {
        self.held = 0;
        if self.pipe.take().is_some() {
            self.pipes.lost();
        }
    }
}

impl Drop for Through<'_> {
    fn drop(&mut self) {
        self.throw_away();
    }
}
