//! Deadlines that cost a store to set: a worker looks over all of them a few times a second.
//!
//! A worker is a thread, and so is the table of its deadlines: 24 bytes each.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How often a worker calls [`tick`].
pub const TICK: Duration = Duration::from_millis(125);

/// Never passes.
const NEVER: u32 = u32::MAX;
/// Has passed.
const PASSED: u32 = 0;
/// A second, in ticks.
const SECOND: u32 = (1_000 / TICK.as_millis()) as u32;
/// No place in the table yet.
const NONE: u32 = u32::MAX;

/// One task's deadline. Coarse: passes between its time and a quarter of a second after it.
///
/// Belongs to the thread that it was first set on.
#[derive(Debug)]
pub struct Deadline {
    place: Cell<u32>,
    one_thread: PhantomData<*const ()>,
}

#[derive(Debug)]
struct Entry {
    tick: u32,
    /// So many ticks were set for an idle connection, which may be ended early; 0: for anything else.
    idle: u32,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Table {
    entries: Vec<Entry>,
    free: Vec<u32>,
    now: u32,
}

thread_local! {
    static TABLE: RefCell<Table> = const {
        RefCell::new(Table {
            entries: Vec::new(),
            free: Vec::new(),
            now: 1,
        })
    };
}

impl Default for Deadline {
    fn default() -> Self {
        Deadline {
            place: Cell::new(NONE),
            one_thread: PhantomData,
        }
    }
}

impl Deadline {
    /// Passes `after` from now, in place of whatever was set.
    pub fn set(&self, after: Duration) {
        self.put(after, false);
    }

    /// The same of a connection that does nothing: [`hurry`] may have it pass early.
    pub fn set_idle(&self, after: Duration) {
        self.put(after, true);
    }

    fn put(&self, after: Duration, idle: bool) {
        let ticks = ticks(after);
        TABLE.with_borrow_mut(|table| {
            // The tick that is under way may be over at once.
            let tick = table.now.saturating_add(ticks).saturating_add(1);
            let entry = self.entry(table);
            entry.tick = tick.min(NEVER - 1);
            entry.idle = if idle { ticks.max(1) } else { 0 };
        });
    }

    /// Never passes.
    pub fn clear(&self) {
        if self.place.get() != NONE {
            TABLE.with_borrow_mut(|table| self.entry(table).tick = NEVER);
        }
    }

    /// Ready once it has passed; the task is woken then, and by [`wake_all`].
    pub fn poll_passed(&self, cx: &mut Context<'_>) -> Poll<()> {
        // A waker is dropped outside the borrow: it may drop a task, and with it another deadline.
        let before = TABLE.with_borrow_mut(|table| {
            let entry = self.entry(table);
            if entry.tick == PASSED {
                return Err(());
            }
            match &entry.waker {
                Some(waker) if waker.will_wake(cx.waker()) => Ok(None),
                _ => Ok(entry.waker.replace(cx.waker().clone())),
            }
        });
        match before {
            Err(()) => Poll::Ready(()),
            Ok(waker) => {
                drop(waker);
                Poll::Pending
            }
        }
    }

    fn entry<'t>(&self, table: &'t mut Table) -> &'t mut Entry {
        if self.place.get() == NONE {
            let place = table.free.pop().unwrap_or_else(|| {
                table.entries.push(Entry {
                    tick: NEVER,
                    idle: 0,
                    waker: None,
                });
                (table.entries.len() - 1) as u32
            });
            self.place.set(place);
        }
        &mut table.entries[self.place.get() as usize]
    }
}

/// How many ticks it takes until `after` has passed. In 64 bits: in 128 a division is a call.
fn ticks(after: Duration) -> u32 {
    const TICK_MS: u64 = TICK.as_millis() as u64;
    let millis = after.as_secs().saturating_mul(1000);
    let millis = millis.saturating_add(after.subsec_millis().into());
    u32::try_from(millis.div_ceil(TICK_MS)).unwrap_or(NEVER)
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if self.place.get() == NONE {
            return;
        }
        // At the end of the thread the table may be gone already.
        let waker = TABLE.try_with(|table| {
            let mut table = table.borrow_mut();
            let entry = self.entry(&mut table);
            (entry.tick, entry.idle) = (NEVER, 0);
            let waker = entry.waker.take();
            table.free.push(self.place.get());
            waker
        });
        drop(waker);
    }
}

/// Lets one [`TICK`] pass: to be called as often on each thread that has deadlines.
pub fn tick() {
    wake(|table| {
        table.now = table.now.saturating_add(1);
        let now = table.now;
        let due = table.entries.iter_mut().filter(move |e| e.tick <= now);
        due.filter_map(|entry| {
            entry.tick = PASSED;
            entry.waker.take()
        })
        .collect()
    });
}

/// Has the deadlines of so many idle connections of this thread pass now, of those that were set a second ago or more.
pub fn hurry(count: usize) {
    wake(|table| {
        let now = table.now;
        let passed = |entry: &Entry| entry.idle.saturating_sub(entry.tick.saturating_sub(now));
        let idle = table.entries.iter_mut();
        let old =
            idle.filter(|e| e.idle > 0 && e.tick > now && e.tick < NEVER && passed(e) >= SECOND);
        let hurried = old.take(count).map(|entry| {
            entry.tick = PASSED;
            entry.waker.take()
        });
        hurried.flatten().collect()
    });
}

/// Wakes every task of this thread that waits with a deadline, so that it looks around.
pub fn wake_all() {
    wake(|table| {
        let entries = table.entries.iter_mut();
        entries.filter_map(|entry| entry.waker.take()).collect()
    });
}

fn wake(whom: impl FnOnce(&mut Table) -> Vec<Waker>) {
    let wakers = TABLE.with_borrow_mut(whom);
    for waker in wakers {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn ticks_until_passed(deadline: &Deadline, cx: &mut Context<'_>) -> u32 {
        for ticks in 0..1000 {
            if deadline.poll_passed(cx).is_ready() {
                return ticks;
            }
            tick();
        }
        panic!("never passed");
    }

    #[test]
    fn passes_within_two_ticks_after_its_time_and_wakes() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let deadline = Deadline::default();
        for ticks in [0, 1, 8, 80] {
            deadline.set(TICK * ticks);
            assert_eq!(ticks_until_passed(&deadline, &mut cx), ticks + 1);
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 4);
        deadline.clear();
        (0..9).for_each(|_| tick());
        assert!(deadline.poll_passed(&mut cx).is_pending());
        deadline.set(Duration::MAX);
        tick();
        assert!(deadline.poll_passed(&mut cx).is_pending());
        wake_all();
        assert_eq!(count.0.load(Ordering::Relaxed), 5);
        assert!(deadline.poll_passed(&mut cx).is_pending());
    }

    #[test]
    fn idle_ones_pass_early_where_that_is_asked_for_and_no_others() {
        let mut cx = Context::from_waker(Waker::noop());
        let (busy, young) = (Deadline::default(), Deadline::default());
        busy.set(TICK * 80);
        let idle: Vec<Deadline> = (0..3).map(|_| Deadline::default()).collect();
        idle.iter().for_each(|idle| idle.set_idle(TICK * 80));
        (0..SECOND + 1).for_each(|_| tick());
        young.set_idle(TICK * 80);
        let mut passed = || {
            let all = idle.iter().chain([&busy, &young]);
            all.filter(|d| d.poll_passed(&mut cx).is_ready()).count()
        };
        assert_eq!(passed(), 0);
        hurry(2);
        assert_eq!(passed(), 2);
        hurry(9);
        assert_eq!(passed(), 3, "neither one that is busy nor a young one");
    }

    #[test]
    fn places_are_used_again_and_are_small() {
        assert!(size_of::<Entry>() <= 32);
        let size = || TABLE.with_borrow(|t| t.entries.len());
        let first = Deadline::default();
        first.set(TICK);
        drop(first);
        let before = size();
        for _ in 0..100 {
            Deadline::default().set(TICK);
        }
        assert_eq!(size(), before);
    }
}
