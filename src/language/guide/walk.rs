//! A line followed through the net, word by word, on all its ways at once.

use super::net::{Label, Move, Net};
use super::words::{Unquotable, words};
use super::{Command, Hint, HintKind, Stop, Why};
use crate::language::nearest;

/// A way through the net, as far as the last word.
#[derive(Clone, Copy, Debug)]
struct Way {
    at: u32,
    /// The way that it goes on from, by its index in [`Walk::ways`].
    before: u32,
    by: Option<Label>,
}

/// A word of the line, and what it was taken for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'n> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The keyword that it is or begins; else it is a word of the operator's.
    pub(super) keyword: Option<&'n str>,
}

/// All ways that a line can go.
#[derive(Debug)]
pub(super) struct Walk<'n> {
    net: &'n Net,
    pub(super) steps: Vec<Step<'n>>,
    ways: Vec<Way>,
    /// Where the ways of the last word begin in `ways`.
    latest: usize,
    /// By place: the last step, from 1, at which a way came there.
    reached: Vec<u32>,
}

impl<'n> Walk<'n> {
    /// Follows `line` to its end, which need not be the end of a statement.
    pub(super) fn along(net: &'n Net, line: &str) -> Result<Walk<'n>, Stop> {
        let mut walk = Walk {
            net,
            steps: Vec::new(),
            ways: vec![Way {
                at: 0,
                before: 0,
                by: None,
            }],
            latest: 0,
            reached: vec![0; net.places.len()],
        };
        for word in words(line) {
            let (start, end) = word.map_err(|Unquotable { at }| Stop {
                at,
                why: Why::Unknown { near: None },
            })?;
            let keyword = walk
                .meaning(&line[start..end])
                .map_err(|why| Stop { at: start, why })?;
            walk.advance(keyword);
            walk.steps.push(Step {
                start,
                end,
                keyword,
            });
        }
        Ok(walk)
    }

    fn moves(&self) -> impl Iterator<Item = &'n Move> + use<'_, 'n> {
        let net = self.net;
        let latest = &self.ways[self.latest..];
        latest
            .iter()
            .flat_map(|way| &net.places[way.at as usize].moves)
    }

    /// The keyword that `word` stands for here; `None`: it is a word of the operator's.
    fn meaning(&self, word: &str) -> Result<Option<&'n str>, Why> {
        let mut free = false;
        let mut full = None;
        let mut begun: Vec<&'n str> = Vec::new();
        let mut any = false;
        for step in self.moves() {
            any = true;
            let Label::Keyword(keyword) = step.label else {
                free = true;
                continue;
            };
            let keyword = &self.net.keywords[keyword as usize];
            let canonical = keyword.canonical();
            for spelling in &keyword.spellings {
                if spelling.eq_ignore_ascii_case(word) {
                    full = full.or(Some(canonical));
                } else if begins(spelling, word) && !begun.contains(&canonical) {
                    begun.push(canonical);
                }
            }
        }
        match (full, &begun[..]) {
            (Some(keyword), _) => Ok(Some(keyword)),
            // Whatever the operator names may begin as a keyword does.
            (None, _) if free => Ok(None),
            (None, [keyword]) => Ok(Some(keyword)),
            (None, []) if any => Err(Why::Unknown {
                near: self.near(word),
            }),
            (None, []) => Err(Why::TooMuch),
            (None, _) => {
                let mut begun: Vec<String> = begun.into_iter().map(str::to_owned).collect();
                begun.sort_unstable();
                Err(Why::Ambiguous(begun))
            }
        }
    }

    fn near(&self, word: &str) -> Option<String> {
        let keywords = self.moves().filter_map(|step| match step.label {
            Label::Keyword(keyword) => Some(self.net.keywords[keyword as usize].canonical()),
            Label::Free(_) => None,
        });
        nearest(&word.to_lowercase(), keywords).map(str::to_owned)
    }

    fn advance(&mut self, keyword: Option<&str>) {
        let step = self.steps.len() as u32 + 1;
        let (first, last) = (self.latest, self.ways.len());
        for before in first..last {
            let place = &self.net.places[self.ways[before].at as usize];
            for Move { label, to } in &place.moves {
                let fits = match (*label, keyword) {
                    (Label::Keyword(of), Some(keyword)) => {
                        self.net.keywords[of as usize].canonical() == keyword
                    }
                    (Label::Free(_), None) => true,
                    _ => false,
                };
                // Two ways to one place go on alike: the grammar's first one counts.
                if fits && std::mem::replace(&mut self.reached[*to as usize], step) != step {
                    self.ways.push(Way {
                        at: *to,
                        before: before as u32,
                        by: Some(*label),
                    });
                }
            }
        }
        self.latest = last;
    }

    /// The statement or command that the line follows if it ends here.
    pub(super) fn end(&self) -> Option<&'n str> {
        self.last()
            .and_then(|way| self.net.places[way.at as usize].end.as_deref())
    }

    fn last(&self) -> Option<&Way> {
        let ends = |way: &&Way| self.net.places[way.at as usize].end.is_some();
        self.ways[self.latest..].iter().find(ends)
    }

    /// For each word the part that it plays on the way to [`end`](Walk::end); a keyword of the statement itself plays none.
    pub(super) fn parts(&self) -> Vec<Option<&'n str>> {
        let mut parts = Vec::with_capacity(self.steps.len());
        let mut way = self.last();
        while let Some(Way {
            before,
            by: Some(by),
            ..
        }) = way
        {
            parts.push(match by {
                Label::Keyword(keyword) => self.net.keywords[*keyword as usize].part.as_deref(),
                Label::Free(free) => Some(&*self.net.free[*free as usize].rule),
            });
            way = self.ways.get(*before as usize);
        }
        parts.reverse();
        parts
    }

    /// Whether a move leads on to a statement or command that `may` be given.
    fn leads(&self, step: &Move, may: &impl Fn(&Command) -> bool) -> bool {
        let part = match step.label {
            Label::Keyword(keyword) => self.net.keywords[keyword as usize].part.as_deref(),
            Label::Free(_) => None,
        };
        let mut seen = vec![false; self.net.places.len()];
        let mut next = vec![step.to];
        while let Some(at) = next.pop() {
            if std::mem::replace(&mut seen[at as usize], true) {
                continue;
            }
            let place = &self.net.places[at as usize];
            if (place.end.as_deref()).is_some_and(|name| may(&as_command(name, part))) {
                return true;
            }
            next.extend(place.moves.iter().map(|step| step.to));
        }
        false
    }

    /// How many ways were followed in all.
    #[cfg(test)]
    pub(super) fn ways(&self) -> usize {
        self.ways.len()
    }

    /// What may come next and begins with `begun`: keywords by the alphabet, then words, then the end.
    pub(super) fn hints(&self, begun: &str) -> Vec<Hint> {
        self.hints_of(begun, &|_| true)
    }

    /// The same of what leads to something that `may` be given.
    pub(super) fn hints_of(&self, begun: &str, may: &impl Fn(&Command) -> bool) -> Vec<Hint> {
        let (mut keywords, mut words): (Vec<Hint>, Vec<Hint>) = (Vec::new(), Vec::new());
        for step in self.moves().filter(|step| self.leads(step, may)) {
            match step.label {
                Label::Keyword(keyword) => {
                    let keyword = &self.net.keywords[keyword as usize];
                    let shown = keyword.spellings.iter().find(|word| begins(word, begun));
                    keywords.extend(shown.map(|word| Hint {
                        word: word.as_str().into(),
                        help: keyword.help.clone(),
                        kind: HintKind::Keyword,
                    }));
                }
                Label::Free(free) => {
                    let free = &self.net.free[free as usize];
                    words.push(Hint {
                        word: free.name.clone(),
                        help: free.help.clone(),
                        kind: HintKind::Word(free.rule.clone()),
                    });
                }
            }
        }
        keywords.sort_by(|a, b| a.word.cmp(&b.word));
        keywords.dedup_by(|a, b| a.word == b.word);
        words.sort_by(|a, b| a.word.cmp(&b.word));
        words.dedup_by(|a, b| a.kind == b.kind);
        keywords.append(&mut words);
        let ends = self.end().is_some_and(|name| may(&as_command(name, None)));
        if begun.is_empty() && ends {
            keywords.push(Hint {
                word: "<cr>".into(),
                help: "the line may end here".into(),
                kind: HintKind::End,
            });
        }
        keywords
    }
}

fn as_command(name: &str, part: Option<&str>) -> Command {
    Command {
        name: name.into(),
        words: part
            .map(|part| (part.into(), part.into()))
            .into_iter()
            .collect(),
    }
}

fn begins(keyword: &str, begun: &str) -> bool {
    keyword
        .as_bytes()
        .get(..begun.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(begun.as_bytes()))
}
