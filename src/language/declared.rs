//! A grammar read as data: its rules, and the doc comment of each.

use std::collections::HashMap;

use pest::iterators::Pairs;
use pest_meta::ast::{Expr, Rule as Declared, RuleType};
use pest_meta::parser::{self, Rule as Meta};

use super::Tongue;

/// The rules of a grammar.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    /// In the order of the grammar.
    pub(super) order: Vec<String>,
    rules: HashMap<String, Declared>,
    docs: HashMap<String, String>,
}

impl Declarations {
    /// The grammars are a part of the build: one that cannot be read yields nothing, and tests fail.
    pub(super) fn of(tongue: Tongue) -> Declarations {
        let grammar = match tongue {
            Tongue::Statements => include_str!("../../grammar/signpost.pest"),
            Tongue::Commands => include_str!("../../grammar/console.pest"),
        };
        let Ok(pairs) = parser::parse(Meta::grammar_rules, grammar) else {
            return Declarations::default();
        };
        let docs = docs(pairs.clone());
        let Ok(rules) = parser::consume_rules(pairs) else {
            return Declarations::default();
        };
        Declarations {
            order: rules.iter().map(|rule| rule.name.clone()).collect(),
            rules: rules
                .into_iter()
                .map(|rule| (rule.name.clone(), rule))
                .collect(),
            docs,
        }
    }

    /// What a rule says.
    pub(super) fn expr(&self, rule: &str) -> Option<&Expr> {
        self.rules.get(rule).map(|rule| &rule.expr)
    }

    /// Whether a rule is a statement or command.
    pub(super) fn is_line(&self, rule: &str) -> bool {
        self.is(rule, RuleType::CompoundAtomic)
    }

    /// Whether a rule is one keyword or word.
    pub(super) fn is_atom(&self, rule: &str) -> bool {
        self.is(rule, RuleType::Atomic)
    }

    fn is(&self, rule: &str, ty: RuleType) -> bool {
        self.rules.get(rule).is_some_and(|rule| rule.ty == ty)
    }

    /// The doc comment of a rule, in one line; empty where there is none.
    pub(super) fn doc(&self, rule: &str) -> &str {
        self.docs.get(rule).map_or("", String::as_str)
    }

    /// The NAME and the meaning of a rule that takes a word.
    pub(super) fn word(&self, rule: &str) -> Option<(&str, &str)> {
        let (name, meaning) = self.doc(rule).split_once(": ")?;
        let fits = |b: u8| b.is_ascii_uppercase() || b == b'-';
        (!name.is_empty() && name.bytes().all(fits)).then_some((name, meaning))
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
