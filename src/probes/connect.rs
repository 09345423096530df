//! Opens a TCP connection to a server; also what the probes `tcp` do.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

use super::sound::Found;
use super::words::Fault;

/// Connects to `to`, sending with time to live `ttl` where one is given.
///
/// The connection ends with a reset once it is dropped, so that thousands of probes leave no sockets in TIME_WAIT behind.
pub(super) async fn connect(to: SocketAddr, ttl: Option<u8>) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
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

/// Whether a connection is taken.
pub(super) async fn ask(to: SocketAddr, connected: &AtomicBool) -> Result<Found, Fault> {
    reach(to, connected).await?;
    Ok(Found::new("connected"))
}
