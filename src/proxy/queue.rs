//! Requests of one worker that found everything full and wait for a place, first come, first served.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use crate::decide::Gauges;
use crate::model::{Endpoint, Queue};

/// The lines of one worker, by where the requests came to.
#[derive(Debug, Default)]
pub(super) struct Queues {
    lines: RefCell<HashMap<Endpoint, VecDeque<Rc<Waiter>>>>,
    waiting: Cell<usize>,
}

#[derive(Debug)]
struct Waiter {
    /// It is worth looking for a place at once.
    look: Cell<bool>,
    waker: RefCell<Waker>,
}

impl Waiter {
    fn wake(&self) {
        self.look.set(true);
        self.waker.borrow().wake_by_ref();
    }
}

impl Queues {
    /// Whether anyone waits for a place at `at`.
    pub(super) fn anyone(&self, at: Endpoint) -> bool {
        self.waiting.get() > 0 && self.lines.borrow().contains_key(&at)
    }

    /// Has the first of each line look for a place: one was given back.
    pub(super) fn place_given_back(&self) {
        if self.waiting.get() > 0 {
            let lines = self.lines.borrow();
            lines
                .values()
                .filter_map(VecDeque::front)
                .for_each(|first| first.wake());
        }
    }

    /// A spot at the end of the line, where fewer than the queue's length wait at `door`, over all workers.
    pub(super) fn join(&self, at: Endpoint, door: &Arc<Gauges>, queue: Queue) -> Option<Spot<'_>> {
        if !door.start_waiting(queue.length.into()) {
            return None;
        }
        let waiter = Rc::new(Waiter {
            look: Cell::new(true),
            waker: RefCell::new(Waker::noop().clone()),
        });
        let mut lines = self.lines.borrow_mut();
        lines.entry(at).or_default().push_back(Rc::clone(&waiter));
        self.waiting.set(self.waiting.get() + 1);
        Some(Spot {
            queues: self,
            at,
            door: Arc::clone(door),
            waiter,
        })
    }
}

/// A request's spot in a line: left when dropped.
#[derive(Debug)]
pub(super) struct Spot<'a> {
    queues: &'a Queues,
    at: Endpoint,
    door: Arc<Gauges>,
    waiter: Rc<Waiter>,
}

impl Spot<'_> {
    /// Whether nobody stands before it; wakes the task when that changes, or when a place was given back.
    pub(super) fn is_first(&self, cx: &Context<'_>) -> bool {
        let before = self.waiter.waker.replace(cx.waker().clone());
        // Outside the borrow: it may drop a task.
        drop(before);
        let lines = self.queues.lines.borrow();
        let first = lines.get(&self.at).and_then(VecDeque::front);
        first.is_some_and(|first| Rc::ptr_eq(first, &self.waiter))
    }

    /// Whether it is worth looking for a place at once; asked once.
    pub(super) fn should_look(&self) -> bool {
        self.waiter.look.replace(false)
    }
}

impl Drop for Spot<'_> {
    fn drop(&mut self) {
        self.door.stop_waiting();
        let queues = self.queues;
        queues.waiting.set(queues.waiting.get() - 1);
        let mut lines = queues.lines.borrow_mut();
        let Some(line) = lines.get_mut(&self.at) else {
            return;
        };
        let place = line.iter().position(|w| Rc::ptr_eq(w, &self.waiter));
        place.and_then(|place| line.remove(place));
        match line.front() {
            Some(first) if place == Some(0) => first.wake(),
            Some(_) => {}
            None => drop(lines.remove(&self.at)),
        }
    }
}
