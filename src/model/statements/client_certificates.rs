//! `client-certificates ID CA-FILE [optional|required]`.

use super::path::path;
use super::{said, tls};
use crate::language::{Line, Rule};
use crate::model::ClientCertificates;
use crate::model::draft::{Draft, Value};
use crate::model::print::{Printer, quoted};

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    let authorities = match line.word(Rule::ca_file) {
        Some(file) => path(draft, line, file).unwrap_or_default(),
        None => Box::default(),
    };
    let value = Value::ClientCertificates(ClientCertificates {
        authorities,
        required: !line.has(Rule::optional),
    });
    if line.rule == Rule::client_certificates {
        draft.set(node, said(line, word), value, None);
    } else {
        draft.unset(node, said(line, word), &value, false);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for (id, tls) in tls::listeners(out) {
        if let Some(clients) = &tls.clients {
            let (id, file) = (out.endpoint(id), quoted(&clients.authorities));
            let optional = if clients.required { "" } else { " optional" };
            out.line(format_args!("client-certificates {id} {file}{optional}"));
        }
    }
}
