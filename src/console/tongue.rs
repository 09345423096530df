//! What a line means where it is typed: a command, or in `(config)#` a statement or a command.

use crate::language::{Command, Hint, HintKind, Stop, Tongue, Why, guide};

use super::commands::{level, level_of_statement};
use super::words::words;
use crate::model::Level;

/// A line that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// A command of the console.
    Command(Command),
    /// A statement.
    Statement {
        /// Keywords written out.
        line: String,
        /// Its words.
        command: Command,
    },
}

const DO: &str = "do";

/// What a line means.
pub(super) fn understand(line: &str, config: bool) -> Result<Meant, Stop> {
    let commands = guide(Tongue::Commands);
    if !config {
        return commands.command(line).map(Meant::Command);
    }
    if let Some(at) = behind_do(line) {
        let meant = commands.command(&line[at..]).map(Meant::Command);
        return meant.map_err(|stop| Stop {
            at: stop.at + at,
            why: stop.why,
        });
    }
    let statement = guide(Tongue::Statements).command(line);
    let stopped = match statement {
        Ok(command) => {
            let line = guide(Tongue::Statements).expand(line)?;
            return Ok(Meant::Statement {
                line: line.trim().to_owned(),
                command,
            });
        }
        Err(stop) => stop,
    };
    match commands.command(line) {
        Ok(command) => match rivals(line) {
            Some(stop) => Err(stop),
            None => Ok(Meant::Command(command)),
        },
        Err(other) => Err(rivals(line).unwrap_or_else(|| further(stopped, other))),
    }
}

/// What may come where `begun` stands behind `before` and `most` may be done; empty: nothing.
pub(super) fn hints(
    before: &str,
    begun: &str,
    config: bool,
    most: Level,
) -> Result<Vec<Hint>, Stop> {
    let commands = |before: &str| {
        guide(Tongue::Commands).next_of(before, begun, |command| level(command) <= most)
    };
    if !config {
        return commands(before);
    }
    if let Some(at) = behind_do(before) {
        let hints = commands(&before[at..]);
        return hints.map_err(|stop| Stop {
            at: stop.at + at,
            why: stop.why,
        });
    }
    let may = |statement: &Command| level_of_statement(statement) <= most;
    let statements = guide(Tongue::Statements).next_of(before, begun, may);
    let mut both = match (statements, commands(before)) {
        (Ok(mut statements), Ok(commands)) => {
            for hint in commands {
                if !statements
                    .iter()
                    .any(|known| known.word == hint.word && known.kind == hint.kind)
                {
                    statements.push(hint);
                }
            }
            statements
        }
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => return Ok(one),
        (Err(one), Err(other)) => return Err(further(one, other)),
    };
    if before.trim().is_empty() && DO.starts_with(&begun.to_ascii_lowercase()) {
        both.push(Hint {
            word: DO.into(),
            help: "Runs a command that is no statement".into(),
            kind: HintKind::Keyword,
        });
    }
    // Keywords by the alphabet, then words, then the end, as each tongue gives its own.
    both.sort_by_key(|hint| (rank(&hint.kind), keyword(hint).map(str::to_owned)));
    Ok(both)
}

/// Where the command behind `do` begins.
fn behind_do(line: &str) -> Option<usize> {
    let first = *words(line).first()?;
    let is = line[first.start..first.end].eq_ignore_ascii_case(DO) && first.end < line.len();
    is.then_some(first.end)
}

const fn rank(kind: &HintKind) -> u8 {
    match kind {
        HintKind::Keyword => 0,
        HintKind::Word(_) => 1,
        HintKind::End => 2,
    }
}

fn keyword(hint: &Hint) -> Option<&str> {
    (hint.kind == HintKind::Keyword).then_some(&*hint.word)
}

/// Where the first word is the beginning of a statement as well as of a command: `re` must not reload when `real` was meant.
fn rivals(line: &str) -> Option<Stop> {
    let first = *words(line).first()?;
    let begun = &line[first.start..first.end];
    let of = |tongue| {
        let hints = guide(tongue).next("", begun).unwrap_or_default();
        hints
            .iter()
            .filter_map(|hint| keyword(hint).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let (statements, commands) = (of(Tongue::Statements), of(Tongue::Commands));
    let mut all: Vec<String> = statements.iter().chain(&commands).cloned().collect();
    all.sort();
    all.dedup();
    let exact = all.iter().any(|word| word.eq_ignore_ascii_case(begun));
    // A short form of its own, such as `en`, leads to one command.
    let leads = guide(Tongue::Commands).expand(line).ok();
    let short = leads.is_some_and(|line| {
        let word = line
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        statements.iter().all(|statement| *statement == word)
    });
    let rivals = !statements.is_empty() && all.len() > 1 && !exact && !short;
    rivals.then_some(Stop {
        at: first.start,
        why: Why::Ambiguous(all),
    })
}

/// Of two ways to fail, the one that got further; that of a statement where both got as far.
fn further(statement: Stop, command: Stop) -> Stop {
    let weight = |stop: &Stop| {
        let known = match stop.why {
            Why::Unknown { near: None } => 0,
            Why::Unknown { .. } => 1,
            Why::TooMuch => 2,
            Why::Ambiguous(_) => 3,
            Why::Incomplete(_) => 4,
        };
        (stop.at, known)
    };
    if weight(&command) > weight(&statement) {
        command
    } else {
        statement
    }
}

/// Why a line is not understood, for the operator.
pub(super) fn told(stop: &Stop) -> String {
    match &stop.why {
        Why::Unknown { near } => {
            let what = if stop.at == 0 {
                "Unknown command"
            } else {
                "Unknown word"
            };
            match near {
                Some(near) => format!("{what}, did you mean `{near}`?"),
                None => what.to_owned(),
            }
        }
        Why::Ambiguous(words) => format!("Ambiguous: {}", words.join(", ")),
        Why::Incomplete(hints) => {
            let words: Vec<&str> = hints.iter().take(8).map(|hint| &*hint.word).collect();
            let more = if hints.len() > words.len() {
                ", …"
            } else {
                ""
            };
            format!("Incomplete: {}{more}", words.join(", "))
        }
        Why::TooMuch => "Too much: the line should have ended here".to_owned(),
    }
}
