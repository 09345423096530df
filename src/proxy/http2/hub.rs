//! What the task of a connection and the tasks of its streams share: the engine, and what came for each stream.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;
use tokio::io::ReadBuf;

use super::code::ErrorCode;
use super::engine::{Engine, Settings, StreamId};
use super::reply::Reply;
use super::upload::Upload;

/// One connection's engine, and its streams that are forwarded.
#[derive(Debug)]
pub(super) struct Hub(RefCell<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    /// By number.
    slots: Vec<Slot>,
    /// The connection's task.
    waker: Waker,
    /// The connection is over.
    closed: bool,
}

/// A stream that is forwarded.
#[derive(Debug)]
struct Slot {
    id: StreamId,
    upload: Upload,
    reset: bool,
    /// The stream's task.
    waker: Waker,
}

impl Inner {
    fn place(&self, id: StreamId) -> Option<usize> {
        self.slots.binary_search_by_key(&id, |slot| slot.id).ok()
    }

    fn slot(&mut self, id: StreamId) -> Option<&mut Slot> {
        let place = self.place(id)?;
        self.slots.get_mut(place)
    }
}

impl Slot {
    /// Has the stream's task woken at the next change. What is to be dropped outside of all borrows, as it may drop a task.
    fn wait(&mut self, cx: &Context<'_>) -> Option<Waker> {
        match self.waker.will_wake(cx.waker()) {
            true => None,
            false => Some(std::mem::replace(&mut self.waker, cx.waker().clone())),
        }
    }
}

impl Hub {
    pub(super) fn new(settings: Settings) -> Rc<Hub> {
        Rc::new(Hub(RefCell::new(Inner {
            engine: Engine::new(settings),
            slots: Vec::new(),
            waker: Waker::noop().clone(),
            closed: false,
        })))
    }

    /// Does something with the engine. Not to be called within another call.
    pub(super) fn engine<T>(&self, work: impl FnOnce(&mut Engine) -> T) -> T {
        work(&mut self.0.borrow_mut().engine)
    }

    /// Has the connection's task woken when there is something to be written, or a stream's task ended.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        let before = {
            let inner = &mut *self.0.borrow_mut();
            match inner.waker.will_wake(cx.waker()) {
                true => None,
                false => Some(std::mem::replace(&mut inner.waker, cx.waker().clone())),
            }
        };
        drop(before);
    }

    fn wake(&self) {
        let waker = self.0.borrow().waker.clone();
        waker.wake();
    }

    /// Begins a stream that is forwarded, whose body comes so.
    pub(super) fn open(&self, id: StreamId, upload: Upload) {
        let slots = &mut self.0.borrow_mut().slots;
        let place = slots.partition_point(|slot| slot.id < id);
        let slot = Slot {
            id,
            upload,
            reset: false,
            waker: Waker::noop().clone(),
        };
        slots.insert(place, slot);
    }

    /// Has `change` happen to a stream that is forwarded and wakes its task; whether it is one.
    pub(super) fn tell(&self, id: StreamId, change: impl FnOnce(&mut Upload)) -> bool {
        let waker = {
            let inner = &mut *self.0.borrow_mut();
            let Some(slot) = inner.slot(id) else {
                return false;
            };
            change(&mut slot.upload);
            slot.waker.clone()
        };
        waker.wake();
        true
    }

    /// A stream was reset.
    pub(super) fn cut(&self, id: StreamId) {
        let waker = {
            let inner = &mut *self.0.borrow_mut();
            let Some(slot) = inner.slot(id) else {
                return;
            };
            slot.reset = true;
            slot.waker.clone()
        };
        waker.wake();
    }

    /// Wakes the tasks of streams that may send again; of one that is not forwarded `others` is told.
    pub(super) fn wake_roomy(&self, mut others: impl FnMut(StreamId)) {
        loop {
            let (id, waker) = {
                let inner = &mut *self.0.borrow_mut();
                let Some(id) = inner.engine.room() else {
                    return;
                };
                (id, inner.slot(id).map(|slot| slot.waker.clone()))
            };
            match waker {
                Some(waker) => waker.wake(),
                None => others(id),
            }
        }
    }

    /// Ends all streams that are forwarded: the connection is over.
    pub(super) fn close(&self) {
        let wakers: SmallVec<[Waker; 4]> = {
            let inner = &mut *self.0.borrow_mut();
            inner.closed = true;
            inner.slots.iter().map(|slot| slot.waker.clone()).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether no stream is being forwarded.
    pub(super) fn empty(&self) -> bool {
        self.0.borrow().slots.is_empty()
    }

    /// Gives back what an idle connection does not need.
    pub(super) fn rest(&self) {
        let inner = &mut *self.0.borrow_mut();
        inner.engine.rest();
        if inner.slots.is_empty() {
            inner.slots = Vec::new();
        }
    }

    /// Reads what came for a stream.
    pub(super) fn poll_read(
        &self,
        id: StreamId,
        cx: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (polled, _before) = {
            let Inner {
                engine,
                slots,
                closed,
                ..
            } = &mut *self.0.borrow_mut();
            let place = slots.binary_search_by_key(&id, |slot| slot.id).ok();
            let Some(slot) = place.and_then(|place| slots.get_mut(place)) else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            if slot.reset || *closed {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            match slot.upload.read(buffer) {
                None => (Poll::Pending, slot.wait(cx)),
                Some(used) => {
                    if used > 0 {
                        engine.consumed(id, used);
                    }
                    (Poll::Ready(Ok(())), None)
                }
            }
        };
        if polled.is_ready() && !self.engine(|engine| engine.output().is_empty()) {
            self.wake();
        }
        polled
    }

    /// Writes a stream's answer.
    pub(super) fn poll_write(
        &self,
        (id, reply): (StreamId, &mut Reply),
        cx: &Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (taken, _before) = {
            let inner = &mut *self.0.borrow_mut();
            let closed = inner.closed;
            let Some(place) = inner.place(id) else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            let slot = &mut inner.slots[place];
            if slot.reset || closed {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let switched = reply.switched();
            let taken = reply.take(&mut inner.engine, id, bytes);
            if reply.switched() && !switched {
                slot.upload.switch();
            }
            match taken {
                Ok(0) if !bytes.is_empty() => (Poll::Pending, slot.wait(cx)),
                Ok(taken) => (Poll::Ready(Ok(taken)), None),
                Err(_) => (Poll::Ready(Err(io::ErrorKind::InvalidData.into())), None),
            }
        };
        if taken.is_ready() {
            self.wake();
        }
        taken
    }

    /// Whether the client has given a stream up; its task is woken when it does.
    pub(super) fn given_up(&self, id: StreamId, cx: &Context<'_>) -> bool {
        let (given_up, _before) = {
            let inner = &mut *self.0.borrow_mut();
            let closed = inner.closed;
            match inner.slot(id) {
                None => (true, None),
                Some(slot) => (slot.reset || closed, slot.wait(cx)),
            }
        };
        given_up
    }

    /// A stream's task is over; whether its answer broke off.
    pub(super) fn leave(&self, id: StreamId, reply: &Reply) -> bool {
        let (broken, _slot) = {
            let inner = &mut *self.0.borrow_mut();
            let Some(place) = inner.place(id) else {
                return false;
            };
            let slot = inner.slots.remove(place);
            let lives = !slot.reset && !inner.closed;
            let broken = lives && !reply.whole() && !reply.switched();
            if broken {
                inner.engine.reset(id, ErrorCode::INTERNAL_ERROR);
            } else if lives && reply.switched() {
                inner.engine.send(id, &[], true);
            }
            (broken, slot)
        };
        self.wake();
        broken
    }
}
