//! A worker's thread: its runtime, its listeners, and the orders it takes.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};

use super::accept::Listening;
use super::worker::Worker;
use crate::control::Farm;
use crate::model::Endpoint;
use crate::telemetry::Tally;

/// What a worker is told to do.
#[derive(Debug)]
pub enum Order {
    /// Accept on this listener, whose clients ask the virtual or dip at `at`.
    Listen {
        /// A bound listener of this worker's own.
        listener: TcpListener,
        /// The virtual or dip, or one of its further listeners.
        at: Endpoint,
    },
    /// Take in who is waiting at `at`, close its listener, then say so.
    Close {
        /// The address given with [`Order::Listen`].
        at: Endpoint,
        /// Told when the listener is closed; nobody need wait for it.
        closed: oneshot::Sender<()>,
    },
    /// Close all listeners and idle connections, let the others end with their answer, and end.
    Drain {
        /// How long that may take.
        grace: Duration,
    },
}

/// Runs a worker on this thread until it is told to drain, or nobody is left to give it orders.
///
/// # Errors
/// The runtime cannot be made: descriptors have run out.
pub fn run(
    farm: Arc<Farm>,
    tally: Tally,
    pseudonym: Arc<str>,
    seed: u64,
    mut orders: mpsc::Receiver<Order>,
) -> io::Result<()> {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let worker = Worker::new(farm, tally, pseudonym, seed);
        tokio::task::spawn_local(Rc::clone(&worker).keep_time());
        let mut open: Vec<Listening> = Vec::new();
        let mut grace = Duration::ZERO;
        while let Some(order) = orders.recv().await {
            match order {
                Order::Listen { listener, at } => {
                    match Listening::start(Rc::clone(&worker), listener, at) {
                        Ok(listening) => open.push(listening),
                        Err(error) => tracing::error!(%at, %error, "cannot accept"),
                    }
                }
                Order::Close { at, closed } => {
                    for listening in open.extract_if(.., |l| l.at() == at) {
                        listening.close().await;
                    }
                    // Whoever asked may not have waited.
                    let _ = closed.send(());
                }
                Order::Drain { grace: given } => {
                    grace = given;
                    break;
                }
            }
        }
        for listening in open {
            listening.close().await;
        }
        // What is left then is cut off.
        let _ = tokio::time::timeout(grace, worker.drain()).await;
    });
    Ok(())
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
