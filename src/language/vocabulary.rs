//! The grammar read as data: each statement's keywords, form and help, each word's name and meaning.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use pest_meta::ast::Expr;

use super::declared::Declarations;
use super::{Rule, Tongue};

/// What the grammar says of one of its rules.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The rule's name in the grammar.
    pub rule: String,
    /// How a line of it is written, such as `weight ID N`; of a keyword, itself; of a word, its NAME.
    pub form: String,
    /// Its doc comment, in one line; of a word, what may stand there.
    pub help: String,
    /// The spellings of its first keyword, the canonical one first; of a word, none.
    pub keywords: Vec<String>,
}

/// The grammar's rules, to be looked up.
#[derive(Debug)]
pub struct Vocabulary {
    /// The statements in the order in which the grammar declares them, each followed by its `no` form.
    pub statements: Vec<Entry>,
    entries: HashMap<String, Entry>,
    keywords: BTreeSet<String>,
}

/// The vocabulary of this build's grammar.
pub fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
    VOCABULARY.get_or_init(|| Vocabulary::read(Tongue::Statements))
}

/// The same of the console's commands, which [`Vocabulary::entry`] does not know.
pub(super) fn commands() -> &'static Vocabulary {
    static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
    VOCABULARY.get_or_init(|| Vocabulary::read(Tongue::Commands))
}

impl Vocabulary {
    /// What the grammar says of `rule`.
    pub fn entry(&self, rule: Rule) -> Option<&Entry> {
        self.entries.get(&format!("{rule:?}"))
    }

    /// Whether `word` is a keyword of any statement, in upper or lower case.
    pub fn is_keyword(&self, word: &str) -> bool {
        self.keywords.contains(word.to_ascii_lowercase().as_str())
    }

    fn read(tongue: Tongue) -> Vocabulary {
        let grammar = Declarations::of(tongue);
        let mut vocabulary = Vocabulary {
            statements: Vec::new(),
            entries: HashMap::new(),
            keywords: BTreeSet::new(),
        };
        let lists: &[&str] = match tongue {
            Tongue::Statements => &["statement", "undo"],
            Tongue::Commands => &["command"],
        };
        let mut statements = Vec::new();
        for list in lists.iter().filter_map(|list| grammar.expr(list)) {
            names(list, &mut statements);
        }
        for rule in &grammar.order {
            let Some(expr) = grammar.expr(rule) else {
                continue;
            };
            literals(expr, &mut vocabulary.keywords);
            let is_statement = statements.contains(rule);
            let mut keywords = Vec::new();
            first_keywords(&grammar, expr, &mut keywords);
            let (form, help) = if is_statement {
                let undoes = tongue == Tongue::Statements && rule.starts_with("no_");
                let no = if undoes { "no " } else { "" };
                let form = Form {
                    grammar: &grammar,
                    aliases: tongue == Tongue::Statements,
                }
                .of(expr);
                (format!("{no}{form}"), grammar.doc(rule))
            } else if let Some((name, meaning)) = grammar.word(rule) {
                (name.to_owned(), meaning)
            } else {
                let form = keywords.first().cloned();
                (form.unwrap_or_default(), grammar.doc(rule))
            };
            let entry = Entry {
                rule: rule.clone(),
                form,
                help: help.to_owned(),
                keywords,
            };
            if is_statement {
                vocabulary.statements.push(entry.clone());
            }
            vocabulary.entries.insert(rule.clone(), entry);
        }
        vocabulary
    }
}

fn names(expr: &Expr, out: &mut Vec<String>) {
    match expr {
        Expr::Ident(name) => out.push(name.clone()),
        Expr::Choice(left, right) => {
            names(left, out);
            names(right, out);
        }
        _ => {}
    }
}

fn literals(expr: &Expr, out: &mut BTreeSet<String>) {
    match expr {
        Expr::Insens(word) => {
            out.insert(word.clone());
        }
        Expr::Seq(left, right) | Expr::Choice(left, right) => {
            literals(left, out);
            literals(right, out);
        }
        Expr::Opt(inner) | Expr::Rep(inner) | Expr::RepOnce(inner) => literals(inner, out),
        _ => {}
    }
}

fn first_keywords(grammar: &Declarations, expr: &Expr, out: &mut Vec<String>) {
    match expr {
        Expr::Insens(word) => out.push(word.clone()),
        Expr::Seq(left, _) => first_keywords(grammar, left, out),
        Expr::Choice(left, right) => {
            first_keywords(grammar, left, out);
            first_keywords(grammar, right, out);
        }
        Expr::Ident(rule) if grammar.is_atom(rule) => {
            if let Some(expr) = grammar.expr(rule) {
                first_keywords(grammar, expr, out);
            }
        }
        _ => {}
    }
}

/// The rules that stand between words.
const BLANKS: [&str; 3] = ["b", "end", "edge"];

/// Writes an expression the way a manual does.
struct Form<'g> {
    grammar: &'g Declarations,
    /// Other spellings of a keyword are shown as well.
    aliases: bool,
}

impl Form<'_> {
    fn of(&self, expr: &Expr) -> String {
        match expr {
            Expr::Insens(word) => word.clone(),
            Expr::Seq(left, right) => {
                let (left, right) = (self.of(left), self.of(right));
                let blank = if left.is_empty() || right.is_empty() {
                    ""
                } else {
                    " "
                };
                format!("{left}{blank}{right}")
            }
            Expr::Choice(..) => {
                let mut choices = Vec::new();
                let literal = self.choices(expr, &mut choices);
                if literal && !self.aliases {
                    choices.truncate(1);
                }
                // A choice of more than words is told apart from what is around it.
                if choices.iter().any(|choice| choice.contains(' ')) {
                    format!("({})", choices.join(" | "))
                } else {
                    choices.join("|")
                }
            }
            Expr::Opt(inner) => format!("[{}]", self.of(inner)),
            Expr::Rep(inner) => format!("[{}…]", self.of(inner)),
            Expr::RepOnce(inner) => format!("{}…", self.of(inner)),
            Expr::Ident(name) => self.word(name),
            _ => String::new(),
        }
    }

    /// The forms of what is to choose from; returns whether they are spellings of one keyword.
    fn choices(&self, expr: &Expr, out: &mut Vec<String>) -> bool {
        if let Expr::Choice(left, right) = expr {
            let left = self.choices(left, out);
            return self.choices(right, out) && left;
        }
        out.push(self.of(expr));
        matches!(expr, Expr::Insens(_))
    }

    fn word(&self, rule: &str) -> String {
        if let Some((name, _)) = self.grammar.word(rule) {
            return name.to_owned();
        }
        match self.grammar.expr(rule) {
            Some(expr) if !BLANKS.contains(&rule) => self.of(expr),
            _ => String::new(),
        }
    }
}
