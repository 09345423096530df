//! Statements: at once, or gathered for a commit.

use super::asks::{Ask, Then};
use super::run::lines_json;
use super::{CANDIDATE_LINES, Session, Wait};
use crate::console::Request;
use crate::console::commands::{level_of_statement, masked, spoken_statement};
use crate::console::filter::Filter;
use crate::console::prompt::Mode;
use crate::language::Command;
use crate::model::Level;

/// How long a commit waits for its confirmation where nothing else is said.
const CONFIRM_MINUTES: u16 = 10;
const MOST_MINUTES: u16 = 1_440;

impl Session {
    /// `configure …`.
    pub(super) fn configure(&mut self, command: &Command) {
        let exclusive = command.has("exclusive");
        let gathers = exclusive || command.has("candidate");
        match &self.mode {
            Mode::Commands if gathers => {
                self.ask(
                    Request::Begin { exclusive },
                    Wait::Begin {
                        exclusive,
                        again: false,
                    },
                );
            }
            Mode::Commands => {
                self.mode = Mode::Config;
                self.ready();
            }
            Mode::Config if !gathers => self.ready(),
            _ => self.refuse("Leave this configuration first: `end`"),
        }
    }

    /// A statement, its keywords written out.
    pub(super) fn statement(&mut self, line: String, command: &Command) {
        let need = level_of_statement(command);
        if need > self.level() {
            let why = self.forbidden(&spoken_statement(command), need);
            let more = if self.level() == Level::Operate {
                "; in-service, out-of-service and weight do not"
            } else {
                ""
            };
            return self.refuse(&format!("{why}{more}"));
        }
        let undoes = command.name.starts_with("no_");
        let runs = command.has("by_exec") || &*command.name == "console_exec";
        if runs && !undoes && !self.setting.exec {
            return self
                .refuse("Only the startup file may name programs, unless it says `console-exec`");
        }
        match &self.mode {
            Mode::Candidate(candidate) if candidate.lines.len() >= CANDIDATE_LINES => {
                self.refuse(&format!("A candidate has at most {CANDIDATE_LINES} lines: `commit` them, or `copy` a file"));
            }
            Mode::Candidate(candidate) => {
                let line: Box<str> = line.into();
                let mut lines = candidate.lines.clone();
                lines.push(line.clone());
                self.ask(Request::Check { lines }, Wait::Check { line });
            }
            _ => self.ask(Request::Configure { line: line.into() }, Wait::Configure),
        }
    }

    /// `commit [confirmed [MINUTES]|cancel]`.
    pub(super) fn commit(&mut self, command: &Command) {
        if command.has("cancelled") {
            return self.send(command.clone(), false, Filter::default());
        }
        let confirmed = command.has("confirmed");
        let minutes = match command.word("minutes").map(str::parse::<u16>) {
            None => CONFIRM_MINUTES,
            Some(Ok(minutes)) if (1..=MOST_MINUTES).contains(&minutes) => minutes,
            Some(_) => {
                return self.refuse(&format!(
                    "a number of minutes from 1 to {MOST_MINUTES} is wanted"
                ));
            }
        };
        match &self.mode {
            Mode::Candidate(candidate) if !candidate.lines.is_empty() => {
                let request = Request::Commit {
                    lines: candidate.lines.clone(),
                    generation: candidate.generation,
                    confirm_minutes: confirmed.then_some(minutes),
                };
                self.ask(request, Wait::Commit);
            }
            // A second commit confirms the first.
            _ if !confirmed => self.send(command.clone(), false, Filter::default()),
            Mode::Candidate(_) => self.refuse("There is nothing to commit: no line was gathered"),
            _ => self.refuse("There is nothing to commit: `configure candidate` gathers lines"),
        }
    }

    /// `discard`.
    pub(super) fn discard(&mut self) {
        let Mode::Candidate(candidate) = &mut self.mode else {
            return self.refuse("There is no candidate: `configure candidate` begins one");
        };
        let count = candidate.lines.len();
        candidate.lines.clear();
        let lines = if count == 1 { "line" } else { "lines" };
        self.say(&format!("{count} {lines} given up"));
        self.ready();
    }

    /// `diff` in a candidate.
    pub(super) fn diff(&mut self, filter: Filter) {
        if let Mode::Candidate(candidate) = &self.mode {
            let lines = candidate.lines.clone();
            self.ask(Request::Diff { lines }, Wait::Run { filter });
        }
    }

    /// `show candidate`.
    pub(super) fn show_candidate(&mut self, json: bool, mut filter: Filter) {
        let Mode::Candidate(candidate) = &self.mode else {
            return self.refuse("There is no candidate: `configure candidate` begins one");
        };
        let lines = candidate
            .lines
            .iter()
            .map(|line| masked(line).unwrap_or_else(|| line.to_string()));
        let text = if json {
            lines_json(lines)
        } else {
            lines.map(|line| line + "\n").collect()
        };
        self.show(filter.all(&text));
    }

    /// Leaves the configuration, and the console where `out`; asks where lines would be lost.
    pub(super) fn leave(&mut self, out: bool) {
        let uncommitted =
            matches!(&self.mode, Mode::Candidate(candidate) if !candidate.lines.is_empty());
        if uncommitted && self.interactive() {
            let question = "Uncommitted changes: discard them? [yes/no] ";
            return self.question(Ask::Confirm {
                question,
                then: Then::Leave { out },
            });
        }
        if uncommitted {
            return self.refuse("Uncommitted changes: `commit` or `discard` them first");
        }
        self.abandon();
        if out { self.logout() } else { self.ready() }
    }

    /// Gives the candidate up, if there is one, and leaves the configuration.
    pub(super) fn abandon(&mut self) {
        if let Mode::Candidate(_) = std::mem::take(&mut self.mode) {
            self.outbox.push_back(Request::Abandon);
        }
    }
}
