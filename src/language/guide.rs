//! What may stand where in a line: help, completion, abbreviations, and the commands of the console.
//!
//! The grammar is read as data and turned into a net of places ([`net`]), once; a line is followed through it word by word, on all
//! ways that it can go at once ([`walk`]), so that the time it takes is proportional to the line's length.

mod net;
mod walk;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::OnceLock;

use super::declared::Declarations;
use super::statement::unquote;
use net::Net;
use walk::Walk;

/// Which lines are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tongue {
    /// The statements of a configuration.
    Statements,
    /// The commands of the console.
    Commands,
}

/// One thing that may come next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// A keyword, or the NAME of a word.
    pub word: Box<str>,
    /// What it does or means, in one line.
    pub help: Box<str>,
    /// What kind of thing it is.
    pub kind: HintKind,
}

/// What kind of thing may come next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HintKind {
    /// A keyword, to be written as it stands.
    Keyword,
    /// A word that the operator chooses, by the grammar's rule for it, such as `virtual_id`.
    Word(Box<str>),
    /// The line may end here.
    End,
}

/// Where a line cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The place, in bytes from the line's beginning.
    pub at: usize,
    /// Why.
    pub why: Why,
}

/// Why a line cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing that may stand here.
    Unknown {
        /// What may have been meant.
        near: Option<String>,
    },
    /// The beginning of each of these keywords.
    Ambiguous(Vec<String>),
    /// More has to come: one of these.
    Incomplete(Vec<Hint>),
    /// The line should have ended here.
    TooMuch,
}

/// A command of the console as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The grammar's rule that it follows, such as `show_virtual`.
    pub name: Box<str>,
    /// Its words: the rule that each plays, and what it says, without quotation marks.
    pub words: Vec<(Box<str>, Box<str>)>,
}

impl Command {
    /// What the first word that plays the part `rule` says.
    pub fn word(&self, rule: &str) -> Option<&str> {
        let found = self.words.iter().find(|(part, _)| &**part == rule);
        found.map(|(_, text)| &**text)
    }

    /// Whether a word plays the part `rule`.
    pub fn has(&self, rule: &str) -> bool {
        self.word(rule).is_some()
    }

    /// What each word that plays the part `rule` says, in order.
    pub fn words_of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.words.iter().filter(move |(part, _)| &**part == rule);
        found.map(|(_, text)| &**text)
    }
}

/// What may stand where in the lines of one tongue.
///
/// A keyword may be cut to any beginning that no other keyword at its place has; one that is written out wins over those that it
/// begins. Where the operator's own word may stand as well, a keyword has to be written out. The first place may be any statement or
/// command, so that an abbreviation has to be unambiguous among all of them. Total: any text yields an answer, in time proportional to
/// its length.
#[derive(Debug)]
pub struct Guide {
    net: Net,
}

/// The guide of a tongue.
pub fn guide(tongue: Tongue) -> &'static Guide {
    static STATEMENTS: OnceLock<Guide> = OnceLock::new();
    static COMMANDS: OnceLock<Guide> = OnceLock::new();
    let (guide, roots): (_, &[&str]) = match tongue {
        Tongue::Statements => (&STATEMENTS, &["statement", "no"]),
        Tongue::Commands => (&COMMANDS, &["command"]),
    };
    guide.get_or_init(|| Guide {
        net: Net::of(&Declarations::of(tongue), roots),
    })
}

impl Guide {
    /// What may come where `begun` stands behind `before`: keywords that begin with it by the alphabet, then words, then, where
    /// nothing is begun, the end of the line. Empty: nothing may.
    ///
    /// # Errors
    ///
    /// Where `before` itself cannot be understood.
    pub fn next(&self, before: &str, begun: &str) -> Result<Vec<Hint>, Stop> {
        Ok(Walk::along(&self.net, before)?.hints(begun))
    }

    /// The same, but only what leads to a statement or command that `may` be given: it is asked for each of them as the rule that it
    /// follows, with the one word that would come now.
    ///
    /// # Errors
    ///
    /// Where `before` itself cannot be understood.
    pub fn next_of(
        &self,
        before: &str,
        begun: &str,
        may: impl Fn(&Command) -> bool,
    ) -> Result<Vec<Hint>, Stop> {
        Ok(Walk::along(&self.net, before)?.hints_of(begun, &may))
    }

    /// The line with each keyword written out in its first spelling, such as `is` as `in-service`; other words, quotation marks and
    /// blanks stay as they were typed.
    ///
    /// # Errors
    ///
    /// Where the line is none of this tongue's.
    pub fn expand(&self, line: &str) -> Result<String, Stop> {
        let walk = self.whole(line)?;
        let mut out = String::with_capacity(line.len() + 32);
        let mut copied = 0;
        for step in &walk.steps {
            if let Some(keyword) = step.keyword {
                out.push_str(&line[copied..step.start]);
                out.push_str(keyword);
                copied = step.end;
            }
        }
        out.push_str(&line[copied..]);
        Ok(out)
    }

    /// The line as a command: the rule that it follows and its words.
    ///
    /// # Errors
    ///
    /// Where the line is none of this tongue's.
    pub fn command(&self, line: &str) -> Result<Command, Stop> {
        let walk = self.whole(line)?;
        let steps = walk.steps.iter().zip(walk.parts());
        let words = steps.filter_map(|(step, part)| {
            let text = match step.keyword {
                Some(keyword) => keyword.into(),
                None => unquote(Cow::Borrowed(&line[step.start..step.end])).into(),
            };
            Some((part?.into(), text))
        });
        Ok(Command {
            words: words.collect(),
            name: walk.end().unwrap_or_default().into(),
        })
    }

    /// Follows a line that has to end where it does.
    fn whole(&self, line: &str) -> Result<Walk<'_>, Stop> {
        let walk = Walk::along(&self.net, line)?;
        match walk.end() {
            Some(_) => Ok(walk),
            None => Err(Stop {
                at: line.len(),
                why: Why::Incomplete(walk.hints("")),
            }),
        }
    }
}
