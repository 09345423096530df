//! The comments of a configuration: each belongs to the statement below it and lives as long as that does.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use super::ids::{self, Named};
use super::{Id, Model};
use crate::language::{Line, Rule, Statements, parse, vocabulary};

/// What a comment belongs to: a kind of statement and the id that it speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    rule: Box<str>,
    id: Box<str>,
}

type Block = Vec<Box<str>>;

/// The comments of one configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comments {
    /// Of the file itself: the first block, where a blank line follows it.
    head: Block,
    of: BTreeMap<Key, Block>,
    /// Below the last statement.
    tail: Block,
}

impl Comments {
    /// The comments that stand in `statements`' own lines, behind those of `before`, for each of which `canonical` still has a
    /// statement. The head of lines that are added comes behind the one that is there; only a whole text has a tail.
    pub(super) fn gather(
        before: &Comments,
        statements: &Statements<'_>,
        model: &Model,
        canonical: impl FnOnce() -> Option<HashSet<(Box<str>, Box<str>)>>,
    ) -> Comments {
        let source = statements.source();
        let whole = source.ground().is_none();
        let blocks = Blocks::read(statements);
        let mut comments = Comments {
            head: if whole {
                blocks.head
            } else {
                both(&before.head, &blocks.head)
            },
            of: BTreeMap::new(),
            tail: if whole {
                blocks.tail
            } else {
                before.tail.clone()
            },
        };
        if before.of.is_empty() && blocks.of.is_empty() {
            return comments;
        }
        let Some(alive) = canonical() else {
            return comments;
        };
        let names: Names = model.names.iter().cloned().collect();
        let old = before.of.iter().map(|(key, block)| (key.clone(), block));
        let lines: Vec<Line<'_>> = statements.iter().collect();
        let new = blocks.of.iter().map(|(index, block)| {
            let line = lines[*index as usize];
            (Key::of(line, &names), block)
        });
        for (key, block) in old.chain(new) {
            if let Some(key) = key.living(&alive) {
                let lines = comments.of.entry(key).or_default();
                lines.extend(block.iter().cloned());
            }
        }
        comments
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.of.is_empty() && self.tail.is_empty()
    }

    /// `text`, the canonical one of `model`, with each comment above its statement.
    pub(super) fn weave(&self, text: String, model: &Model) -> String {
        if self.is_empty() {
            return text;
        }
        let mut woven = String::with_capacity(text.len() * 2);
        let mut lines = |block: &Block| {
            for line in block {
                woven.push_str(line);
                woven.push('\n');
            }
        };
        lines(&self.head);
        if !self.head.is_empty() {
            lines(&vec!["".into()]);
        }
        if self.of.is_empty() {
            woven.push_str(&text);
        } else {
            self.weave_into(&mut woven, &text, model);
        }
        for line in &self.tail {
            woven.push_str(line);
            woven.push('\n');
        }
        woven
    }

    fn weave_into(&self, woven: &mut String, text: &str, model: &Model) {
        let names: Names = model.names.iter().cloned().collect();
        let (statements, _) = parse(text.as_bytes());
        let mut woven_in = HashSet::new();
        for line in statements.iter() {
            let key = Key::of(line, &names);
            if let Some((key, block)) = self.of.get_key_value(&key)
                && woven_in.insert(key)
            {
                for line in block {
                    woven.push_str(line);
                    woven.push('\n');
                }
            }
            woven.push_str(&text[line.span().range()]);
            woven.push('\n');
        }
    }
}

/// The heads of two files, one of which may have come to the other before.
fn both(one: &Block, other: &Block) -> Block {
    let has = one
        .windows(other.len().max(1))
        .any(|lines| lines == &other[..]);
    if has || other.is_empty() {
        return one.clone();
    }
    one.iter().chain(other).cloned().collect()
}

type Names = HashMap<Box<str>, IpAddr>;

/// What the statements of `statements`, which stand without names, are told by.
pub(super) fn keys(statements: &Statements<'_>) -> HashSet<(Box<str>, Box<str>)> {
    let names = Names::new();
    let keys = statements.iter().map(|line| Key::of(line, &names));
    keys.map(|key| (key.rule, key.id)).collect()
}

/// Statements that there is one of, or whose lines are printed as one.
const SINGLE: [&str; 10] = [
    "acme",
    "hostname",
    "trusted_proxy",
    "metrics",
    "access_log",
    "telnet",
    "enable",
    "console_sessions",
    "console_timeout",
    "console_exec",
];
/// Statements that define what an id is.
const DEFINING: [&str; 5] = ["virtual", "real", "dip", "url", "probe"];

impl Key {
    fn of(line: Line<'_>, names: &Names) -> Key {
        let rule = format!("{:?}", line.rule);
        let rule = match rule.strip_prefix("no_").unwrap_or(&rule) {
            "in_service" => "out_of_service",
            rule => rule,
        };
        let id = if SINGLE.contains(&rule) {
            "".into()
        } else if rule == "limit" {
            // One of each name.
            line.words().first().map_or("".into(), |word| {
                line.text(word).to_ascii_lowercase().into()
            })
        } else if rule == "console" {
            // One of each, whatever its address.
            if line.has(Rule::by_ssh) { "ssh" } else { "" }.into()
        } else {
            id(line, names)
        };
        Key {
            rule: rule.into(),
            id,
        }
    }

    /// What of `alive` the comment belongs to: the statement itself; one of its kind; or what defines its id, where the statement says
    /// nothing but what holds by default.
    fn living(self, alive: &HashSet<(Box<str>, Box<str>)>) -> Option<Key> {
        let own = (self.rule, self.id);
        if alive.contains(&own) {
            let (rule, id) = own;
            return Some(Key { rule, id });
        }
        let (_, id) = own;
        let defining = DEFINING.iter().map(|rule| (Box::from(*rule), id.clone()));
        let (rule, id) = defining.into_iter().find(|key| alive.contains(key))?;
        Some(Key { rule, id })
    }
}

/// The id that a line speaks of: its first word that is no keyword.
fn id(line: Line<'_>, names: &Names) -> Box<str> {
    let is_word = |rule| {
        vocabulary()
            .entry(rule)
            .is_some_and(|entry| entry.keywords.is_empty())
    };
    let Some(word) = line.words().iter().find(|word| is_word(word.rule)) else {
        return "".into();
    };
    let text = line.text(word);
    match ids::read(&text, names) {
        Ok(Named::Endpoint(endpoint)) => Id::Endpoint(endpoint).to_string().into(),
        Ok(Named::Url(_)) | Err(_) => text.into(),
    }
}

/// The comments of a text, by the statement below.
#[derive(Debug, Default)]
struct Blocks {
    head: Block,
    of: Vec<(u32, Block)>,
    tail: Block,
}

impl Blocks {
    fn read(statements: &Statements<'_>) -> Blocks {
        let source = statements.source();
        let from = source.ground().unwrap_or(0) as usize;
        let mut blocks = Blocks::default();
        let mut block = Block::new();
        let mut spans = (0..statements.len() as u32)
            .map(|index| (index, statements.span(index).start as usize))
            .skip_while(|(_, start)| *start < from)
            .peekable();
        let (mut start, mut first) = (from, true);
        let text = String::from_utf8_lossy(&source.bytes()[from..]);
        for line in text.split_inclusive('\n') {
            let end = start + line.len();
            let words = line.trim_start_matches('\u{feff}').trim();
            if words.starts_with([':', '!', '#']) {
                block.extend(kept(words));
            } else if words.is_empty() {
                if first && !block.is_empty() {
                    blocks.head = std::mem::take(&mut block);
                    first = false;
                }
            } else {
                first = false;
                if let Some((index, _)) = spans.next_if(|(_, at)| *at < end)
                    && !block.is_empty()
                {
                    blocks.of.push((index, std::mem::take(&mut block)));
                }
            }
            start = end;
        }
        blocks.tail = block;
        blocks
    }
}

/// A comment as it is kept. What a LocalDirector wrote around its configuration says nothing.
fn kept(line: &str) -> Option<Box<str>> {
    let of_the_box = [": saved", ": end"];
    if of_the_box.iter().any(|own| line.eq_ignore_ascii_case(own)) {
        return None;
    }
    // No control byte reaches a terminal by way of a file.
    let printable = |c: char| {
        if c.is_control() && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    Some(line.chars().map(printable).collect::<String>().into())
}
