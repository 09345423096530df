//! Statements and notes to text.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::emit::{self, Section, Statement};
use super::read::Read;
use super::shown::shown;
use super::{Fate, IMPORT_BYTES, Imported, Note};
use crate::language::LINE_BYTES;
use crate::model::load;

/// How often what the model refuses is taken out before nothing is taken over at all. What depends on a refused line is refused next.
const ROUNDS: usize = 16;

/// Where a long `bind` is wrapped, in bytes.
const WRAP: usize = 100;

/// Where the text of a comment is wrapped, in characters.
const COLUMNS: usize = 116;

pub(super) fn write(read: Read, cut: bool) -> Imported {
    let Read {
        farm,
        mut notes,
        lines,
        comments,
        saved_by,
    } = read;
    let texts: HashMap<u32, &str> = lines.iter().map(|(line, text)| (*line, &**text)).collect();
    let statements = emit::emit(&farm, &texts, &mut notes);
    let statements = settle(statements, &texts, &mut notes);
    let mut taken: Vec<u32> = statements.iter().flat_map(Statement::lines).collect();
    taken.sort_unstable();
    taken.dedup();
    account(&lines, &taken, &mut notes);
    notes.sort_by_key(|note| note.line);
    notes.dedup();
    let mut out = Text::default();
    out.head(saved_by.as_deref(), cut, &statements);
    if !comments.is_empty() {
        out.line("! Comments of the file:");
        for comment in &comments {
            out.cut("!   ", &shown(&[comment.as_str()]));
        }
        out.blank();
    }
    out.notes(&notes, &taken, Fate::Changed);
    out.statements(&statements);
    out.notes(&notes, &taken, Fate::Left);
    out.notes(&notes, &taken, Fate::Unknown);
    Imported {
        text: out.0,
        notes,
        taken,
    }
}

/// Takes out what the model refuses, until it takes the rest.
fn settle(
    mut statements: Vec<Statement>,
    texts: &HashMap<u32, &str>,
    notes: &mut Vec<Note>,
) -> Vec<Statement> {
    let mut leave = |statement: &Statement, why: String| {
        for line in statement.lines() {
            notes.push(Note {
                line,
                text: texts.get(&line).copied().unwrap_or_default().to_owned(),
                fate: Fate::Left,
                why: why.clone().into(),
            });
        }
    };
    for _ in 0..ROUNDS {
        let text: Vec<&str> = statements.iter().map(|it| &*it.text).collect();
        let loaded = load("", text.join("\n").as_bytes());
        if loaded.model.is_some() {
            return statements;
        }
        let mut refused: HashMap<usize, String> = HashMap::new();
        for told in loaded.diagnostics.iter().filter(|told| told.is_error()) {
            if let Some(place) = &told.place {
                let at = place.line as usize - 1;
                refused
                    .entry(at)
                    .or_insert_with(|| told.message.to_string());
            }
        }
        if refused.is_empty() {
            break;
        }
        let mut kept = Vec::with_capacity(statements.len());
        for (at, statement) in statements.into_iter().enumerate() {
            match refused.remove(&at) {
                Some(why) => leave(&statement, format!("Signpost refuses it: {why}")),
                None => kept.push(statement),
            }
        }
        statements = kept;
    }
    for statement in &statements {
        leave(
            statement,
            "it leans on too many lines that Signpost refuses".to_owned(),
        );
    }
    Vec::new()
}

/// Notes the lines of which nothing is left: nothing is dropped in silence.
fn account(lines: &[(u32, String)], taken: &[u32], notes: &mut Vec<Note>) {
    let noted: HashSet<u32> = notes.iter().map(|note| note.line).collect();
    for (line, text) in lines {
        if !noted.contains(line) && taken.binary_search(line).is_err() {
            notes.push(Note {
                line: *line,
                text: text.clone(),
                fate: Fate::Left,
                why: "it undoes another line, or another line undoes it".into(),
            });
        }
    }
}

const CHANGES: [&str; 5] = [
    "The LocalDirector stood in the path of the packets, virtuals and servers on the same wires. Signpost is a host among others: each virtual's address has to be one of this host's (keepalived can move it between two), and clients have to be routed there.",
    "Signpost makes connections of its own to the reals: each must be reachable from this host at the address and port below, and must listen there, not only at the virtual's address.",
    "The reals see this host's address. The client's is in `Forwarded` and `X-Forwarded-For`: logs and access rules of the servers have to go by these.",
    "The reals need no default route through the director any more; what they reached, or were reached by, through it on other ports and protocols needs another way.",
    "Requests are balanced, not connections, and only HTTP's.",
];

/// The text so far.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    /// `text` behind `head`, in as many comment lines as it takes.
    fn cut(&mut self, head: &str, text: &str) {
        let mut rest = text;
        let mut head = head;
        loop {
            let mut end = rest.len().min(LINE_BYTES - 64);
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            let (now, later) = rest.split_at(end);
            self.line(&format!("{head}{now}"));
            if later.is_empty() {
                return;
            }
            (rest, head) = (later, "!   … ");
        }
    }

    /// Words of ours behind `first`, wrapped.
    fn prose(&mut self, first: &str, text: &str) {
        let mut line = first.to_owned();
        let mut columns = first.chars().count();
        let mut begun = false;
        for word in text.split(' ') {
            let word = shown(&[word]);
            let width = word.chars().count();
            if begun && columns + 1 + width > COLUMNS {
                self.cut("", &line);
                (line, columns, begun) = ("!   ".to_owned(), 4, false);
            }
            if begun {
                line.push(' ');
            }
            line.push_str(&word);
            columns += width + usize::from(begun);
            begun = true;
        }
        self.cut("", &line);
    }

    fn head(&mut self, saved_by: Option<&str>, cut: bool, statements: &[Statement]) {
        let from = saved_by.unwrap_or("a LocalDirector");
        self.prose(
            "! ",
            &format!("Made by `signpost import` from a configuration saved by {from}."),
        );
        if cut {
            let most = IMPORT_BYTES / (1024 * 1024);
            self.prose(
                "! ",
                &format!(
                    "NOT ALL OF IT: the file is larger than {most} MiB, and the rest was not read."
                ),
            );
        }
        let serves = |it: &Statement| matches!(it.section, Section::Virtuals | Section::Dips);
        if statements.iter().any(serves) {
            self.line("!");
            self.line("! What changes:");
            for change in CHANGES {
                self.prose("! - ", change);
            }
        }
        self.blank();
    }

    fn statements(&mut self, statements: &[Statement]) {
        let mut order: Vec<&Statement> = statements.iter().collect();
        // Stable: what stands in one section keeps its order.
        order.sort_by_key(|it| it.section as usize);
        let mut last = None;
        let mut open = None;
        for statement in order {
            if last.replace(statement.section) != Some(statement.section) {
                if last.is_some() && !self.0.ends_with("\n\n") {
                    self.blank();
                }
                for line in about(statement.section) {
                    self.prose("! ", line);
                }
            }
            self.statement(statement, &mut open);
        }
        if last.is_some() {
            self.blank();
        }
    }

    /// A line; a target that was bound by the line of the one before it goes behind that one.
    fn statement(&mut self, statement: &Statement, open: &mut Option<(u32, usize)>) {
        let begun = self.0.len();
        if let (Section::Binds, Some(line), Some((bind, target))) = (
            statement.section,
            statement.line,
            statement.text.rsplit_once(' '),
        ) {
            if let Some((same, start)) = *open
                && same == line
                && self.0.len() - start + target.len() < WRAP
                && self.0[start..].starts_with(bind)
                && self.0[start + bind.len()..].starts_with(' ')
            {
                self.0.pop();
                return self.line(&format!(" {target}"));
            }
            *open = Some((line, begun));
        }
        self.line(&statement.text);
    }

    /// The notes of one fate, those of one reason together, in the order of the first of each.
    fn notes(&mut self, notes: &[Note], taken: &[u32], fate: Fate) {
        let mut first: HashMap<&str, usize> = HashMap::new();
        let mut groups: BTreeMap<usize, Vec<&Note>> = BTreeMap::new();
        for note in notes.iter().filter(|note| note.fate == fate) {
            let next = first.len();
            let group = *first.entry(&note.why).or_insert(next);
            groups.entry(group).or_default().push(note);
        }
        if groups.is_empty() {
            return;
        }
        let (title, before) = match fate {
            Fate::Changed => ("Taken over, but not quite as it was:", ""),
            Fate::Left => (
                "Not taken over, and what does the job today:",
                "not taken over: ",
            ),
            Fate::Unknown => ("Not understood:", "not understood: "),
        };
        self.line(&format!("! {title}"));
        self.line("!");
        for notes in groups.values() {
            for note in notes {
                let part = fate == Fate::Left && taken.binary_search(&note.line).is_ok();
                let part = if part { "in part " } else { "" };
                self.cut(&format!("! {part}{before}"), &note.text);
            }
            if let Some(note) = notes.first() {
                self.prose("!   — ", &note.why);
            }
        }
        self.blank();
    }
}

/// What has to be known of a section.
fn about(section: Section) -> &'static [&'static str] {
    match section {
        Section::Names | Section::Dips | Section::Binds | Section::Links | Section::Backups => &[],
        Section::Virtuals => &[
            "The LocalDirector made virtuals and reals out of service: without `is` they are so here.",
        ],
        Section::Reals => &[],
        Section::Urls => &[
            "The LocalDirector sent 302 where no code was written. Without a code Signpost sends 307 to POST and its like, so that no form loses its body.",
        ],
        Section::Predictors => {
            &["The LocalDirector's default was `leastconns`, Signpost's is `roundrobin`."]
        }
        Section::Stickies => &[],
        Section::Settings => {
            &["`retry` and `timeout` count seconds here; the LocalDirector counted minutes."]
        }
        Section::States => &[],
        Section::Own => &["Statements that are Signpost's already."],
    }
}
