//! `tls-versions ID 1.2|1.3`.

use super::{said, tls};
use crate::language::{Line, Rule};
use crate::model::TlsVersion;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    let least = match line.has(Rule::from_13) {
        true => TlsVersion::V13,
        false => TlsVersion::V12,
    };
    let value = Value::TlsVersions(least);
    if line.rule == Rule::tls_versions {
        draft.set(node, said(line, word), value, None);
    } else {
        draft.unset(node, said(line, word), &value, false);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for (id, tls) in tls::listeners(out) {
        if tls.least != TlsVersion::default() {
            let id = out.endpoint(id);
            out.line(format_args!("tls-versions {id} {}", tls.least.as_str()));
        }
    }
}
