//! Asks a host by ICMP echo (RFC 792, RFC 4443 §4).

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;

use super::connect::watch;
use super::sound::Found;
use super::words::{Fault, ours};

const V4_REQUEST: u8 = 8;
const V4_REPLY: u8 = 0;
const V6_REQUEST: u8 = 128;
const V6_REPLY: u8 = 129;

/// Type, code, checksum, identifier, number; then eight bytes that no other echo of this process has.
const ECHO_BYTES: usize = 16;

/// Sends one echo request and waits for its reply.
pub(super) async fn ask(to: IpAddr) -> Result<Found, Fault> {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let number = ASKED.fetch_add(1, Ordering::Relaxed);
    let token = number << 32 | u64::from(std::process::id());
    let (socket, raw) = open(to)?;
    let failed = |e: io::Error| Fault::connect(&e);
    socket
        .connect(&SocketAddr::new(to, 0).into())
        .map_err(failed)?;
    let socket = watch(socket).map_err(failed)?;
    socket
        .get_ref()
        .send(&request(to, number as u16, token))
        .map_err(failed)?;
    loop {
        let got = socket.async_io(Interest::READABLE, |mut socket| {
            let mut buffer = [0; 256];
            let read = socket.read(&mut buffer)?;
            Ok(is_reply(&buffer[..read], to, raw, token))
        });
        if got.await.map_err(failed)? {
            return Ok(Found::new("echo came back"));
        }
    }
}

/// A socket for echoes, and whether it is a raw one, which sees every message of ICMP.
fn open(to: IpAddr) -> Result<(Socket, bool), Fault> {
    let (domain, protocol) = match to {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = |kind: Type| Socket::new(domain, kind.nonblocking(), Some(protocol));
    let refused = match socket(Type::DGRAM) {
        Ok(socket) => return Ok((socket, false)),
        Err(e) => e,
    };
    match socket(Type::RAW) {
        Ok(socket) => Ok((socket, true)),
        Err(e) => Err(ours(&e).unwrap_or_else(|| forbidden(&refused, &e))),
    }
}

fn forbidden(datagram: &io::Error, raw: &io::Error) -> Fault {
    let rights = |e: &io::Error| {
        let errno = Errno::from_io_error(e);
        matches!(errno, Some(Errno::ACCESS | Errno::PERM))
    };
    if rights(datagram) || rights(raw) {
        return Fault::server(
            "ping is not permitted: put signpost's group into net.ipv4.ping_group_range or give it CAP_NET_RAW",
        );
    }
    Fault::server(format!("ping is not possible here: {raw}"))
}

fn request(to: IpAddr, number: u16, token: u64) -> [u8; ECHO_BYTES] {
    let mut echo = [0; ECHO_BYTES];
    echo[0] = if to.is_ipv4() { V4_REQUEST } else { V6_REQUEST };
    echo[6..8].copy_from_slice(&number.to_be_bytes());
    echo[8..].copy_from_slice(&token.to_be_bytes());
    if to.is_ipv4() {
        // For IPv6, and where the socket is no raw one, the kernel does it.
        let sum = checksum(&echo);
        echo[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    echo
}

/// The internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2);
    let mut sum: u32 = words
        .map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Whether `message` is the reply to the request with this token. A raw IPv4 socket shows the IP header too.
fn is_reply(message: &[u8], to: IpAddr, raw: bool, token: u64) -> bool {
    let header = match message.first() {
        Some(first) if raw && to.is_ipv4() => usize::from(first & 0x0f) * 4,
        _ => 0,
    };
    let kind = if to.is_ipv4() { V4_REPLY } else { V6_REPLY };
    let Some(echo) = message.get(header..) else {
        return false;
    };
    echo.first() == Some(&kind) && echo.get(8..ECHO_BYTES) == Some(&token.to_be_bytes()[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn the_checksum_of_a_message_that_has_its_checksum_is_zero() {
        let echo = request(HERE, 7, 0x0123_4567_89ab_cdef);
        assert_eq!(checksum(&echo), 0);
        // RFC 1071 §3.
        let example = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&example), !0xddf2);
    }

    #[test]
    fn only_the_reply_to_the_own_request_counts() {
        let mut reply = request(HERE, 1, 42);
        assert!(!is_reply(&reply, HERE, false, 42), "the request itself");
        reply[0] = V4_REPLY;
        assert!(is_reply(&reply, HERE, false, 42));
        assert!(!is_reply(&reply, HERE, false, 43));
        let mut packet = vec![0x46; 24];
        packet.extend_from_slice(&reply);
        assert!(is_reply(&packet, HERE, true, 42));
        for end in 0..packet.len() {
            assert!(!is_reply(&packet[..end], HERE, true, 42));
        }
    }
}
