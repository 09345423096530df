//! Asks the servers how they are, on a schedule.
//!
//! Follows [`Farm::errands`]: each errand is run once within its first interval and then every interval, a little earlier or later,
//! so that servers that share a probe are asked spread out. What comes back goes to [`Farm::sounded`]. Enter at [`Probing::start`]:
//! one thread, which sleeps while nothing is due. `schedule.rs` says what runs when, `sound.rs` runs it, and there is one file for
//! each kind of probe.
//!
//! Deliberately unknown here: what a sounding means for a server. `rise`, `fall` and an agent's words are health's.

mod agent;
mod connect;
mod exec;
mod hops;
mod http;
mod https;
mod limits;
mod ping;
mod round;
mod schedule;
mod sound;
mod tcp;
mod words;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::control::{Errand, Farm};
use crate::health::Sounding;
use sound::{Memory, Outcome};
use words::Fault;

/// Runs `errand` once, beside all schedules; takes its probe's timeout at most. Nobody but the caller learns of it.
///
/// # Errors
/// Where the server could not be asked, for a reason that lies here.
pub async fn once(errand: &Errand) -> Result<Sounding, String> {
    match sound::sound(errand, &Memory::default()).await {
        Outcome::Sounded { sounding, .. } => Ok(sounding),
        Outcome::NotAsked(why) => Err(why.into_owned()),
    }
}

/// Sends one ICMP echo; how long it took to come back. `None`: not within `patience`.
///
/// # Errors
/// Where none can be sent, or the network says why none will come back.
pub async fn echo(to: IpAddr, patience: Duration) -> Result<Option<Duration>, String> {
    let began = Instant::now();
    match timeout_at(began + patience, ping::ask(to)).await {
        Ok(Ok(_)) => Ok(Some(began.elapsed())),
        Ok(Err(Fault::Ours(why) | Fault::Server(why))) => Err(why.into_owned()),
        Err(_) => Ok(None),
    }
}

/// The thread that probes. Dropping it ends the thread and whatever is under way, programs too.
#[derive(Debug)]
pub struct Probing {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Probing {
    /// Starts the thread `probes`, which runs the errands of `farm`.
    ///
    /// # Errors
    /// Where the thread or its runtime cannot be started.
    pub fn start(farm: Arc<Farm>) -> io::Result<Probing> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(limits::LOOKUPS)
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("probes".to_owned())
            .spawn(move || {
                runtime.block_on(round::follow(farm, stopped));
                // A look-up that the resolver does not answer holds nobody up.
                runtime.shutdown_background();
            })?;
        Ok(Probing {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Whether the thread has ended by itself.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed when it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
