//! What is held for whoever takes over from this process: a copy of each listening socket, and what is known beside the
//! configuration.

use std::collections::HashMap;
use std::net::TcpListener;

use serde::{Deserialize, Serialize};

use super::listeners::{BindError, Reach, turn};
use super::prepare::Listener;
use super::{Door, Order, Writer};
use crate::decide::Keepsake;
use crate::health::Legacy;
use crate::model::Endpoint;

/// What a writer leaves to the one that takes over, beside the configuration. A later release may leave more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estate {
    /// What tickets are signed with where the configuration has no `ticket-key`, and clients are told apart by.
    pub secret: [u8; 32],
    /// What was found of each server, by its id.
    pub servers: HashMap<String, Legacy>,
    /// The keys of TLS session tickets, newest first: name and secret.
    pub tickets: Vec<([u8; 8], [u8; 32])>,
    /// In how many milliseconds those are to be changed.
    pub tickets_rotate_in_ms: Option<u64>,
    /// Who is stuck to which server by its address; [`Loads`](crate::decide::Loads) tells it, which takes its time.
    pub clients: Keepsake,
}

/// What a writer holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Every listening socket, by endpoint.
    pub(super) sockets: HashMap<Endpoint, Vec<TcpListener>>,
    /// What the process before found, until the first configuration is in force.
    pub(super) legacies: HashMap<String, Legacy>,
    /// Its sticky clients, until then.
    pub(super) clients: Option<Keepsake>,
}

/// The listener of `bound` sockets: each worker of `accepting` gets at least one, and none is left out, as connections may wait in
/// its queue.
///
/// # Errors
/// Where one cannot be copied or be made non-blocking.
pub(super) fn opened(
    at: Endpoint,
    door: Door,
    mut bound: Vec<TcpListener>,
    accepting: usize,
) -> Result<Listener, BindError> {
    let reach = Reach::Own;
    let failed = |source| BindError { at, reach, source };
    if door.behind() != Door::Virtual {
        bound.truncate(1);
    }
    let copied = |socket: &TcpListener| {
        socket.set_nonblocking(true)?;
        socket.try_clone()
    };
    let held: Vec<_> = bound
        .iter()
        .map(copied)
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let own = bound.len();
    for nth in own..accepting {
        if let Some(socket) = bound.get(nth % own.max(1)) {
            bound.push(socket.try_clone().map_err(failed)?);
        }
    }
    Ok(Listener {
        at,
        door,
        sockets: bound,
        held,
    })
}

impl Writer {
    /// Has listeners that stay take packets from elsewhere than before.
    pub(super) fn turn(&self, turns: Vec<(Endpoint, Reach)>) {
        for (at, reach) in turns {
            for socket in self.held.sockets.get(&at).into_iter().flatten() {
                if let Err(error) = turn(socket, at, reach) {
                    // It was asked for before the change: the rights were taken from the process meanwhile.
                    tracing::error!(%at, %error, "the listener stays as it was bound: restart");
                }
            }
        }
    }

    /// Every listening socket with where it listens. Closed listeners are not among them.
    pub fn sockets(&self) -> impl Iterator<Item = (Endpoint, &TcpListener)> {
        let all = self.held.sockets.iter();
        all.flat_map(|(at, sockets)| sockets.iter().map(|socket| (*at, socket)))
    }

    /// What is known beside the configuration, but for clients.
    pub fn estate(&self) -> Estate {
        let now = self.farm().now();
        Estate {
            secret: self.secret,
            servers: self.wards.legacies(now),
            tickets: self.keyring.ticket_keys(),
            tickets_rotate_in_ms: Some(self.keyring.rotates_in_ms(now)),
            clients: Keepsake::default(),
        }
    }

    /// Begins with what another writer left; to be called before the first configuration.
    pub fn inherit(&mut self, estate: Estate) {
        self.secret = estate.secret;
        self.held.legacies = estate.servers;
        let now = self.farm().now();
        let rotates = estate.tickets_rotate_in_ms;
        self.keyring.resume_tickets(&estate.tickets, rotates, now);
        self.held.clients = Some(estate.clients);
    }

    /// Leaves the listeners to another process that accepts from them: every connection ends after its next answer, and the workers
    /// when none is left.
    pub async fn retire(&mut self) {
        self.held.sockets.clear();
        for worker in &self.workers {
            self.order(worker, Order::Retire).await;
        }
        for (_, room) in &self.rooms {
            self.order(room, Order::Retire).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(count: usize) -> (Endpoint, Vec<TcpListener>) {
        let all: Vec<_> = (0..count)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
            .collect();
        let at = all[0].local_addr().expect("bound");
        (
            Endpoint::new(at.ip(), at.port().try_into().expect("a port")),
            all,
        )
    }

    #[test]
    fn no_socket_is_left_out_and_no_worker() {
        for (handed, workers, shared) in [(1, 1, 1), (1, 3, 3), (2, 3, 3), (3, 2, 3), (4, 1, 4)] {
            let (at, bound) = sockets(handed);
            let listener = opened(at, Door::Dip, bound, workers).expect("copied");
            assert_eq!(listener.sockets.len(), shared, "{handed} for {workers}");
            assert_eq!(listener.held.len(), handed, "{handed} for {workers}");
            let mut ports: Vec<_> = listener
                .sockets
                .iter()
                .map(|socket| socket.local_addr().expect("bound").port())
                .collect();
            ports.sort_unstable();
            ports.dedup();
            assert_eq!(ports.len(), handed, "{handed} for {workers}");
        }
        let (at, bound) = sockets(2);
        let listener = opened(at, Door::Admin, bound, 1).expect("copied");
        assert_eq!((listener.sockets.len(), listener.held.len()), (1, 1));
    }
}
