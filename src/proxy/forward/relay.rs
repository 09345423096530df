//! One exchange over one connection to a server: request and answer at once, in one task.
//!
//! Both sides are read into the buffer that the worker lends, and what is read goes on from there; an exchange that waits holds
//! only what a side did not take. What the server says is taken in by `reply`.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::After;
use super::Exchange;
use super::limits::AHEAD_BYTES;
use super::out::{Onward, Unsent};
use super::pool::Upstream;
use super::reply::Reply;
use super::request::{self, Route};
use super::splice::Through;
use super::upload::Upload;
use super::wire::Wire;
use crate::decide::Place;
use crate::model::Limit;
use crate::proxy::bounds;
use crate::proxy::client::{Client, Stream};
use crate::proxy::http1::Fault;
use crate::proxy::limits::UNREAD_GONE;
use crate::proxy::worker::{Desk, Worker};

/// How an exchange over one connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The client has the whole answer.
    Whole(After),
    /// The client has a 101 that fits, and the bytes are the two sides' own.
    Switched,
    /// The client went away.
    Gone,
    /// The client has part of an answer and will not get the rest.
    Cut,
    /// The client has nothing of an answer.
    Failed(Failure),
}

/// Why the client has nothing of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection broke before the head of an answer.
    Reset,
    /// No head of an answer in time.
    Unanswered,
    /// The answer breaks HTTP's rules.
    BadAnswer,
    /// The request's body breaks the rules of framing.
    Fault(Fault),
    /// The request's body comes too slowly.
    Slow,
}

/// Whom the exchange waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    ToTake,
    ToSend,
    ForHead,
    Silent,
}

/// What a look at the request's body came to.
enum Step {
    /// Nothing to do: the server takes none, or the body is through.
    Still,
    /// Bytes went on.
    Moved,
    /// The client has to send more.
    Waiting,
}

/// One exchange over one connection.
pub(super) struct Relay<'a, S> {
    pub(super) worker: &'a Rc<Worker>,
    pub(super) client: &'a mut Client<S>,
    pub(super) exchange: &'a Exchange,
    pub(super) place: &'a Place,
    pub(super) upstream: Upstream,
    pub(super) upload: Upload,
    pub(super) reply: Reply,
    /// On its way to the server.
    pub(super) up: Unsent,
    /// On its way to the client.
    pub(super) down: Unsent,
    /// Data of the request's body, behind what is in `up`.
    through_up: Through<'a>,
    /// Data of the answer's body, behind what is in `down`.
    through_down: Through<'a>,
    /// Bytes came from the server.
    pub(super) answered: bool,
    /// What was taken of the body, all of it, as long as it may be needed again.
    replay: Option<BytesMut>,
    pub(super) begun: Instant,
    /// Something went on since the task was woken.
    moved: bool,
    wait: Option<Wait>,
    /// When the deadline passes that stands in for looks whether the client is there; `None`: it is the deadline's own time.
    due: Option<Instant>,
    /// When the head of the answer has to be there; counted from the last byte of the request that moved.
    head_due: Option<Instant>,
    silence: Duration,
}

/// What is left of an exchange that is over.
pub(super) struct Closed {
    pub(super) upstream: Upstream,
    pub(super) reply: Reply,
    /// The server's connection is as it was before.
    pub(super) reusable: bool,
    /// Bytes came from the server.
    pub(super) answered: bool,
    /// Some of the request was sent, and the server does not say that it did nothing with it.
    pub(super) sent: bool,
    /// Some of the body was taken from the client.
    pub(super) begun: bool,
    /// Bytes of the body taken from the client.
    pub(super) taken: u64,
    /// Bytes written to the server.
    pub(super) up: u64,
    /// Bytes written to the client.
    pub(super) down: u64,
}

impl<'a, S: Stream> Relay<'a, S> {
    pub(super) fn new(
        (worker, client): (&'a Rc<Worker>, &'a mut Client<S>),
        (exchange, place): (&'a Exchange, &'a Place),
        upstream: Upstream,
        silence: Duration,
    ) -> Self {
        Relay {
            worker,
            client,
            exchange,
            place,
            upload: Upload::new(exchange.head.framing, upstream.stream.takes_trailers()),
            upstream,
            reply: Reply::default(),
            up: Unsent::default(),
            down: Unsent::default(),
            through_up: Through::new(&worker.pools.pipes),
            through_down: Through::new(&worker.pools.pipes),
            answered: false,
            replay: None,
            begun: Instant::now(),
            moved: true,
            wait: None,
            due: None,
            head_due: None,
            silence,
        }
    }

    /// Sends the head, and with it what of the body is there.
    ///
    /// # Errors
    /// The body breaks the rules of framing: nothing was sent.
    pub(super) fn send(&mut self, route: &Route<'_>) -> Result<(), Fault> {
        let mut desk = self.worker.lend();
        request::write(&mut desk.out, &self.exchange.head, route);
        // Who waits for room is told when the exchange is polled.
        let mut cx = Context::from_waker(Waker::noop());
        let sent = self.send_kept(&mut cx, &mut desk.out);
        self.worker.take_back(desk);
        let http2 = matches!(self.upstream.stream, Wire::Http2(_));
        if self.up.written() > 0 && !http2 {
            self.replay = None;
        }
        sent
    }

    /// Sends the text, and behind it what of the body is in the client's input.
    fn send_kept(&mut self, cx: &mut Context<'_>, text: &mut Vec<u8>) -> Result<(), Fault> {
        let mut onward = Onward {
            text,
            unsent: &mut self.up,
            stream: &mut self.upstream.stream,
            cx,
        };
        if !self.upload.ended() && !self.client.input.is_empty() {
            let mut kept = std::mem::take(&mut self.client.input);
            let fresh = !self.upload.begun;
            let used = self.upload.pass(&kept, &mut onward)?;
            let taken = kept.split_to(used);
            self.replay = (fresh && used > 0).then_some(taken);
            // An empty buffer is given back.
            if !kept.is_empty() {
                self.client.input = kept;
            }
        }
        onward.send();
        Ok(())
    }

    /// Runs the exchange to its end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let mut desk = self.worker.lend();
        let end = self.poll_at(cx, &mut desk);
        self.worker.take_back(desk);
        end
    }

    fn poll_at(&mut self, cx: &mut Context<'_>, desk: &mut Desk) -> Poll<End> {
        loop {
            let up = self.up.written();
            let stepped = self.poll_up(cx, desk);
            if self.up.written() > up {
                self.head_due = None;
            }
            let (again, waiting) = match stepped {
                Ok(step) => (matches!(step, Step::Moved), matches!(step, Step::Waiting)),
                Err(end) => return Poll::Ready(end),
            };
            match self.poll_down(cx, desk) {
                Err(end) => return Poll::Ready(end),
                Ok(true) => continue,
                Ok(false) if again => continue,
                Ok(false) => {}
            }
            // Who waits for its body learns of its end there.
            if !waiting && self.poll_client_gone(cx) {
                return Poll::Ready(End::Gone);
            }
            return self.wait(cx, waiting);
        }
    }

    /// Whether the body stays in the client's socket while the server takes none: the kernel passes it on later.
    fn leaves_body(&mut self) -> bool {
        !self.upload.ended() && self.client.stream.raw().is_some()
    }

    fn poll_client_gone(&mut self, cx: &mut Context<'_>) -> bool {
        match self.leaves_body() {
            true => self.client.stream.ended(cx),
            false => poll_gone(self.client, cx).is_ready(),
        }
    }

    /// Passes on a piece of the request.
    fn poll_up(&mut self, cx: &mut Context<'_>, desk: &mut Desk) -> Result<Step, End> {
        if !self.up.is_empty() {
            let before = self.up.written();
            let waits = self.up.poll_write(&mut self.upstream.stream, cx);
            self.moved |= self.up.written() > before;
            if waits.is_pending() {
                return Ok(Step::Still);
            }
        }
        if self.give_up(cx).is_pending() {
            return Ok(Step::Still);
        }
        // What the server says may explain why it takes no more.
        if self.upload.ended() || self.up.broken() {
            return Ok(Step::Still);
        }
        if let Some(taken) = self.poll_through_up(cx, &mut desk.out) {
            return match taken {
                Poll::Pending => Ok(Step::Waiting),
                Poll::Ready(true) => Ok(Step::Moved),
                Poll::Ready(false) => Err(End::Gone),
            };
        }
        let sent = if self.client.input.is_empty() {
            let mut buffer = ReadBuf::new(&mut desk.input);
            match Pin::new(&mut self.client.stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return Ok(Step::Waiting),
                Poll::Ready(Err(_)) => return Err(End::Gone),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Err(End::Gone),
                Poll::Ready(Ok(())) => {}
            }
            let filled = buffer.filled().len();
            self.send_read(cx, desk, filled)
        } else {
            self.send_kept(cx, &mut desk.out)
        };
        sent.map_err(|fault| self.fail(Failure::Fault(fault)))?;
        self.moved = true;
        Ok(Step::Moved)
    }

    /// Lets the kernel take data of the body: whether there was any. `None`: it is to be read.
    fn poll_through_up(&mut self, cx: &mut Context<'_>, text: &mut Vec<u8>) -> Option<Poll<bool>> {
        let left = self.upload.data_left();
        if !self.client.input.is_empty() || !self.through_up.wants(left) {
            return None;
        }
        self.upstream.stream.raw()?;
        let from = self.client.stream.raw()?;
        let taken = match self.through_up.poll_take(from, left, cx)? {
            Poll::Pending => return Some(Poll::Pending),
            Poll::Ready(Err(_) | Ok(0)) => return Some(Poll::Ready(false)),
            Poll::Ready(Ok(taken)) => taken,
        };
        self.moved = true;
        self.replay = None;
        self.upload.pass_over(taken as u64, text);
        (self.up).give(&mut self.upstream.stream, cx, text, &[]);
        text.clear();
        Some(Poll::Ready(true))
    }

    fn give_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let to = self.upstream.stream.raw();
        let (given, broken) = self.through_up.poll_give(to, cx);
        self.moved |= given > 0;
        self.up.went_past(given, broken);
        match self.through_up.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn give_down(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let to = self.client.stream.raw();
        let (given, broken) = self.through_down.poll_give(to, cx);
        self.moved |= given > 0;
        self.down.went_past(given, broken);
        match self.through_down.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Lets the kernel take data of the answer's body: whether there was any, or its end was taken in. `None`: it is to be read.
    fn poll_through_down(
        &mut self,
        cx: &mut Context<'_>,
        text: &mut Vec<u8>,
    ) -> Option<Poll<Result<(), Failure>>> {
        let left = self.reply.data_left();
        if !self.through_down.wants(left) {
            return None;
        }
        self.client.stream.raw()?;
        let from = self.upstream.stream.raw()?;
        let taken = match self.through_down.poll_take(from, left, cx)? {
            Poll::Pending => return Some(Poll::Pending),
            Poll::Ready(Ok(taken)) if taken > 0 => taken,
            Poll::Ready(ended) => {
                return Some(Poll::Ready(self.take_last(cx, text, ended.is_ok())));
            }
        };
        self.moved = true;
        self.reply.pass_over(taken as u64, text);
        (self.down).give(&mut self.client.stream, cx, text, &[]);
        text.clear();
        if self.down.is_empty() {
            let _ = self.give_down(cx);
        }
        Some(Poll::Ready(Ok(())))
    }

    /// Sends what of the body was just read; what is behind it is kept.
    fn send_read(
        &mut self,
        cx: &mut Context<'_>,
        desk: &mut Desk,
        filled: usize,
    ) -> Result<(), Fault> {
        let read = &desk.input[..filled];
        let mut onward = Onward {
            text: &mut desk.out,
            unsent: &mut self.up,
            stream: &mut self.upstream.stream,
            cx,
        };
        let used = self.upload.pass(read, &mut onward)?;
        self.replay = None;
        onward.send();
        if used < filled {
            self.client.input = BytesMut::from(&read[used..]);
        }
        Ok(())
    }

    /// Passes on a piece of the answer. Says whether there may be more.
    fn poll_down(&mut self, cx: &mut Context<'_>, desk: &mut Desk) -> Result<bool, End> {
        let before = self.down.written();
        if !self.down.is_empty() {
            let waits = self.down.poll_write(&mut self.client.stream, cx);
            self.moved |= self.down.written() > before;
            if waits.is_pending() {
                return Ok(false);
            }
        }
        if self.give_down(cx).is_pending() {
            return Ok(false);
        }
        let mut more = false;
        if let Some(taken) = self.poll_through_down(cx, &mut desk.out) {
            if let Poll::Ready(taken) = taken {
                taken.map_err(End::Failed)?;
                more = true;
            }
        } else if self.reply.goes_on() {
            let mut buffer = ReadBuf::new(&mut desk.input);
            if let Poll::Ready(read) =
                Pin::new(&mut self.upstream.stream).poll_read(cx, &mut buffer)
            {
                let read = read.map(|()| buffer.filled().len());
                self.take_in(cx, desk, read).map_err(End::Failed)?;
                // The time for a head runs on while it comes, and over interim ones.
                self.moved |= self.reply.begun();
                more = true;
            }
        }
        match self.end() {
            Some(end) => Err(end),
            None => Ok(more),
        }
    }

    /// The end, once the client has all that it gets.
    fn end(&mut self) -> Option<End> {
        if self.down.broken() {
            return Some(End::Gone);
        }
        if !self.down.is_empty() || !self.through_down.is_empty() {
            return None;
        }
        self.reply_end()
    }

    fn fail(&self, failure: Failure) -> End {
        match self.reply.begun() {
            true => End::Cut,
            false => End::Failed(failure),
        }
    }

    /// Sets the deadline of whom the exchange waits for, and ends it where that one has passed.
    fn wait(&mut self, cx: &mut Context<'_>, for_body: bool) -> Poll<End> {
        let invited =
            !self.exchange.head.expects_continue || self.upload.begun || self.reply.continued();
        let wait = if !self.down.is_empty() || !self.through_down.is_empty() {
            Wait::ToTake
        } else if for_body && invited {
            Wait::ToSend
        } else if !self.reply.begun() {
            Wait::ForHead
        } else {
            Wait::Silent
        };
        // Its end comes behind what is left unread, and wakes nobody.
        let unread = !for_body && (self.leaves_body() || self.client.input.len() >= AHEAD_BYTES);
        if self.moved || self.wait != Some(wait) || (unread && self.due.is_none()) {
            self.moved = false;
            self.wait = Some(wait);
            let patience = match wait {
                // Who takes nothing has to send as fast as anyone.
                Wait::ToTake if for_body && invited => {
                    bounds::stalled_write().min(self.upload.patience())
                }
                Wait::ToTake => bounds::stalled_write(),
                Wait::ToSend => self.upload.patience(),
                Wait::ForHead => {
                    let now = Instant::now();
                    let due = || now + bounds::seconds(Limit::Answer);
                    let due = *self.head_due.get_or_insert_with(due);
                    due.saturating_duration_since(now)
                }
                Wait::Silent => self.silence,
            };
            self.due = unread.then(|| Instant::now() + patience);
            let look = if unread { UNREAD_GONE } else { patience };
            self.client.deadline.set(patience.min(look));
        }
        while self.client.deadline.poll_passed(cx).is_ready() {
            let now = Instant::now();
            let Some(due) = self.due.filter(|due| *due > now) else {
                return Poll::Ready(self.too_late(wait));
            };
            self.client.deadline.set((due - now).min(UNREAD_GONE));
        }
        Poll::Pending
    }

    /// The end of an exchange that waited in vain.
    fn too_late(&self, wait: Wait) -> End {
        match wait {
            Wait::ToTake => {
                self.worker.tally.hit(Limit::StalledWrite);
                End::Gone
            }
            Wait::ToSend => self.fail(Failure::Slow),
            Wait::ForHead => End::Failed(Failure::Unanswered),
            Wait::Silent => End::Cut,
        }
    }

    /// What is left of an exchange that is over.
    ///
    /// Where nothing of the request was sent, and what was taken of its body is still here, the client's input is as it was before.
    pub(super) fn close(mut self) -> Closed {
        let sent = self.up.written() > 0 && !self.upstream.stream.refused();
        let mut begun = self.upload.begun;
        if !sent
            && !self.answered
            && let Some(mut body) = self.replay.take()
        {
            body.unsplit(std::mem::take(&mut self.client.input));
            self.client.input = body;
            begun = false;
        }
        Closed {
            reusable: self.sent_whole() && self.reply.reusable(),
            answered: self.answered,
            sent,
            begun,
            taken: self.upload.taken(),
            up: self.up.written(),
            down: self.down.written(),
            upstream: self.upstream,
            reply: self.reply,
        }
    }

    /// Whether all of the request is sent.
    pub(super) fn sent_whole(&self) -> bool {
        self.upload.ended() && self.up.is_empty() && self.through_up.is_empty() && !self.up.broken()
    }
}

/// Ready once the client has closed its side or its connection is broken.
///
/// A client that closes its half only is taken for gone, as nginx and hyper take it: waiting for the
/// next write to fail would hold its place at the server.
pub(super) fn poll_gone<S>(client: &mut Client<S>, cx: &mut Context<'_>) -> Poll<()>
where
    S: Stream,
{
    while client.input.len() < AHEAD_BYTES {
        let mut bytes = [0; 1024];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(&mut client.stream).poll_read(cx, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(()),
            Poll::Ready(Ok(())) => client.input.extend_from_slice(buffer.filled()),
        }
    }
    match client.stream.ended(cx) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    }
}
