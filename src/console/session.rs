//! One operator at work, without the wire: bytes typed in, bytes for the terminal and requests out.

mod answers;
mod asks;
mod config;
mod help;
mod input;
mod run;
mod show;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::editor::{Decoder, Editor, Manner};
use super::filter::Filter;
use super::history::History;
use super::pager::Pager;
use super::prompt::Mode;
use super::{Answer, Origin, Request, Setting};
use crate::decide::Millis;
use crate::model::Level;
use asks::Ask;

/// How many bytes that were typed while a request is under way are kept, 64 KiB.
pub const KEPT_BYTES: usize = 64 * 1024;
/// How many bytes wait for the terminal before the next key is looked at, 64 KiB; one answer may be larger.
pub const OUTPUT_BYTES: usize = 64 * 1024;
/// How many notices wait for a prompt.
pub const NOTICES: usize = 100;
/// How many lines a candidate has at most.
pub const CANDIDATE_LINES: usize = 10_000;
/// How long a login may take, 60 s.
pub const LOGIN_MILLIS: u64 = 60_000;
/// How many keys wait for a live screen.
const SCREEN_KEYS: usize = 64;
/// The widest and highest window that counts.
const WINDOW: u16 = 512;

/// One session.
///
/// Whoever carries it calls, after each call that hands something in: [`request`](Session::request), [`audited`](Session::audited) and
/// [`output`](Session::output), round and round until there is neither request nor output, and asks [`over`](Session::over). Only so
/// much is done of what was typed as fits in [`OUTPUT_BYTES`]; taking the output lets it go on. One request that is answered
/// is under way at a time; `Key`, `Abandon` and `Cancel` come beside it and are not answered themselves (what `Cancel` stops ends with
/// its own last answer, or `Done`).
#[derive(Debug)]
pub struct Session {
    origin: Origin,
    setting: Setting,
    user: Option<(Box<str>, Level)>,
    /// `#`, and the level that a password led to.
    enabled: bool,
    lifted: Option<Level>,
    mode: Mode,
    stage: Stage,
    decoder: Decoder,
    editor: Editor,
    history: History,
    kept: VecDeque<u8>,
    ended: bool,
    waiting: Option<Wait>,
    cancelled: bool,
    outbox: VecDeque<Request>,
    output: Vec<u8>,
    /// What is shown piece by piece, as the terminal takes it, and how far it has come.
    poured: Option<(String, usize)>,
    audit: Vec<String>,
    notices: VecDeque<String>,
    missed: usize,
    over: Option<u8>,
    used: Millis,
    began: Millis,
    tries: u8,
    rows: Option<u16>,
    columns: Option<u16>,
    paging: bool,
    log: bool,
    tabbed: bool,
    /// ^Z: the configuration is left behind the line.
    leave_after: bool,
    /// What is shown interrupts a line that is being typed.
    resume: bool,
    script: Vec<u8>,
    line_number: u32,
}

/// What becomes of the next key.
#[derive(Debug)]
enum Stage {
    /// It belongs to a command line.
    Line,
    /// It belongs to the answer to a question.
    Ask(Ask),
    /// More of a text, or no more.
    Paging(Pager),
    /// It goes to the live screen.
    Screen,
}

/// What the answer that is waited for is for.
#[derive(Debug)]
enum Wait {
    Login,
    Enable,
    Hash,
    Words {
        keywords: Vec<(String, String)>,
        begun: String,
        tabbed: bool,
    },
    Run {
        filter: Filter,
    },
    Configure,
    Check {
        line: Box<str>,
    },
    Begin {
        exclusive: bool,
        again: bool,
    },
    Commit,
}

impl Session {
    /// Begins a session; there may be something to show or to ask at once.
    pub fn new(origin: Origin, setting: Setting, now: Millis) -> Session {
        let known = origin.known.clone();
        let mut session = Session {
            setting,
            user: known,
            enabled: false,
            lifted: None,
            mode: Mode::default(),
            stage: Stage::Line,
            decoder: Decoder::new(),
            editor: Editor::new(),
            history: History::default(),
            kept: VecDeque::new(),
            ended: false,
            waiting: None,
            cancelled: false,
            outbox: VecDeque::new(),
            output: Vec::new(),
            poured: None,
            audit: Vec::new(),
            notices: VecDeque::new(),
            missed: 0,
            over: None,
            used: now,
            began: now,
            tries: 0,
            rows: None,
            columns: None,
            paging: true,
            log: false,
            tabbed: false,
            leave_after: false,
            resume: false,
            script: Vec::new(),
            line_number: 0,
            origin,
        };
        session.editor.resize(session.window().0);
        session.open();
        if let Some(command) = session.origin.command.take() {
            session.origin.command = Some("".into());
            if command.len() > KEPT_BYTES {
                session.lost();
            }
            session.kept.extend(command.bytes().take(KEPT_BYTES));
            session.ended = true;
        }
        session.pump();
        session
    }

    /// What was typed, or a script's text. Beyond [`room`](Session::room) it is dropped with a bell.
    pub fn input(&mut self, bytes: &[u8], now: Millis) {
        self.used = now;
        if self.ended || self.over.is_some() {
            return;
        }
        let mut bytes = bytes;
        // ^C reaches what is under way, whatever was typed before it.
        if self.interactive()
            && (self.waiting.is_some() || self.poured.is_some())
            && let Some(at) = bytes.iter().rposition(|byte| *byte == 3)
        {
            self.interrupt(now);
            bytes = &bytes[at + 1..];
        }
        let fits = bytes.len().min(self.room());
        self.kept.extend(&bytes[..fits]);
        if fits < bytes.len() {
            self.lost();
        }
        self.pump();
    }

    /// How many bytes [`input`](Session::input) takes now. A script's carrier waits until there is room.
    pub fn room(&self) -> usize {
        KEPT_BYTES - self.kept.len()
    }

    /// Nothing more will be typed: a script's end.
    pub fn input_end(&mut self, now: Millis) {
        self.used = now;
        self.ended = true;
        self.pump();
    }

    /// The interrupt key, however it came.
    pub fn interrupt(&mut self, now: Millis) {
        self.used = now;
        self.kept.clear();
        if self.poured.take().is_some() && self.interactive() {
            self.stop();
        } else if self.waiting.is_some() {
            self.cancel();
            if !self.interactive() {
                self.end(130);
            }
        } else if self.interactive() {
            self.stop();
        } else {
            self.end(130);
        }
    }

    /// The window's size; 0: unknown.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.origin.columns = columns;
        self.origin.rows = rows;
        self.editor.resize(self.window().0);
    }

    /// The window's size as it counts, `terminal width` and `terminal length` included: columns, rows; 0: unknown.
    pub fn size(&self) -> (u16, u16) {
        let columns = self.columns.unwrap_or(self.origin.columns).min(WINDOW);
        (columns, self.rows.unwrap_or(self.origin.rows).min(WINDOW))
    }

    /// What is to be known of the farm has changed.
    pub fn heed(&mut self, setting: Setting) {
        self.setting = setting;
        if matches!(self.stage, Stage::Line) && self.interactive() && self.waiting.is_none() {
            let prompt = self.mode.prompt(&self.setting, self.enabled);
            self.editor.reprompt(&prompt);
        }
    }

    /// What is to be done, if anything.
    pub fn request(&mut self) -> Option<Request> {
        self.outbox.pop_front()
    }

    /// The answer to the request under way. An answer that nobody waits for is ignored.
    pub fn answer(&mut self, answer: Answer, now: Millis) {
        if self.over.is_none() {
            self.hear(answer);
            // What was waited for is no idleness.
            if self.waiting.is_none() {
                self.used = now;
            }
            self.pump();
        }
    }

    /// What the text that is waited for goes through, where it does: to be done by whoever carries the session, as it may take its
    /// time. It is done by [`answer`](Session::answer) else.
    pub(super) fn take_filter(&mut self) -> Option<Filter> {
        match &mut self.waiting {
            Some(Wait::Run { filter }) if !filter.is_empty() => Some(std::mem::take(filter)),
            _ => None,
        }
    }

    /// A line that is not an answer: of the log, or that the system is going down.
    pub fn notice(&mut self, text: &str) {
        if !self.interactive() || self.over.is_some() {
            return;
        }
        if self.notices.len() == NOTICES {
            self.missed += 1;
            return;
        }
        self.notices.push_back(super::plain::clean(text));
        if matches!(self.stage, Stage::Line | Stage::Ask(_)) {
            self.tell_notices();
        }
    }

    /// Ends it from outside, for this reason: told to scripts too, and on a terminal that is as it was.
    pub fn dismiss(&mut self, why: &str) {
        if self.over.is_some() {
            return;
        }
        match self.stage {
            Stage::Paging(_) => self.wipe_more(),
            Stage::Screen => self.close_screen(),
            Stage::Line | Stage::Ask(_) if self.is_editing() => self.editor.wipe(&mut self.output),
            Stage::Line | Stage::Ask(_) => {}
        }
        self.say(why);
        self.end(1);
    }

    /// Whether lines of the log are wanted as notices (`terminal monitor`).
    pub fn wants_log(&self) -> bool {
        self.log
    }

    /// Time has passed: see [`due`](Session::due).
    pub fn tick(&mut self, now: Millis) {
        if self.over.is_some() || self.due().is_none_or(|due| now < due) {
            return;
        }
        self.close_screen();
        self.editor.wipe(&mut self.output);
        let why = match self.user {
            Some(_) => match self.setting.idle_minutes {
                1 => "% Nothing was typed for a minute: goodbye".to_owned(),
                minutes => format!("% Nothing was typed for {minutes} minutes: goodbye"),
            },
            None => "% Too long without a login: goodbye".to_owned(),
        };
        self.say(&why);
        self.end(1);
    }

    /// When [`tick`](Session::tick) is to be called at the latest.
    pub fn due(&self) -> Option<Millis> {
        if self.over.is_some() {
            return None;
        }
        if self.user.is_none() {
            return Some(Millis(self.began.0.saturating_add(LOGIN_MILLIS)));
        }
        let busy = self.poured.is_some() || (!self.interactive() && self.waiting.is_some());
        let minutes = u64::from(self.setting.idle_minutes);
        (minutes > 0 && !busy).then(|| Millis(self.used.0.saturating_add(minutes * 60_000)))
    }

    /// What goes to the terminal: CR LF at a terminal, LF else.
    pub fn output(&mut self) -> Vec<u8> {
        if self.output.is_empty() {
            self.pour();
        }
        if self.is_editing() {
            self.editor.show(&mut self.output);
        }
        let output = std::mem::take(&mut self.output);
        self.pump();
        output
    }

    /// Whether more of an answer follows the output: what takes its time is made only as it is taken.
    pub(super) fn is_pouring(&self) -> bool {
        self.poured.is_some()
    }

    /// The lines that were run since this was last asked, for the audit log; secrets as `********`.
    pub fn audited(&mut self) -> Vec<String> {
        std::mem::take(&mut self.audit)
    }

    /// Who it is and what he may do now: in `>` he may look. `None` until he is logged in.
    pub fn user(&self) -> Option<(&str, Level)> {
        let user = self.user.as_ref();
        user.map(|(name, _)| (&**name, self.level()))
    }

    /// What the user's own `privilege` is, whatever a password led to; `None` until he is logged in.
    pub fn own_level(&self) -> Option<Level> {
        self.user.as_ref().map(|(_, level)| *level)
    }

    /// The exit status, once the session is over.
    pub fn over(&self) -> Option<u8> {
        self.over
    }

    /// Somebody types at a prompt.
    fn interactive(&self) -> bool {
        self.origin.terminal && self.origin.command.is_none()
    }

    fn is_editing(&self) -> bool {
        let typed = matches!(self.stage, Stage::Line | Stage::Ask(_)) && self.poured.is_none();
        self.interactive() && typed && self.waiting.is_none() && self.over.is_none()
    }

    /// Columns and rows for the editor and the pager; 80 columns where nothing is known.
    fn window(&self) -> (usize, usize) {
        let (columns, rows) = self.size();
        (
            if columns == 0 {
                80
            } else {
                usize::from(columns)
            },
            usize::from(rows),
        )
    }

    /// What he may do in this mode.
    fn level(&self) -> Level {
        match &self.user {
            Some((_, level)) if self.enabled => self.lifted.unwrap_or(*level),
            _ => Level::View,
        }
    }

    fn ask(&mut self, request: Request, wait: Wait) {
        self.waiting = Some(wait);
        self.cancelled = false;
        self.outbox.push_back(request);
    }

    /// Stops what is under way, once.
    fn cancel(&mut self) {
        if !std::mem::replace(&mut self.cancelled, true) {
            self.outbox.push_back(Request::Cancel);
        }
    }

    /// Ends the session; what is under way and a candidate are given up.
    fn end(&mut self, status: u8) {
        if self.over.is_some() {
            return;
        }
        self.close_screen();
        if self.waiting.is_some() {
            self.cancel();
        }
        if let Mode::Candidate(_) = std::mem::take(&mut self.mode) {
            self.outbox.push_back(Request::Abandon);
        }
        self.over = Some(status);
        self.poured = None;
        self.kept.clear();
    }

    /// Goes on with what was typed.
    fn pump(&mut self) {
        while self.over.is_none() && self.output.len() < OUTPUT_BYTES {
            let screen = matches!(self.stage, Stage::Screen);
            if self.poured.is_some() || (self.waiting.is_some() && !screen) {
                return;
            }
            match self.kept.pop_front() {
                Some(byte) if self.interactive() || screen => self.key(byte),
                Some(byte) => self.script_byte(byte),
                None if self.ended => return self.finish(),
                None => return,
            }
        }
    }

    /// The next line, please.
    fn ready(&mut self) {
        self.stage = Stage::Line;
        if std::mem::take(&mut self.resume) {
            return self.tell_notices();
        }
        if std::mem::take(&mut self.leave_after) && self.mode.is_config() {
            return self.leave(false);
        }
        if self.over.is_none() && self.interactive() {
            let prompt = self.mode.prompt(&self.setting, self.enabled);
            self.begin(&prompt, Manner::Command);
        }
    }

    fn begin(&mut self, prompt: &str, manner: Manner) {
        self.editor.begin(prompt, manner);
        self.tell_notices();
    }
}
