//! The upstream side: what is forwarded to reals.

use std::rc::Rc;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::client::Client;
use super::http1::Head;
use super::worker::Worker;
use crate::control::Live;
use crate::decide::{Attempt, Decision};
use crate::model::Endpoint;

/// A request to be forwarded.
#[derive(Debug)]
pub struct Exchange {
    /// Its head; the body follows in the client's input.
    pub head: Head,
    /// The address it came to.
    pub at: Endpoint,
    /// The snapshot it was decided by.
    pub live: Arc<Live>,
    /// The decision: its action is `Forward`, and a place at the server is taken.
    pub decision: Decision,
    /// What was tried.
    pub attempt: Attempt,
}

/// How the client's connection goes on after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next request may come.
    KeepAlive,
    /// Closed as it is.
    Close,
    /// Closed once the client has had time to take the answer.
    Linger,
}

/// A worker's upstream connections.
#[derive(Debug, Default)]
pub struct Pools {}

/// Forwards one exchange and answers the client.
pub async fn forward<S>(worker: &Rc<Worker>, client: &mut Client<S>, exchange: Exchange) -> After
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _ = (worker, exchange);
    let answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let _ = client.stream.write_all(answer).await;
    After::Linger
}
