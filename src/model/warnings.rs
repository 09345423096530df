//! What holds, but perhaps not as meant (LANGUAGE.md §5).

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use super::draft::{Down, Draft, Kind, NodeId, Said, Value};
use super::{Code, Id, certificates, ids, listeners, round, watches, whole};
use crate::language::{Rule, Span};

/// Warns. `whole`: the configuration holds so far; else what seems to be missing may stand on a line that is at fault.
pub(super) fn warn(draft: &mut Draft<'_>, whole: bool) {
    dips_at_their_own_address(draft);
    links_that_win(draft);
    if whole {
        watches::warn(draft);
        certificates::warn(draft);
        whole::warn(draft);
        let redirecting = redirecting(draft);
        // Of lines that come one by one the next may use it.
        if !draft.statements.is_behind() {
            unused(draft);
        }
        paths_dropped(draft, &redirecting);
        permanent(draft);
        own_virtuals(draft, &redirecting);
        leading_back(draft);
        round::warn(draft);
    }
}

type Listeners = HashMap<SocketAddr, NodeId>;

pub(super) type Findings = Vec<(Span, String, &'static str, Option<String>)>;

pub(super) fn tell(draft: &mut Draft<'_>, findings: Findings) {
    for (span, message, label, help) in findings {
        let warning = draft.warning(span, message);
        warning.label = label.into();
        warning.help = help.map(Into::into);
    }
}

fn dips_at_their_own_address(draft: &mut Draft<'_>) {
    if !draft.whole.inline.is_empty() {
        return;
    }
    let mut findings = Findings::new();
    for node in &draft.nodes {
        let (Id::Endpoint(id), Some(definition)) = (&node.id, &node.definition) else {
            continue;
        };
        if definition.kind == Kind::Dip
            && definition
                .real
                .is_some_and(|real| real.socket() == id.socket())
        {
            findings.push((
                definition.said.word,
                format!("the real of the dip `{id}` has the dip's own address and port"),
                "`serve` needs to know where the real is",
                Some(format!("write `dip {id} ENDPOINT`, or `inline INTERFACE` where clients' packets pass through this host: without it Signpost cannot reach a server at an address of its own")),
            ));
        }
    }
    tell(draft, findings);
}

fn links_that_win(draft: &mut Draft<'_>) {
    let mut findings = Findings::new();
    for node in draft
        .nodes
        .iter()
        .filter(|node| node.kind() == Some(Kind::Url))
    {
        let Some(to) = node.link() else { continue };
        for setting in &node.settings {
            let what = match setting.value {
                Value::Weight(_) => "weight",
                Value::Maxconns(_) => "maxconns",
                Value::Capacity(_) => "capacity",
                Value::Priority(_) => "priority",
                Value::Decay(_) => "decay",
                _ => continue,
            };
            let to = &draft.nodes[to as usize].id;
            findings.push((
                setting.said.word,
                format!(
                    "the {what} of `{}` has no effect: it is linked to `{to}`, and the link wins",
                    node.id
                ),
                "",
                None,
            ));
        }
    }
    tell(draft, findings);
}

/// The one url that stands for a dip or virtual wherever that is a target.
pub(super) fn only_url(draft: &Draft<'_>, target: NodeId) -> Option<NodeId> {
    let node = &draft.nodes[target as usize];
    if node.kind() == Some(Kind::Url) {
        return Some(target);
    }
    let mut only = None;
    for url in &node.linked {
        if draft.nodes[*url as usize].link() == Some(target)
            && only.replace(*url).is_some_and(|other| other != *url)
        {
            return None;
        }
    }
    only
}

/// The urls that some virtual redirects to of itself, not only as a backup.
fn redirecting(draft: &Draft<'_>) -> HashSet<NodeId> {
    let targets = draft.nodes.iter().flat_map(|node| &node.targets);
    targets
        .filter_map(|(target, _)| only_url(draft, *target))
        .collect()
}

fn unused(draft: &mut Draft<'_>) {
    let mut used = vec![false; draft.nodes.len()];
    let mut halves: HashSet<SocketAddr> = HashSet::new();
    for (id, node) in draft.nodes.iter().enumerate() {
        for (target, _) in &node.targets {
            used[*target as usize] = true;
        }
        if let Some(by) = node.backup() {
            used[by as usize] = true;
        }
        used[id] |= node.link().is_some();
        for setting in &node.settings {
            if let Value::AllDown(Down::Url(url)) = setting.value {
                used[url as usize] = true;
            }
        }
        halves.extend(
            node.definition
                .as_ref()
                .and_then(|definition| definition.real)
                .map(|real| real.socket()),
        );
    }
    let mut findings = Findings::new();
    for (node, used) in draft.nodes.iter().zip(used) {
        let Some(definition) = &node.definition else {
            continue;
        };
        let is_half = matches!(&node.id, Id::Endpoint(id) if halves.contains(&id.socket()));
        let (kind, help) = match definition.kind {
            Kind::Real => ("real", "bind it to a virtual or let it back something up"),
            Kind::Url => (
                "url",
                "bind it to a virtual, link it or let it stand in for something",
            ),
            Kind::Virtual | Kind::Dip => continue,
        };
        if !used && !is_half {
            findings.push((
                definition.said.word,
                format!("the {kind} `{}` is used nowhere", node.id),
                "no client ever gets here",
                Some(help.to_owned()),
            ));
        }
    }
    tell(draft, findings);
}

pub(super) fn url_word(draft: &Draft<'_>, said: Said, rule: Rule) -> Span {
    draft
        .statements
        .word_of(said.line, rule)
        .unwrap_or(said.word)
}

fn paths_dropped(draft: &mut Draft<'_>, redirecting: &HashSet<NodeId>) {
    let mut findings = Findings::new();
    for url in redirecting {
        let node = &draft.nodes[*url as usize];
        let Some(definition) = &node.definition else {
            continue;
        };
        let Some((template, _)) = definition.url.as_deref() else {
            continue;
        };
        if !template.keeps_path() {
            let text = &template.text;
            let slash = if text.ends_with('/') { "" } else { "/" };
            let plain = !text.contains(['?', '#']) && text.len() < 80;
            findings.push((
                url_word(draft, definition.said, Rule::url_text),
                format!("the url `{}` drops the path that was asked for", node.id),
                "every request is sent to this very page",
                plain.then(|| format!("write `{text}{slash}%d` to keep path and query")),
            ));
        }
    }
    tell(draft, findings);
}

fn permanent(draft: &mut Draft<'_>) {
    let mut seen = HashSet::new();
    let mut findings = Findings::new();
    for node in draft.nodes.iter().filter(|node| node.targets.len() > 1) {
        for url in node
            .targets
            .iter()
            .filter_map(|(target, _)| only_url(draft, *target))
        {
            let Some(definition) = &draft.nodes[url as usize].definition else {
                continue;
            };
            let code = definition.url.as_deref().and_then(|(_, code)| *code);
            let Some(code @ (Code::MovedPermanently | Code::PermanentRedirect)) = code else {
                continue;
            };
            if seen.insert(url) {
                findings.push((
                    url_word(draft, definition.said, Rule::code),
                    format!("`{}` is one of several targets of `{}` and answers {}", draft.nodes[url as usize].id, node.id, code.number()),
                    "browsers keep a permanent redirect: this client never comes back to be sent elsewhere",
                    None,
                ));
            }
        }
    }
    tell(draft, findings);
}

fn own_virtuals(draft: &mut Draft<'_>, redirecting: &HashSet<NodeId>) {
    let listeners = listeners::listeners(draft);
    let mut findings = Findings::new();
    for url in redirecting {
        let node = &draft.nodes[*url as usize];
        let Some(definition) = &node.definition else {
            continue;
        };
        let Some(at) = own_listener(draft, &listeners, *url) else {
            continue;
        };
        if node.link() != Some(at) {
            let to = &draft.nodes[at as usize];
            // A link to a virtual that the url may be bound to could be a circle.
            let is_dip = to.kind() == Some(Kind::Dip);
            let to = &to.id;
            findings.push((
                url_word(draft, definition.said, Rule::url_text),
                format!(
                    "the url `{}` leads to `{to}` of this configuration, and is not linked to it",
                    node.id
                ),
                "clients are sent there whether it is usable or not",
                is_dip.then(|| format!("write `link {} {to}`", node.id)),
            ));
        }
    }
    tell(draft, findings);
}

fn leading_back(draft: &mut Draft<'_>) {
    let listeners = listeners::listeners(draft);
    let mut findings = Findings::new();
    for (id, node) in (0..).zip(&draft.nodes) {
        let setting = node
            .settings
            .iter()
            .find(|s| matches!(s.value, Value::Backup(_)));
        if let Some(setting) = setting
            && !leads_on(draft, &listeners, id)
        {
            findings.push((
                setting.other.unwrap_or(setting.said.word),
                format!("the chain of backups of `{}` can only lead back", node.id),
                "nothing on it could stand in",
                None,
            ));
        }
        let down = node.settings.iter().find_map(|s| match s.value {
            Value::AllDown(Down::Url(url)) => Some((s, url)),
            _ => None,
        });
        if let Some((setting, url)) = down
            && leads_to(draft, &listeners, url, id)
        {
            findings.push((
                setting.other.unwrap_or(setting.said.word),
                format!("the url that `all-down` names leads back to `{}`", node.id),
                "clients would go round in a circle",
                None,
            ));
        }
    }
    tell(draft, findings);
}

/// Steps after which a chain is taken to lead on: what is longer is not looked through, so that time stays in proportion.
const STEPS: usize = 64;

/// Whether anything on the chain of `of` could stand in for it.
fn leads_on(draft: &Draft<'_>, listeners: &Listeners, of: NodeId) -> bool {
    let mut steps = STEPS;
    let mut visited = vec![of];
    let mut next = draft.nodes[of as usize].backup();
    while let Some(at) = next {
        if serves(draft, listeners, of, at, &mut visited, &mut steps) {
            return true;
        }
        next = draft.nodes[at as usize]
            .backup()
            .filter(|at| !visited.contains(at));
    }
    false
}

/// Whether `at` could take a request that came to `of`.
fn serves(
    draft: &Draft<'_>,
    listeners: &Listeners,
    of: NodeId,
    at: NodeId,
    visited: &mut Vec<NodeId>,
    steps: &mut usize,
) -> bool {
    if *steps == 0 {
        return true;
    }
    *steps -= 1;
    if visited.contains(&at) {
        return false;
    }
    visited.push(at);
    let node = &draft.nodes[at as usize];
    match node.kind() {
        Some(Kind::Url) => !leads_to(draft, listeners, at, of),
        Some(Kind::Virtual) => node.targets.iter().any(|(target, _)| {
            only_url(draft, *target).is_none_or(|url| !leads_to(draft, listeners, url, of))
                && serves(draft, listeners, of, *target, visited, steps)
        }),
        _ => true,
    }
}

/// Whether the url is linked to `of` or leads to where `of` listens: in its stead it would send clients round in a circle.
fn leads_to(draft: &Draft<'_>, listeners: &Listeners, url: NodeId, of: NodeId) -> bool {
    draft.nodes[url as usize].link() == Some(of) || own_listener(draft, listeners, url) == Some(of)
}

/// The virtual or dip of this configuration that a url leads to, where its text tells.
fn own_listener(draft: &Draft<'_>, listeners: &Listeners, url: NodeId) -> Option<NodeId> {
    let definition = draft.nodes[url as usize].definition.as_ref()?;
    let (template, _) = definition.url.as_deref()?;
    let (host, port) = template.fixed_authority()?;
    let at = SocketAddr::new(ids::address(host)?, port);
    listeners.get(&at).copied()
}
