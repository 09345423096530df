//! `description ID TEXT`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::{Printer, quoted};

/// The longest text as it is printed, in bytes: an id may be printed longer than it was written, and the line must still be one.
const BYTES: usize = 4_000;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    let said = said(line, word);
    if line.rule == Rule::no_description {
        return draft.unset(node, said, &Value::Description("".into()), false);
    }
    let Some(word) = line.word(Rule::text) else {
        return;
    };
    let text = line.text(word);
    if text.trim().is_empty() {
        draft
            .error(word.span, "the description is empty".to_owned())
            .help = Some("write `no description ID` to take one away".into());
    } else if text.contains('\t') {
        draft
            .error(word.span, "a description cannot hold a tab".to_owned())
            .label = "expected printable text".into();
    } else if quoted(&text).len() > BYTES {
        draft
            .error(word.span, "the description is too long".to_owned())
            .label = format!("expected at most {BYTES} bytes").into();
    } else {
        draft.set(node, said, Value::Description(text.into()), None);
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let model = out.model();
    for server in &model.virtuals {
        line(out, &out.endpoint(server.id), server.description.as_deref());
    }
    for (id, serving) in out.servings() {
        line(out, &out.endpoint(id), serving.description.as_deref());
    }
    for url in &model.urls {
        line(out, url.id.as_str(), url.description.as_deref());
    }
}

fn line(out: &mut Printer<'_>, id: &str, text: Option<&str>) {
    if let Some(text) = text {
        out.line(format_args!("description {id} {}", quoted(text)));
    }
}
