//! What the answer to a request comes to.

use super::{Session, Wait};
use crate::console::prompt::{Candidate, Mode};
use crate::console::{Answer, Request};

impl Session {
    /// Hears an answer.
    pub(super) fn hear(&mut self, answer: Answer) {
        let Some(wait) = self.waiting.take() else {
            return;
        };
        match (wait, answer) {
            (Wait::Run { mut filter }, Answer::Line(line)) => {
                for line in line.lines() {
                    if let Some(line) = filter.line(line) {
                        self.say(line);
                    }
                }
                self.waiting = Some(Wait::Run { filter });
            }
            (wait @ Wait::Run { .. }, Answer::Screen(frame)) if self.origin.terminal => {
                // What was cancelled may still have sent a frame.
                if !self.cancelled {
                    self.frame(&frame);
                }
                self.waiting = Some(wait);
            }
            // Nothing that is waited for comes so.
            (wait, Answer::Screen(_) | Answer::Line(_)) => self.waiting = Some(wait),
            (Wait::Run { mut filter }, Answer::Text { text, ok: true }) => {
                self.close_screen();
                let text = filter.of(text);
                self.show(text);
            }
            (Wait::Run { mut filter }, Answer::Done) => {
                self.close_screen();
                let end = filter.end();
                self.say(&end);
                self.ready();
            }
            (Wait::Login, Answer::Allowed { user, level }) => self.login(Ok((user, level))),
            (Wait::Login, Answer::Denied(why)) => self.login(Err(why)),
            (Wait::Login, _) => self.login(Err("The login was given up".to_owned())),
            (Wait::Enable, Answer::Allowed { level, .. }) => {
                self.enabled = true;
                self.lifted = Some(level);
                self.ready();
            }
            (
                Wait::Words {
                    keywords,
                    begun,
                    tabbed,
                },
                Answer::Words(words),
            ) => {
                self.completed(keywords, words, &begun, tabbed);
            }
            (
                Wait::Words {
                    keywords,
                    begun,
                    tabbed,
                },
                _,
            ) => self.completed(keywords, Vec::new(), &begun, tabbed),
            (Wait::Begin { exclusive, .. }, Answer::Begun(generation)) => {
                self.mode = Mode::Candidate(Candidate {
                    exclusive,
                    generation,
                    lines: Vec::new(),
                });
                self.ready();
            }
            (Wait::Begin { again, .. }, Answer::Denied(why)) => {
                if again {
                    self.mode = Mode::Commands;
                }
                self.refuse(&why);
            }
            (wait, Answer::Text { text, ok: true }) => self.went_well(wait, &text),
            (_, Answer::Text { text, ok: false }) => {
                self.close_screen();
                let text = text.trim_end();
                // A diagnostic has its own form, and so has what is told in several lines.
                let own = text.starts_with('%') || text.contains("error: ") || text.contains('\n');
                if own {
                    self.fault(text)
                } else {
                    self.refuse(text)
                }
            }
            (_, Answer::Denied(why)) => {
                self.close_screen();
                self.refuse(&why);
            }
            (Wait::Configure | Wait::Commit, Answer::Done) => {
                self.refuse("Interrupted: it may be in force all the same");
            }
            (Wait::Begin { again: false, .. }, Answer::Done) => {
                // It may have been granted already.
                self.outbox.push_back(Request::Abandon);
                self.ready();
            }
            // It was cancelled.
            (_, Answer::Done | Answer::Allowed { .. } | Answer::Words(_) | Answer::Begun(_)) => {
                self.ready()
            }
        }
    }

    fn went_well(&mut self, wait: Wait, text: &str) {
        match wait {
            Wait::Check { line } => {
                if let Mode::Candidate(candidate) = &mut self.mode {
                    candidate.lines.push(line);
                }
                self.say(text);
                self.ready();
            }
            Wait::Commit => {
                self.say(text);
                // The next lines start from what runs now.
                if let Mode::Candidate(candidate) = &mut self.mode {
                    candidate.lines.clear();
                    let exclusive = candidate.exclusive;
                    self.ask(
                        Request::Begin { exclusive },
                        Wait::Begin {
                            exclusive,
                            again: true,
                        },
                    );
                }
            }
            Wait::Hash => self.show(text),
            _ => {
                self.say(text);
                self.ready();
            }
        }
    }
}
