//! Asks whether a host takes connections, for thousands of servers: one epoll and no task, timer or registration for each.
//!
//! What is sent is SYN and, upon the server's SYN-ACK, a reset in place of the ACK: a connection has been taken as far as the kernels
//! are concerned, but the server's program is not troubled with one that says nothing.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::unix::AsyncFd;

use super::connect::{quiet, watch};
use super::schedule::Start;
use super::sound::{Found, Outcome, silence, told};
use super::words::Fault;

/// What was started, and what came of it.
type Answered = (Start, Outcome);

/// Connections that are being made.
#[derive(Debug)]
pub(super) struct Knocks {
    epoll: AsyncFd<OwnedFd>,
    open: Vec<Option<Knock>>,
    free: Vec<usize>,
    /// When to look who has been silent for too long; none earlier has a right to it.
    check_at: Option<Instant>,
}

#[derive(Debug)]
struct Knock {
    socket: Socket,
    start: Start,
    began: Instant,
    until: Instant,
}

/// Events that are taken from the kernel at a time.
const EVENTS: usize = 64;

/// Silence is looked for so often at most.
const LOOK: Duration = Duration::from_millis(50);

impl Knocks {
    /// None yet. To be called within a runtime.
    ///
    /// # Errors
    /// No descriptor or memory is free.
    pub(super) fn new() -> io::Result<Knocks> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Knocks {
            epoll: watch(epoll)?,
            open: Vec::new(),
            free: Vec::new(),
            check_at: None,
        })
    }

    /// Begins to connect to `to` for `start`; what is over at once comes back.
    pub(super) fn begin(&mut self, start: Start, to: SocketAddr) -> Option<Answered> {
        let began = Instant::now();
        let place = self.free.pop().unwrap_or_else(|| {
            self.open.push(None);
            self.open.len() - 1
        });
        let socket = match knock(to, self.epoll.get_ref(), place) {
            Ok(socket) => socket,
            Err(e) => {
                self.free.push(place);
                return Some(answered(start, Err(Fault::connect(&e)), began, false));
            }
        };
        let until = began + Duration::from_secs(start.errand.probe.timeout_s.into());
        self.check_at = Some(self.check_at.map_or(until, |at| at.min(until)));
        self.open[place] = Some(Knock {
            socket,
            start,
            began,
            until,
        });
        None
    }

    /// Comes back once [`answers`](Self::answers) may have something. Cancel safe.
    pub(super) async fn ready(&self) {
        match self.epoll.readable().await {
            Ok(mut ready) => ready.clear_ready(),
            // The runtime is being shut down.
            Err(_) => std::future::pending().await,
        }
    }

    /// Takes what the kernel knows by now.
    pub(super) fn answers(&mut self, mut take: impl FnMut(Answered)) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let buffer = rustix::buffer::spare_capacity(&mut events);
            // Fails only where a signal comes in between: it will be called again.
            if epoll::wait(self.epoll.get_ref(), buffer, Some(&AT_ONCE)).is_err() {
                return;
            }
            let now = Instant::now();
            for event in &events {
                let (place, flags) = (event.data.u64() as usize, event.flags);
                let failed = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
                if let Some(knock) = self.open.get_mut(place).and_then(Option::take) {
                    self.free.push(place);
                    let result = if failed {
                        why(&knock.socket)
                    } else {
                        Ok(Found::connected(now.into()))
                    };
                    take(answered(knock.start, result, knock.began, false));
                }
            }
            if events.len() < EVENTS {
                return;
            }
            events.clear();
        }
    }

    /// When [`silent`](Self::silent) is to be called.
    pub(super) fn check_at(&self) -> Option<Instant> {
        self.check_at
    }

    /// Takes those whose time is up.
    pub(super) fn silent(&mut self, now: Instant, mut take: impl FnMut(Answered)) {
        if self.check_at.is_none_or(|at| now < at) {
            return;
        }
        self.check_at = None;
        for (place, open) in self.open.iter_mut().enumerate() {
            match open.take_if(|knock| knock.until <= now) {
                Some(knock) => {
                    self.free.push(place);
                    let fault = silence(&knock.start.errand, false);
                    take(answered(knock.start, Err(fault), knock.began, true));
                }
                None => {
                    let until = open.as_ref().map(|knock| knock.until.max(now + LOOK));
                    self.check_at = [self.check_at, until].into_iter().flatten().min();
                }
            }
        }
    }
}

const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Sends a SYN; its socket tells the epoll once more is known.
fn knock(to: SocketAddr, epoll: &OwnedFd, place: usize) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new_raw(Domain::for_address(to), kind, Some(Protocol::TCP))?;
    quiet(&socket)?;
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(e) if Errno::from_io_error(&e) == Some(Errno::INPROGRESS) => {}
        Err(e) => return Err(e),
    }
    let flags = epoll::EventFlags::OUT | epoll::EventFlags::ET;
    epoll::add(
        epoll,
        &socket,
        epoll::EventData::new_u64(place as u64),
        flags,
    )?;
    Ok(socket)
}

/// What went wrong with a socket.
fn why(socket: &Socket) -> Result<Found, Fault> {
    match socket.take_error() {
        Ok(Some(e)) | Err(e) => Err(Fault::connect(&e)),
        // It was connected, and reset before this was looked at.
        Ok(None) => Err(Fault::server("connection reset")),
    }
}

fn answered(start: Start, result: Result<Found, Fault>, began: Instant, silent: bool) -> Answered {
    let outcome = told(result, began.into(), silent);
    (start, outcome)
}
