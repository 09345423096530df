//! One operator at work, without the wire: bytes typed in, bytes for the terminal and requests out.

use super::{Answer, Origin, Request, Setting};
use crate::decide::Millis;
use crate::model::Level;

/// How many bytes that were typed while a request is under way are kept, 64 KiB.
pub const KEPT_BYTES: usize = 64 * 1024;

/// One session.
///
/// Whoever carries it calls, after each call that hands something in: [`request`](Session::request) until it gives nothing,
/// [`audited`](Session::audited), [`output`](Session::output), and asks [`over`](Session::over). One request that is answered
/// is under way at a time; `Key`, `Abandon` and `Cancel` come beside it and are not answered themselves (what `Cancel` stops ends with
/// its own last answer, or `Done`).
#[derive(Debug)]
pub struct Session {
    origin: Origin,
    setting: Setting,
    output: Vec<u8>,
}

impl Session {
    /// Begins a session; there may be something to show or to ask at once.
    pub fn new(origin: Origin, setting: Setting, now: Millis) -> Session {
        let _ = now;
        Session {
            origin,
            setting,
            output: Vec::new(),
        }
    }

    /// What was typed, or a script's text. Beyond [`room`](Session::room) it is dropped with a bell.
    pub fn input(&mut self, bytes: &[u8], now: Millis) {
        let _ = (bytes, now);
    }

    /// How many bytes [`input`](Session::input) takes now. A script's carrier waits until there is room.
    pub fn room(&self) -> usize {
        KEPT_BYTES
    }

    /// Nothing more will be typed: a script's end.
    pub fn input_end(&mut self, now: Millis) {
        let _ = now;
    }

    /// The interrupt key, however it came.
    pub fn interrupt(&mut self, now: Millis) {
        let _ = now;
    }

    /// The window's size; 0: unknown.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.origin.columns = columns;
        self.origin.rows = rows;
    }

    /// The window's size as it counts, `terminal width` and `terminal length` included: columns, rows; 0: unknown.
    pub fn size(&self) -> (u16, u16) {
        (self.origin.columns, self.origin.rows)
    }

    /// What is to be known of the farm has changed.
    pub fn heed(&mut self, setting: Setting) {
        self.setting = setting;
    }

    /// What is to be done, if anything.
    pub fn request(&mut self) -> Option<Request> {
        None
    }

    /// The answer to the request under way. An answer that nobody waits for is ignored.
    pub fn answer(&mut self, answer: Answer, now: Millis) {
        let _ = (answer, now);
    }

    /// A line that is not an answer: of the log, or that the system is going down.
    pub fn notice(&mut self, text: &str) {
        let _ = text;
    }

    /// Whether lines of the log are wanted as notices (`terminal monitor`).
    pub fn wants_log(&self) -> bool {
        false
    }

    /// Time has passed: see [`due`](Session::due).
    pub fn tick(&mut self, now: Millis) {
        let _ = now;
    }

    /// When [`tick`](Session::tick) is to be called at the latest.
    pub fn due(&self) -> Option<Millis> {
        None
    }

    /// What goes to the terminal: CR LF at a terminal, LF else.
    pub fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// The lines that were run since this was last asked, for the audit log; secrets as `********`.
    pub fn audited(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Who it is and what he may do; `None` until he is logged in.
    pub fn user(&self) -> Option<(&str, Level)> {
        let known = self.origin.known.as_ref();
        known.map(|(name, level)| (&**name, *level))
    }

    /// The exit status, once the session is over.
    pub fn over(&self) -> Option<u8> {
        None
    }
}
