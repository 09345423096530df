//! Cycles of links: a url's state, weight and count are those of what it is linked to, and of a virtual they are sums over what is
//! bound to it. Whoever comes back to where it began has none.

use super::draft::{Draft, Kind, NodeId};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Tells of each cycle that a link leads into, once.
pub(super) fn check(draft: &mut Draft<'_>) {
    let mut marks = vec![Mark::New; draft.nodes.len()];
    let mut cycles = Vec::new();
    for start in 0..draft.nodes.len() as NodeId {
        if marks[start as usize] == Mark::New && draft.nodes[start as usize].link().is_some() {
            search(draft, start, &mut marks, &mut cycles);
        }
    }
    for (url, cycle) in cycles {
        tell(draft, url, &cycle);
    }
}

/// What `node` inherits from, one after another.
fn next(draft: &Draft<'_>, node: NodeId, nth: usize) -> Option<NodeId> {
    let known = &draft.nodes[node as usize];
    match known.kind() {
        Some(Kind::Url) if nth == 0 => known.link(),
        Some(Kind::Virtual) => known.targets.get(nth).map(|(target, _)| *target),
        _ => None,
    }
}

/// Depth first from `start`, on a stack of its own: a chain may be as long as the file.
fn search(
    draft: &Draft<'_>,
    start: NodeId,
    marks: &mut [Mark],
    cycles: &mut Vec<(NodeId, Vec<NodeId>)>,
) {
    let mut way = vec![(start, 0)];
    marks[start as usize] = Mark::Open;
    while let Some((node, nth)) = way.last_mut() {
        let (from, to) = (*node, next(draft, *node, *nth));
        *nth += 1;
        match to.map(|to| (to, marks[to as usize])) {
            None => {
                marks[from as usize] = Mark::Done;
                way.pop();
            }
            Some((to, Mark::New)) => {
                marks[to as usize] = Mark::Open;
                way.push((to, 0));
            }
            Some((to, Mark::Open)) => {
                let begin = way.iter().position(|(node, _)| *node == to).unwrap_or(0);
                let cycle: Vec<NodeId> = way[begin..].iter().map(|(node, _)| *node).collect();
                let is_url = |node: &&NodeId| draft.nodes[**node as usize].link().is_some();
                let url = cycle.iter().find(is_url).copied().unwrap_or(start);
                cycles.push((url, cycle));
            }
            Some((_, Mark::Done)) => {}
        }
    }
}

fn tell(draft: &mut Draft<'_>, url: NodeId, cycle: &[NodeId]) {
    const SHOWN: usize = 12;
    let mut ids: Vec<String> = cycle
        .iter()
        .take(SHOWN)
        .map(|node| format!("`{}`", draft.nodes[*node as usize].id))
        .collect();
    if cycle.len() > SHOWN {
        ids.push("…".to_owned());
    }
    ids.extend(ids.first().cloned());
    let link = draft.nodes[url as usize]
        .settings
        .iter()
        .find(|s| matches!(s.value, super::draft::Value::Link(_)));
    let Some(word) = link.map(|link| link.other.unwrap_or(link.said.word)) else {
        return;
    };
    let error = draft.error(
        word,
        format!("this link leads in a circle: {}", ids.join(" → ")),
    );
    error.label = "state and weight would come from themselves".into();
    error.help = Some("link the url to something that is not bound to it in turn".into());
}
