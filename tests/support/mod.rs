//! What the black-box tests stand on: the director as a process, origins that misbehave at byte level, and a
//! client that sees bytes. Plain threads and blocking sockets, a deadline on every wait.

mod client;
mod director;
mod origin;
mod telnet;
#[cfg(feature = "tls")]
mod tls;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) use client::{Client, Response, get, raw};
pub(crate) use director::{Director, run};
pub(crate) use origin::{After, Exchange, Origin, Received, answer};
pub(crate) use telnet::Telnet;
#[cfg(feature = "tls")]
pub(crate) use tls::{Certificates, Visitor, der, shown_by};

/// The longest that anything is waited for that should come at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A loopback address of this test's own, with a port that is free there.
pub(crate) fn free() -> SocketAddr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let number =
        (std::process::id() << 8 | TAKEN.fetch_add(1, Ordering::Relaxed) & 0xff) & 0x3f_ffff;
    // From 127.64.0.0 up: away from the addresses that people and other programs use.
    let ip = IpAddr::V4(Ipv4Addr::from(0x7f40_0000 + number));
    TcpListener::bind((ip, 0))
        .expect("a free port on loopback")
        .local_addr()
        .expect("its address")
}

/// Comes back once `holds` does; fails with `what` when it does not within [`PATIENCE`].
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}
