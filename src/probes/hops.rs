//! Measures how many routers lie between here and a server.
//!
//! A SYN that is sent with too small a time to live does not arrive: the router where it runs out says so, and connecting fails with
//! EHOSTUNREACH (RFC 792, time exceeded; RFC 4443 §3.3). Routers that say nothing cost a wait.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use tokio::time::Instant;

use super::connect::connect;
use super::limits::TTL;
use super::sound::{Found, Memory};
use super::words::Fault;

/// The shortest wait for a connection before its SYN is taken for lost, however near the server is.
const PATIENCE: Duration = Duration::from_millis(200);

/// Finds the distance, first where it was the last time.
pub(super) async fn ask(to: SocketAddr, memory: &Memory) -> Result<Found, Fault> {
    let last = memory.ttl.load(Ordering::Relaxed);
    // Takes back the memory of a way that is found no more.
    memory.ttl.store(0, Ordering::Relaxed);
    let ttl = match confirm(to, last).await? {
        Some(ttl) => ttl,
        None => search(to).await?,
    };
    memory.ttl.store(ttl, Ordering::Relaxed);
    let routers = ttl - 1;
    let mut found = Found::new(match routers {
        1 => "1 router away".to_owned(),
        n => format!("{n} routers away"),
    });
    found.figures.push(("hops".into(), routers.into()));
    Ok(found)
}

/// Whether `last` is still the smallest time to live that is enough.
async fn confirm(to: SocketAddr, last: u8) -> Result<Option<u8>, Fault> {
    if last == 0 {
        return Ok(None);
    }
    let began = Instant::now();
    // A longer way shows as silence where routers say nothing: then all is searched anew.
    if !arrives(to, last, Duration::from_secs(1)).await? {
        return Ok(None);
    }
    let patience = patience(began.elapsed());
    let nearer = last > 1 && arrives(to, last - 1, patience).await?;
    Ok((!nearer).then_some(last))
}

async fn search(to: SocketAddr) -> Result<u8, Fault> {
    let began = Instant::now();
    connect(to, Some(TTL))
        .await
        .map_err(|e| Fault::connect(&e))?;
    let patience = patience(began.elapsed());
    let (mut low, mut high) = (1, TTL);
    while low < high {
        let middle = low + (high - low) / 2;
        if arrives(to, middle, patience).await? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// Whether a connection comes about with this time to live, within `patience`.
async fn arrives(to: SocketAddr, ttl: u8, patience: Duration) -> Result<bool, Fault> {
    match tokio::time::timeout(patience, connect(to, Some(ttl))).await {
        Ok(Ok(_)) => Ok(true),
        Ok(Err(e)) if ran_out(&e) => Ok(false),
        Ok(Err(e)) => Err(Fault::connect(&e)),
        Err(_) => Ok(false),
    }
}

/// Twice what it took, and time for a server that is busy.
fn patience(took: Duration) -> Duration {
    (took * 2).max(PATIENCE)
}

fn ran_out(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::HOSTUNREACH)
}

#[cfg(test)]
#[path = "hops_tests.rs"]
mod tests;
