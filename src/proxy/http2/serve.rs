//! One connection's task: reads frames into the buffer that the worker lends, answers what it can itself, begins a task for each
//! stream that is forwarded, and writes what all of them have to say at once. Holds no buffer while idle.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::ReadBuf;

use super::answering::{self, Forward, Held, Then};
use super::code::ErrorCode;
use super::engine::{
    Event, LONG_LIST, MANY_FIELDS, MANY_RESETS, MANY_STREAMS, Settings, Step, StreamId,
};
use super::fields::Fields;
use super::hub::Hub;
use super::lane;
use super::limits::{LEAVE, LINGER, UNHEEDING, connection_window};
use super::upload::Upload;
use crate::model::{Endpoint, Limit};
use crate::proxy::bounds;
use crate::proxy::case::Whence;
use crate::proxy::client::{Client, Stream};
use crate::proxy::deadline::Deadline;
use crate::proxy::linger::linger;
use crate::proxy::worker::{Desk, Worker};
use crate::telemetry::Http2Event;

/// Serves a connection that speaks HTTP/2, its preface first, to its end.
#[cfg(feature = "tls")]
pub(in crate::proxy) fn serve<S>(
    worker: Rc<Worker>,
    client: Client<S>,
    at: Endpoint,
) -> Pin<Box<dyn Future<Output = ()>>>
where
    S: Stream + 'static,
{
    let open = worker.opened();
    Box::pin(async move {
        let mut client = client;
        go_on(&worker, &mut client, at).await;
        drop(open);
    })
}

/// As [`serve`], for a connection that is counted as open already.
///
/// The future stands on the heap, so that a connection that speaks HTTP/1 stays small.
pub(in crate::proxy) fn go_on<'a, S: Stream>(
    worker: &'a Rc<Worker>,
    client: &'a mut Client<S>,
    at: Endpoint,
) -> Pin<Box<impl Future<Output = ()> + 'a>> {
    Box::pin(async move {
        worker.tally.http2(Http2Event::Connection);
        let mut session = Session::new(worker, client, at);
        let end = poll_fn(|cx| session.poll(cx)).await;
        session.hub.close();
        if end == End::Said {
            linger(worker, session.client).await;
        }
        // Until all have told what became of them.
        poll_fn(|cx| {
            session.hub.wait(cx);
            match session.hub.empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    })
}

struct Session<'a, S> {
    worker: &'a Rc<Worker>,
    client: &'a mut Client<S>,
    at: Endpoint,
    hub: Rc<Hub>,
    /// Answers of our own that wait for the client's window.
    held: Vec<Held>,
    /// What is in the client's input is not enough for a frame.
    short: bool,
    /// The client takes too little for more to be read.
    full: bool,
    /// The end was said, and how often.
    leaving: u8,
    /// Requests that came after it was said once.
    unheeding: u32,
    broken: bool,
    /// Something went on that the deadline heeds.
    moved: bool,
    wait: Option<Wait>,
    /// When clients are told to stop sending what was answered; `None`: nobody does.
    linger: Option<Deadline>,
}

/// What a connection begins with, as the operator has it now.
fn settings() -> Settings {
    let streams = bounds::of(Limit::Http2Streams);
    Settings {
        streams,
        connection_window: connection_window(streams),
        resets: bounds::of(Limit::Http2Resets),
        list_bytes: bounds::of(Limit::Http2Header),
        list_fields: bounds::of(Limit::Http2Fields),
        output_bytes: bounds::of(Limit::Http2Send),
        ..Settings::default()
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client has been told.
    Said,
    /// It is gone, or its time is over.
    Gone,
}

/// Whom the connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The client takes nothing.
    ToTake,
    /// It is to see that the connection ends.
    ToLeave,
    /// Part of a frame came, or of a preface, and no stream is open.
    Head,
    Idle,
    /// The client's window is too small for an answer of our own.
    Window,
    /// Streams have their own deadlines.
    Streams,
}

impl<'a, S: Stream> Session<'a, S> {
    fn new(worker: &'a Rc<Worker>, client: &'a mut Client<S>, at: Endpoint) -> Self {
        Session {
            worker,
            client,
            at,
            hub: Hub::new(settings()),
            held: Vec::new(),
            short: false,
            full: false,
            leaving: 0,
            unheeding: 0,
            broken: false,
            moved: false,
            wait: None,
            linger: None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.hub.wait(cx);
        if self.worker.draining() && self.leaving == 0 {
            self.leave();
        }
        let mut desk = self.worker.lend();
        let out = std::mem::take(&mut desk.out);
        self.hub.engine(|engine| engine.lend(out));
        let mut end = self.turn(cx, &mut desk);
        while end.is_pending() && self.poll_linger(cx) {
            end = self.turn(cx, &mut desk);
        }
        if let Some(out) = self.hub.engine(|engine| engine.reclaim()) {
            desk.out = out;
        }
        self.worker.take_back(desk);
        end
    }

    /// Tells the client to stop sending what was answered, where it had the time to see that. Whether it was time to.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.hub.engine(|engine| engine.lingers()) {
            self.linger = None;
            return false;
        }
        let deadline = self.linger.get_or_insert_with(|| {
            let deadline = Deadline::default();
            deadline.set(LINGER);
            deadline
        });
        let passed = deadline.poll_passed(cx).is_ready();
        if passed {
            self.linger = None;
            self.hub.engine(|engine| engine.tell_to_stop());
        }
        passed
    }

    /// Says that the connection is to end; a second time: whatever the client has seen.
    fn leave(&mut self) {
        self.leaving = self.leaving.saturating_add(1);
        self.hub.engine(|engine| engine.go_away());
    }

    fn turn(&mut self, cx: &mut Context<'_>, desk: &mut Desk) -> Poll<End> {
        loop {
            let flushed = match self.flush(cx) {
                Poll::Ready(Err(Gone)) => return Poll::Ready(End::Gone),
                Poll::Ready(Ok(())) => true,
                Poll::Pending => false,
            };
            if self.send_held() {
                continue;
            }
            if flushed && (self.broken || self.hub.engine(|engine| engine.done())) {
                return Poll::Ready(End::Said);
            }
            self.full &= !flushed;
            if self.full || self.broken {
                break;
            }
            let filled = match self.read(cx, desk) {
                Poll::Pending => break,
                Poll::Ready(Err(Gone)) => return Poll::Ready(End::Gone),
                Poll::Ready(Ok(filled)) => filled,
            };
            self.take_in(desk, filled);
        }
        self.patience(cx)
    }

    /// Writes what there is to be written.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        let stream = &mut self.client.stream;
        let mut wrote = false;
        let flushed = loop {
            let written = self.hub.engine(|engine| {
                let output = engine.output();
                if output.is_empty() {
                    return None;
                }
                let written = Pin::new(&mut *stream).poll_write(cx, output);
                if let Poll::Ready(Ok(bytes)) = written {
                    engine.written(bytes);
                }
                Some(written)
            });
            match written {
                None if wrote => {
                    // TLS may hold bytes back.
                    break Pin::new(&mut *stream).poll_flush(cx).map_err(|_| Gone);
                }
                None => break Poll::Ready(Ok(())),
                Some(Poll::Ready(Ok(bytes))) if bytes > 0 => wrote = true,
                Some(Poll::Ready(_)) => break Poll::Ready(Err(Gone)),
                Some(Poll::Pending) => break Poll::Pending,
            }
        };
        self.moved |= wrote && self.wait == Some(Wait::ToTake);
        flushed
    }

    /// Goes on with what may be sent again. Whether there is something to be written of it.
    fn send_held(&mut self) -> bool {
        let Session { hub, held, .. } = self;
        let mut roomy = Vec::new();
        hub.wake_roomy(|id| roomy.push(id));
        if roomy.is_empty() || held.is_empty() {
            return false;
        }
        held.retain_mut(|answer| {
            !roomy.contains(&answer.id) || !hub.engine(|engine| answer.send(engine))
        });
        if held.is_empty() {
            *held = Vec::new();
        }
        self.moved = true;
        true
    }

    /// Reads behind what was kept: how many bytes stand at the front of the desk's input.
    fn read(&mut self, cx: &mut Context<'_>, desk: &mut Desk) -> Poll<Result<usize, Gone>> {
        let kept = self.client.input.len();
        let fits = kept < desk.input.len();
        if !fits || (kept > 0 && !self.short) {
            let now = kept.min(desk.input.len());
            self.client.input.copy_to_slice(&mut desk.input[..now]);
            return Poll::Ready(Ok(now));
        }
        let mut buffer = ReadBuf::new(&mut desk.input[kept..]);
        let read = ready!(Pin::new(&mut self.client.stream).poll_read(cx, &mut buffer));
        let filled = buffer.filled().len();
        if read.is_err() || filled == 0 {
            return Poll::Ready(Err(Gone));
        }
        self.client.input.copy_to_slice(&mut desk.input[..kept]);
        Poll::Ready(Ok(kept + filled))
    }

    /// Takes in the first `filled` bytes of the desk's input, and keeps what is left.
    fn take_in(&mut self, desk: &mut Desk, filled: usize) {
        let Desk { input, http2, .. } = desk;
        let now = self.worker.farm.now().0;
        let mut input = &input[..filled];
        self.short = false;
        loop {
            let fields = &mut http2.fields;
            let step = self.hub.engine(|engine| engine.take(input, now, fields));
            let (used, event) = match step {
                Step::Used(used) => (used, None),
                Step::Event(used, event) => (used, Some(event)),
                Step::More => {
                    self.short = true;
                    break;
                }
                Step::Full => {
                    self.worker.tally.hit(Limit::Http2Send);
                    self.full = true;
                    break;
                }
                Step::Broken(_) => {
                    self.broken = true;
                    self.tell_broken();
                    input = &[];
                    break;
                }
            };
            input = &input[used..];
            if let Some(event) = event {
                self.heed(event, http2);
            }
        }
        self.keep(input);
    }

    /// Keeps what is not done with, before what was kept behind it.
    fn keep(&mut self, left: &[u8]) {
        let input = &mut self.client.input;
        if input.is_empty() {
            match left.is_empty() {
                // An empty buffer is given back: an idle connection holds none.
                true => *input = BytesMut::new(),
                false => input.extend_from_slice(left),
            }
        } else if !left.is_empty() {
            let mut all = BytesMut::with_capacity(left.len() + input.len());
            all.extend_from_slice(left);
            all.extend_from_slice(input);
            *input = all;
        }
        // More may stand behind what was too little.
        self.short &= self.client.input.len() == left.len();
    }

    fn heed(&mut self, event: Event<'_>, desk: &mut answering::Desk) {
        match event {
            Event::Request { stream, end } => self.request(stream, end, desk),
            Event::Data { stream, data, end } => {
                if !self.hub.tell(stream, |upload| upload.push(data, end)) {
                    self.hub
                        .engine(|engine| engine.consumed(stream, data.len()));
                }
            }
            Event::Trailers { stream } => {
                let fields: &Fields = &desk.fields;
                self.hub.tell(stream, |upload| upload.end(fields.lines()));
            }
            Event::Reset { stream, why, .. } => {
                match why {
                    "" => self.worker.tally.http2(Http2Event::ResetByClient),
                    rule => self.count_fault(rule),
                }
                self.held.retain(|held| held.id != stream);
                self.hub.cut(stream);
            }
            Event::Malformed { code, why, .. } => {
                self.count_fault(why);
                let status = if code == ErrorCode::NO_ERROR { 431 } else { 0 };
                self.whence().log_fault(why, b"", (status, 0));
            }
        }
    }

    fn tell_broken(&self) {
        let why = self.hub.engine(|engine| engine.why());
        self.count_fault(why);
        self.whence().log_fault(why, b"", (0, 0));
    }

    fn count_fault(&self, why: &'static str) {
        let tally = &self.worker.tally;
        tally.http2_fault(why);
        match why {
            MANY_STREAMS => tally.hit(Limit::Http2Streams),
            MANY_RESETS => tally.hit(Limit::Http2Resets),
            LONG_LIST => tally.hit(Limit::Http2Header),
            MANY_FIELDS => tally.hit(Limit::Http2Fields),
            _ => {}
        }
    }

    fn whence(&self) -> Whence<'_> {
        Whence::new(self.worker, self.client, self.at)
    }

    fn request(&mut self, id: StreamId, end: bool, desk: &mut answering::Desk) {
        self.worker.tally.http2(Http2Event::Stream);
        self.moved = true;
        if self.leaving == 1 {
            self.unheeding += 1;
            if self.unheeding > UNHEEDING {
                self.leave();
            }
        }
        let whence = self.whence();
        let then = (self.hub).engine(|engine| answering::answer(whence, engine, desk, (id, end)));
        match then {
            Then::Answered => {}
            Then::Held(held) => self.held.push(*held),
            Then::NotHere(held) => {
                self.held.extend(held.map(|held| *held));
                if self.leaving == 0 {
                    self.leave();
                }
            }
            Then::Forward(forward) => self.forward(id, end, forward),
        }
    }

    fn forward(&mut self, id: StreamId, end: bool, forward: Forward) {
        let Forward {
            exchange,
            framing,
            reply,
        } = forward;
        let mut upload = Upload::new(framing);
        if end {
            upload.push(&[], true);
        }
        self.hub.open(id, upload);
        let way = (Rc::clone(&self.hub), id, reply);
        let client = self.client.with(());
        let worker = Rc::clone(self.worker);
        tokio::task::spawn_local(lane::run(worker, way, client, exchange));
    }

    fn waits_for(&self) -> Wait {
        let (output, streams, idle) = self.hub.engine(|engine| {
            (
                !engine.output().is_empty(),
                engine.streams() > 0,
                engine.idle(),
            )
        });
        if output {
            Wait::ToTake
        } else if !self.held.is_empty() {
            Wait::Window
        } else if streams {
            Wait::Streams
        } else if self.leaving > 0 {
            Wait::ToLeave
        } else if !idle || !self.client.input.is_empty() {
            Wait::Head
        } else {
            Wait::Idle
        }
    }

    /// Sets the deadline of whom the connection waits for, and does what is due where it has passed.
    fn patience(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let wait = self.waits_for();
            if std::mem::take(&mut self.moved) || self.wait != Some(wait) {
                self.wait = Some(wait);
                let deadline = &self.client.deadline;
                match wait {
                    Wait::ToTake | Wait::Window => deadline.set(bounds::stalled_write()),
                    Wait::ToLeave => deadline.set(LEAVE),
                    Wait::Head => deadline.set(bounds::head()),
                    Wait::Idle => {
                        self.hub.rest();
                        deadline.set_idle(bounds::idle());
                    }
                    Wait::Streams => deadline.clear(),
                }
            }
            ready!(self.client.deadline.poll_passed(cx));
            match wait {
                Wait::ToTake => {
                    self.worker.tally.hit(Limit::StalledWrite);
                    return Poll::Ready(End::Gone);
                }
                Wait::ToLeave if self.leaving > 1 => return Poll::Ready(End::Gone),
                Wait::ToLeave => self.leave(),
                Wait::Idle => {
                    self.worker.tally.hit(Limit::Idle);
                    self.leave();
                }
                Wait::Head => {
                    self.worker.tally.hit(Limit::Head);
                    self.worker.tally.http2_fault(SLOW_HEAD);
                    self.whence().log_fault(SLOW_HEAD, b"", (0, 0));
                    self.leave();
                    self.leave();
                }
                Wait::Window => {
                    self.worker.tally.hit(Limit::StalledWrite);
                    for held in std::mem::take(&mut self.held) {
                        self.worker.tally.http2(Http2Event::ResetHere);
                        (self.hub).engine(|engine| engine.reset(held.id, ErrorCode::CANCEL));
                    }
                }
                Wait::Streams => {}
            }
            self.moved = true;
            if let Poll::Ready(Err(Gone)) = self.flush(cx) {
                return Poll::Ready(End::Gone);
            }
            if self.hub.engine(|engine| engine.done()) {
                return Poll::Ready(End::Said);
            }
        }
    }
}

/// Part of a preface or a frame, and no more of it in time.
const SLOW_HEAD: &str = "slow-head";

/// The client went away.
struct Gone;
