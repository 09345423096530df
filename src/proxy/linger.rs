//! The end of a connection whose client may still be sending.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::BytesMut;
use tokio::io::ReadBuf;

use super::client::{Client, Stream};
use super::limits::{DRAIN, LINGER_BYTES};
use super::worker::Worker;

/// Ends our side and throws away what still comes, so that the client gets the answer and no reset.
pub(super) async fn linger<S: Stream>(worker: &Worker, client: &mut Client<S>) {
    client.deadline.set(DRAIN);
    client.input = BytesMut::new();
    let mut shut = false;
    let mut thrown = 0;
    poll_fn(|cx| {
        if client.deadline.poll_passed(cx).is_ready() {
            return Poll::Ready(());
        }
        if !shut {
            // An error shows again when reading.
            let _ = ready!(Pin::new(&mut client.stream).poll_shutdown(cx));
            shut = true;
        }
        while thrown <= LINGER_BYTES {
            let mut desk = worker.lend();
            let mut buffer = ReadBuf::new(&mut desk.input);
            let read = Pin::new(&mut client.stream).poll_read(cx, &mut buffer);
            let filled = buffer.filled().len();
            worker.take_back(desk);
            if ready!(read).is_err() || filled == 0 {
                break;
            }
            thrown += filled;
        }
        Poll::Ready(())
    })
    .await;
}
