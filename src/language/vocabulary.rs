//! The grammar read as data: each statement's keywords, form and help, each word's name and meaning.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use pest::iterators::Pairs;
use pest_meta::ast::{Expr, Rule as Declared};
use pest_meta::parser::{self, Rule as Meta};

use super::Rule;

const GRAMMAR: &str = include_str!("../../grammar/signpost.pest");

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
    VOCABULARY.get_or_init(Vocabulary::read)
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

    // The grammar is a part of the build, and pest_derive has read it: what cannot be read here yields nothing.
    fn read() -> Vocabulary {
        let mut vocabulary = Vocabulary {
            statements: Vec::new(),
            entries: HashMap::new(),
            keywords: BTreeSet::new(),
        };
        let Ok(pairs) = parser::parse(Meta::grammar_rules, GRAMMAR) else {
            return vocabulary;
        };
        let docs = docs(pairs.clone());
        let Ok(rules) = parser::consume_rules(pairs) else {
            return vocabulary;
        };
        let by_name: HashMap<&str, &Declared> = rules
            .iter()
            .map(|rule| (rule.name.as_str(), rule))
            .collect();
        let mut statements = Vec::new();
        for list in ["statement", "undo"] {
            names(&by_name[list].expr, &mut statements);
        }
        for rule in &rules {
            literals(&rule.expr, &mut vocabulary.keywords);
            let doc = docs.get(&rule.name).cloned().unwrap_or_default();
            let is_statement = statements.contains(&rule.name);
            let mut keywords = Vec::new();
            first_keywords(&rule.expr, &mut keywords);
            let (form, help) = if is_statement {
                let no = if rule.name.starts_with("no_") {
                    "no "
                } else {
                    ""
                };
                let form = Form {
                    rules: &by_name,
                    docs: &docs,
                }
                .of(&rule.expr);
                (format!("{no}{form}"), doc)
            } else if let Some((name, meaning)) = doc.split_once(": ") {
                (name.to_owned(), meaning.to_owned())
            } else {
                (keywords.first().cloned().unwrap_or_default(), doc)
            };
            let entry = Entry {
                rule: rule.name.clone(),
                form,
                help,
                keywords,
            };
            if is_statement {
                vocabulary.statements.push(entry.clone());
            }
            vocabulary.entries.insert(rule.name.clone(), entry);
        }
        vocabulary
    }
}

/// The doc comments, each as one line, by the rule that they stand before.
fn docs(pairs: Pairs<'_, Meta>) -> HashMap<String, String> {
    let mut docs = HashMap::new();
    let mut lines: Vec<&str> = Vec::new();
    for pair in pairs.filter(|pair| pair.as_rule() == Meta::grammar_rule) {
        for inner in pair.into_inner() {
            match inner.as_rule() {
                Meta::line_doc => lines.extend(inner.into_inner().map(|doc| doc.as_str().trim())),
                Meta::identifier => {
                    docs.insert(inner.as_str().to_owned(), lines.join(" "));
                    lines.clear();
                    break;
                }
                _ => {}
            }
        }
    }
    docs
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

fn first_keywords(expr: &Expr, out: &mut Vec<String>) {
    match expr {
        Expr::Insens(word) => out.push(word.clone()),
        Expr::Seq(left, _) => first_keywords(left, out),
        Expr::Choice(left, right) => {
            first_keywords(left, out);
            first_keywords(right, out);
        }
        _ => {}
    }
}

/// Writes an expression the way a manual does.
struct Form<'g> {
    rules: &'g HashMap<&'g str, &'g Declared>,
    docs: &'g HashMap<String, String>,
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
                self.choices(expr, &mut choices);
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

    fn choices(&self, expr: &Expr, out: &mut Vec<String>) {
        match expr {
            Expr::Choice(left, right) => {
                self.choices(left, out);
                self.choices(right, out);
            }
            other => out.push(self.of(other)),
        }
    }

    fn word(&self, name: &str) -> String {
        if let Some((name, _)) = self.docs.get(name).and_then(|doc| doc.split_once(": ")) {
            return name.to_owned();
        }
        match self.rules.get(name) {
            Some(rule) if name != "b" && name != "end" => self.of(&rule.expr),
            _ => String::new(),
        }
    }
}
