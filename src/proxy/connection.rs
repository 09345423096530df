//! One client's connection: reads into the buffer that the worker lends, answers what it can itself, and
//! hands on what is to be forwarded. Holds no buffer while idle.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;

use super::bounds;
use super::claimed;
use super::client::{Client, Stream};
use super::forward::{After, Exchange, forward};
use super::http1::{BodyDecoder, Fault, Parser, Progress};
use super::http2;
use super::limits::{DRAIN, DRAIN_BYTES};
use super::linger::linger;
use super::proxy_head::{self, ProxyHead};
use super::stream::Fresh;
use super::worker::{Desk, Open, Worker};
use crate::model::{Endpoint, Limit};

mod answering;

/// Serves a client's connection to its end. `at`: the virtual or dip that it came to.
pub fn serve_connection<S>(
    worker: Rc<Worker>,
    client: Client<S>,
    at: Endpoint,
) -> impl Future<Output = ()>
where
    S: Stream,
{
    let mut connection = Connection::new(worker, client, at);
    // Borrowed, not moved: each move through an async function would take its size once more.
    async move { connection.run().await }
}

/// A client's connection between its requests, or in the middle of one that is not forwarded.
pub(super) struct Connection<S> {
    worker: Rc<Worker>,
    client: Client<S>,
    at: Endpoint,
    /// Half a head, whose bytes are in the client's input.
    half: Option<Box<Parser>>,
    /// The rest of an unwanted body, and how much of it has been thrown away.
    unwanted: Option<Box<(BodyDecoder, usize)>>,
    /// A PROXY protocol head has to come before anything else.
    prefaced: bool,
    /// Nothing but PROXY protocol came before what comes: the client may turn out to speak HTTP/2.
    new: bool,
    /// Answers that the client has not taken yet.
    unsent: Bytes,
    next: Next,
    _open: Open,
}

/// What follows once all answers are out.
enum Next {
    /// The next request.
    Request,
    Forward(Box<Exchange>),
    /// HTTP/2, whose preface begins the client's input.
    Http2,
    Linger,
    Close,
}

/// How long the method of HTTP/2's preface is, with its blank.
const METHOD: usize = 4;

/// Where a connection leaves the loop over its requests.
enum Turn {
    Forward(Box<Exchange>),
    Http2,
    Linger,
    Close,
}

/// What became of a connection right after it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// Answered, or gone: it is over.
    Over,
    /// It goes on as a task of its own.
    GoesOn,
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(worker: Rc<Worker>, client: Client<S>, at: Endpoint) -> Self {
        let open = worker.opened();
        client.deadline.set_idle(bounds::idle());
        Connection {
            worker,
            client,
            at,
            half: None,
            unwanted: None,
            prefaced: false,
            new: true,
            unsent: Bytes::new(),
            next: Next::Request,
            _open: open,
        }
    }

    /// A client that speaks plain HTTP where TLS is spoken: to be run, which tells it so and ends.
    #[cfg(feature = "tls")]
    pub(super) fn turned_away(worker: Rc<Worker>, client: Client<S>, at: Endpoint) -> Self {
        let mut connection = Connection::new(worker, client, at);
        let mut out = Vec::new();
        connection.refuse(Fault::PlainHttp, b"", &mut out);
        connection.unsent = connection.keep_unsent(&out);
        connection
    }

    /// To be called before anything was read: a client that is trusted has to say first whom it speaks for.
    pub(super) fn heed_proxy_head(&mut self) {
        let live = self.worker.farm.live().load();
        let blocks = &live.snapshot.globals().trusted;
        if claimed::trusted(blocks, self.client.peer.ip()) {
            self.prefaced = true;
            self.client.deadline.set(bounds::head());
        }
    }

    pub(super) async fn run(&mut self) {
        loop {
            match poll_fn(|cx| self.poll_turn(cx)).await {
                Turn::Close => return,
                Turn::Http2 => return http2::go_on(&self.worker, &mut self.client, self.at).await,
                Turn::Linger => return linger(&self.worker, &mut self.client).await,
                Turn::Forward(exchange) => {
                    let worker = Rc::clone(&self.worker);
                    let after = forward(&worker, &mut self.client, exchange).await;
                    if self.client.input.is_empty() {
                        self.client.input = BytesMut::new();
                    }
                    match after {
                        After::KeepAlive => self.client.deadline.set_idle(bounds::idle()),
                        After::Close => return,
                        After::Linger => return linger(&self.worker, &mut self.client).await,
                    }
                }
            }
        }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        loop {
            if !self.unsent.is_empty() {
                if ready!(self.poll_send(cx)).is_err() {
                    return Poll::Ready(Turn::Close);
                }
                self.be_patient();
            }
            match std::mem::replace(&mut self.next, Next::Request) {
                Next::Request => {}
                Next::Forward(exchange) => return Poll::Ready(Turn::Forward(exchange)),
                Next::Http2 => return Poll::Ready(Turn::Http2),
                Next::Linger => return Poll::Ready(Turn::Linger),
                Next::Close => return Poll::Ready(Turn::Close),
            }
            let mut desk = self.worker.lend();
            let waiting = self.half.is_none() && !self.prefaced;
            let more = if waiting && !self.client.input.is_empty() {
                self.take_in(&mut desk, 0);
                Poll::Ready(Ok(()))
            } else {
                self.poll_more(cx, &mut desk)
            };
            if more.is_ready() && !desk.out.is_empty() {
                self.unsent = self.send_some(cx, &desk.out);
            }
            self.worker.take_back(desk);
            if let Err(Gone) = ready!(more) {
                return Poll::Ready(Turn::Close);
            }
        }
    }

    /// Reads once, and takes in what came.
    fn poll_more(&mut self, cx: &mut Context<'_>, desk: &mut Desk) -> Poll<Result<(), Gone>> {
        if self.client.deadline.poll_passed(cx).is_ready() {
            if self.prefaced {
                self.no_proxy_head();
                return Poll::Ready(Err(Gone));
            }
            if self.unwanted.is_some() {
                // It may be sending still.
                self.next = Next::Linger;
                return Poll::Ready(Ok(()));
            }
            if !self.within_a_head() {
                self.worker.tally.hit(Limit::Idle);
                return Poll::Ready(Err(Gone));
            }
            self.worker.tally.hit(Limit::Head);
            self.half = None;
            self.client.input.clear();
            self.refuse(Fault::SlowHead, b"", &mut desk.out);
            return Poll::Ready(Ok(()));
        }
        let mut buffer = ReadBuf::new(&mut desk.input);
        let Poll::Ready(read) = Pin::new(&mut self.client.stream).poll_read(cx, &mut buffer) else {
            let idle = !self.within_a_head() && self.unwanted.is_none();
            return match idle && self.worker.hurrying() {
                true => Poll::Ready(Err(Gone)),
                false => Poll::Pending,
            };
        };
        let filled = buffer.filled().len();
        if read.is_err() || filled == 0 {
            if self.prefaced && !self.client.input.is_empty() {
                self.no_proxy_head();
            }
            return Poll::Ready(Err(Gone));
        }
        self.take_in(desk, filled);
        Poll::Ready(Ok(()))
    }

    /// Takes in the first `filled` bytes of the desk behind those that were kept, and keeps what is left.
    fn take_in(&mut self, desk: &mut Desk, filled: usize) {
        let Desk {
            input, out, parser, ..
        } = desk;
        let mut half = self.half.take();
        let parser = half.as_deref_mut().unwrap_or(parser);
        if self.client.input.is_empty() {
            let used = self.requests(&input[..filled], parser, out);
            if used < filled {
                self.client.input.extend_from_slice(&input[used..filled]);
            }
        } else {
            let mut kept = std::mem::take(&mut self.client.input);
            kept.extend_from_slice(&input[..filled]);
            let used = self.requests(&kept, parser, out);
            kept.advance(used);
            // An empty buffer is given back: an idle connection holds none.
            if !kept.is_empty() {
                self.client.input = kept;
            }
        }
    }

    /// Goes over the requests in `input` and appends their answers to `out`. How many bytes are done with.
    fn requests(&mut self, input: &[u8], parser: &mut Parser, out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        if self.prefaced {
            match self.proxy_head(input) {
                0 => return 0,
                used => at = used,
            }
        }
        let mut left = bounds::of(Limit::Pipelined);
        while left > 0 {
            at += self.throw_away(&input[at..]);
            if at == input.len() || !matches!(self.next, Next::Request) {
                break;
            }
            match self.request(&input[at..], parser, out) {
                0 => break,
                used => at += used,
            }
            // Between an empty line and its head the lent parser would go to another connection.
            left -= u32::from(!parser.after_empty_line());
        }
        match self.next {
            Next::Request | Next::Forward(_) | Next::Http2 => at,
            // Nothing is processed after the last answer.
            Next::Linger | Next::Close => input.len(),
        }
    }

    /// Takes in the PROXY protocol's head at the front of `input`: how many bytes are done with; 0: more of it has to come.
    fn proxy_head(&mut self, input: &[u8]) -> usize {
        match proxy_head::read(input) {
            ProxyHead::More => 0,
            ProxyHead::Whole(length, source) => {
                self.prefaced = false;
                self.client.from = source.unwrap_or(self.client.peer);
                self.client.deadline.set_idle(bounds::idle());
                length
            }
            ProxyHead::Malformed => {
                self.no_proxy_head();
                self.next = Next::Close;
                input.len()
            }
        }
    }

    /// One request at the front of `input`: how many of its bytes are done with; 0: no more can be done for now.
    fn request(&mut self, input: &[u8], parser: &mut Parser, out: &mut Vec<u8>) -> usize {
        let untouched = parser.untouched();
        if untouched {
            parser.go_by(bounds::sizes());
        }
        match parser.parse(input) {
            Ok(Progress::EmptyLine) => {
                self.new = false;
                if input.len() == 2 {
                    self.half = Some(Box::new(std::mem::take(parser)));
                }
                2
            }
            Ok(Progress::Whole(length)) => {
                self.new = false;
                let (head, rest) = input.split_at(length);
                let answered = self.answer(parser.request(head), head, rest, out);
                if let Err(fault) = answered {
                    self.refuse(fault, parser.method_of(head), out);
                }
                parser.reset();
                self.be_patient();
                length
            }
            Ok(Progress::More) => {
                if untouched {
                    self.client.deadline.set(bounds::head());
                }
                self.half = Some(Box::new(std::mem::take(parser)));
                0
            }
            // Where HTTP/2's preface is no request any more (RFC 9113 §3.4).
            Err(Fault::Target) if self.new && http2::begins(input) && self.http2() => {
                if input.len() >= http2::PREFACE.len() {
                    parser.reset();
                    self.next = Next::Http2;
                    return 0;
                }
                if untouched {
                    self.client.deadline.set(bounds::head());
                }
                parser.reset();
                // Its method is one: what differs from the preface later on is taken for HTTP/1 again.
                let _ = parser.parse(&input[..METHOD]);
                self.half = Some(Box::new(std::mem::take(parser)));
                0
            }
            Err(fault) => {
                if let Some(limit) = bounds::beyond(fault) {
                    self.worker.tally.hit(limit);
                }
                self.refuse(fault, parser.method_of(input), out);
                parser.reset();
                0
            }
        }
    }

    /// Whether clients may speak HTTP/2 here without a word before: in the clear alone (RFC 9113 §3.2, §3.3).
    fn http2(&self) -> bool {
        if self.client.secure.is_some() {
            return false;
        }
        let live = self.worker.farm.live().load();
        let node = live.snapshot.node_at(self.at);
        node.is_some_and(|node| live.snapshot.http2(node))
    }

    /// Half a head, of which at least a byte has come.
    fn within_a_head(&self) -> bool {
        self.half.as_ref().is_some_and(|half| !half.untouched())
    }

    /// Sets how long the client may now be silent.
    fn be_patient(&self) {
        let deadline = &self.client.deadline;
        match &self.unwanted {
            _ if self.within_a_head() => deadline.set(bounds::head()),
            Some(_) => deadline.set(DRAIN),
            None => deadline.set_idle(bounds::idle()),
        }
    }

    /// Throws away what of an unwanted body is at the front of `input`.
    fn throw_away(&mut self, input: &[u8]) -> usize {
        let Some(unwanted) = &mut self.unwanted else {
            return 0;
        };
        let (decoder, thrown) = &mut **unwanted;
        let Ok(used) = decoder.skim(input) else {
            self.next = Next::Linger;
            return 0;
        };
        *thrown += used;
        if *thrown > DRAIN_BYTES {
            self.next = Next::Linger;
        } else if decoder.ended() {
            self.unwanted = None;
            self.client.deadline.set_idle(bounds::idle());
        }
        used
    }

    /// Writes what the client takes at once of `out`; the rest, usually nothing, is kept.
    fn send_some(&mut self, cx: &mut Context<'_>, out: &[u8]) -> Bytes {
        let stream = &mut self.client.stream;
        let written = match self.next {
            Next::Close | Next::Linger => stream.poll_write_last(cx, out),
            Next::Request | Next::Forward(_) | Next::Http2 => Pin::new(stream).poll_write(cx, out),
        };
        match written {
            Poll::Ready(Ok(n)) if n == out.len() => Bytes::new(),
            Poll::Ready(Ok(n)) => self.keep_unsent(&out[n..]),
            Poll::Pending => self.keep_unsent(out),
            Poll::Ready(Err(_)) => {
                self.next = Next::Close;
                Bytes::new()
            }
        }
    }

    fn keep_unsent(&self, out: &[u8]) -> Bytes {
        self.client.deadline.set(bounds::stalled_write());
        Bytes::copy_from_slice(out)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        while !self.unsent.is_empty() {
            match Pin::new(&mut self.client.stream).poll_write(cx, &self.unsent) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.unsent.advance(n);
                    self.client.deadline.set(bounds::stalled_write());
                }
                Poll::Ready(_) => return Poll::Ready(Err(Gone)),
                Poll::Pending => {
                    ready!(self.client.deadline.poll_passed(cx));
                    self.worker.tally.hit(Limit::StalledWrite);
                    return Poll::Ready(Err(Gone));
                }
            }
        }
        self.unsent = Bytes::new();
        Poll::Ready(Ok(()))
    }
}

impl Connection<Fresh> {
    /// Tries to serve a client that was just accepted at once: read, answer, over, without a task and
    /// without registering the socket.
    pub(super) fn first(&mut self) -> First {
        let mut desk = self.worker.lend();
        let first = match self.client.stream.try_read(&mut desk.input) {
            None => First::GoesOn,
            Some(Err(_) | Ok(0)) => First::Over,
            Some(Ok(filled)) => {
                self.take_in(&mut desk, filled);
                self.first_sent(&desk.out)
            }
        };
        self.worker.take_back(desk);
        first
    }

    fn first_sent(&mut self, out: &[u8]) -> First {
        if out.is_empty() {
            return First::GoesOn;
        }
        let last = matches!(self.next, Next::Close | Next::Linger);
        let sent = match self.client.stream.try_write(out, last) {
            None => 0,
            Some(Ok(sent)) => sent,
            Some(Err(_)) => return First::Over,
        };
        if sent < out.len() {
            self.unsent = self.keep_unsent(&out[sent..]);
            return First::GoesOn;
        }
        match self.next {
            Next::Close => First::Over,
            _ => First::GoesOn,
        }
    }
}

/// The client went away, or its time is over.
struct Gone;

#[cfg(test)]
#[path = "connection_tests/mod.rs"]
mod tests;
