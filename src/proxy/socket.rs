//! The calls on sockets that no safe interface offers.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The kernel hands a connection over once its first bytes have come, and a silent one a second after it came about
/// (tcp(7) `TCP_DEFER_ACCEPT`; the second SYN-ACK that asks the silent one is its only cost). `false`: at once, as ever.
///
/// # Errors
/// Not a TCP socket.
pub(super) fn accept_with_data(listener: BorrowedFd<'_>, wanted: bool) -> io::Result<()> {
    set(listener, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, wanted)
}

/// A bind to port 0 that follows takes no port: that is chosen when the socket is connected, so that one address has as many
/// connections as there are ports to each server (ip(7) `IP_BIND_ADDRESS_NO_PORT`).
///
/// # Errors
/// Not an IP socket.
pub(super) fn choose_port_late(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(
        socket,
        libc::IPPROTO_IP,
        libc::IP_BIND_ADDRESS_NO_PORT,
        true,
    )
}

/// Sets an option that is a number to 1 or 0.
#[expect(
    unsafe_code,
    reason = "neither std, socket2 nor rustix sets these options"
)]
fn set(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    on: bool,
) -> io::Result<()> {
    let value = libc::c_int::from(on);
    // SAFETY: the descriptor is open for as long as it is borrowed; the kernel reads the four bytes of `value`.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
