//! `in-service KIND ID [all]` and `out-of-service KIND ID [STATE] [all]`: what the operator wants of a server.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Intent;
use crate::model::draft::{By, Draft, Halves, Kind, NodeId, Spoken};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    let Some(kind) = line.words().iter().find_map(|word| kind(word.rule)) else {
        return;
    };
    let halves = halves(kind);
    let said = said(line, word);
    let all = line.has(Rule::all);
    let intent = match line.rule {
        Rule::in_service | Rule::no_out_of_service => Intent::InService,
        Rule::out_of_service => state(line),
        _ => Intent::OutOfService,
    };
    let undo = matches!(line.rule, Rule::no_in_service | Rule::no_out_of_service);
    if undo && !all && holds(draft, node, halves, line.rule == Rule::no_out_of_service) {
        let id = draft.text(word.span);
        draft.nothing_to_undo(said, format!("that is how `{id}` is already"));
    }
    draft.spoken.push(Spoken {
        said,
        node,
        as_kind: kind,
    });
    let by = match (undo, all) {
        (true, _) => By::Undoing,
        (false, true) => By::All,
        (false, false) => By::Name,
    };
    draft.intend(node, line.index, halves, intent, by);
    if all {
        for reached in one_step_on(draft, node, kind) {
            draft.intend(
                reached,
                line.index,
                Halves::BOTH,
                intent,
                if undo { By::Undoing } else { By::All },
            );
        }
    }
}

/// The `is` or `oos` at the end of a definition: the same as a line of its own.
pub(super) fn trailing(draft: &mut Draft<'_>, line: Line<'_>, node: NodeId, halves: Halves) {
    if line.has(Rule::oos) {
        draft.intend(node, line.index, halves, Intent::OutOfService, By::Name);
    } else if line.has(Rule::is) {
        draft.intend(node, line.index, halves, Intent::InService, By::Name);
    }
}

fn kind(rule: Rule) -> Option<Kind> {
    Some(match rule {
        Rule::of_virtual => Kind::Virtual,
        Rule::of_real => Kind::Real,
        Rule::of_url => Kind::Url,
        Rule::of_dip => Kind::Dip,
        _ => return None,
    })
}

fn halves(kind: Kind) -> Halves {
    Halves {
        virtual_half: matches!(kind, Kind::Virtual | Kind::Dip),
        real_half: matches!(kind, Kind::Real | Kind::Url | Kind::Dip),
    }
}

fn state(line: Line<'_>) -> Intent {
    let states = line.words().iter().find_map(|word| match word.rule {
        Rule::maintenance => Some(Intent::Maintenance),
        Rule::state_sticky => Some(Intent::Sticky),
        Rule::failed => Some(Intent::Failed),
        _ => None,
    });
    states.unwrap_or(Intent::OutOfService)
}

/// Whether the halves are in service already, or out of it.
fn holds(draft: &Draft<'_>, node: NodeId, halves: Halves, in_service: bool) -> bool {
    let known = &draft.nodes[node as usize];
    let is = |intent: Intent| (intent == Intent::InService) == in_service;
    (!halves.virtual_half || is(known.virtual_half.intent))
        && (!halves.real_half || is(known.real_half.intent))
}

/// What `all` reaches: of a virtual its targets and the urls linked to it, of a real or dip the urls linked to its dip, of a url
/// what it is linked to; all by the lines above.
fn one_step_on(draft: &Draft<'_>, node: NodeId, kind: Kind) -> Vec<NodeId> {
    let known = &draft.nodes[node as usize];
    if kind == Kind::Url {
        return known.link().into_iter().collect();
    }
    let linked = known.linked.iter().copied();
    let mut reached: Vec<NodeId> = linked
        .filter(|url| draft.nodes[*url as usize].link() == Some(node))
        .collect();
    if kind == Kind::Virtual {
        let bound = |target: NodeId| draft.bound.contains_key(&(node, target));
        reached.extend(
            known
                .targets
                .iter()
                .map(|(target, _)| *target)
                .filter(|target| bound(*target)),
        );
    }
    reached
}

pub(super) fn print(out: &mut Printer<'_>) {
    let model = out.model();
    for server in &model.virtuals {
        line(out, "virtual", &out.endpoint(server.id), server.intent);
    }
    for real in &model.reals {
        line(out, "real", &out.endpoint(real.id), real.intent);
    }
    for dip in &model.dips {
        let id = out.endpoint(dip.id);
        if dip.virtual_intent == dip.real_intent {
            line(out, "dip", &id, dip.real_intent);
        } else {
            line(out, "virtual", &id, dip.virtual_intent);
            line(out, "real", &id, dip.real_intent);
        }
    }
    for url in &model.urls {
        line(out, "url", url.id.as_str(), url.intent);
    }
}

fn line(out: &mut Printer<'_>, kind: &str, id: &str, intent: Intent) {
    let state = match intent {
        Intent::InService => return,
        Intent::OutOfService => "",
        Intent::Maintenance => " maintenance",
        Intent::Sticky => " sticky",
        Intent::Failed => " failed",
    };
    out.line(format_args!("out-of-service {kind} {id}{state}"));
}
