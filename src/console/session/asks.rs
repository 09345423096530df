//! The questions a session asks: who it is, passwords, yes or no.

use super::{Session, Stage, Wait};
use crate::console::editor::Manner;
use crate::console::filter::Filter;
use crate::console::words::quoted;
use crate::console::{Over, Request};
use crate::language::Command;
use crate::model::Level;

/// How often a user may try.
const TRIES: u8 = 3;

/// Who it is where nobody has a name: somebody who came by telnet, and knows at most the `enable` password.
const NAMELESS: &str = "telnet";

/// A question that was asked.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    User,
    Password {
        user: Box<str>,
    },
    Enable,
    /// A password to be hashed, or the last word of a statement.
    Secret {
        of: Option<String>,
    },
    /// The same once more.
    Again {
        of: Option<String>,
        first: String,
    },
    /// Whether to do it.
    Confirm {
        question: &'static str,
        then: Then,
    },
}

/// What is done on `yes`.
#[derive(Clone, Debug)]
pub(super) enum Then {
    Run {
        command: Command,
    },
    /// Leave a candidate, and the console where `out`.
    Leave {
        out: bool,
    },
}

impl Session {
    /// What a session begins with.
    pub(super) fn open(&mut self) {
        if self.user.is_some() {
            self.enabled = !self.interactive();
            return self.ready();
        }
        if self.setting.users {
            return self.question(Ask::User);
        }
        if self.setting.enable {
            self.user = Some((NAMELESS.into(), Level::View));
            return self.ready();
        }
        if self.origin.over == Over::Unix {
            self.say("% Nobody is known here.");
        } else {
            self.say(
                "% There are no users yet: nobody can be let in from here. On the director's host:\n\
                 %   signpost console\n\
                 %   > enable\n\
                 %   # configure terminal\n\
                 %   (config)# username NAME privilege configure secret\n\
                 %   (config)# write memory",
            );
        }
        self.end(1);
    }

    /// Asks.
    pub(super) fn question(&mut self, ask: Ask) {
        let (prompt, manner) = match &ask {
            Ask::User => ("Username: ", Manner::Answer),
            Ask::Password { .. } | Ask::Enable | Ask::Secret { .. } => {
                ("Password: ", Manner::Secret)
            }
            Ask::Again { .. } => ("Once more: ", Manner::Secret),
            Ask::Confirm { question, .. } => (*question, Manner::Answer),
        };
        self.stage = Stage::Ask(ask);
        if self.interactive() {
            self.begin(prompt, manner);
        }
    }

    /// The answer to a question.
    pub(super) fn answered(&mut self, ask: Ask, text: &str) {
        match ask {
            Ask::User if text.trim().is_empty() => self.question(Ask::User),
            Ask::User => self.question(Ask::Password {
                user: text.trim().into(),
            }),
            Ask::Password { user } => {
                let wait = Wait::Login;
                self.ask(
                    Request::Login {
                        user,
                        password: text.into(),
                    },
                    wait,
                );
            }
            Ask::Enable => self.ask(
                Request::Enable {
                    password: text.into(),
                },
                Wait::Enable,
            ),
            Ask::Secret { .. } if text.is_empty() => self.refuse("No password: nothing was done"),
            Ask::Secret { of } if self.interactive() => self.question(Ask::Again {
                of,
                first: text.to_owned(),
            }),
            Ask::Secret { of } => self.secret(of, text),
            Ask::Again { of, first } if first == text => self.secret(of, text),
            Ask::Again { .. } => self.refuse("The passwords differ: nothing was done"),
            Ask::Confirm { question, then } => match text.trim().to_ascii_lowercase().as_str() {
                "yes" | "y" => self.then(then),
                "no" | "n" => self.ready(),
                _ => self.question(Ask::Confirm { question, then }),
            },
        }
    }

    fn secret(&mut self, of: Option<String>, secret: &str) {
        match of {
            None => self.ask(
                Request::Hash {
                    password: secret.into(),
                },
                Wait::Hash,
            ),
            Some(line) => {
                let line = format!("{} {}", line.trim_end(), quoted(secret));
                self.command_line(&line);
            }
        }
    }

    fn then(&mut self, then: Then) {
        match then {
            Then::Run { command } => self.send(command, false, Filter::default()),
            Then::Leave { out } => {
                self.abandon();
                if out { self.logout() } else { self.ready() }
            }
        }
    }

    /// A user was let in, or not.
    pub(super) fn login(&mut self, result: Result<(Box<str>, Level), String>) {
        match result {
            Ok(user) => {
                self.user = Some(user);
                self.ready();
            }
            Err(why) => {
                self.tries += 1;
                self.say(&format!("% {why}"));
                if self.tries >= TRIES {
                    self.end(1);
                } else {
                    self.question(Ask::User);
                }
            }
        }
    }

    /// `enable`.
    pub(super) fn enable(&mut self) {
        let Some((name, level)) = &self.user else {
            return;
        };
        if self.enabled && self.level() > Level::View {
            self.ready();
        } else if *level > Level::View {
            // Who he is was proven at the login.
            self.enabled = true;
            self.ready();
        } else if self.setting.enable {
            self.question(Ask::Enable);
        } else {
            let why = format!("`{name}` may only look, and there is no `enable secret`");
            self.refuse(&why);
        }
    }

    /// What `write erase` and the like ask at a terminal.
    pub(super) fn confirmation(command: &Command) -> Option<&'static str> {
        Some(match &*command.name {
            "write_erase" => "Empty the startup configuration? [yes/no] ",
            "reload" | "copy_startup_running" => "Run the startup configuration instead? [yes/no] ",
            "rollback" => "Run that configuration instead? [yes/no] ",
            _ => return None,
        })
    }
}
