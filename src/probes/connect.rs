//! Opens a TCP connection to a server.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{SockRef, Socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use super::sound::Found;
use super::words::Fault;

/// Connects to `to`, sending with time to live `ttl` where one is given.
///
/// The connection ends with a reset once it is dropped, so that thousands of probes leave no sockets in TIME_WAIT behind.
pub(super) async fn connect(to: SocketAddr, ttl: Option<u8>) -> io::Result<TcpStream> {
    let socket = socket(to)?;
    let options = SockRef::from(&socket);
    options.set_linger(Some(Duration::ZERO))?;
    match ttl {
        Some(ttl) if to.is_ipv4() => options.set_ttl_v4(ttl.into())?,
        Some(ttl) => options.set_unicast_hops_v6(ttl.into())?,
        None => {}
    }
    socket.connect(to).await
}

/// Connects, and says so in `connected`: silence after that is another one than before.
pub(super) async fn reach(to: SocketAddr, connected: &AtomicBool) -> Result<TcpStream, Fault> {
    let stream = connect(to, None).await.map_err(|e| Fault::connect(&e))?;
    connected.store(true, Ordering::Relaxed);
    Ok(stream)
}

/// Whether a connection is taken: as `tcp.rs` does it, for one of several addresses.
pub(super) async fn ask(to: SocketAddr) -> Result<Found, Fault> {
    let failed = |e: io::Error| Fault::connect(&e);
    let socket = socket(to).map_err(failed)?;
    quiet(&SockRef::from(&socket)).map_err(failed)?;
    socket.connect(to).await.map_err(failed)?;
    Ok(Found::connected(Instant::now()))
}

/// Makes a connection that no program of the other side will see, where it is closed as soon as it is made: its ACK is put off, to go
/// out with the first bytes, and in place of these comes a reset.
pub(super) fn quiet(socket: &Socket) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_tcp_quickack(false)
}

fn socket(to: SocketAddr) -> io::Result<TcpSocket> {
    if to.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }
}

/// Registers a socket, or an epoll of its own, with the runtime's epoll, for reading.
pub(super) fn watch<T: Into<OwnedFd> + AsRawFd>(socket: T) -> io::Result<AsyncFd<T>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types that may change their descriptor; an owned socket never does"
    )]
    AsyncFd::with_interest(socket, Interest::READABLE)
}
