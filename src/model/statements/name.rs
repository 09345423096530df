//! `name ADDRESS NAME`.

use std::net::IpAddr;

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Name, Said};
use crate::model::ids;
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::address) else {
        return;
    };
    let text = line.text(word);
    let Some(address) = ids::address(&text) else {
        draft
            .error(word.span, format!("`{text}` is not an address"))
            .label = "expected an IPv4 or IPv6 address without a port".into();
        return;
    };
    let name = line.word(Rule::new_name).map(|word| line.text(word));
    let word = line.word(Rule::new_name).unwrap_or(word);
    match (line.rule, name) {
        (Rule::name, Some(name)) => give(draft, said(line, word), address, &name),
        (_, name) => take(draft, said(line, word), address, name.as_deref()),
    }
}

fn give(draft: &mut Draft<'_>, said: Said, address: IpAddr, name: &str) {
    if let Some((message, help)) = ids::unfit_name(name) {
        draft.error(said.word, message).help = Some(help.into());
        return;
    }
    match draft.addresses.insert(name.into(), address) {
        Some(same) if same == address => return,
        Some(other) => {
            if let Some(before) = draft.names.remove(&other) {
                draft.overridden(before.said.line, said.line);
            }
        }
        None => {}
    }
    let name = Name {
        name: name.into(),
        first: said.line,
        said,
    };
    match draft.names.get_mut(&address) {
        Some(before) => {
            let first = before.first;
            let before = std::mem::replace(before, Name { first, ..name });
            draft.addresses.remove(&before.name);
            draft.overridden(before.said.line, said.line);
        }
        None => drop(draft.names.insert(address, name)),
    }
}

fn take(draft: &mut Draft<'_>, said: Said, address: IpAddr, name: Option<&str>) {
    match draft.names.get(&address) {
        Some(known) if name.is_none_or(|name| *known.name == *name) => {
            draft.addresses.remove(&known.name);
            draft.names.remove(&address);
        }
        _ => draft.nothing_to_undo(said, "no line above gives this name".to_owned()),
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for (name, address) in &out.model().names {
        match address {
            IpAddr::V4(address) => out.line(format_args!("name {address} {name}")),
            IpAddr::V6(address) => out.line(format_args!("name [{address}] {name}")),
        }
    }
}
