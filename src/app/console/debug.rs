//! `debug requests`: a line for each request of some clients, for a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until, timeout_at};

use super::Desk;
use crate::control::Order;
use crate::model::Block;
use crate::telemetry::{Ear, LINES_PER_SECOND};

/// The longest time, in seconds.
const SECONDS_MOST: u16 = 600;

/// Lines that may wait between workers and the console.
const LINES_WAITING: usize = 256;

/// Stops listening however it ends.
struct Listening(Arc<Ear>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Desk {
    /// Passes lines on until the time is over or nobody takes them any more.
    pub(super) async fn debug(&self, from: Block, seconds: u16, lines: mpsc::Sender<String>) {
        let seconds = seconds.clamp(1, SECONDS_MOST);
        let until = Instant::now() + Duration::from_secs(seconds.into());
        let (send, mut heard) = mpsc::channel(LINES_WAITING);
        let listening = Listening(Arc::new(Ear::new(from, send)));
        for worker in &self.workers {
            // A worker that is gone is told of by whoever supervises it.
            let _ = worker.send(Order::Listen(Arc::clone(&listening.0))).await;
        }
        let mut ticks = interval(Duration::from_secs(1));
        loop {
            let line = tokio::select! {
                biased;
                () = lines.closed() => return,
                () = sleep_until(until) => {
                    let _ = lines.try_send(format!("% debug is over after {seconds} seconds"));
                    return;
                }
                Some(line) = heard.recv() => line,
                _ = ticks.tick() => match listening.0.take_lost() {
                    0 => continue,
                    lost => format!("% {lost} more requests were not told of: at most {LINES_PER_SECOND} a second are"),
                },
            };
            // Who takes no lines holds nobody up beyond the time.
            if !matches!(timeout_at(until, lines.send(line)).await, Ok(Ok(()))) {
                return;
            }
        }
    }
}
