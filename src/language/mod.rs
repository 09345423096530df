//! Text to statements, with every mistake told.
//!
//! [`parse`] turns the bytes of a configuration into [`Statements`]: for each line the rule of the grammar that it follows and
//! its words, as places in the text. What is wrong becomes [`Diagnostic`]s, each with its line and the marked word. The grammar
//! itself, read as data ([`Vocabulary`]), yields keywords, forms and help, and the reference page ([`reference()`]). The same and the
//! grammar of the console's commands make the [`Guide`]s: what may come next in a line, abbreviations, and which [`Command`] a line is.
//!
//! Deliberately unknown here: what an id, a number or a url means; whether anything defines what a line names.

mod declared;
mod diagnostic;
mod expected;
mod grammar;
mod ground;
mod guide;
mod parse;
mod reference;
mod source;
mod statement;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use diagnostic::{Diagnostic, Severity, Style};
pub use grammar::Rule;
pub use ground::Ground;
pub use guide::*;
pub use parse::parse;
pub use reference::{console_reference, reference};
pub use source::{FILE_BYTES, LINE_BYTES, Place, Source, Span};
pub use statement::{Line, Statements, Word};
pub use vocabulary::{Entry, Vocabulary, vocabulary};

pub(crate) use expected::{keeps_secret, nearest};
