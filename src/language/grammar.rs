//! The parser that pest makes of the grammar.
#![expect(
    missing_docs,
    reason = "pest generates one enum of the grammar's rules; the grammar documents them"
)]

use pest_derive::Parser;

#[derive(Parser)]
#[grammar = "../grammar/signpost.pest"]
pub(super) struct Grammar;
