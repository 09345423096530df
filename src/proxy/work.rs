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
    // More than one of an endpoint where fewer workers took over the sockets of more.
    let mut listening: HashMap<Endpoint, Vec<Listening>> = HashMap::new();
    let mut closing = JoinSet::new();
    let mut leaves = false;
    while let Some(order) = inbox.recv().await {
        match order {
            Order::Open { at, listener } => {
                match Listening::start(Rc::clone(&worker), listener, at) {
                    Ok(opened) => {
                        listening.entry(at).or_default().push(opened);
                    }
                    Err(error) => error!("cannot accept on {}: {error}", at.socket()),
                }
            }
            Order::Close { at } => {
                for closed in listening.remove(&at).into_iter().flatten() {
                    closing.spawn_local(closed.close());
                }
            }
            Order::Forget(living) => {
                worker.tally.forget_all_but(&living);
                // It follows every change.
                let all = listening.values().flatten();
                all.for_each(|open| open.heed(&worker));
            }
            Order::Heed => listening
                .values()
                .flatten()
                .for_each(|open| open.heed(&worker)),
            Order::Log(journal) => worker.scribe.follow(journal),
            Order::Listen(ear) => worker.scribe.listen(ear),
            Order::Count(reply) => count(&worker, reply).await,
            Order::Ping(reply) => drop(reply.send(())),
            Order::Drain => break,
            Order::Retire => {
                leaves = true;
                break;
            }
        }
        while closing.try_join_next().is_some() {}
    }
    for closed in listening.into_values().flatten() {
        closing.spawn_local(async move {
            match leaves {
                true => closed.leave().await,
                false => closed.close().await,
            }
        });
    }
    while closing.join_next().await.is_some() {}
    match leaves {
        true => worker.retire(),
        false => worker.hurry(),
    }
    let drained = worker.emptied();
    tokio::pin!(drained);
    loop {
        tokio::select! {
            () = &mut drained => {
                worker.scribe.follow(None);
                return worker.tally.counts();
            }
            Some(order) = inbox.recv() => match order {
                Order::Count(reply) => count(&worker, reply).await,
                Order::Ping(reply) => drop(reply.send(())),
                Order::Drain => worker.hurry(),
                // Nothing is accepted and nothing changes any more.
                _ => {}
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
