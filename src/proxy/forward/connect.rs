//! Fresh connections to servers.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::pool::Upstream;
use super::relay::poll_gone;
use super::tongue::Tongue;
use super::wire::Wire;
use crate::model::Limit;
use crate::proxy::bounds;
use crate::proxy::client::{Client, Stream};
use crate::proxy::socket::choose_port_late;

/// Why there is no connection.
#[derive(Debug)]
pub(in crate::proxy) enum NoConnection {
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

/// Connects as `from`, the client's address, where that is to be kept; else, and where the server is of the other family, as this
/// host.
///
/// # Errors
/// As the kernel says; without the right to have others' addresses that is a refusal of permission.
pub(in crate::proxy) async fn dial(
    server: SocketAddr,
    from: Option<IpAddr>,
) -> io::Result<TcpStream> {
    let from = from.map(|from| from.to_canonical());
    let Some(from) = from.filter(|from| from.is_ipv4() == server.is_ipv4()) else {
        return TcpStream::connect(server).await;
    };
    let socket = Socket::new(
        Domain::for_address(server),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    match from {
        IpAddr::V4(_) => socket.set_ip_transparent_v4(true)?,
        IpAddr::V6(_) => socket.set_ip_transparent_v6(true)?,
    }
    choose_port_late(socket.as_fd())?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    TcpSocket::from_std_stream(socket.into())
        .connect(server)
        .await
}

/// Where a connection leads, and how it is made.
#[derive(Clone, Copy)]
pub(super) struct To<'a> {
    pub(super) server: SocketAddr,
    /// The client's address, where the server is to see it.
    pub(super) from: Option<IpAddr>,
    /// How the server is spoken to, where that is not HTTP/1.1 in the clear.
    pub(super) tongue: Option<&'a Rc<Tongue>>,
    /// The request asks for an upgrade, which HTTP/2 does not know.
    pub(super) upgrade: bool,
}

/// Connects, shakes hands where there is a tongue for that, and lets go at once when the client does.
pub(super) async fn connect<S>(client: &mut Client<S>, to: To<'_>) -> Result<Upstream, NoConnection>
where
    S: Stream,
{
    let connecting = timeout(bounds::seconds(Limit::Connect), open(to));
    let mut connecting = pin!(connecting);
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

async fn open(to: To<'_>) -> Result<Upstream, NoConnection> {
    let To {
        tongue,
        upgrade,
        from,
        ..
    } = to;
    let Some(tongue) = tongue else {
        let stream = open_plain(to).await?;
        return Ok(Upstream::new(Wire::Plain(stream), false));
    };
    if upgrade || !tongue.http2() || from.is_some() {
        return tongue.greet(open_plain(to).await?, to).await;
    }
    let opening = tongue.turn().await;
    // Whoever had the turn before may have left room.
    if let Some(upstream) = tongue.join() {
        return Ok(upstream);
    }
    let greeted = tongue.greet(open_plain(to).await?, to).await;
    drop(opening);
    greeted
}

async fn open_plain(to: To<'_>) -> Result<TcpStream, NoConnection> {
    let stream = dial(to.server, to.from).await.map_err(blame)?;
    stream.set_nodelay(true).map_err(blame)?;
    Ok(stream)
}

/// Whether no descriptor is left, to this process or at all.
pub(in crate::proxy) fn exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| number == Some(errno.raw_os_error()))
}

/// Whose fault a failed connect is.
pub(in crate::proxy) fn blame(error: io::Error) -> NoConnection {
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
