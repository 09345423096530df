//! The calls on sockets that no safe interface offers.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Whether what the service manager handed over has been taken.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes the first `count` descriptors that the service manager handed to this process (sd_listen_fds(3)): to be called once, where
/// it said that there are as many; none the second time. They are not inherited by other programs.
#[expect(
    unsafe_code,
    reason = "the service manager names them by number, and nothing in std or rustix takes a number"
)]
pub fn inherited(count: usize) -> Vec<OwnedFd> {
    const FIRST: RawFd = 3;
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    let numbers = FIRST..FIRST.saturating_add(RawFd::try_from(count).unwrap_or(0));
    let open = numbers.filter(|number| {
        // SAFETY: no memory is touched; of a number that is not open it fails.
        unsafe { libc::fcntl(*number, libc::F_SETFD, libc::FD_CLOEXEC) == 0 }
    });
    // SAFETY: they were open before this process began and are its own by the manager's word; nobody else takes them, and this does
    // so once.
    open.map(|number| unsafe { OwnedFd::from_raw_fd(number) })
        .collect()
}
