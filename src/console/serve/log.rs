//! The last lines of the log, and whoever watches it: `show log`, `terminal monitor`.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::limits::{LOG_BEHIND, LOG_LINE_BYTES, LOG_LINES};

/// What the log said last.
#[derive(Debug)]
pub struct Log {
    lines: Mutex<VecDeque<Arc<str>>>,
    watchers: broadcast::Sender<Arc<str>>,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            lines: Mutex::default(),
            watchers: broadcast::Sender::new(LOG_BEHIND),
        }
    }
}

impl Log {
    /// Keeps a line, without its control bytes.
    pub fn push(&self, line: &str) {
        let mut text = String::with_capacity(line.len().min(LOG_LINE_BYTES));
        for char in line.chars() {
            if text.len() + char.len_utf8() > LOG_LINE_BYTES {
                break;
            }
            text.push(if char.is_control() { ' ' } else { char });
        }
        let line: Arc<str> = text.trim_end().into();
        let mut lines = self.locked();
        if lines.len() == LOG_LINES {
            lines.pop_front();
        }
        lines.push_back(Arc::clone(&line));
        drop(lines);
        // Nobody may be watching.
        let _ = self.watchers.send(line);
    }

    /// The last lines, at most `most`, oldest first.
    pub fn last(&self, most: usize) -> Vec<Arc<str>> {
        let lines = self.locked();
        let skipped = lines.len().saturating_sub(most);
        lines.iter().skip(skipped).cloned().collect()
    }

    /// Forgets all lines.
    pub fn clear(&self) {
        self.locked().clear();
    }

    /// Every line from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<str>> {
        self.watchers.subscribe()
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<Arc<str>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes into a [`Log`], for a layer of `tracing`: one event a writer.
#[derive(Debug)]
pub struct LogWriter {
    log: Arc<Log>,
    event: Vec<u8>,
}

impl LogWriter {
    /// A writer of one event.
    pub fn new(log: &Arc<Log>) -> LogWriter {
        LogWriter {
            log: Arc::clone(log),
            event: Vec::new(),
        }
    }
}

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.event.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        for line in String::from_utf8_lossy(&self.event).lines() {
            self.log.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_none_too_long_nor_with_control_bytes() {
        let log = Arc::new(Log::default());
        for number in 0..=LOG_LINES {
            log.push(&format!("line {number}"));
        }
        let last = log.last(usize::MAX);
        assert_eq!(last.len(), LOG_LINES);
        assert_eq!(&*last[0], "line 1");
        assert_eq!(
            log.last(1),
            [Arc::<str>::from(format!("line {LOG_LINES}").as_str())]
        );
        log.push(&"é".repeat(LOG_LINE_BYTES));
        assert_eq!(log.last(1)[0].len(), LOG_LINE_BYTES);
        log.push("\x1b[2Jgone\u{9b}");
        assert_eq!(&*log.last(1)[0], " [2Jgone");
    }

    #[test]
    fn an_event_in_pieces_is_a_line_and_is_watched() {
        let log = Arc::new(Log::default());
        let mut watch = log.watch();
        let mut writer = LogWriter::new(&log);
        writer.write_all(b"a ser").expect("kept");
        writer.write_all(b"ver failed\n").expect("kept");
        drop(writer);
        assert_eq!(&*watch.try_recv().expect("a line"), "a server failed");
        assert!(watch.try_recv().is_err());
    }
}
