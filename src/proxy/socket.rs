//! The one call on sockets that no safe interface offers.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The kernel hands a connection over once its first bytes have come, and a silent one a second after it came about
/// (tcp(7) `TCP_DEFER_ACCEPT`; the second SYN-ACK that asks the silent one is its only cost). `false`: at once, as ever.
///
/// # Errors
/// Not a TCP socket.
#[expect(
    unsafe_code,
    reason = "neither std, socket2 nor rustix sets this option"
)]
pub(super) fn accept_with_data(listener: BorrowedFd<'_>, wanted: bool) -> io::Result<()> {
    let seconds = libc::c_int::from(wanted);
    // SAFETY: the descriptor is open for as long as it is borrowed; the kernel reads the four bytes of `seconds`.
    let result = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const seconds).cast(),
            size_of_val(&seconds) as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
