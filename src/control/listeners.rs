//! Binding: all that can fail about a new listener, before anything changes.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::model::Endpoint;

/// Connections that the kernel holds until they are accepted; the system's `somaxconn` caps it.
const BACKLOG: i32 = 4096;

/// Whose addresses a listener may be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This host's.
    Own,
    /// This host's, whatever `freebind` says.
    Here,
    /// Also those that this host may get later (`freebind`; ip(7) `IP_FREEBIND`).
    Coming,
    /// Also a server's, whose connections pass through this host (`inline`; ip(7) `IP_TRANSPARENT`).
    InPath,
}

/// An address that could not be bound.
#[derive(Debug)]
pub struct BindError {
    /// Where.
    pub at: Endpoint,
    /// How.
    pub reach: Reach,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.socket();
        write!(f, "cannot listen on {at}: ")?;
        match self.source.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "another program, or another signpost, holds it; stop that (`ss -ltnp 'sport = :{}'` names it) or give the server another port",
                at.port()
            ),
            io::ErrorKind::AddrNotAvailable => write!(
                f,
                "the address is not on this host; add it (`ip address add {}/{} dev INTERFACE`){} or correct the configuration",
                at.ip(),
                if at.is_ipv4() { 32 } else { 128 },
                match self.reach {
                    Reach::Own => ", let listeners wait for it (`freebind`)",
                    Reach::Here | Reach::Coming | Reach::InPath => "",
                }
            ),
            io::ErrorKind::PermissionDenied if self.reach == Reach::InPath => {
                write!(f, "it is the server's own address, {}", RIGHT_WANTED)
            }
            io::ErrorKind::PermissionDenied => write!(
                f,
                "ports below 1024 need a right; run `setcap cap_net_bind_service=+ep` on the binary, set AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit, or use a higher port"
            ),
            _ => write!(f, "{}", self.source),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// What lets sockets have addresses of other hosts, and how to get it.
pub(super) const RIGHT_WANTED: &str = "for which the process needs the capability CAP_NET_RAW or CAP_NET_ADMIN, and CAP_NET_BIND_SERVICE for ports below 1024; start it as root, set AmbientCapabilities=CAP_NET_RAW CAP_NET_BIND_SERVICE in its systemd unit, or run `setcap cap_net_raw,cap_net_bind_service=+ep` on the binary";

/// Whether this process may keep clients' addresses towards servers.
///
/// # Errors
/// Where it may not, or the kernel knows no such sockets.
pub(super) fn may_be_transparent() -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_ip_transparent_v4(true)
}

/// Binds `at` once for each of `workers`, non-blocking and listening.
///
/// It is bound without SO_REUSEPORT first, so that another program on the port is an error and does
/// not silently share it (RELIABILITY.md part E).
///
/// # Errors
/// Where the address cannot be bound.
pub fn bind(at: Endpoint, reach: Reach, workers: usize) -> Result<Vec<TcpListener>, BindError> {
    let failed = |source| BindError { at, reach, source };
    drop(socket(at, reach, false).map_err(failed)?);
    (0..workers)
        .map(|_| {
            let socket = socket(at, reach, true)?;
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        })
        .collect::<io::Result<_>>()
        .map_err(failed)
}

fn socket(at: Endpoint, reach: Reach, shared: bool) -> io::Result<Socket> {
    let address = at.socket();
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    match (reach, address.is_ipv6()) {
        (Reach::Own | Reach::Here, _) => {}
        (Reach::Coming, false) => socket.set_freebind_v4(true)?,
        (Reach::Coming, true) => socket.set_freebind_v6(true)?,
        (Reach::InPath, of_ipv6) => be_in_path(&socket, of_ipv6, true)?,
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn be_in_path(socket: &Socket, of_ipv6: bool, wanted: bool) -> io::Result<()> {
    let is = match of_ipv6 {
        false => socket.ip_transparent_v4()?,
        true => socket.ip_transparent_v6()?,
    };
    // It may have been handed over so, to a process that may not ask for it.
    if is == wanted {
        return Ok(());
    }
    match of_ipv6 {
        false => socket.set_ip_transparent_v4(wanted),
        true => socket.set_ip_transparent_v6(wanted),
    }
}

/// Whether a listener that stays open at `at` may have another `reach` from now on: what a start would be refused is refused.
///
/// # Errors
/// Where a new listener could not be bound so for want of a right or of the address.
pub(super) fn may_turn(at: Endpoint, reach: Reach) -> Result<(), BindError> {
    let address = at.socket();
    let tried = || {
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        match reach {
            Reach::InPath => be_in_path(&socket, address.is_ipv6(), true),
            Reach::Coming => Ok(()),
            // Its port is held, by the listener itself; the address alone tells.
            Reach::Own | Reach::Here => socket.bind(&SocketAddr::new(address.ip(), 0).into()),
        }
    };
    tried().map_err(|source| BindError { at, reach, source })
}

/// Has packets on their way to a server taken by a listener that is open, or not any more (ip(7) `IP_TRANSPARENT`). Whether its
/// address was there when it was bound does not matter any more.
///
/// # Errors
/// Where the process may not; [`may_turn`] tells before.
pub(super) fn turn(listener: &TcpListener, at: Endpoint, reach: Reach) -> io::Result<()> {
    let socket = SockRef::from(listener);
    be_in_path(&socket, at.address.is_ipv6(), reach == Reach::InPath)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        Endpoint::new(address.ip(), address.port().try_into().expect("a port"))
    }

    #[test]
    fn each_worker_gets_a_listener() {
        let listeners = bind(free(), Reach::Own, 3).expect("free");
        assert_eq!(listeners.len(), 3);
        let address = listeners[0].local_addr().expect("bound");
        assert!(
            listeners
                .iter()
                .all(|l| l.local_addr().expect("bound") == address)
        );
    }

    #[test]
    fn an_address_that_signpost_itself_holds_is_in_use() {
        let at = free();
        let _held = bind(at, Reach::Own, 1).expect("free");
        let error = bind(at, Reach::Own, 1).expect_err("held");
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("another program"), "{error}");
    }

    #[test]
    fn an_address_of_another_host_is_told() {
        let at = Endpoint::new([192, 0, 2, 77].into(), Endpoint::HTTP);
        for (reach, helps) in [(Reach::Own, true), (Reach::Here, false)] {
            let error = bind(at, reach, 1).expect_err("not here").to_string();
            assert!(error.contains("not on this host"), "{error}");
            assert_eq!(error.contains("`freebind`"), helps, "{error}");
        }
    }

    #[test]
    fn an_address_that_is_to_come_can_be_waited_for() {
        for address in ["192.0.2.77", "2001:db8::77"] {
            let address = address.parse().expect("an address");
            let at = Endpoint::new(address, free().port);
            bind(at, Reach::Own, 1).expect_err("not here");
            match bind(at, Reach::Coming, 1) {
                Ok(listeners) => assert_eq!(listeners.len(), 1),
                // A host without IPv6.
                Err(e) => assert!(address.is_ipv6(), "{e}"),
            }
        }
    }
}
