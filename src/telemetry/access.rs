//! The access log: bounded, dropping and counting rather than blocking.
//!
//! Workers write lines into batches of their own ([`Scribe`]) and hand those over; one thread a sink writes them out
//! ([`Journal`]). Where it does not keep up, batches are dropped and their lines counted.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::model::{AccessLog, LogFormat};

mod ear;
mod line;
mod sink;
mod text;

pub use ear::{Ear, LINES_PER_SECOND, Lines};
pub use line::Line;
pub use sink::OpenError;
pub use text::decimal;

use line::Stamp;
use sink::Sink;

/// A batch is handed over when it has so many bytes, or at the worker's next tick.
///
/// Each wakes the thread that writes, which costs as much as some dozens of lines.
pub const BATCH_BYTES: usize = 128 * 1024;
/// Batches that may wait for the thread that writes; more are dropped.
pub const BATCHES_WAITING: usize = 32;

/// Lines of one worker on their way to the sink.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
}

/// What became of lines since the start, over any number of sinks.
#[derive(Debug, Default)]
pub struct LogCounts {
    written: AtomicU64,
    dropped: AtomicU64,
}

impl LogCounts {
    /// Lines that were written out.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Lines that were lost: the sink was too slow, full or gone.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// An open sink, and the thread that writes to it until the last handle is gone.
pub struct Journal {
    format: LogFormat,
    batches: SyncSender<Batch>,
    counts: Arc<LogCounts>,
    ended: Mutex<Receiver<()>>,
    /// Dropped last: the thread may still be writing what waits.
    _hold: Hold,
}

/// Tells the thread that a sink which takes nothing is not worth waiting for any more.
struct Hold(Arc<AtomicBool>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Journal {
    /// Opens what `log` names and starts the thread that writes to it. What becomes of its lines is added to `counts`.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(log: &AccessLog, counts: &Arc<LogCounts>) -> Result<Arc<Journal>, OpenError> {
        let sink = Sink::open(&log.to)?;
        Journal::start(sink, log.format, counts).map_err(|source| OpenError {
            to: log.to.clone(),
            source,
        })
    }

    fn start(
        mut sink: Sink,
        format: LogFormat,
        counts: &Arc<LogCounts>,
    ) -> io::Result<Arc<Journal>> {
        let (batches, waiting) = sync_channel::<Batch>(BATCHES_WAITING);
        let (end, ended) = sync_channel(1);
        let abandoned = Arc::new(AtomicBool::new(false));
        let (added, given_up) = (Arc::clone(counts), Arc::clone(&abandoned));
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || {
                for batch in waiting {
                    let written = sink.write(&batch.bytes, &given_up);
                    let written = written.min(batch.lines);
                    added.written.fetch_add(written, Ordering::Relaxed);
                    let dropped = batch.lines - written;
                    added.dropped.fetch_add(dropped, Ordering::Relaxed);
                }
                drop(end);
            })?;
        Ok(Arc::new(Journal {
            format,
            batches,
            counts: Arc::clone(counts),
            ended: Mutex::new(ended),
            _hold: Hold(abandoned),
        }))
    }

    /// Waits until all that was handed over is written, where this is the last handle; gives up after `patience`.
    pub fn finish(self: Arc<Self>, patience: Duration) {
        if let Some(Journal {
            batches,
            ended,
            _hold,
            ..
        }) = Arc::into_inner(self)
        {
            drop(batches);
            let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
            // Nothing is ever sent: that the thread lets go of its end is what ends the wait.
            let _ = ended.recv_timeout(patience);
        }
    }

    fn take(&self, batch: Batch) {
        if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) =
            self.batches.try_send(batch)
        {
            self.counts
                .dropped
                .fetch_add(batch.lines, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// Writes the lines of one worker.
#[derive(Debug, Default)]
pub struct Scribe {
    on: Cell<bool>,
    pen: RefCell<Pen>,
}

#[derive(Debug, Default)]
struct Pen {
    journal: Option<Arc<Journal>>,
    ears: Vec<Arc<Ear>>,
    batch: Batch,
    stamp: Stamp,
}

impl Scribe {
    /// Whether lines are wanted at all.
    pub fn on(&self) -> bool {
        self.on.get()
    }

    /// From now on lines go to `journal`, or nowhere; what was written goes to the one before.
    pub fn follow(&self, journal: Option<Arc<Journal>>) {
        let mut pen = self.pen.borrow_mut();
        pen.hand_over();
        pen.journal = journal;
        self.on.set(pen.is_wanted());
    }

    /// From now on lines are told to `ear` too, until it is over.
    pub fn listen(&self, ear: Arc<Ear>) {
        let mut pen = self.pen.borrow_mut();
        pen.ears.push(ear);
        self.on.set(true);
    }

    /// Writes a line, if lines are wanted. `now`: when the request was answered.
    pub fn write(&self, line: &Line<'_>, now: SystemTime) {
        let mut pen = self.pen.borrow_mut();
        for ear in &pen.ears {
            ear.hear(line, now);
        }
        let Pen {
            journal: Some(journal),
            batch,
            stamp,
            ..
        } = &mut *pen
        else {
            return;
        };
        if batch.bytes.capacity() == 0 {
            batch.bytes.reserve(BATCH_BYTES + line::USUAL_BYTES);
        }
        stamp.set(now);
        match journal.format {
            LogFormat::Json => line.json(stamp, &mut batch.bytes),
            LogFormat::Combined => line.combined(stamp, &mut batch.bytes),
        }
        batch.lines += 1;
        if batch.bytes.len() >= BATCH_BYTES {
            pen.hand_over();
        }
    }

    /// Hands over what was written, and forgets who listens no more.
    pub fn flush(&self) {
        if self.on.get() {
            let mut pen = self.pen.borrow_mut();
            pen.hand_over();
            pen.ears.retain(|ear| !ear.is_over());
            self.on.set(pen.is_wanted());
        }
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Pen {
    fn is_wanted(&self) -> bool {
        self.journal.is_some() || !self.ears.is_empty()
    }

    fn hand_over(&mut self) {
        if let (Some(journal), 1..) = (&self.journal, self.batch.lines) {
            journal.take(std::mem::take(&mut self.batch));
        }
    }
}

#[cfg(test)]
#[path = "access/tests.rs"]
mod tests;
