//! What a side does not take at once.

use std::task::Waker;

use super::*;

/// Takes at most so many bytes in all, then nothing, or fails.
struct Side {
    got: Vec<u8>,
    room: usize,
    once: usize,
    fails: bool,
}

impl AsyncWrite for Side {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = self.once.min(self.room).min(bytes.len());
        if most == 0 {
            return match self.fails {
                true => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                false => Poll::Pending,
            };
        }
        self.room -= most;
        self.got.extend_from_slice(&bytes[..most]);
        Poll::Ready(Ok(most))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.room {
            0 => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn side(room: usize, once: usize) -> Side {
    Side {
        got: Vec::new(),
        room,
        once,
        fails: false,
    }
}

#[test]
fn every_byte_goes_out_once_and_in_order() {
    let mut cx = Context::from_waker(Waker::noop());
    for room in 0..12 {
        for once in 1..6 {
            let (mut unsent, mut to) = (Unsent::default(), side(room, once));
            unsent.give(&mut to, &mut cx, b"head", b"data");
            unsent.give(&mut to, &mut cx, b"", b"more");
            unsent.give(&mut to, &mut cx, b"", b"");
            // Bytes that the stream may hold back are not out either.
            assert_eq!(unsent.is_empty(), room > 12, "{room}");
            assert_eq!(unsent.written(), to.got.len() as u64);
            to.room = 100;
            assert!(unsent.poll_write(&mut to, &mut cx).is_ready());
            assert!(unsent.is_empty() && !unsent.broken());
            assert_eq!((&to.got[..], unsent.written()), (&b"headdatamore"[..], 12));
            assert_eq!(unsent.bytes.capacity(), 0, "memory is given back");
        }
    }
}

#[test]
fn after_a_failure_nothing_is_kept_nor_written() {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut unsent, mut to) = (Unsent::default(), side(3, 2));
    to.fails = true;
    unsent.give(&mut to, &mut cx, b"head", b"data");
    assert!(unsent.broken() && unsent.is_empty());
    to.room = 100;
    unsent.give(&mut to, &mut cx, b"x", b"");
    assert!(unsent.poll_write(&mut to, &mut cx).is_ready());
    assert_eq!((&to.got[..], unsent.written()), (&b"hea"[..], 3));
}
