//! One stream that is forwarded, as a byte stream that speaks HTTP/1: what is read of it is the request's body, what is written to
//! it the answer.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::engine::StreamId;
use super::hub::Hub;
use super::reply::Reply;
use crate::proxy::client::{Client, Stream};
use crate::proxy::forward::{Exchange, forward};
use crate::proxy::worker::Worker;
use crate::telemetry::Http2Event;

/// A stream's two directions. Dropped before its answer is whole, the stream is reset.
struct Lane {
    worker: Rc<Worker>,
    hub: Rc<Hub>,
    id: StreamId,
    reply: Reply,
}

/// Forwards the request of a stream that is [open](Hub::open); `client`: a connection without the stream.
pub(super) async fn run(
    worker: Rc<Worker>,
    (hub, id, reply): (Rc<Hub>, StreamId, Reply),
    client: Client<()>,
    exchange: Box<Exchange>,
) {
    let lane = Lane {
        worker: Rc::clone(&worker),
        hub,
        id,
        reply,
    };
    let mut client = client.with(lane);
    // The connection's own end is not for a stream to say.
    let _ = forward(&worker, &mut client, exchange).await;
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.hub.leave(self.id, &self.reply) {
            self.worker.tally.http2(Http2Event::ResetHere);
        }
    }
}

impl Stream for Lane {
    /// An answer that breaks off is always seen as such.
    fn reset_at_end(&mut self, _: bool) {}

    fn ended(&mut self, cx: &mut Context<'_>) -> bool {
        self.hub.given_up(self.id, cx)
    }
}

impl AsyncRead for Lane {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.hub.poll_read(self.id, cx, buffer)
    }
}

impl AsyncWrite for Lane {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Lane { hub, id, reply, .. } = &mut *self;
        hub.poll_write((*id, reply), cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
