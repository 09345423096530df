//! Reading what a configuration names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tracing::{error, warn};

use super::super::Farm;
use super::{KeyError, Keys, TicketKept, acme_files};
use crate::decide::Millis;
use crate::model::{Certificate, CertificateFrom, Endpoint, Model, Tls};
use crate::tls::{Authorities, Guard, Loaded, Problem, Proofs, Shield, Tickets, alpn};

/// A certificate as it is in use.
#[derive(Clone, Debug)]
pub struct Held {
    /// What the configuration calls it.
    pub name: Box<str>,
    /// Where it comes from, in words for the operator: a path or `acme`.
    pub source: Box<str>,
    /// What was read.
    pub loaded: Arc<Loaded>,
    /// The virtuals and dips that show it.
    pub shown_at: Vec<Endpoint>,
}

impl Held {
    /// Whether it comes from an authority.
    pub fn is_issued(&self) -> bool {
        *self.source == *ISSUED
    }
}

/// Where a certificate of an authority comes from, in a word.
const ISSUED: &str = "acme";

/// What reading needs and what outlives a configuration.
#[derive(Debug)]
pub(in crate::control) struct Keyring {
    /// The folder of the startup configuration.
    pub(in crate::control) folder: PathBuf,
    pub(in crate::control) tickets: Arc<Tickets>,
    /// When the keys of tickets are to be changed next.
    rotates_at: Millis,
    /// How near the end of each certificate was told, by its fingerprint.
    pub(super) told: HashMap<[u8; 32], u8>,
    /// Something has been served already.
    pub(in crate::control) started: bool,
}

impl Default for Keyring {
    fn default() -> Keyring {
        Keyring {
            folder: PathBuf::new(),
            tickets: Tickets::new(),
            rotates_at: Millis(ROTATED_MS),
            told: HashMap::new(),
            started: false,
        }
    }
}

/// How long a key of tickets seals, in milliseconds.
const ROTATED_MS: u64 = Tickets::rotated_s() as u64 * 1_000;

impl Keyring {
    /// Reads by what holds now.
    pub(in crate::control) fn reader(&self, farm: &Arc<Farm>) -> KeyReader {
        KeyReader {
            folder: self.folder.clone(),
            tickets: Arc::clone(&self.tickets),
            started: self.started,
            farm: Arc::clone(farm),
        }
    }

    /// Changes the keys of tickets where it is time to; to be called now and then.
    pub(in crate::control) fn rotate(&mut self, now: Millis) {
        if now.0 >= self.rotates_at.0 {
            self.rotates_at = Millis(now.0 + ROTATED_MS);
            self.tickets.rotate();
        }
    }

    /// The keys of tickets, for a process that takes over from this one.
    pub(in crate::control) fn ticket_keys(&self) -> Vec<TicketKept> {
        self.tickets.keep()
    }

    /// In how many milliseconds they are to be changed.
    pub(in crate::control) fn rotates_in_ms(&self, now: Millis) -> u64 {
        self.rotates_at.0.saturating_sub(now.0)
    }

    /// Goes on with the keys of another process, which were to be changed in so many milliseconds.
    pub(in crate::control) fn resume_tickets(
        &mut self,
        kept: &[TicketKept],
        rotates_in_ms: Option<u64>,
        now: Millis,
    ) {
        self.tickets.resume(kept);
        let left = rotates_in_ms.unwrap_or(ROTATED_MS).min(ROTATED_MS);
        self.rotates_at = Millis(now.0 + left);
    }
}

/// What is read of a configuration: what to publish, or what is wrong with every file at fault.
type Read<T> = Result<T, Vec<KeyError>>;

/// Which files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// Every one.
    All,
    /// Those that authorities issued: the operator's own may be changed half at that time, and nobody asked for them.
    Issued,
}

/// Reads what a configuration names, apart from the writer.
#[derive(Debug)]
pub(in crate::control) struct KeyReader {
    pub(in crate::control) folder: PathBuf,
    tickets: Arc<Tickets>,
    started: bool,
    pub(in crate::control) farm: Arc<Farm>,
}

impl KeyReader {
    /// Reads every file that `model` names. What an authority has not given yet is stood in for.
    pub(in crate::control) fn all(&self, model: &Model) -> Read<Keys> {
        self.read(model, Which::All)
    }

    /// Reads what authorities issued for `model`, which runs; all else stays as it is in use.
    pub(in crate::control) fn issued(&self, model: &Model) -> Read<Keys> {
        self.read(model, Which::Issued)
    }

    fn read(&self, model: &Model, which: Which) -> Read<Keys> {
        let before = self.farm.keys().load();
        let mut errors = Vec::new();
        let mut certificates = Vec::with_capacity(model.certificates.len());
        for certificate in &model.certificates {
            let kept = match (which, &certificate.from) {
                (Which::Issued, CertificateFrom::Files { .. }) => before.kept(&certificate.name),
                _ => None,
            };
            let held =
                kept.map_or_else(|| self.certificate(certificate, before.certificates()), Ok);
            match held {
                Ok(held) => certificates.push(held),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut shields = HashMap::new();
        let mut clients = HashMap::new();
        for (id, listens, tls) in listeners(model) {
            for nth in &tls.certificates {
                certificates[*nth as usize].shown_at.push(id);
            }
            let kept = before.clients.get(&id).filter(|_| which == Which::Issued);
            match self.authorities(tls, kept) {
                Ok(None) => {}
                Ok(Some(authorities)) => drop(clients.insert(id, authorities)),
                Err(problem) => {
                    errors.push(of_clients(id, problem));
                    continue;
                }
            }
            match self.shield((model, id), tls, (&certificates, clients.get(&id))) {
                Ok(None) => {}
                Ok(Some(shield)) => {
                    let shield = Arc::new(shield);
                    let all = std::iter::once(id).chain(listens.iter().copied());
                    shields.extend(all.map(|at| (at, Arc::clone(&shield))));
                }
                Err(problem) => errors.push(of_clients(id, problem)),
            }
        }
        match errors.is_empty() {
            true => Ok(Keys {
                shields,
                certificates,
                clients,
            }),
            false => Err(errors),
        }
    }

    fn certificate(&self, certificate: &Certificate, before: &[Held]) -> Result<Held, KeyError> {
        let name = &certificate.name;
        let held = |source: Box<str>, loaded| Held {
            name: name.clone(),
            source,
            loaded,
            shown_at: Vec::new(),
        };
        let failed = |problem| KeyError {
            of: format!("certificate {name}"),
            problem,
        };
        match &certificate.from {
            CertificateFrom::Files { chain, key } => {
                let (chain, key) = (self.folder.join(&**chain), self.folder.join(&**key));
                let loaded = Loaded::read(&chain, &key).map_err(failed)?;
                self.in_time(&loaded, before, &chain).map_err(failed)?;
                Ok(held(chain.display().to_string().into(), Arc::new(loaded)))
            }
            CertificateFrom::Acme(domains) => {
                let loaded = self.by_acme(name, domains, before).map_err(failed)?;
                Ok(held(ISSUED.into(), loaded))
            }
        }
    }

    /// A certificate whose time is over or has not come does not come into force; one that runs goes on, and a director starts with what there is.
    fn in_time(&self, loaded: &Loaded, before: &[Held], chain: &Path) -> Result<(), Problem> {
        let runs = before
            .iter()
            .any(|held| held.loaded.fingerprint == loaded.fingerprint);
        match loaded.out_of_time(Timestamp::now().as_second()) {
            Some(why) if self.started && !runs => Err(Problem {
                path: chain.to_owned(),
                why: why.to_owned(),
                missing: false,
            }),
            _ => Ok(()),
        }
    }

    /// What an authority gave; until then, and where its files are broken, what was in use before or a stand-in.
    fn by_acme(
        &self,
        name: &str,
        domains: &[Box<str>],
        before: &[Held],
    ) -> Result<Arc<Loaded>, Problem> {
        let (chain, key) = acme_files(&self.folder, name);
        let problem = match Loaded::read(&chain, &key) {
            Ok(loaded) => return Ok(Arc::new(loaded)),
            Err(problem) => problem,
        };
        if !problem.missing {
            error!(
                "certificate {name}: {problem}; it is not used, an authority is asked for another"
            );
        }
        let before = before.iter().find(|held| *held.name == *name);
        let before = before.filter(|h| domains.iter().all(|d| h.loaded.names.cover(d)));
        if let Some(before) = before {
            return Ok(Arc::clone(&before.loaded));
        }
        warn!(
            "certificate {name}: no authority has given it yet; until then a self-signed stand-in is shown, which clients do not trust"
        );
        Loaded::stand_in(domains).map(Arc::new)
    }

    /// Whose certificates the clients of a listener are asked for; those that are `kept` instead of reading them.
    fn authorities(
        &self,
        tls: &Tls,
        kept: Option<&Authorities>,
    ) -> Result<Option<Authorities>, Problem> {
        match &tls.clients {
            Some(clients) if tls.is_on() => match kept {
                Some(kept) => Ok(Some(kept.clone())),
                None => {
                    let path = self.folder.join(&*clients.authorities);
                    Authorities::read(&path, clients.required).map(Some)
                }
            },
            _ => Ok(None),
        }
    }

    fn shield(
        &self,
        (model, id): (&Model, Endpoint),
        tls: &Tls,
        (certificates, authorities): (&[Held], Option<&Authorities>),
    ) -> Result<Option<Shield>, Problem> {
        if !tls.is_on() {
            return Ok(None);
        }
        let shown = tls.certificates.iter();
        let guard = Guard {
            tls,
            certificates: shown
                .map(|nth| Arc::clone(&certificates[*nth as usize].loaded))
                .collect(),
            authorities,
            protocols: alpn(offers_http2(model, id)),
            proofs: proofs(&self.farm),
            tickets: &self.tickets,
        };
        Shield::new(guard).map(Some)
    }
}

impl Keys {
    /// A certificate as it is in use, to be shown anew.
    fn kept(&self, name: &str) -> Option<Held> {
        let held = self.certificates.iter().find(|held| *held.name == *name)?;
        Some(Held {
            shown_at: Vec::new(),
            ..held.clone()
        })
    }
}

pub(super) fn of_clients(id: Endpoint, problem: Problem) -> KeyError {
    KeyError {
        of: format!("client-certificates {id}"),
        problem,
    }
}

/// Whether clients of TLS at a virtual or dip are offered HTTP/2. The one place that decides it.
fn offers_http2(model: &Model, id: Endpoint) -> bool {
    let virtuals = model.virtuals.iter().map(|v| (v.id, v.http2));
    let mut all = virtuals.chain(model.dips.iter().map(|d| (d.id, d.http2)));
    all.any(|(at, http2)| at == id && http2)
}

/// Every virtual and dip: its id, where else it listens, and how.
pub(super) fn listeners(
    model: &Model,
) -> impl Iterator<Item = (Endpoint, &Vec<Endpoint>, &Tls)> + use<'_> {
    let virtuals = model.virtuals.iter().map(|v| (v.id, &v.listens, &v.tls));
    virtuals.chain(model.dips.iter().map(|d| (d.id, &d.listens, &d.tls)))
}

/// The proofs that are laid out for certificate authorities.
fn proofs(farm: &Arc<Farm>) -> Proofs {
    // The farm holds what holds this.
    let farm = Arc::downgrade(farm);
    Arc::new(move |domain| {
        let proof = farm.upgrade()?.challenges().proof(domain)?;
        Some((proof.certificate.clone(), proof.key.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_tickets_are_as_old_after_another_process_has_taken_over() {
        let mut before = Keyring::default();
        let first = before.ticket_keys();
        before.rotate(Millis(ROTATED_MS - 1));
        assert_eq!(before.ticket_keys(), first);
        before.rotate(Millis(ROTATED_MS));
        let second = before.ticket_keys();
        assert_ne!(second, first);

        let left = before.rotates_in_ms(Millis(ROTATED_MS + 600));
        assert_eq!(left, ROTATED_MS - 600);
        let mut after = Keyring::default();
        after.resume_tickets(&second, Some(left), Millis(5));
        after.rotate(Millis(left + 4));
        assert_eq!(after.ticket_keys(), second);
        after.rotate(Millis(left + 5));
        assert_ne!(after.ticket_keys(), second);

        // What a process of another release may say, or leave out.
        for said in [None, Some(u64::MAX)] {
            let mut after = Keyring::default();
            after.resume_tickets(&second, said, Millis(5));
            after.rotate(Millis(ROTATED_MS + 4));
            assert_eq!(after.ticket_keys(), second);
            after.rotate(Millis(ROTATED_MS + 5));
            assert_ne!(after.ticket_keys(), second);
        }
    }
}
