//! A worker's thread: its runtime, its listeners, the writer's orders.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, spawn_local};
use tracing::error;

use super::accept::Listening;
use super::worker::Worker;
use crate::control::{Farm, Order};
use crate::model::Endpoint;
use crate::telemetry::{Counts, Tally};

/// Serves on the current thread until ordered to drain, or until nobody can order any more; returns
/// what was counted. `pseudonym` is what `Via` calls this process.
pub fn work(farm: Arc<Farm>, pseudonym: Arc<str>, inbox: mpsc::Receiver<Order>) -> Counts {
    let mut builder = Builder::new_current_thread();
    match builder.enable_all().build_local(LocalOptions::default()) {
        Ok(runtime) => runtime.block_on(obey(farm, pseudonym, inbox)),
        Err(error) => {
            error!("a worker cannot start: {error}");
            Counts::default()
        }
    }
}

async fn obey(farm: Arc<Farm>, pseudonym: Arc<str>, mut inbox: mpsc::Receiver<Order>) -> Counts {
    // The standard library's hash keys are the random numbers at hand.
    let seed = RandomState::new().hash_one(0);
    let worker = Worker::new(farm, Tally::default(), pseudonym, seed);
    spawn_local(Rc::clone(&worker).keep_time());
    let mut listening: HashMap<Endpoint, Listening> = HashMap::new();
    let mut closing = JoinSet::new();
    while let Some(order) = inbox.recv().await {
        match order {
            Order::Open { at, listener } => {
                match Listening::start(Rc::clone(&worker), listener, at) {
                    Ok(opened) => {
                        listening.insert(at, opened);
                    }
                    Err(error) => error!("cannot accept on {}: {error}", at.socket()),
                }
            }
            Order::Close { at } => {
                if let Some(closed) = listening.remove(&at) {
                    closing.spawn_local(closed.close());
                }
            }
            Order::Forget(living) => {
                worker.tally.forget_all_but(&living);
                // It follows every change.
                listening.values().for_each(|open| open.heed(&worker));
            }
            Order::Heed => listening.values().for_each(|open| open.heed(&worker)),
            Order::Log(journal) => worker.scribe.follow(journal),
            Order::Listen(ear) => worker.scribe.listen(ear),
            Order::Count(reply) => count(&worker, reply).await,
            Order::Drain => break,
        }
        while closing.try_join_next().is_some() {}
    }
    for (_, closed) in listening {
        closing.spawn_local(closed.close());
    }
    while closing.join_next().await.is_some() {}
    let drained = worker.drain();
    tokio::pin!(drained);
    loop {
        tokio::select! {
            () = &mut drained => {
                worker.scribe.follow(None);
                return worker.tally.counts();
            }
            Some(order) = inbox.recv() => {
                if let Order::Count(reply) = order {
                    count(&worker, reply).await;
                }
            }
        }
    }
}

/// Replies with a copy of the counts. It is made in parts, between which requests have their turn.
async fn count(worker: &Worker, reply: oneshot::Sender<Counts>) {
    let mut copy = Counts::default();
    while !worker.tally.copy(&mut copy) {
        tokio::task::yield_now().await;
    }
    // The writer may have been stopped while it waited.
    drop(reply.send(copy));
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
