//! What may stand where in a line: help, completion, abbreviations, and the commands of the console.

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
}
