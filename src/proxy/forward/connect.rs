//! Fresh connections to servers.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::limits::CONNECT;
use super::pool::Upstream;
use super::relay::poll_gone;
use super::tongue::Tongue;
use super::wire::Wire;
use crate::proxy::client::{Client, Stream};

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// The server or the way to it refused.
    Refused,
    /// The server is there, but does not speak as it is to; in a few words.
    Handshake(String),
    /// Nothing came back in time.
    Slow,
    /// Descriptors, ports or memory have run out here: no fault of the server's.
    Ours(io::Error),
    /// The client went away meanwhile.
    ClientGone,
}

/// Connects, shakes hands where there is a tongue for that, and lets go at once when the client does. `upgrade`: the request asks for
/// one.
pub(super) async fn connect<S>(
    client: &mut Client<S>,
    server: SocketAddr,
    tongue: Option<&Rc<Tongue>>,
    upgrade: bool,
) -> Result<Upstream, NoConnection>
where
    S: Stream,
{
    let mut connecting = pin!(timeout(CONNECT, open(server, tongue, upgrade)));
    let connected = std::future::poll_fn(|cx| {
        if let Poll::Ready(connected) = connecting.as_mut().poll(cx) {
            return Poll::Ready(Some(connected));
        }
        poll_gone(client, cx).map(|()| None)
    })
    .await;
    match connected {
        None => Err(NoConnection::ClientGone),
        Some(Err(_elapsed)) => Err(NoConnection::Slow),
        Some(Ok(connected)) => connected,
    }
}

async fn open(
    server: SocketAddr,
    tongue: Option<&Rc<Tongue>>,
    upgrade: bool,
) -> Result<Upstream, NoConnection> {
    let Some(tongue) = tongue else {
        let stream = open_plain(server).await?;
        return Ok(Upstream::new(Wire::Plain(stream), false));
    };
    if upgrade || !tongue.http2() {
        return tongue.greet(open_plain(server).await?, upgrade).await;
    }
    let opening = tongue.turn().await;
    // Whoever had the turn before may have left room.
    if let Some(upstream) = tongue.join() {
        return Ok(upstream);
    }
    let greeted = tongue.greet(open_plain(server).await?, false).await;
    drop(opening);
    greeted
}

async fn open_plain(server: SocketAddr) -> Result<TcpStream, NoConnection> {
    let stream = TcpStream::connect(server).await.map_err(blame)?;
    stream.set_nodelay(true).map_err(blame)?;
    Ok(stream)
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
