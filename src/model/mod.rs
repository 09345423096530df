//! What the operator wants: resolved, and valid by construction.
//!
//! Turns [`language`](crate::language) statements into a [`Model`] and a model back into canonical text.
//! Enter at [`load`] (bytes to model), [`resolve`] and [`print()`]. Each statement's meaning and canonical form stand side by side in
//! one file of `statements/`. Cross references are indices ([`Ref`]) into the model's own tables, so that nothing here can name what
//! does not exist. The law: `load(print(m))` is `m`.
//!
//! Deliberately unknown here: what is healthy, who asks, any socket or clock.

mod build;
mod care;
mod certificates;
mod comments;
mod console;
mod cycles;
mod definitions;
mod draft;
mod endpoint;
mod entrance;
mod finish;
pub mod foreign;
mod ids;
mod limits;
mod listeners;
mod mask;
mod path;
mod phc;
mod print;
mod round;
mod running;
mod speech;
mod statements;
mod template;
mod tls;
mod types;
mod warnings;
mod watches;
mod whole;

#[cfg(test)]
mod tests;

pub use care::*;
pub use console::*;
pub use endpoint::*;
pub use limits::{Limit, Limits};
pub use mask::mask;
pub use print::print;
pub use running::Running;
pub use speech::{Speech, Verify};
pub use template::NotATemplate;
pub use tls::*;
pub use types::*;

use crate::language::{Diagnostic, Statements, Style, parse};
use draft::Draft;

/// A configuration as it was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it is called in messages: a file's path.
    pub source: Box<str>,
    /// What it says; `None` where it does not hold.
    pub model: Option<Model>,
    /// Errors and warnings, in the text's order.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// All diagnostics as text, each followed by a line end.
    pub fn report(&self, style: Style) -> String {
        let mut report = String::new();
        for diagnostic in &self.diagnostics {
            report.push_str(&diagnostic.render(&self.source, style));
            report.push('\n');
        }
        report
    }
}

/// Reads a whole configuration as one transaction. Total: any bytes yield a model, or an error among the diagnostics.
pub fn load(source: &str, bytes: &[u8]) -> Loaded {
    let (statements, mut diagnostics) = parse(bytes);
    foreign::explain(&mut diagnostics);
    let (model, more) = resolve(&statements);
    let holds = !diagnostics.iter().any(Diagnostic::is_error);
    diagnostics.extend(more);
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    Loaded {
        source: source.into(),
        model: model.filter(|_| holds),
        diagnostics,
    }
}

/// Applies statements from top to bottom, resolves the ids at the end and checks the whole. The model is there if none of the
/// diagnostics is an error; they stand in the text's order. Takes time in proportion to the number of words.
pub fn resolve(statements: &Statements<'_>) -> (Option<Model>, Vec<Diagnostic>) {
    let mut draft = Draft::new(statements);
    for line in statements.iter() {
        statements::apply_name(&mut draft, line);
    }
    for line in statements.iter() {
        statements::apply(&mut draft, line);
    }
    finish::finish(&mut draft);
    let holds = !draft.diagnostics.iter().any(Diagnostic::is_error);
    let mut diagnostics = std::mem::take(&mut draft.diagnostics);
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    (holds.then(|| build::build(draft)), diagnostics)
}

/// The endpoint that `text` says in any form that a line of this configuration could: by name, or as a long id.
pub fn endpoint(model: &Model, text: &str) -> Option<Endpoint> {
    let names = model.names.iter().cloned().collect();
    match ids::read(text, &names) {
        Ok(ids::Named::Endpoint(endpoint)) => Some(endpoint),
        Ok(ids::Named::Url(_)) | Err(_) => None,
    }
}
