//! Probes under construction, and who is watched by them: names of their own, resolved at the end as ids are.

use std::collections::{BTreeMap, HashMap};

use super::draft::{Draft, Kind, Said};
use super::{Probe, ProbeKind, finish};
use crate::language::{Span, nearest};

/// Index of a probe's name in [`Probes`].
pub(super) type ProbeId = u32;

/// A probe that a line lets watch a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    pub(super) probe: ProbeId,
    /// The line, and the server's id there.
    pub(super) said: Said,
    /// The probe's name there.
    pub(super) word: Span,
}

#[derive(Debug)]
struct Definition {
    /// The first line that defined it, for the order.
    first: u32,
    said: Said,
    probe: Probe,
}

#[derive(Debug)]
struct Known {
    name: Box<str>,
    definition: Option<Definition>,
    removed: Option<Said>,
}

/// Every name that a `probe` or `watch` line gave.
#[derive(Debug, Default)]
pub(super) struct Probes {
    list: Vec<Known>,
    names: HashMap<Box<str>, ProbeId>,
}

impl Probes {
    /// The probe of this name, whether anything defines it or not.
    pub(super) fn named(&mut self, name: &str) -> ProbeId {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let id = self.list.len() as ProbeId;
        self.names.insert(name.into(), id);
        self.list.push(Known {
            name: name.into(),
            definition: None,
            removed: None,
        });
        id
    }

    /// The probes in the order of first definition, and by [`ProbeId`] the place of each among them.
    pub(super) fn done(self) -> (Vec<Probe>, Vec<Option<u32>>) {
        let mut places = vec![None; self.list.len()];
        let mut defined: Vec<(u32, ProbeId, Probe)> = (0..)
            .zip(self.list)
            .filter_map(|(id, known)| {
                let definition = known.definition?;
                Some((definition.first, id, definition.probe))
            })
            .collect();
        defined.sort_by_key(|(first, ..)| *first);
        let mut probes = Vec::with_capacity(defined.len());
        for (place, (_, id, probe)) in (0..).zip(defined) {
            places[id as usize] = Some(place);
            probes.push(probe);
        }
        (probes, places)
    }
}

/// Defines a probe; an earlier definition that differs is overridden.
pub(super) fn define(draft: &mut Draft<'_>, said: Said, probe: Probe) {
    let id = draft.probes.named(&probe.name);
    match &mut draft.probes.list[id as usize].definition {
        Some(before) if before.probe == probe => {}
        Some(before) => {
            let line = before.said.line;
            (before.said, before.probe) = (said, probe);
            draft.overridden(line, said.line);
        }
        vacant => {
            *vacant = Some(Definition {
                first: said.line,
                said,
                probe,
            });
        }
    }
}

/// Removes a probe's definition.
pub(super) fn remove(draft: &mut Draft<'_>, said: Said, name: &str) {
    let id = draft.probes.named(name);
    let known = &mut draft.probes.list[id as usize];
    if known.definition.take().is_none() {
        return draft.nothing_to_undo(said, format!("there is no probe `{name}` above"));
    }
    known.removed = Some(said);
}

/// Tells of names that nothing defines, and of removed ones that are still named.
pub(super) fn check(draft: &mut Draft<'_>) {
    let mut removed: BTreeMap<ProbeId, Vec<Said>> = BTreeMap::new();
    let mut undefined = Vec::new();
    for watch in draft.nodes.iter().flat_map(|node| &node.watches) {
        let known = &draft.probes.list[watch.probe as usize];
        match (&known.definition, known.removed) {
            (Some(_), _) => {}
            (None, Some(by)) if by.line > watch.said.line => {
                removed.entry(watch.probe).or_default().push(watch.said);
            }
            (None, _) => undefined.push(*watch),
        }
    }
    undefined.sort_by_key(|watch| watch.word);
    for (at, watch) in undefined.into_iter().enumerate() {
        tell_undefined(draft, watch, at < finish::SUGGESTIONS);
    }
    for (id, mut uses) in removed {
        uses.sort_by_key(|said| said.word);
        if let Some(by) = draft.probes.list[id as usize].removed {
            finish::still_named(draft, by, &uses);
        }
    }
}

fn tell_undefined(draft: &mut Draft<'_>, watch: Watched, suggest: bool) {
    let known = &draft.probes.list[watch.probe as usize];
    let name = known.name.clone();
    if draft.statements.is_broken(&name) {
        return;
    }
    let removed = known.removed.map(|by| draft.called(by.line));
    let defined = draft.probes.list.iter();
    let defined = defined.filter(|known| known.definition.is_some());
    let near = suggest
        .then(|| nearest(&name, defined.map(|known| &*known.name)))
        .flatten()
        .map(str::to_owned);
    let error = draft.error(watch.word, format!("no `probe` line defines `{name}`"));
    error.label = match removed {
        Some(line) => format!("{line} removed it").into(),
        None => "expected the name of a probe".into(),
    };
    error.help = Some(match near {
        Some(near) => format!("did you mean `{near}`?").into(),
        None => "define it: `probe NAME tcp`, say".into(),
    });
}

/// Warns of probes that watch nothing, and of watched urls whose server only a request could tell.
pub(super) fn warn(draft: &mut Draft<'_>) {
    let mut used = vec![false; draft.probes.list.len()];
    let mut nowhere = Vec::new();
    for node in &draft.nodes {
        let template = node
            .definition
            .as_ref()
            .filter(|definition| definition.kind == Kind::Url)
            .and_then(|definition| definition.url.as_deref());
        let floats = template.is_some_and(|(text, _)| text.fixed_authority().is_none());
        for watch in &node.watches {
            used[watch.probe as usize] = true;
            let definition = &draft.probes.list[watch.probe as usize].definition;
            let asks = definition.as_ref().is_some_and(|definition| {
                let probe = &definition.probe;
                probe.address.is_none() && !matches!(probe.kind, ProbeKind::Exec(_))
            });
            if floats && asks {
                nowhere.push((watch.word, node.id.to_string()));
            }
        }
    }
    for (word, id) in nowhere {
        let name = draft.text(word);
        let warning = draft.warning(
            word,
            format!("`{name}` cannot ask `{id}`: only a request tells where its URL leads"),
        );
        warning.label = "no result will ever come of this".into();
        warning.help = Some("let the probe say `address` and `port`".into());
    }
    if draft.statements.is_behind() {
        return;
    }
    let unused: Vec<(Said, Box<str>)> = draft
        .probes
        .list
        .iter()
        .zip(used)
        .filter(|(_, used)| !used)
        .filter_map(|(known, _)| Some((known.definition.as_ref()?.said, known.name.clone())))
        .collect();
    for (said, name) in unused {
        let warning = draft.warning(said.word, format!("the probe `{name}` watches nothing"));
        warning.label = "it is never run".into();
        warning.help = Some(format!("write `watch ID {name}`").into());
    }
}
