//! `url URL-ID URL [CODE]`.

use super::said;
use crate::language::{Line, Rule, Span, Word};
use crate::model::draft::{Draft, Kind};
use crate::model::print::{Printer, quoted};
use crate::model::{Code, Id, Template, UrlId, ids};

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::url_id) else {
        return;
    };
    let (id, said) = (line.text(word), said(line, word));
    if let Some((message, help)) = ids::unfit_name(&id) {
        draft.error(word.span, message).help = Some(help.into());
        return;
    }
    if let Some(address) = draft.addresses.get(&*id) {
        let error = format!("`{id}` is the name of {address} already");
        draft.error(word.span, error).label = "urls and names share one set of words".into();
        return;
    }
    let node = draft.node(Id::Url(UrlId((&*id).into())));
    if line.rule == Rule::no_url {
        return draft.remove(node, said, Kind::Url);
    }
    draft.define(node, said, Kind::Url);
    let template = line
        .word(Rule::url_text)
        .and_then(|word| template(draft, line, word));
    let code = line.word(Rule::code).map(|word| code(draft, line, word));
    let (Some(template), false) = (template, code == Some(None)) else {
        return;
    };
    let new = Box::new((template, code.flatten()));
    let Some(definition) = &mut draft.nodes[node as usize].definition else {
        return;
    };
    match definition.url.replace(new) {
        Some(before) if Some(&before) != definition.url.as_ref() => {
            let before = std::mem::replace(&mut definition.said, said);
            draft.overridden(before.line, line.index);
        }
        _ => {}
    }
}

fn template(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<Template> {
    let text = line.text(word);
    match Template::parse(&text) {
        Ok(template) => Some(template),
        Err(why) => {
            // Within quotation marks escapes may have moved what is at fault: then the whole word is marked.
            let verbatim = word.span.range().len() == text.len();
            let start = word.span.start as usize;
            let at = Span::new(start + why.at.start, start + why.at.end);
            let span = if verbatim { at } else { word.span };
            draft.error(span, why.message).help = Some(why.help.into());
            None
        }
    }
}

fn code(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<Code> {
    let text = line.text(word);
    let code = Code::ALL
        .into_iter()
        .find(|code| *text == code.number().to_string());
    if code.is_none() {
        draft
            .error(
                word.span,
                format!("`{text}` is not the code of a redirect to a url"),
            )
            .label = "expected 301, 302, 303, 307 or 308".into();
    }
    code
}

pub(super) fn print(out: &mut Printer<'_>) {
    for url in &out.model().urls {
        let text = quoted(&url.template.text);
        match url.code {
            Some(code) => out.line(format_args!("url {} {text} {}", url.id, code.number())),
            None => out.line(format_args!("url {} {text}", url.id)),
        }
    }
}
