//! Fresh connections to servers.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::pin::pin;
use std::task::Poll;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::limits::CONNECT;
use super::pool::Upstream;
use super::relay::poll_gone;
use crate::proxy::client::{Client, Stream};
use crate::proxy::socket::choose_port_late;

/// Why there is no connection.
#[derive(Debug)]
pub(in crate::proxy) enum NoConnection {
    /// The server or the way to it refused.
    Refused,
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

/// Connects, and lets go at once when the client does.
pub(super) async fn connect<S>(
    client: &mut Client<S>,
    server: SocketAddr,
    from: Option<IpAddr>,
) -> Result<Upstream, NoConnection>
where
    S: Stream,
{
    let mut connecting = pin!(timeout(CONNECT, dial(server, from)));
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
