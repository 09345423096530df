//! A line that was entered: understood, allowed, and done here or asked for outside.

use super::asks::{Ask, Then};
use super::{Session, Wait};
use crate::console::Request;
use crate::console::commands::{lacks_secret, level, masked, spoken};
use crate::console::filter::{Filter, pipe};
use crate::console::plain::width;
use crate::console::prompt::Mode;
use crate::console::tongue::{Meant, told, understand};
use crate::language::{Command, Why};
use crate::model::Level;
use crate::model::foreign::{Hint, hint};

/// The most rows or columns that can be set.
const LARGEST: u16 = 512;
const HELP: &str = "\
?        shows what may come next, at any place of a line
TAB      goes on writing a word; twice: shows what may come
^P ^N    the line before, the line behind (or the arrows)
^A ^E    to the line's beginning, to its end
^W ^U ^K cuts a word, all before the cursor, all behind it; ^Y puts it back
^C       gives up the line, or stops what runs
^Z       ends the configuration
^V?      a question mark
Words may be cut short where only one can be meant: sh ru
COMMAND | include PATTERN   shows the lines that match; also exclude, begin, count, section, json
enable, configure terminal, write memory: to change the farm, and to keep the change";

impl Session {
    /// A line was entered at the prompt.
    pub(super) fn line(&mut self, line: &str) {
        let line = line.trim_end();
        let first = line.trim_start().chars().next();
        if matches!(first, None | Some('!' | '#' | ':')) {
            return self.ready();
        }
        let masked = masked(line);
        if masked.is_none() {
            self.history.remember(line);
        }
        self.audit
            .push(masked.unwrap_or_else(|| line.trim().to_owned()));
        self.command_line(line);
    }

    /// Understands a line and does it.
    pub(super) fn command_line(&mut self, line: &str) {
        let piped = match pipe(line) {
            Ok(piped) => piped,
            Err((at, why)) => return self.wrong(line, at, &why, None),
        };
        let whole = piped.command.len() == line.len();
        match understand(piped.command, self.mode.is_config()) {
            Ok(Meant::Command(command)) => self.run(command, piped.json, piped.filter),
            Ok(Meant::Statement { line, command }) if whole => self.statement(line, &command),
            Ok(Meant::Statement { .. }) => {
                self.wrong(
                    line,
                    piped.command.len(),
                    "Too much: a statement takes no `|`",
                    None,
                );
            }
            Err(stop) if self.mode.is_config() && lacks_secret(&stop) => {
                self.question(Ask::Secret {
                    of: Some(line.to_owned()),
                });
            }
            Err(stop) => {
                let unknown = matches!(stop.why, Why::Unknown { .. });
                let old = unknown.then(|| hint(line.trim())).flatten();
                self.wrong(line, stop.at, &told(&stop), old);
            }
        }
    }

    /// A line that is not understood: its place is marked under it, or told in a script. A command of the LocalDirector's is explained.
    fn wrong(&mut self, line: &str, at: usize, why: &str, old: Option<Hint>) {
        let old = old.map(|hint| format!("\n% {hint}")).unwrap_or_default();
        if self.interactive() {
            if let Some(column) = self.editor.column(line, at.min(line.len())) {
                self.say(&format!("{}^", " ".repeat(column)));
            }
            return self.refuse(&format!("{why}{old}"));
        }
        let shown = masked(line).unwrap_or_else(|| line.trim().to_owned());
        if self.origin.command.is_some() {
            self.refuse(&format!("{why}: {shown}{old}"));
        } else {
            let number = self.line_number;
            self.refuse(&format!("line {number}: {why}: {shown}{old}"));
        }
    }

    /// Does a command, where the operator may.
    fn run(&mut self, command: Command, json: bool, filter: Filter) {
        let need = level(&command);
        if need > self.level() {
            let why = self.forbidden(&spoken(&command), need);
            return self.refuse(&why);
        }
        self.dispatch(command, json, filter);
    }

    /// Why something may not be done.
    pub(super) fn forbidden(&self, what: &str, need: Level) -> String {
        let (name, most) = self.user().unwrap_or(("", Level::View));
        if self.enabled {
            let (need, most) = (need.as_str(), most.as_str());
            format!("`{what}` needs the level `{need}`, and `{name}` has `{most}`")
        } else {
            format!("`{what}` needs `enable`")
        }
    }

    fn dispatch(&mut self, command: Command, json: bool, mut filter: Filter) {
        let candidate = matches!(self.mode, Mode::Candidate(_));
        match &*command.name {
            name if json && !has_json(name) => {
                self.refuse(&format!("`{}` has no JSON", spoken(&command)));
            }
            "enable" => self.enable(),
            "disable" if self.mode.is_config() => {
                self.refuse("Leave the configuration first: `end`")
            }
            "disable" => {
                self.enabled = false;
                self.lifted = None;
                self.ready();
            }
            "exit" => self.exit(),
            "quit" | "logout" => self.logout(),
            "end" if self.mode.is_config() => self.leave(false),
            "end" => self.ready(),
            "help" => self.show(HELP),
            "configure" => self.configure(&command),
            "terminal_length" => {
                self.window_of(command.word("rows"), |session, rows| session.rows = rows)
            }
            "terminal_width" => self.window_of(command.word("columns"), |session, columns| {
                session.columns = columns
            }),
            "terminal_monitor" | "terminal_no_monitor" | "no_terminal_monitor" => {
                self.log = &*command.name == "terminal_monitor";
                self.ready();
            }
            "pager" | "no_pager" => {
                self.paging = &*command.name == "pager";
                self.ready();
            }
            "show_history" => {
                let text = if json {
                    lines_json(self.history.lines())
                } else {
                    self.history.text()
                };
                self.show(filter.all(&text));
            }
            "show_candidate" => self.show_candidate(json, filter),
            "commit" if candidate || command.has("confirmed") => self.commit(&command),
            "discard" => self.discard(),
            "diff" if candidate && !command.has("of_archive") => self.diff(filter),
            "secret" => self.question(Ask::Secret { of: None }),
            "monitor" if !self.origin.terminal => self.refuse("`monitor` needs a terminal"),
            _ => match Session::confirmation(&command) {
                Some(question) if self.interactive() => {
                    let then = Then::Run { command };
                    self.question(Ask::Confirm { question, then });
                }
                _ => self.send(command, json, filter),
            },
        }
    }

    /// Asks for a command to be done outside.
    pub(super) fn send(&mut self, command: Command, json: bool, filter: Filter) {
        let (mut columns, rows) = self.size();
        // Who wants all lines wants all of each, unless he said how wide.
        if self.rows == Some(0) && self.columns.is_none() {
            columns = 0;
        }
        let secrets = self.level() == Level::Configure;
        let request = Request::Run {
            command,
            json,
            columns,
            rows,
            secrets,
        };
        self.ask(request, Wait::Run { filter });
    }

    /// `terminal length` and `terminal width`; 0 columns: as the window is.
    fn window_of(&mut self, word: Option<&str>, set: fn(&mut Session, Option<u16>)) {
        match word
            .and_then(|word| word.parse::<u16>().ok())
            .filter(|n| *n <= LARGEST)
        {
            Some(n) => {
                set(self, Some(n));
                if self.columns == Some(0) {
                    self.columns = None;
                }
                self.editor.resize(self.window().0);
                self.ready();
            }
            None => self.refuse(&format!("a number from 0 to {LARGEST} is wanted")),
        }
    }

    /// Leaves the mode, or the console.
    pub(super) fn exit(&mut self) {
        if self.mode.is_config() {
            self.leave(false)
        } else {
            self.logout()
        }
    }

    /// Leaves the console.
    pub(super) fn logout(&mut self) {
        if self.mode.is_config() {
            return self.leave(true);
        }
        let may = self
            .user
            .as_ref()
            .is_some_and(|(_, level)| *level > Level::View || self.lifted.is_some());
        if self.interactive() && !self.setting.saved && may {
            self.say("% What runs differs from the startup file: `write memory` keeps it.");
        }
        self.end(0);
    }
}

/// Whether a command can answer in JSON.
fn has_json(name: &str) -> bool {
    matches!(name, "explain" | "who") || name.starts_with("show_")
}

/// A text as JSON, as `show running-config | json` gives one.
pub(super) fn lines_json<T: serde::Serialize>(lines: impl Iterator<Item = T>) -> String {
    let lines: Vec<T> = lines.collect();
    serde_json::json!({ "lines": lines }).to_string() + "\n"
}

/// How many columns a hint's word takes in a list.
pub(super) fn widest<'a>(words: impl Iterator<Item = &'a str>) -> usize {
    words.map(width).max().unwrap_or(0)
}
