//! One exchange over one connection to a server: request and answer at once, in one task.
//!
//! hyper's connection is polled here with the task's own waker; its answer and body are polled right
//! after it, so that they need no waker: nothing is woken across tasks, and nothing is spawned.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::limits::{AHEAD_BYTES, ANSWER_HEAD, INTERIM, STALLED_WRITE};
use super::out::Out;
use super::pool::Upstream;
use super::response::{self, Delimited, Style};
use super::upload::{Step, Upload};
use super::{After, Exchange};
use crate::decide::Place;
use crate::proxy::client::{Client, Stream};
use crate::proxy::http1::{Fault, Head, Version};
use crate::proxy::worker::Worker;

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

/// Where interim answers wait for the client; hyper hands them over in the midst of its own poll.
#[derive(Debug, Default)]
pub(super) struct Interims {
    bytes: Vec<u8>,
    count: usize,
    continued: bool,
}

pub(super) type Mailbox = Arc<Mutex<Interims>>;

/// Interim answers to this request go to the mailbox: to HTTP/1.1 alone, and a 100 only where it was asked for.
pub(super) fn watch_interims<B>(request: &mut http::Request<B>, head: &Head) -> Option<Mailbox> {
    if head.version == Version::Http10 {
        return None;
    }
    let mailbox = Mailbox::default();
    let (fill, expects) = (Arc::clone(&mailbox), head.expects_continue);
    hyper::ext::on_informational(request, move |answer| {
        let status = answer.status();
        let mut interims = fill.lock().unwrap_or_else(PoisonError::into_inner);
        if interims.count >= INTERIM
            || (status == StatusCode::CONTINUE && (!expects || interims.continued))
        {
            return;
        }
        interims.count += 1;
        interims.continued |= status == StatusCode::CONTINUE;
        response::write_interim(&mut interims.bytes, status, answer.headers());
    });
    Some(mailbox)
}

/// How far the answer is.
enum Stage {
    Head,
    Body {
        body: Incoming,
        delimited: Delimited,
        first: bool,
    },
    Switching,
    /// All of it is in `out`.
    Whole,
    /// It broke off; what came is in `out`.
    Broken,
}

/// Whom the exchange waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    ToTake,
    ToSend,
    ForHead,
    Silent,
}

/// One exchange over one connection.
pub(super) struct Relay<'a, S, F> {
    pub(super) worker: &'a Rc<Worker>,
    pub(super) client: &'a mut Client<S>,
    pub(super) exchange: &'a Exchange,
    pub(super) place: &'a Place,
    pub(super) upstream: Upstream,
    pub(super) reply: Pin<&'a mut F>,
    pub(super) upload: Upload,
    pub(super) mailbox: Option<Mailbox>,
    out: Out,
    stage: Stage,
    after: After,
    /// The client takes the end of its connection for the end of the body.
    until_close: bool,
    link_ended: bool,
    begun: Instant,
    wait: Option<Wait>,
    silence: Duration,
}

impl<'a, S, F> Relay<'a, S, F>
where
    S: Stream,
    F: Future<Output = hyper::Result<Response<Incoming>>>,
{
    pub(super) fn new(
        (worker, client): (&'a Rc<Worker>, &'a mut Client<S>),
        (exchange, place): (&'a Exchange, &'a Place),
        (upstream, reply): (Upstream, Pin<&'a mut F>),
        (upload, mailbox): (Upload, Option<Mailbox>),
        silence: Duration,
    ) -> Self {
        Relay {
            worker,
            client,
            exchange,
            place,
            upstream,
            reply,
            upload,
            mailbox,
            out: Out::default(),
            stage: Stage::Head,
            after: After::Close,
            until_close: false,
            link_ended: false,
            begun: Instant::now(),
            wait: None,
            silence,
        }
    }

    /// Bytes that the client got.
    pub(super) fn given(&self) -> u64 {
        self.out.written()
    }

    /// Runs the exchange to its end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let mut moved = false;
        loop {
            let step = self.upload.poll(self.client, cx);
            let waiting = match step {
                Step::Gone => return Poll::Ready(End::Gone),
                Step::Fault(fault) => return Poll::Ready(self.fail(Failure::Fault(fault))),
                Step::Waiting => true,
                Step::Still | Step::Moved => false,
            };
            self.poll_link(cx);
            let answered = match self.take_answer() {
                Ok(answered) => answered,
                Err(failure) => return Poll::Ready(End::Failed(failure)),
            };
            // What hyper still holds of the body may fit into the same write.
            if answered && self.out.has_room() && matches!(self.stage, Stage::Body { .. }) {
                moved = true;
                continue;
            }
            let (waiting_bytes, had_room) = (self.out.len(), self.out.has_room());
            let write = self.out.poll_write(&mut self.client.stream, cx);
            moved |= self.out.len() != waiting_bytes;
            match write {
                Poll::Ready(Err(_)) => return Poll::Ready(End::Gone),
                Poll::Ready(Ok(())) => {
                    if let Some(end) = self.end() {
                        return Poll::Ready(end);
                    }
                }
                Poll::Pending => {}
            }
            let asked = matches!(step, Step::Still) && self.upload.wanted();
            // Room that the write made is filled now: nothing wakes for what hyper holds already.
            let made_room = !had_room && self.out.has_room();
            if answered || asked || made_room || matches!(step, Step::Moved) {
                moved = true;
                continue;
            }
            if self.client_gone(cx) {
                return Poll::Ready(End::Gone);
            }
            return self.wait(cx, waiting, moved);
        }
    }

    fn poll_link(&mut self, cx: &mut Context<'_>) {
        if !self.link_ended {
            self.link_ended = Pin::new(&mut *self.upstream.link).poll(cx).is_ready();
        }
    }

    /// Takes what hyper has of the answer. Says whether anything came.
    fn take_answer(&mut self) -> Result<bool, Failure> {
        let mut moved = self.take_interims();
        let mut cx = Context::from_waker(Waker::noop());
        if matches!(self.stage, Stage::Head) {
            match self.reply.as_mut().poll(&mut cx) {
                Poll::Pending => return Ok(moved),
                Poll::Ready(Err(error)) if error.is_parse() => return Err(Failure::BadAnswer),
                Poll::Ready(Err(_)) => return Err(Failure::Reset),
                Poll::Ready(Ok(answer)) => self.take_head(answer)?,
            }
            moved = true;
        }
        while self.out.has_room() && self.take_piece(&mut cx) {
            moved = true;
        }
        Ok(moved)
    }

    fn take_interims(&mut self) -> bool {
        let Some(mailbox) = &self.mailbox else {
            return false;
        };
        let mut interims = mailbox.lock().unwrap_or_else(PoisonError::into_inner);
        if interims.bytes.is_empty() {
            return false;
        }
        let bytes = std::mem::take(&mut interims.bytes);
        self.out.text(|out| out.extend_from_slice(&bytes));
        true
    }

    fn take_head(&mut self, answer: Response<Incoming>) -> Result<(), Failure> {
        let head = &self.exchange.head;
        let (parts, body) = answer.into_parts();
        let delimited = response::check(&parts, head).map_err(|_| Failure::BadAnswer)?;
        let switching = parts.status == StatusCode::SWITCHING_PROTOCOLS;
        // What is left of the request would be taken for the new protocol's (RFC 9110 §7.8).
        if switching && !self.upload.ended {
            return Err(Failure::BadAnswer);
        }
        let seen = (self.begun, parts.status.as_u16());
        super::note_answer(self.worker, self.exchange, self.place, seen);
        // An answer ahead of its request's end: whether the rest will come cannot be known.
        let keep_alive = head.keep_alive
            && self.upload.ended
            && delimited != Delimited::Close
            && !self.worker.draining();
        self.after = match (keep_alive, self.upload.ended) {
            (true, _) => After::KeepAlive,
            (false, true) => After::Close,
            (false, false) => After::Linger,
        };
        let style = Style {
            version: head.version,
            keep_alive,
            delimited,
            pseudonym: &self.worker.pseudonym,
            date: self.worker.date(),
            cookie: self.exchange.cookie_line(self.worker),
        };
        self.out
            .text(|out| response::write_head(out, &parts, &style));
        self.until_close = delimited == Delimited::Close;
        if self.until_close {
            self.client.stream.reset_at_end(true);
        }
        self.stage = match delimited {
            _ if switching => Stage::Switching,
            Delimited::Empty => Stage::Whole,
            _ => Stage::Body {
                body,
                delimited,
                first: true,
            },
        };
        Ok(())
    }

    /// Takes one piece of the answer's body. Says whether one came.
    fn take_piece(&mut self, cx: &mut Context<'_>) -> bool {
        let Stage::Body {
            body,
            delimited,
            first,
        } = &mut self.stage
        else {
            return false;
        };
        let chunked = *delimited == Delimited::Chunked;
        let trailers = match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Pending => return false,
            Poll::Ready(Some(Err(_))) => {
                self.stage = Stage::Broken;
                return true;
            }
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => {
                    if chunked && !data.is_empty() {
                        let size = data.len();
                        self.out
                            .text(|out| response::write_chunk_line(out, size, *first));
                        *first = false;
                    }
                    self.out.data(data);
                    if !chunked && body.is_end_stream() {
                        self.stage = Stage::Whole;
                    }
                    return true;
                }
                Err(frame) => frame.into_trailers().ok(),
            },
            Poll::Ready(None) => None,
        };
        if chunked {
            let first = *first;
            self.out
                .text(|out| response::write_last_chunk(out, first, trailers.as_ref()));
        }
        self.stage = Stage::Whole;
        true
    }

    /// The end, if the client has all that it gets.
    fn end(&mut self) -> Option<End> {
        match self.stage {
            Stage::Whole => Some(End::Whole(self.whole())),
            Stage::Broken => Some(End::Cut),
            Stage::Switching if self.link_ended => Some(End::Switched),
            _ => None,
        }
    }

    /// What follows an answer that the client has whole.
    fn whole(&mut self) -> After {
        if self.until_close {
            self.client.stream.reset_at_end(false);
        }
        match self.after {
            // What it sent behind its last request is left unread.
            After::Close if !self.client.input.is_empty() => After::Linger,
            after => after,
        }
    }

    fn fail(&self, failure: Failure) -> End {
        if matches!(self.stage, Stage::Head) {
            End::Failed(failure)
        } else {
            End::Cut
        }
    }

    /// Whether the client has gone; what it sends ahead is kept, within limits.
    fn client_gone(&mut self, cx: &mut Context<'_>) -> bool {
        poll_gone(self.client, cx).is_ready()
    }

    /// Sets the deadline of whom the exchange waits for, and ends it where that one has passed.
    fn wait(&mut self, cx: &mut Context<'_>, for_body: bool, moved: bool) -> Poll<End> {
        let headless = matches!(self.stage, Stage::Head);
        let invited = !self.exchange.head.expects_continue || self.upload.begun || self.continued();
        let wait = if !self.out.is_empty() {
            Wait::ToTake
        } else if for_body && invited {
            Wait::ToSend
        } else if headless {
            Wait::ForHead
        } else {
            Wait::Silent
        };
        if moved || self.wait != Some(wait) {
            self.wait = Some(wait);
            self.client.deadline.set(match wait {
                Wait::ToTake => STALLED_WRITE,
                Wait::ToSend => self.upload.patience(),
                Wait::ForHead => ANSWER_HEAD,
                Wait::Silent => self.silence,
            });
        }
        if self.client.deadline.poll_passed(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(match wait {
            Wait::ToTake => End::Gone,
            Wait::ToSend => self.fail(Failure::Slow),
            Wait::ForHead => End::Failed(Failure::Unanswered),
            Wait::Silent => End::Cut,
        })
    }

    fn continued(&self) -> bool {
        self.mailbox.as_ref().is_some_and(|mailbox| {
            mailbox
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .continued
        })
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
    Poll::Pending
}
