//! HTTP/2 towards servers (RFC 9113): a few connections a worker and server, and many exchanges at once over each.
//!
//! An [`Exchange`] is one stream in HTTP/1's clothes: it takes the bytes of a request and gives those of an answer, so that whoever
//! relays them need not know. Enter at [`Line::open`].
//!
//! Deliberately unknown here: who is connected to, and what is forwarded.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::limits::{HTTP2_IDLE, HTTP2_STREAMS, HTTP2_WINDOW, HTTP2_WINDOWS};
use crate::proxy::limits::ANSWER_HEAD_BYTES;

mod exchange;
mod text;

pub(super) use exchange::Exchange;

/// How long streams that we reset are remembered.
const RESET_REMEMBERED: Duration = Duration::from_secs(5);

/// A connection that speaks HTTP/2.
pub(super) struct Line {
    requests: SendRequest<Bytes>,
    state: Rc<State>,
    /// It takes no more exchanges: it broke, or the server or we said so.
    dead: Arc<AtomicBool>,
    tls: bool,
}

#[derive(Debug)]
struct State {
    exchanges: Cell<usize>,
    /// When the last exchange was over.
    idle: Cell<Instant>,
}

impl Line {
    /// Begins to speak it; comes back once the server has said its settings.
    ///
    /// # Errors
    /// Where it does not speak it.
    pub(super) async fn open<T>(wire: T, tls: bool) -> io::Result<Line>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(HTTP2_WINDOW)
            .initial_connection_window_size(HTTP2_WINDOWS)
            .max_header_list_size(ANSWER_HEAD_BYTES as u32)
            .max_send_buffer_size(HTTP2_WINDOW as usize)
            .reset_stream_duration(RESET_REMEMBERED);
        let (requests, mut connection) = builder.handshake(wire).await.map_err(plain)?;
        let pings = connection.ping_pong();
        let dead = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&dead);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP/2 connection to a server broke");
            }
            ends.store(true, Ordering::Relaxed);
        });
        // What comes back to the first ping comes behind the settings (RFC 9113 §3.4).
        if let Some(mut pings) = pings {
            pings.ping(h2::Ping::opaque()).await.map_err(plain)?;
        }
        let state = State {
            exchanges: Cell::new(0),
            idle: Cell::new(Instant::now()),
        };
        Ok(Line {
            requests,
            state: Rc::new(state),
            dead,
            tls,
        })
    }

    /// A new exchange.
    pub(super) fn exchange(&self) -> Exchange {
        self.state.exchanges.set(self.state.exchanges.get() + 1);
        Exchange::new(Part {
            requests: self.requests.clone(),
            state: Rc::clone(&self.state),
            dead: Arc::clone(&self.dead),
            tls: self.tls,
        })
    }

    /// Exchanges under way.
    pub(super) fn exchanges(&self) -> usize {
        self.state.exchanges.get()
    }

    /// Whether the server takes one more exchange.
    pub(super) fn has_room(&self) -> bool {
        let most = self.requests.current_max_send_streams().min(HTTP2_STREAMS);
        self.exchanges() < most
    }

    /// Whether it takes no more exchanges.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Whether it is to stay open.
    pub(super) fn is_of_use(&self) -> bool {
        let busy = self.exchanges() > 0 || self.state.idle.get().elapsed() < HTTP2_IDLE;
        busy && !self.is_dead()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// One exchange's part in a connection.
struct Part {
    requests: SendRequest<Bytes>,
    state: Rc<State>,
    dead: Arc<AtomicBool>,
    tls: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        self.state.exchanges.set(self.state.exchanges.get() - 1);
        self.state.idle.set(Instant::now());
    }
}

/// As an error of a connection.
fn plain(error: h2::Error) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}
