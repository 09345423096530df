//! Definitions under construction that have names of their own, as probes and certificates, and who uses them: resolved at the end as ids are.

use std::collections::{BTreeMap, HashMap};

use super::draft::{Draft, Node, Said};
use super::finish;
use crate::language::{Span, nearest};

/// Index of a name in its [`Definitions`].
pub(super) type NameId = u32;

/// What is defined by a name of its own.
pub(super) trait Defined: PartialEq + Sized {
    /// The statement that defines one, which is also what it is called.
    const WHAT: &'static str;

    /// How one of this name could be defined.
    fn remedy(name: &str) -> String;
    /// What it is called.
    fn name(&self) -> &str;
    /// All of them.
    fn all<'d>(draft: &'d Draft<'_>) -> &'d Definitions<Self>;
    /// All of them, to be changed.
    fn all_mut<'d>(draft: &'d mut Draft<'_>) -> &'d mut Definitions<Self>;
    /// Those that a node uses.
    fn used_by(node: &Node) -> &[Use];
}

/// A definition that a line lets an id have, by its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub(super) of: NameId,
    /// The line, and the id there.
    pub(super) said: Said,
    /// The name there.
    pub(super) word: Span,
}

#[derive(Debug)]
struct Definition<T> {
    /// The first line that defined it, for the order.
    first: u32,
    said: Said,
    value: T,
}

#[derive(Debug)]
struct Known<T> {
    name: Box<str>,
    definition: Option<Definition<T>>,
    removed: Option<Said>,
}

/// Every name of a kind that a line defined or used.
#[derive(Debug)]
pub(super) struct Definitions<T> {
    list: Vec<Known<T>>,
    names: HashMap<Box<str>, NameId>,
}

impl<T> Default for Definitions<T> {
    fn default() -> Definitions<T> {
        Definitions {
            list: Vec::new(),
            names: HashMap::new(),
        }
    }
}

impl<T> Definitions<T> {
    /// What has this name, whether anything defines it or not.
    pub(super) fn named(&mut self, name: &str) -> NameId {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let id = self.list.len() as NameId;
        self.names.insert(name.into(), id);
        self.list.push(Known {
            name: name.into(),
            definition: None,
            removed: None,
        });
        id
    }

    /// What this is, where a line defines it.
    pub(super) fn value(&self, id: NameId) -> Option<&T> {
        let definition = self.list[id as usize].definition.as_ref();
        definition.map(|definition| &definition.value)
    }

    /// All in the order of first definition, and by [`NameId`] the place of each among them.
    pub(super) fn done(self) -> (Vec<T>, Vec<Option<u32>>) {
        let mut places = vec![None; self.list.len()];
        let mut defined: Vec<(u32, NameId, T)> = (0..)
            .zip(self.list)
            .filter_map(|(id, known)| {
                let Definition { first, value, .. } = known.definition?;
                Some((first, id, value))
            })
            .collect();
        defined.sort_by_key(|(first, ..)| *first);
        let mut values = Vec::with_capacity(defined.len());
        for (place, (_, id, value)) in (0..).zip(defined) {
            places[id as usize] = Some(place);
            values.push(value);
        }
        (values, places)
    }
}

/// Defines something; an earlier definition of its name that differs is overridden.
pub(super) fn define<T: Defined>(draft: &mut Draft<'_>, said: Said, value: T) {
    let all = T::all_mut(draft);
    let id = all.named(value.name());
    match &mut all.list[id as usize].definition {
        Some(before) if before.value == value => {}
        Some(before) => {
            let line = before.said.line;
            (before.said, before.value) = (said, value);
            draft.overridden(line, said.line);
        }
        vacant => {
            *vacant = Some(Definition {
                first: said.line,
                said,
                value,
            });
        }
    }
}

/// Removes the definition of a name.
pub(super) fn remove<T: Defined>(draft: &mut Draft<'_>, said: Said, name: &str) {
    let all = T::all_mut(draft);
    let id = all.named(name);
    let known = &mut all.list[id as usize];
    if known.definition.take().is_none() {
        return draft.nothing_to_undo(said, format!("there is no {} `{name}` above", T::WHAT));
    }
    known.removed = Some(said);
}

/// Tells of names that nothing defines, and of removed ones that are still named.
pub(super) fn check<T: Defined>(draft: &mut Draft<'_>) {
    let mut removed: BTreeMap<NameId, Vec<Said>> = BTreeMap::new();
    let mut undefined = Vec::new();
    for one in draft.nodes.iter().flat_map(T::used_by) {
        let known = &T::all(draft).list[one.of as usize];
        match (&known.definition, known.removed) {
            (Some(_), _) => {}
            (None, Some(by)) if by.line > one.said.line => {
                removed.entry(one.of).or_default().push(one.said);
            }
            (None, _) => undefined.push(*one),
        }
    }
    undefined.sort_by_key(|one| one.word);
    for (at, one) in undefined.into_iter().enumerate() {
        tell_undefined::<T>(draft, one, at < finish::SUGGESTIONS);
    }
    for (id, mut uses) in removed {
        uses.sort_by_key(|said| said.word);
        if let Some(by) = T::all(draft).list[id as usize].removed {
            finish::still_named(draft, by, &uses);
        }
    }
}

fn tell_undefined<T: Defined>(draft: &mut Draft<'_>, one: Use, suggest: bool) {
    let list = &T::all(draft).list;
    let known = &list[one.of as usize];
    let name = known.name.clone();
    if draft.statements.is_broken(&name) {
        return;
    }
    let removed = known.removed.map(|by| draft.called(by.line));
    let defined = list.iter().filter(|known| known.definition.is_some());
    let near = suggest
        .then(|| nearest(&name, defined.map(|known| &*known.name)))
        .flatten()
        .map(str::to_owned);
    let what = T::WHAT;
    let error = draft.error(one.word, format!("no `{what}` line defines `{name}`"));
    error.label = match removed {
        Some(line) => format!("{line} removed it").into(),
        None => format!("expected the name of a {what}").into(),
    };
    error.help = Some(match near {
        Some(near) => format!("did you mean `{near}`?").into(),
        None => T::remedy(&name).into(),
    });
}

/// What is defined and used nowhere: the line of each, and its name.
pub(super) fn unused<T: Defined>(draft: &Draft<'_>) -> Vec<(Said, Box<str>)> {
    let list = &T::all(draft).list;
    let mut used = vec![false; list.len()];
    for one in draft.nodes.iter().flat_map(T::used_by) {
        used[one.of as usize] = true;
    }
    let unused = list.iter().zip(used).filter(|(_, used)| !used);
    unused
        .filter_map(|(known, _)| Some((known.definition.as_ref()?.said, known.name.clone())))
        .collect()
}
