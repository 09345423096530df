//! How a server is spoken to that speaks TLS or HTTP/2: made once a worker and server, and anew where its settings change.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::connect::{NoConnection, To};
use super::http2::Line;
use super::limits::{LINES, TONGUE_IDLE};
use super::pool::Upstream;
use super::wire::Wire;
use crate::model::{Speech, Verify};
use crate::tls::client::{self, Anchors, Check, Connector, Sessions, Trust};

const HTTP1: &str = "http/1.1";
const HTTP2: &str = "h2";

/// How often a server's failing handshakes are told of in the log, at most.
const TOLD_AGAIN: Duration = Duration::from_secs(10);

/// How one server is spoken to.
#[derive(Debug)]
pub(super) struct Tongue {
    speech: Speech,
    anchors: Option<Arc<Anchors>>,
    /// Tells it from what was spoken before, so that no connection of that is used again. From 1.
    pub(super) number: u32,
    tls: Option<Connector>,
    /// For upgrades that HTTP/2 does not know, where it is spoken.
    tls_for_upgrades: Option<Connector>,
    /// Connections that speak HTTP/2.
    lines: RefCell<Vec<Line>>,
    /// Another one of these is on its way.
    opening: Cell<bool>,
    opened: Notify,
    used: Cell<Instant>,
    told: Cell<Option<Instant>>,
}

impl Tongue {
    /// What `speech` asks for, of a server at this address.
    ///
    /// # Errors
    /// In a few words, why it cannot be spoken.
    pub(super) fn new(
        speech: &Speech,
        (address, trust): (IpAddr, &Trust),
        number: u32,
    ) -> Result<Tongue, String> {
        let anchors = speech.ca().and_then(|file| trust.anchors(file)).cloned();
        let connector = |protocol| {
            let Some(verify) = &speech.tls else {
                return Ok(None);
            };
            connector(verify, anchors.as_ref(), address, protocol).map(Some)
        };
        Ok(Tongue {
            tls: connector(if speech.http2 { HTTP2 } else { HTTP1 })?,
            tls_for_upgrades: match speech.http2 {
                true => connector(HTTP1)?,
                false => None,
            },
            anchors,
            speech: speech.clone(),
            number,
            lines: RefCell::default(),
            opening: Cell::new(false),
            opened: Notify::new(),
            used: Cell::new(Instant::now()),
            told: Cell::new(None),
        })
    }

    /// Whether it is still what is asked for.
    pub(super) fn fits(&self, speech: &Speech, trust: &Trust) -> bool {
        self.used.set(Instant::now());
        let anchors = speech.ca().and_then(|file| trust.anchors(file));
        let same = match (&self.anchors, anchors) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same && self.speech == *speech
    }

    /// Whether requests go by HTTP/2.
    pub(super) fn http2(&self) -> bool {
        self.speech.http2
    }

    /// Whether it was not used for long, as of a server that is no more.
    pub(super) fn forgotten(&self) -> bool {
        self.used.get().elapsed() > TONGUE_IDLE
    }

    /// Closes connections that nothing went over for long.
    pub(super) fn sweep(&self) {
        self.lines.borrow_mut().retain(Line::is_of_use);
    }

    /// Room on a connection that is open.
    pub(super) fn join(&self) -> Option<Upstream> {
        let mut lines = self.lines.borrow_mut();
        lines.retain(|line| !line.is_dead());
        let full = lines.len() >= LINES;
        let line = lines.iter().find(|line| line.has_room());
        let line = line.or_else(|| lines.iter().filter(|_| full).min_by_key(|l| l.exchanges()))?;
        Some(Upstream::new(Wire::Http2(Box::new(line.exchange())), true))
    }

    /// Shakes hands over a connection that has just come about. One in a client's name is for a single exchange.
    pub(super) async fn greet(
        &self,
        stream: TcpStream,
        To { upgrade, from, .. }: To<'_>,
    ) -> Result<Upstream, NoConnection> {
        let http2 = self.speech.http2 && !upgrade;
        let tls = match upgrade {
            true if self.speech.http2 => &self.tls_for_upgrades,
            _ => &self.tls,
        };
        let wire = match tls {
            None => Wire::Plain(stream),
            Some(tls) => Wire::Tls(Box::new(tls.connect(stream).await.map_err(failed)?)),
        };
        let line = match wire {
            wire if !http2 => return Ok(Upstream::new(wire, false)),
            Wire::Tls(stream) if client::protocol(&stream) != Some(HTTP2.as_bytes()) => {
                let why = "TLS: the server does not agree to HTTP/2 (ALPN h2)";
                return Err(NoConnection::Handshake(why.to_owned()));
            }
            Wire::Tls(stream) => Line::open(stream, true).await,
            Wire::Plain(stream) => Line::open(stream, false).await,
            wire @ Wire::Http2(_) => return Ok(Upstream::new(wire, false)),
        };
        let line = line.map_err(|e| NoConnection::Handshake(format!("HTTP/2: {e}")))?;
        let exchange = line.exchange();
        if from.is_none() {
            self.lines.borrow_mut().push(line);
        }
        Ok(Upstream::new(Wire::Http2(Box::new(exchange)), false))
    }

    /// Waits for whoever opens a connection already; then there may be room. `None`: nobody does, and the caller is to, as long as it
    /// holds what it gets.
    pub(super) async fn turn(self: &Rc<Self>) -> Opening {
        while self.opening.get() {
            self.opened.notified().await;
        }
        self.opening.set(true);
        Opening(Rc::clone(self))
    }

    /// Whether this failure is to be told of in the log.
    pub(super) fn tells(&self) -> bool {
        let now = Instant::now();
        let told = self.told.get();
        let tells = told.is_none_or(|told| now - told >= TOLD_AGAIN);
        if tells {
            self.told.set(Some(now));
        }
        tells
    }
}

/// The only one to open a connection, until dropped.
#[derive(Debug)]
pub(super) struct Opening(Rc<Tongue>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.opening.set(false);
        self.0.opened.notify_waiters();
    }
}

fn connector(
    verify: &Verify,
    anchors: Option<&Arc<Anchors>>,
    address: IpAddr,
    protocol: &str,
) -> Result<Connector, String> {
    let own = address.to_string();
    let (name, check) = match verify {
        Verify::Off => (own.as_str(), Check::Off),
        Verify::Address => (own.as_str(), Check::Host),
        Verify::Name { name, ca: None } => (&**name, Check::Host),
        Verify::Name { name, ca: Some(_) } => match anchors {
            Some(anchors) => (&**name, Check::By(Arc::clone(anchors))),
            None => return Err("its certificate authorities are not loaded".to_owned()),
        },
    };
    let made = Connector::new(name, &check, &[protocol], Sessions::Resumed);
    made.map_err(|fault| match fault {
        client::Fault::Io(error) => error.to_string(),
        client::Fault::Tls(why) | client::Fault::Ours(why) => why,
    })
}

fn failed(fault: client::Fault) -> NoConnection {
    NoConnection::Handshake(match fault {
        client::Fault::Io(error) => format!("TLS: the connection broke: {error}"),
        client::Fault::Tls(why) => format!("TLS: {why}"),
        client::Fault::Ours(why) => why,
    })
}
