//! `?` and TAB.

use super::run::widest;
use super::{Session, Stage, Wait};
use crate::console::Request;
use crate::console::filter::FILTERS;
use crate::console::pager::Pager;
use crate::console::plain::{clean, width, width_of};
use crate::console::tongue::{hints, told};
use crate::console::words::{quoted, words};
use crate::language::{Hint, HintKind, Stop};
use crate::model::Level;

const BELL: u8 = 7;
/// How many words a list shows at most.
const LISTED: usize = 500;

impl Session {
    /// `?`: what may come here, without entering the line.
    pub(super) fn help(&mut self) {
        let typed = self.editor.before_cursor();
        self.editor.leave("?", &mut self.output);
        let (before, begun) = split(&typed);
        match self.may_come(before, begun) {
            Ok(found) if found.is_empty() => {
                let why = self.why_nothing(before, begun);
                self.say(&format!("% Nothing that begins so may come here{why}"));
            }
            Ok(found) => {
                let rows: Vec<(String, String)> = found.into_iter().map(row).collect();
                self.list(&rows);
            }
            Err(stop) => {
                if let Some(column) = self.editor.column(&typed, stop.at.min(typed.len())) {
                    self.say(&format!("{}^", " ".repeat(column)));
                }
                self.say(&format!("% {}", told(&stop)));
            }
        }
    }

    /// TAB: as much of the word as is certain; the second time, what may come.
    pub(super) fn complete(&mut self, tabbed: bool) {
        let typed = self.editor.before_cursor();
        let (before, begun) = split(&typed);
        let Ok(found) = self.may_come(before, begun) else {
            self.output.push(BELL);
            return;
        };
        let mut keywords = Vec::new();
        let mut rule = None;
        for hint in found {
            match hint.kind {
                HintKind::Keyword => keywords.push((hint.word.into(), hint.help.into())),
                HintKind::Word(of) => rule = rule.or(Some(of)),
                HintKind::End => {}
            }
        }
        let begun = begun.to_owned();
        match rule {
            Some(rule) => {
                let request = Request::Words {
                    rule,
                    begun: begun.as_str().into(),
                };
                self.ask(
                    request,
                    Wait::Words {
                        keywords,
                        begun,
                        tabbed,
                    },
                );
            }
            None => self.completed(keywords, Vec::new(), &begun, tabbed),
        }
    }

    /// The words that may come are known.
    pub(super) fn completed(
        &mut self,
        keywords: Vec<(String, String)>,
        words: Vec<(String, String)>,
        begun: &str,
        tabbed: bool,
    ) {
        let words = words
            .into_iter()
            .take(LISTED)
            .map(|(word, about)| (as_word(word), about));
        let all: Vec<(String, String)> = keywords.into_iter().chain(words).collect();
        let typed = begun.chars().count();
        match &all[..] {
            [] => self.output.push(BELL),
            [(word, _)] => self
                .editor
                .replace(typed, &format!("{word} "), &mut self.output),
            several => {
                let common = common(several);
                if common.chars().count() > typed {
                    self.editor.replace(typed, &common, &mut self.output);
                } else if tabbed {
                    self.editor.leave("", &mut self.output);
                    self.list(&all);
                } else {
                    self.output.push(BELL);
                }
                self.tabbed = true;
            }
        }
    }

    /// Why nothing may come, where more may do more.
    fn why_nothing(&self, before: &str, begun: &str) -> &'static str {
        let more = hints(before, begun, self.mode.is_config(), Level::Configure);
        match more {
            Ok(more) if more.is_empty() => "",
            Ok(_) if self.enabled => " with your `privilege`",
            Ok(_) => " before `enable`",
            Err(_) => "",
        }
    }

    fn may_come(&self, before: &str, begun: &str) -> Result<Vec<Hint>, Stop> {
        let bar = words(before)
            .into_iter()
            .rfind(|word| &before[word.start..word.end] == "|");
        let Some(bar) = bar else {
            return hints(before, begun, self.mode.is_config(), self.level());
        };
        if words(&before[bar.end..]).is_empty() {
            let found = FILTERS
                .iter()
                .filter(|(name, _)| name.starts_with(&begun.to_ascii_lowercase()));
            return Ok(found
                .map(|(name, help)| keyword(name, help, HintKind::Keyword))
                .collect());
        }
        let kind = HintKind::Word("pattern".into());
        Ok(vec![keyword(
            "PATTERN",
            "what to look for in each line, a regular expression",
            kind,
        )])
    }

    /// Two columns, a window at a time; the line being typed comes back behind it.
    fn list(&mut self, rows: &[(String, String)]) {
        let (columns, height) = self.window();
        let wide = widest(rows.iter().map(|(word, _)| word.as_str())).min(columns / 2);
        let mut text = String::new();
        for (word, about) in rows {
            let pad = wide.saturating_sub(width(word));
            let line = format!("  {word}{}  {about}", " ".repeat(pad));
            text.push_str(&cut(clean(&line).trim_end(), columns));
            text.push('\n');
        }
        if self.paging && height > 1 {
            self.resume = true;
            self.stage = Stage::Paging(Pager::new(text));
            self.page(height - 1);
        } else {
            self.say(&text);
        }
    }
}

/// The line up to the word that is begun, and what there is of that.
fn split(typed: &str) -> (&str, &str) {
    match words(typed).last() {
        Some(word) if word.end == typed.len() => typed.split_at(word.start),
        _ => (typed, ""),
    }
}

fn row(hint: Hint) -> (String, String) {
    match hint.kind {
        HintKind::End => ("<cr>".to_owned(), hint.help.into()),
        _ => (hint.word.into(), hint.help.into()),
    }
}

fn keyword(word: &str, help: &str, kind: HintKind) -> Hint {
    Hint {
        word: word.into(),
        help: help.into(),
        kind,
    }
}

fn as_word(word: String) -> String {
    if word.contains([' ', '\t', '"']) {
        quoted(&word)
    } else {
        word
    }
}

/// The longest beginning of all.
fn common(words: &[(String, String)]) -> String {
    let mut all = words.iter().map(|(word, _)| word.as_str());
    let first = all.next().unwrap_or_default();
    let shared = all.fold(first.len(), |most, word| {
        let same = first
            .char_indices()
            .zip(word.chars())
            .take_while(|((_, a), b)| a == b);
        same.last()
            .map_or(0, |((at, a), _)| at + a.len_utf8())
            .min(most)
    });
    first[..shared].to_owned()
}

/// As much of a line as fits into one row.
fn cut(line: &str, columns: usize) -> String {
    if width(line) < columns {
        return line.to_owned();
    }
    let mut used = 0;
    let fits = line.chars().take_while(|c| {
        used += width_of(*c);
        used + 2 <= columns
    });
    fits.collect::<String>() + "…"
}
