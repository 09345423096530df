//! What an agent says: HAProxy's agent-check protocol, one line of words (its configuration manual, `agent-check`).

use std::fmt;

use super::cause::plain;
use crate::decide::Readiness;

/// A share of more percent than this counts as this.
const MOST_PERCENT: u32 = 10_000;

/// Of a word that nobody understands so many characters are told.
const WORD_CHARS: usize = 40;

/// Of a description so many characters are kept.
const DESCRIPTION_CHARS: usize = 160;

/// What an agent says of whether its server works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// It works.
    Up,
    /// It does not.
    Down,
    /// It does not, as something in it went wrong.
    Failed,
    /// It does not, as somebody stopped it.
    Stopped,
}

impl Word {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Word::Up => "up",
            Word::Down => "down",
            Word::Failed => "failed",
            Word::Stopped => "stopped",
        }
    }
}

/// What one line of an agent says; what it does not speak of stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Whether its server works.
    pub word: Option<Word>,
    /// Whom it takes.
    pub readiness: Option<Readiness>,
    /// Percent of its configured weight, 0 to 10,000.
    pub share: Option<u16>,
    /// The most connections it takes; `Some(None)`: no limit of its own any more (`maxconn:0`).
    pub maxconns: Option<Option<u32>>,
    /// Behind a `#`, without control bytes; empty: none.
    pub description: Box<str>,
}

/// A line that nobody understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUnderstood(Box<str>);

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            f.write_str("the agent said nothing")
        } else {
            write!(
                f,
                "the agent said `{}`; it may say up, down, failed, stopped, ready, drain, maint, a percentage such as 75%, or maxconn:30",
                self.0
            )
        }
    }
}

/// Reads an agent's line, of either case, its words separated by blanks, tabs or commas. Of several words about one thing the last
/// one counts. Anything behind a `#` describes.
///
/// # Errors
/// [`NotUnderstood`] where a word is none of the protocol's, or there is none: then nothing of the line counts.
pub fn read(line: &str) -> Result<Said, NotUnderstood> {
    let line = line.split(['\r', '\n']).next().unwrap_or_default();
    let (words, description) = line.split_once('#').unwrap_or((line, ""));
    let mut said = Said {
        description: plain(description.trim(), DESCRIPTION_CHARS).into(),
        ..Said::default()
    };
    let mut none = true;
    for word in words.split([' ', '\t', ',']).filter(|w| !w.is_empty()) {
        none = false;
        take(&mut said, word).ok_or_else(|| NotUnderstood(plain(word, WORD_CHARS).into()))?;
    }
    if none {
        return Err(NotUnderstood("".into()));
    }
    Ok(said)
}

fn take(said: &mut Said, word: &str) -> Option<()> {
    match word.to_ascii_lowercase().as_str() {
        "up" => said.word = Some(Word::Up),
        "down" => said.word = Some(Word::Down),
        // The manual of HAProxy says `fail`, its users' agents both.
        "fail" | "failed" => said.word = Some(Word::Failed),
        "stopped" => said.word = Some(Word::Stopped),
        "ready" => said.readiness = Some(Readiness::Ready),
        "drain" => said.readiness = Some(Readiness::Drain),
        "maint" => said.readiness = Some(Readiness::Maint),
        other => {
            if let Some(limit) = other.strip_prefix("maxconn:") {
                said.maxconns = Some(Some(number(limit)?).filter(|&limit| limit > 0));
            } else {
                let percent = number(other.strip_suffix('%')?)?.min(MOST_PERCENT);
                said.share = Some(percent as u16);
            }
        }
    }
    Some(())
}

/// Digits only; what is too large for a `u32` is taken for its largest value.
fn number(digits: &str) -> Option<u32> {
    let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all.then(|| digits.parse().unwrap_or(u32::MAX))
}
