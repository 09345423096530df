//! `bind VIRTUAL-ID TARGET…`.

use std::collections::hash_map::Entry;

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, NodeId, Said};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(first) = line.word(Rule::virtual_id) else {
        return;
    };
    let Some(server) = draft.refer(line, first) else {
        return;
    };
    if line.rule == Rule::no_bind && !line.has(Rule::target) {
        if draft.nodes[server as usize].targets.is_empty() {
            draft.nothing_to_undo(said(line, first), "nothing is bound there".to_owned());
        }
        return draft.unbind_all(server);
    }
    for word in line.words().iter().filter(|word| word.rule == Rule::target) {
        let Some(target) = draft.refer(line, word) else {
            continue;
        };
        if line.rule == Rule::bind {
            bind(draft, server, target, said(line, word));
        } else {
            unbind(draft, server, target, said(line, word));
        }
    }
}

fn bind(draft: &mut Draft<'_>, server: NodeId, target: NodeId, said: Said) {
    if server == target {
        let id = draft.text(said.word);
        draft.error(said.word, format!("`{id}` cannot be bound to itself"));
        return;
    }
    if let Entry::Vacant(vacant) = draft.bound.entry((server, target)) {
        vacant.insert(said.line);
        draft.nodes[server as usize].targets.push((target, said));
    }
}

fn unbind(draft: &mut Draft<'_>, server: NodeId, target: NodeId, said: Said) {
    if draft.bound.remove(&(server, target)).is_none() {
        let id = draft.text(said.word);
        draft.nothing_to_undo(said, format!("`{id}` is not bound there"));
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for server in &out.model().virtuals {
        let head = format!("bind {}", out.endpoint(server.id));
        let targets: Vec<String> = server.targets.iter().map(|t| out.id(*t)).collect();
        out.wrapped(head, targets.into_iter());
    }
}
