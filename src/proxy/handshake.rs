//! From an accepted connection to one that HTTP is spoken on: the PROXY protocol's head where one is due, then TLS.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tracing::debug;

use super::client::Client;
use super::connection::{Connection, First};
use super::limits::{HANDSHAKE, HANDSHAKE_READ_BYTES, HEAD};
use super::proxy_head::{self, ProxyHead};
use super::sealed::{self, Sealed};
use super::stream::Fresh;
use super::worker::{Shaking, Worker};
use super::{claimed, http2};
use crate::model::Endpoint;
use crate::tls::{Fault, Session, Shield, Spoken};

/// A connection whose hands are being shaken.
pub(super) struct Handshake {
    worker: Rc<Worker>,
    client: Client<Fresh>,
    at: Endpoint,
    shield: Arc<Shield>,
    session: Session,
    /// A PROXY protocol head has to come before anything else.
    prefaced: bool,
    /// Something has come.
    came: bool,
    over: Option<End>,
    _shaking: Shaking,
}

/// How a handshake came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Shaken,
    /// In plain HTTP: answered once in plain.
    Plain,
    /// Whatever is still to be sent is an alert.
    Failed,
}

impl Handshake {
    /// A handshake with a client that was just accepted; `None`: it cannot be begun. `prefaced`: trusted proxies begin with a PROXY protocol head.
    pub(super) fn new(
        worker: &Rc<Worker>,
        client: Client<Fresh>,
        (at, prefaced): (Endpoint, bool),
        shield: Arc<Shield>,
    ) -> Option<Handshake> {
        let session = match Session::new(&shield) {
            Ok(session) => session,
            Err(fault) => {
                worker.tally.refused(fault.as_str());
                return None;
            }
        };
        let trusted = || {
            let live = worker.farm.live().load();
            claimed::trusted(&live.snapshot.globals().trusted, client.peer.ip())
        };
        let prefaced = prefaced && trusted();
        client.deadline.set(if prefaced { HEAD } else { HANDSHAKE });
        Some(Handshake {
            _shaking: worker.shaking(),
            worker: Rc::clone(worker),
            client,
            at,
            shield,
            session,
            prefaced,
            came: false,
            over: None,
        })
    }

    /// Takes in what has come already and answers it, without a task and without registering the socket.
    pub(super) fn first(&mut self) -> First {
        let mut desk = self.worker.lend();
        let read = self
            .client
            .stream
            .try_read(&mut desk.input[..HANDSHAKE_READ_BYTES]);
        let first = match read {
            None => First::GoesOn,
            Some(Err(_) | Ok(0)) => First::Over,
            Some(Ok(filled)) => {
                self.take(&desk.input[..filled]);
                let sent = sealed::send_at_once(&mut self.session, &self.client.stream);
                match (sent, self.over) {
                    (Err(_), _) | (_, Some(End::Failed)) => First::Over,
                    _ => First::GoesOn,
                }
            }
        };
        self.worker.take_back(desk);
        first
    }

    /// Shakes hands to the end, then serves.
    pub(super) async fn run(mut self) {
        match poll_fn(|cx| self.poll_over(cx)).await {
            End::Failed => {}
            End::Plain => {
                let Handshake {
                    worker, client, at, ..
                } = self;
                let mut connection = Connection::turned_away(worker, client, at);
                connection.run().await;
            }
            End::Shaken => self.serve().await,
        }
    }

    async fn serve(self) {
        let spoken = self.session.spoken();
        let secure = self.session.secure(&self.shield);
        let Handshake {
            worker,
            client,
            at,
            session,
            _shaking: shaking,
            ..
        } = self;
        let mut client = Client {
            stream: Sealed::new(client.stream, session),
            input: client.input,
            deadline: client.deadline,
            peer: client.peer,
            from: client.from,
            local: client.local,
            secure: Some(secure),
        };
        match spoken {
            Spoken::Http1 => {
                let mut connection = Connection::new(worker, client, at);
                drop(shaking);
                connection.run().await;
            }
            Spoken::Http2 => http2::serve(worker, client, at).await,
            // It has seen what it wanted in the certificate. The little that is to be sent finds room.
            Spoken::Proof => drop(client.stream.shutdown().await),
        }
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if let Some(end @ (End::Shaken | End::Plain)) = self.over {
                return Poll::Ready(end);
            }
            let sent = sealed::poll_sent(&mut self.session, &mut self.client.stream, cx, false);
            if self.over.is_some() || matches!(sent, Poll::Ready(Err(_))) {
                // Who does not take the alert is not waited for.
                return Poll::Ready(End::Failed);
            }
            if self.client.deadline.poll_passed(cx).is_ready() {
                self.fail(Fault::Slow);
                continue;
            }
            let mut desk = self.worker.lend();
            let mut buffer = ReadBuf::new(&mut desk.input[..HANDSHAKE_READ_BYTES]);
            let read = Pin::new(&mut self.client.stream).poll_read(cx, &mut buffer);
            let filled = buffer.filled().len();
            match read {
                Poll::Ready(Ok(())) if filled > 0 => self.take(&desk.input[..filled]),
                Poll::Ready(_) if self.came => self.fail(Fault::Ended),
                // It never said anything: a look at the port.
                Poll::Ready(_) => self.over = Some(End::Failed),
                Poll::Pending => {}
            }
            self.worker.take_back(desk);
            ready!(read.map(|_| ()));
        }
    }

    /// Takes in what came.
    fn take(&mut self, bytes: &[u8]) {
        if self.prefaced {
            return self.take_prefaced(bytes);
        }
        let before = std::mem::replace(&mut self.came, true);
        // A handshake record begins with 22 (RFC 8446 §5.1), a request with a letter.
        if !before && bytes.first().is_some_and(u8::is_ascii_alphabetic) {
            self.over = Some(End::Plain);
            return;
        }
        match self.session.take(bytes) {
            Ok(()) if self.session.shakes_hands() => {}
            Ok(()) => self.over = Some(End::Shaken),
            Err(fault) => self.fail(fault),
        }
    }

    /// Takes in the PROXY protocol's head, and what follows it.
    fn take_prefaced(&mut self, bytes: &[u8]) {
        let mut input = std::mem::take(&mut self.client.input);
        input.extend_from_slice(bytes);
        match proxy_head::read(&input) {
            ProxyHead::More => self.client.input = input,
            ProxyHead::Whole(length, source) => {
                self.prefaced = false;
                self.client.from = source.unwrap_or(self.client.peer);
                self.client.deadline.set(HANDSHAKE);
                self.client.input = BytesMut::new();
                input.advance(length);
                if !input.is_empty() {
                    self.take(&input);
                }
            }
            ProxyHead::Malformed => {
                self.worker.tally.refused(proxy_head::RULE);
                self.over = Some(End::Failed);
            }
        }
    }

    fn fail(&mut self, fault: Fault) {
        let rule = match fault {
            // What was waited for is another thing.
            Fault::Slow if self.prefaced => proxy_head::RULE,
            fault => fault.as_str(),
        };
        self.worker.tally.refused(rule);
        debug!(peer = %self.client.peer, at = %self.at, rule, "no TLS handshake");
        self.over = Some(End::Failed);
    }
}
