//! `link URL-ID LINK-ID`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Ref;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::url_id) else {
        return;
    };
    let url = draft.refer(line, word);
    let other = line.word(Rule::link_id);
    let to = other.and_then(|word| draft.refer(line, word));
    let Some(url) = url else { return };
    let said = said(line, word);
    match (line.rule, to) {
        (Rule::link, Some(to)) => {
            draft.set(url, said, Value::Link(to), other.map(|word| word.span));
            draft.nodes[to as usize].linked.push(url);
        }
        (Rule::no_link, to) if other.is_none() || to.is_some() => {
            let like = Value::Link(to.unwrap_or_default());
            draft.unset(url, said, &like, to.is_some());
        }
        _ => {}
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let model = out.model();
    for (nth, url) in model.urls.iter().enumerate() {
        if let Some(link) = url.link {
            let (url, link) = (out.id(Ref::Url(nth as u32)), out.id(link));
            out.line(format_args!("link {url} {link}"));
        }
    }
}
