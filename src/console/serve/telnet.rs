//! The telnet listener.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::converse::{Guest, converse};
use super::limits::ACCEPT_PAUSE;
use super::places::Place;
use super::room::Room;
use super::wire::{Code, Ear, Wire};
use crate::console::{Origin, Over};
use crate::model::Block;

/// From one sign of life that is asked of a silent client to the next.
const ALIVE: Duration = Duration::from_secs(30);

/// Those who are turned away are told of no more often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Serves a listener until it is aborted.
pub(super) async fn accept(room: Arc<Room>, listener: TcpListener) {
    let mut gate = Gate::default();
    loop {
        let (stream, from, unproven) = gate.let_in(&room, &listener, "telnet").await;
        tokio::spawn(sit(Arc::clone(&room), stream, from, unproven));
    }
}

async fn sit(room: Arc<Room>, stream: TcpStream, from: SocketAddr, unproven: Place) {
    prepare(&stream);
    let (ear, mouth) = stream.into_split();
    let origin = Origin {
        from: from.ip().to_canonical().to_string().into(),
        over: Over::Telnet,
        known: None,
        terminal: true,
        columns: 0,
        rows: 0,
        command: None,
    };
    let wire = Wire {
        ear: Ear::Bytes(Box::pin(ear)),
        mouth: Box::pin(mouth),
        code: Code::Telnet(Box::default()),
    };
    let guest = Guest {
        origin,
        wire,
        unproven: Some(unproven),
        configured: true,
    };
    converse(room, guest).await;
}

/// Makes a socket one of telnet. What cannot be set is done without.
fn prepare(stream: &TcpStream) {
    use rustix::net::sockopt;
    // Keys are few and want to be seen at once.
    let _ = stream.set_nodelay(true);
    // A client's interrupt comes with urgent data (RFC 854, Synch): taken out of line, the byte behind IAC would be missing.
    let _ = sockopt::set_socket_oobinline(stream, true);
    // One whose host went without a word keeps neither its place nor what it holds, idle timeout or not.
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, ALIVE);
    let _ = sockopt::set_tcp_keepintvl(stream, ALIVE);
    let _ = sockopt::set_tcp_keepcnt(stream, 3);
}

/// Who comes through a listener of the network, and who is turned away.
#[derive(Debug, Default)]
pub(super) struct Gate {
    turned_away: u64,
    told: Option<Instant>,
}

impl Gate {
    /// The next who may come in, with a place among those who have not logged in. Whoever may not, or finds no place, is closed
    /// without a word.
    pub(super) async fn let_in(
        &mut self,
        room: &Arc<Room>,
        listener: &TcpListener,
        over: &str,
    ) -> (TcpStream, SocketAddr, Place) {
        loop {
            let (stream, from) = match listener.accept().await {
                Ok(came) => came,
                Err(error) => {
                    warn!("the console's listener for {over} pauses: {error}");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let may = admits(from.ip(), &room.source.ground.borrow().console.access);
            if !may {
                self.turn_away(from, over, "no `telnet ADDRESS MASK` admits it");
                continue;
            }
            match room.unproven.take(from.ip()) {
                Ok(unproven) => return (stream, from, unproven),
                Err(why) => self.turn_away(from, over, why),
            }
        }
    }

    fn turn_away(&mut self, from: SocketAddr, over: &str, why: &str) {
        self.turned_away += 1;
        let now = Instant::now();
        if self.told.is_some_and(|told| now < told + TELL_EVERY) {
            return;
        }
        self.told = Some(now);
        let (from, so_far) = (from.ip(), self.turned_away);
        info!("console over {over}: {from} was turned away, {why}; {so_far} so far");
    }
}

/// Whether `address` may reach the console over the network: this host always, others where a block has them.
pub(super) fn admits(address: IpAddr, access: &[Block]) -> bool {
    address.to_canonical().is_loopback() || access.iter().any(|block| block.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_comes_always_and_others_by_the_list() {
        let list = [Block {
            address: [192, 0, 2, 0].into(),
            length: 24,
        }];
        let may = |address: &str| admits(address.parse().expect("an address"), &list);
        assert!(may("127.0.0.1") && may("127.9.9.9") && may("::1") && may("::ffff:127.0.0.1"));
        assert!(may("192.0.2.255") && may("::ffff:192.0.2.1"));
        assert!(!may("192.0.3.1") && !may("2001:db8::1"));
        assert!(!admits([192, 0, 2, 1].into(), &[]));
    }
}
