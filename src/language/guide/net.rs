//! A grammar as a net of places: from each, the keywords and words that lead on.

use pest_meta::ast::Expr;

use crate::language::declared::Declarations;

/// A keyword at one place of the grammar.
#[derive(Debug)]
pub(super) struct Keyword {
    /// The first is the one that is shown and written out.
    pub(super) spellings: Vec<String>,
    /// What it does, in one line.
    pub(super) help: Box<str>,
    /// The rule that is this keyword and nothing else.
    pub(super) part: Option<Box<str>>,
}

impl Keyword {
    pub(super) fn canonical(&self) -> &str {
        self.spellings.first().map_or("", String::as_str)
    }
}

/// A word that the operator chooses.
#[derive(Debug)]
pub(super) struct Free {
    pub(super) rule: Box<str>,
    pub(super) name: Box<str>,
    pub(super) help: Box<str>,
}

/// What leads from one place to another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Label {
    /// Index into [`Net::keywords`].
    Keyword(u32),
    /// Index into [`Net::free`].
    Free(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) label: Label,
    pub(super) to: u32,
}

#[derive(Debug, Default)]
pub(super) struct Place {
    /// In the order of the grammar.
    pub(super) moves: Vec<Move>,
    /// The statement or command that a line which ends here follows.
    pub(super) end: Option<Box<str>>,
}

/// A grammar as a net. Lines begin at place 0.
#[derive(Debug)]
pub(super) struct Net {
    pub(super) places: Vec<Place>,
    pub(super) keywords: Vec<Keyword>,
    pub(super) free: Vec<Free>,
}

impl Net {
    /// The net of all lines that follow one of the rules `roots`.
    pub(super) fn of(grammar: &Declarations, roots: &[&str]) -> Net {
        let mut weaver = Weaver {
            grammar,
            knots: vec![Knot::default()],
            keywords: Vec::new(),
            free: Vec::new(),
        };
        for root in roots {
            weaver.rule(root, 0, root);
        }
        Net {
            places: (0..weaver.knots.len())
                .map(|at| weaver.place(at as u32))
                .collect(),
            keywords: weaver.keywords,
            free: weaver.free,
        }
    }
}

/// A place while the net is made: one may be passed on from without a word.
#[derive(Debug, Default)]
struct Knot {
    on: Vec<u32>,
    moves: Vec<Move>,
    end: Option<Box<str>>,
}

struct Weaver<'g> {
    grammar: &'g Declarations,
    knots: Vec<Knot>,
    keywords: Vec<Keyword>,
    free: Vec<Free>,
}

impl Weaver<'_> {
    fn knot(&mut self) -> u32 {
        self.knots.push(Knot::default());
        self.knots.len() as u32 - 1
    }

    fn pass(&mut self, from: u32, to: u32) {
        self.knots[from as usize].on.push(to);
    }

    fn lead(&mut self, from: u32, label: Label) -> u32 {
        let to = self.knot();
        self.knots[from as usize].moves.push(Move { label, to });
        to
    }

    /// Weaves a rule in behind `from`; returns where it ends. `within` is the rule that names it.
    fn rule(&mut self, name: &str, from: u32, within: &str) -> u32 {
        let grammar = self.grammar;
        if let Some((shown, help)) = grammar.word(name) {
            self.free.push(Free {
                rule: name.into(),
                name: shown.into(),
                help: help.into(),
            });
            return self.lead(from, Label::Free(self.free.len() as u32 - 1));
        }
        let Some(expr) = grammar.expr(name) else {
            return from;
        };
        // A silent rule without help of its own is a part of the one around it.
        let own = grammar.is_line(name) || grammar.is_atom(name) || !grammar.doc(name).is_empty();
        let end = self.weave(expr, from, if own { name } else { within });
        if grammar.is_line(name) {
            let last = self.knot();
            self.pass(end, last);
            self.knots[last as usize].end = Some(name.into());
        }
        end
    }

    fn weave(&mut self, expr: &Expr, from: u32, within: &str) -> u32 {
        match expr {
            Expr::Insens(word) => self.keyword(vec![word.clone()], from, within),
            Expr::Ident(name) => self.rule(name, from, within),
            Expr::Seq(left, right) => {
                let middle = self.weave(left, from, within);
                self.weave(right, middle, within)
            }
            Expr::Choice(..) => self.choice(expr, from, within),
            Expr::Opt(inner) => {
                let end = self.weave(inner, from, within);
                let on = self.knot();
                self.pass(end, on);
                self.pass(from, on);
                on
            }
            Expr::Rep(inner) => {
                let again = self.knot();
                self.pass(from, again);
                let end = self.weave(inner, again, within);
                self.pass(end, again);
                again
            }
            Expr::RepOnce(inner) => {
                let again = self.knot();
                self.pass(from, again);
                let end = self.weave(inner, again, within);
                self.pass(end, again);
                end
            }
            // Characters and what is only looked at: no word of its own.
            _ => from,
        }
    }

    fn choice(&mut self, expr: &Expr, from: u32, within: &str) -> u32 {
        let mut choices = Vec::new();
        alternatives(expr, &mut choices);
        let spellings: Vec<String> = choices
            .iter()
            .filter_map(|choice| match choice {
                Expr::Insens(word) => Some(word.clone()),
                _ => None,
            })
            .collect();
        if spellings.len() == choices.len() {
            return self.keyword(spellings, from, within);
        }
        let on = self.knot();
        for choice in choices {
            let end = self.weave(choice, from, within);
            self.pass(end, on);
        }
        on
    }

    fn keyword(&mut self, spellings: Vec<String>, from: u32, within: &str) -> u32 {
        self.keywords.push(Keyword {
            spellings,
            help: first_sentence(self.grammar.doc(within)).into(),
            part: self.grammar.is_atom(within).then(|| within.into()),
        });
        self.lead(from, Label::Keyword(self.keywords.len() as u32 - 1))
    }

    /// What can be reached from a knot without a word, in the order of the grammar.
    fn place(&self, from: u32) -> Place {
        let mut place = Place::default();
        let mut seen = vec![false; self.knots.len()];
        let mut next = vec![from];
        while let Some(at) = next.pop() {
            if std::mem::replace(&mut seen[at as usize], true) {
                continue;
            }
            let knot = &self.knots[at as usize];
            place.moves.extend(&knot.moves);
            if place.end.is_none() {
                place.end = knot.end.clone();
            }
            next.extend(knot.on.iter().rev());
        }
        place
    }
}

fn alternatives<'e>(expr: &'e Expr, into: &mut Vec<&'e Expr>) {
    match expr {
        Expr::Choice(left, right) => {
            alternatives(left, into);
            alternatives(right, into);
        }
        other => into.push(other),
    }
}

/// Up to the first full stop, without it.
pub(super) fn first_sentence(text: &str) -> &str {
    match text.split_once(". ") {
        Some((first, _)) => first,
        None => text.strip_suffix('.').unwrap_or(text),
    }
}
