//! Fresh connections to servers.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::pool::Upstream;
use super::relay::poll_gone;
use crate::model::Limit;
use crate::proxy::bounds;
use crate::proxy::client::{Client, Stream};

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// The server or the way to it refused.
    Refused,
    /// Nothing came back in time.
    Slow,
    /// Descriptors, ports or memory have run out here: no fault of the server's.
    Ours(io::Error),
    /// The client went away meanwhile.
    ClientGone,
}

/// Connects, and lets go at once when the client does.
pub(super) async fn connect<S>(
    client: &mut Client<S>,
    server: SocketAddr,
) -> Result<Upstream, NoConnection>
where
    S: Stream,
{
    let mut connecting = pin!(timeout(
        bounds::seconds(Limit::Connect),
        TcpStream::connect(server)
    ));
    let connected = std::future::poll_fn(|cx| {
        if let Poll::Ready(connected) = connecting.as_mut().poll(cx) {
            return Poll::Ready(Some(connected));
        }
        poll_gone(client, cx).map(|()| None)
    })
    .await;
    let stream = match connected {
        None => return Err(NoConnection::ClientGone),
        Some(Err(_elapsed)) => return Err(NoConnection::Slow),
        Some(Ok(Err(error))) => return Err(blame(error)),
        Some(Ok(Ok(stream))) => stream,
    };
    stream.set_nodelay(true).map_err(blame)?;
    Ok(Upstream {
        stream,
        used: false,
    })
}

/// Whether no descriptor is left, to this process or at all.
pub(super) fn exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| number == Some(errno.raw_os_error()))
}

/// Whose fault a failed connect is.
fn blame(error: io::Error) -> NoConnection {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable,
        TimedOut,
    };
    match error.kind() {
        ConnectionRefused | ConnectionReset | ConnectionAborted | HostUnreachable
        | NetworkUnreachable => NoConnection::Refused,
        TimedOut => NoConnection::Slow,
        _ => NoConnection::Ours(error),
    }
}
