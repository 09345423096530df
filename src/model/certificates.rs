//! Certificates under construction, and who shows them: names of their own, resolved at the end as ids are.

use std::collections::{BTreeMap, HashMap};

use super::draft::{Draft, Kind, Said, Value};
use super::{Certificate, CertificateFrom, Id, finish};
use crate::language::{Span, nearest};

/// Index of a certificate's name in [`Certificates`].
pub(super) type CertificateId = u32;

/// A certificate that a line lets a listener show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) certificate: CertificateId,
    /// The line, and the listener's id there.
    pub(super) said: Said,
    /// The certificate's name there.
    pub(super) word: Span,
}

#[derive(Debug)]
struct Definition {
    /// The first line that defined it, for the order.
    first: u32,
    said: Said,
    from: CertificateFrom,
}

#[derive(Debug)]
struct Known {
    name: Box<str>,
    definition: Option<Definition>,
    removed: Option<Said>,
}

/// Every name that a `certificate` or `tls` line gave.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    list: Vec<Known>,
    names: HashMap<Box<str>, CertificateId>,
}

impl Certificates {
    /// The certificate of this name, whether anything defines it or not.
    pub(super) fn named(&mut self, name: &str) -> CertificateId {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let id = self.list.len() as CertificateId;
        self.names.insert(name.into(), id);
        self.list.push(Known {
            name: name.into(),
            definition: None,
            removed: None,
        });
        id
    }

    /// The certificates in the order of first definition, and by [`CertificateId`] the place of each among them.
    pub(super) fn done(self) -> (Vec<Certificate>, Vec<Option<u32>>) {
        let mut places = vec![None; self.list.len()];
        let mut defined: Vec<(u32, CertificateId, Certificate)> = (0..)
            .zip(self.list)
            .filter_map(|(id, known)| {
                let Definition { first, from, .. } = known.definition?;
                let name = known.name;
                Some((first, id, Certificate { name, from }))
            })
            .collect();
        defined.sort_by_key(|(first, ..)| *first);
        let mut certificates = Vec::with_capacity(defined.len());
        for (place, (_, id, certificate)) in (0..).zip(defined) {
            places[id as usize] = Some(place);
            certificates.push(certificate);
        }
        (certificates, places)
    }
}

/// Defines a certificate; an earlier definition that differs is overridden.
pub(super) fn define(draft: &mut Draft<'_>, said: Said, name: &str, from: CertificateFrom) {
    let id = draft.certificates.named(name);
    match &mut draft.certificates.list[id as usize].definition {
        Some(before) if before.from == from => {}
        Some(before) => {
            let line = before.said.line;
            (before.said, before.from) = (said, from);
            draft.overridden(line, said.line);
        }
        vacant => {
            *vacant = Some(Definition {
                first: said.line,
                said,
                from,
            });
        }
    }
}

/// Removes a certificate's definition.
pub(super) fn remove(draft: &mut Draft<'_>, said: Said, name: &str) {
    let id = draft.certificates.named(name);
    let known = &mut draft.certificates.list[id as usize];
    if known.definition.take().is_none() {
        return draft.nothing_to_undo(said, format!("there is no certificate `{name}` above"));
    }
    known.removed = Some(said);
}

/// Tells of names that nothing defines, and of removed ones that are still named.
pub(super) fn check(draft: &mut Draft<'_>) {
    let mut removed: BTreeMap<CertificateId, Vec<Said>> = BTreeMap::new();
    let mut undefined = Vec::new();
    for shown in draft.nodes.iter().flat_map(|node| &node.certificates) {
        let known = &draft.certificates.list[shown.certificate as usize];
        match (&known.definition, known.removed) {
            (Some(_), _) => {}
            (None, Some(by)) if by.line > shown.said.line => {
                removed
                    .entry(shown.certificate)
                    .or_default()
                    .push(shown.said);
            }
            (None, _) => undefined.push(*shown),
        }
    }
    undefined.sort_by_key(|shown| shown.word);
    for (at, shown) in undefined.into_iter().enumerate() {
        tell_undefined(draft, shown, at < finish::SUGGESTIONS);
    }
    for (id, mut uses) in removed {
        uses.sort_by_key(|said| said.word);
        if let Some(by) = draft.certificates.list[id as usize].removed {
            finish::still_named(draft, by, &uses);
        }
    }
}

fn tell_undefined(draft: &mut Draft<'_>, shown: Shown, suggest: bool) {
    let known = &draft.certificates.list[shown.certificate as usize];
    let name = known.name.clone();
    if draft.statements.is_broken(&name) {
        return;
    }
    let removed = known.removed.map(|by| draft.called(by.line));
    let defined = draft.certificates.list.iter();
    let defined = defined.filter(|known| known.definition.is_some());
    let near = suggest
        .then(|| nearest(&name, defined.map(|known| &*known.name)))
        .flatten()
        .map(str::to_owned);
    let message = format!("no `certificate` line defines `{name}`");
    let error = draft.error(shown.word, message);
    error.label = match removed {
        Some(line) => format!("{line} removed it").into(),
        None => "expected the name of a certificate".into(),
    };
    error.help = Some(match near {
        Some(near) => format!("did you mean `{near}`?").into(),
        None => format!("define it: `certificate {name} CERT-FILE KEY-FILE`").into(),
    });
}

/// Warns of certificates that nobody shows, of settings without `tls`, and of the port of HTTPS in plain.
pub(super) fn warn(draft: &mut Draft<'_>) {
    let mut used = vec![false; draft.certificates.list.len()];
    let mut idle = Vec::new();
    let mut plain = Vec::new();
    for node in &draft.nodes {
        for shown in &node.certificates {
            used[shown.certificate as usize] = true;
        }
        if !node.certificates.is_empty() {
            continue;
        }
        for setting in &node.settings {
            match setting.value {
                Value::TlsVersions(_) => idle.push((setting.said, "tls-versions")),
                Value::ClientCertificates(_) => idle.push((setting.said, "client-certificates")),
                _ => {}
            }
        }
        if let (Id::Endpoint(at), Some(Kind::Virtual | Kind::Dip), Some(definition)) =
            (&node.id, node.kind(), &node.definition)
        {
            let ports = std::iter::once(at).chain(node.listens.iter().map(|(at, _)| at));
            if ports.into_iter().any(|at| at.port.get() == 443) {
                plain.push((definition.said, node.id.clone()));
            }
        }
    }
    for (said, what) in idle {
        let id = draft.text(said.word);
        let message = format!("`{what}` has no effect: `{id}` does not speak TLS");
        let warning = draft.warning(said.word, message);
        warning.help = Some(format!("write `tls {id} CERTIFICATE`").into());
    }
    if draft.statements.is_behind() {
        return;
    }
    for (said, id) in plain {
        let message = format!("`{id}` listens at port 443 and does not speak TLS");
        let warning = draft.warning(said.word, message);
        warning.label = "clients that come for https are answered in plain".into();
        warning.help = Some(format!("write `tls {id} CERTIFICATE`").into());
    }
    let unused: Vec<(Said, Box<str>)> = draft
        .certificates
        .list
        .iter()
        .zip(used)
        .filter(|(_, used)| !used)
        .filter_map(|(known, _)| Some((known.definition.as_ref()?.said, known.name.clone())))
        .collect();
    for (said, name) in unused {
        let message = format!("the certificate `{name}` is shown nowhere");
        let warning = draft.warning(said.word, message);
        warning.label = "no listener has it".into();
        warning.help = Some(format!("write `tls ID {name}`").into());
    }
}
