//! What stands behind a `|`: which lines of an answer are shown.

use regex_lite::{Regex, RegexBuilder};

use super::words::words;

/// How long a pattern may be, in bytes.
const PATTERN_BYTES: usize = 256;
/// How large a pattern may become, in bytes: text is matched in time proportional to it.
const COMPILED_BYTES: usize = 16 * 1024;

/// The filters, with what each does.
pub(super) const FILTERS: [(&str, &str); 6] = [
    (
        "begin",
        "Shows the first line that matches PATTERN, and all behind it",
    ),
    ("count", "Counts the lines that match PATTERN"),
    ("exclude", "Shows the lines that do not match PATTERN"),
    ("include", "Shows the lines that match PATTERN"),
    (
        "json",
        "Shows it as JSON; stands directly behind the command",
    ),
    (
        "section",
        "Shows the lines that match PATTERN, and those that are set in below them",
    ),
];

/// A line that was cut at its `|`s.
#[derive(Debug)]
pub(super) struct Piped<'a> {
    /// The command.
    pub(super) command: &'a str,
    /// It ends in `| json`.
    pub(super) json: bool,
    /// What its lines go through.
    pub(super) filter: Filter,
}

/// What is wrong behind a `|`, and where: in bytes from the line's beginning.
pub(super) type Wrong = (usize, String);

/// Cuts a line at each `|` that is a word of its own.
pub(super) fn pipe(line: &str) -> Result<Piped<'_>, Wrong> {
    let places = words(line);
    let first = places
        .first()
        .map_or("", |word| &line[word.start..word.end]);
    let bars: Vec<usize> = if takes_no_bar(first) {
        let bare = places
            .iter()
            .filter(|word| !line[word.start..].starts_with('"'));
        bare.flat_map(|word| (word.start..word.end).filter(|at| line.as_bytes()[*at] == b'|'))
            .collect()
    } else {
        let starts = places.iter().map(|word| word.start);
        starts.filter(|at| is_bar(line, *at)).collect()
    };
    let Some(first) = bars.first() else {
        return Ok(Piped {
            command: line,
            json: false,
            filter: Filter::default(),
        });
    };
    let mut piped = Piped {
        command: &line[..*first],
        json: false,
        filter: Filter::default(),
    };
    for (n, bar) in bars.iter().enumerate() {
        let end = bars.get(n + 1).copied().unwrap_or(line.len());
        let from = bar + 1;
        let segment = &line[from..end];
        let Some(word) = words(segment).first().copied() else {
            return Err((
                end,
                "Incomplete: include, exclude, begin, count, section or json".to_owned(),
            ));
        };
        let at = from + word.start;
        match named(&segment[word.start..word.end]).map_err(|why| (at, why))? {
            "json" if n > 0 => {
                return Err((at, "`| json` stands directly behind the command".to_owned()));
            }
            "json" if words(segment).len() > 1 => {
                return Err((
                    from + words(segment)[1].start,
                    "Too much: `| json` takes nothing".to_owned(),
                ));
            }
            "json" => piped.json = true,
            name => {
                let rest = &segment[word.end..];
                let place = from + word.end + rest.len() - rest.trim_start().len();
                let pattern = pattern(rest.trim()).map_err(|why| (place, why))?;
                piped.filter.stages.push(Stage::new(name, pattern));
            }
        }
    }
    Ok(piped)
}

/// Whether this is the first word of a command in whose words no `|` can stand: there it need not stand alone.
fn takes_no_bar(first: &str) -> bool {
    let word = first.split('|').next().unwrap_or_default();
    let word = word.to_ascii_lowercase();
    word == "who" || (word.len() >= 2 && "show".starts_with(word.as_str()))
}

fn is_bar(line: &str, at: usize) -> bool {
    let rest = &line[at..];
    rest == "|" || rest.starts_with("| ") || rest.starts_with("|\t")
}

fn named(word: &str) -> Result<&'static str, String> {
    let begun = word.to_ascii_lowercase();
    let found: Vec<&str> = FILTERS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| name.starts_with(&begun))
        .collect();
    match found[..] {
        [name] => Ok(name),
        [] => Err("Unknown filter: include, exclude, begin, count, section or json".to_owned()),
        _ => Err(format!("Ambiguous: {}", found.join(", "))),
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    let unquoted = text
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .filter(|t| !t.is_empty());
    let text = unquoted.unwrap_or(text);
    if text.is_empty() {
        return Err("Incomplete: PATTERN".to_owned());
    }
    if text.len() > PATTERN_BYTES {
        return Err(format!("the pattern is longer than {PATTERN_BYTES} bytes"));
    }
    let built = RegexBuilder::new(text).size_limit(COMPILED_BYTES).build();
    built.map_err(|why| format!("not a pattern: {why}"))
}

/// Lines in, lines out.
#[derive(Debug, Default)]
pub(super) struct Filter {
    stages: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    pattern: Regex,
    what: What,
}

#[derive(Debug)]
enum What {
    Include,
    Exclude,
    Begin { begun: bool },
    Count { lines: u64 },
    Section { deeper_than: Option<usize> },
}

impl Filter {
    /// Whether all goes through as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// The same of a text that may be large and is not copied where all of it goes through.
    pub(super) fn of(&mut self, text: String) -> String {
        if self.is_empty() {
            text
        } else {
            self.all(&text)
        }
    }

    /// All of `text`, filtered; each line with a line end.
    pub(super) fn all(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for line in text.lines() {
            if let Some(line) = self.line(line) {
                out.push_str(line);
                out.push('\n');
            }
        }
        out.push_str(&self.end());
        out
    }

    /// The line, where it is shown.
    pub(super) fn line<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        self.stages
            .iter_mut()
            .all(|stage| stage.passes(line))
            .then_some(line)
    }

    /// What is shown behind the last line: the count, through the filters behind it.
    pub(super) fn end(&mut self) -> String {
        let counted = self
            .stages
            .iter()
            .position(|stage| matches!(stage.what, What::Count { .. }));
        let Some(at) = counted else {
            return String::new();
        };
        let What::Count { lines } = self.stages[at].what else {
            return String::new();
        };
        let line = lines.to_string();
        let mut rest = Filter {
            stages: self.stages.drain(..).skip(at + 1).collect(),
        };
        rest.all(&line)
    }
}

impl Stage {
    fn new(name: &str, pattern: Regex) -> Stage {
        let what = match name {
            "include" => What::Include,
            "exclude" => What::Exclude,
            "begin" => What::Begin { begun: false },
            "count" => What::Count { lines: 0 },
            _ => What::Section { deeper_than: None },
        };
        Stage { pattern, what }
    }

    fn passes(&mut self, line: &str) -> bool {
        let matches = self.pattern.is_match(line);
        match &mut self.what {
            What::Include => matches,
            What::Exclude => !matches,
            What::Begin { begun } => {
                *begun |= matches;
                *begun
            }
            What::Count { lines } => {
                *lines += u64::from(matches);
                false
            }
            What::Section { deeper_than } => {
                let depth = line.len() - line.trim_start().len();
                if matches {
                    let within = deeper_than.is_some_and(|top| depth > top);
                    if !within {
                        *deeper_than = Some(depth);
                    }
                    return true;
                }
                if deeper_than.is_some_and(|top| depth <= top) {
                    *deeper_than = None;
                }
                deeper_than.is_some()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "real a\n  x 1\n  x 2\nreal b\n  y 1\nurl c\n";

    fn through(line: &str) -> String {
        pipe(line)
            .map(|mut piped| piped.filter.all(TEXT))
            .unwrap_or_else(|(at, why)| format!("{at}: {why}"))
    }

    #[test]
    fn lines_pass_or_do_not() {
        assert_eq!(through("s | include real"), "real a\nreal b\n");
        assert_eq!(through("s | i ^real | e b$"), "real a\n");
        assert_eq!(through("s | begin y"), "  y 1\nurl c\n");
        assert_eq!(through("s | count x|y"), "3\n");
        assert_eq!(through("s | section b"), "real b\n  y 1\n");
        assert_eq!(through("s | s real | count ."), "5\n");
        assert_eq!(through("s | count x | include 2"), "2\n");
        assert_eq!(through("s | include \"l a\""), "real a\n");
        assert_eq!(through("s a|b"), TEXT);
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        assert_eq!(
            through("s | foo x"),
            "4: Unknown filter: include, exclude, begin, count, section or json"
        );
        assert!(through("s | include (").starts_with("12: not a pattern: "));
        assert_eq!(through("s | include"), "11: Incomplete: PATTERN");
        assert_eq!(
            through("s |"),
            "3: Incomplete: include, exclude, begin, count, section or json"
        );
        assert!(through("s | include x | json").starts_with("16: `| json` stands"));
        assert!(
            through(&format!("s | include {}", "x".repeat(PATTERN_BYTES + 1)))
                .contains("longer than")
        );
        assert_eq!(
            through(&format!("s | include {}", "x".repeat(PATTERN_BYTES))),
            ""
        );
        assert!(through("s | include (((a{99}){99}){99})").contains("not a pattern"));
        assert!(pipe("show real | json | include x").expect("it holds").json);
    }
}
