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
use crate::tls::{Guard, Loaded, Problem, Proofs, Shield, Tickets, alpn};

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

/// What is read of a configuration: what to publish, or what is wrong with every file at fault.
type Read<T> = Result<T, Vec<KeyError>>;

impl Keyring {
    /// Reads every file that `model` names. What an authority has not given yet is stood in for.
    pub(in crate::control) fn prepare(&self, model: &Model, farm: &Arc<Farm>) -> Read<Keys> {
        let before = farm.keys().load();
        let mut errors = Vec::new();
        let mut certificates = Vec::with_capacity(model.certificates.len());
        for certificate in &model.certificates {
            match self.certificate(certificate, before.certificates()) {
                Ok(held) => certificates.push(held),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut shields = HashMap::new();
        for (id, listens, tls) in listeners(model) {
            for nth in &tls.certificates {
                certificates[*nth as usize].shown_at.push(id);
            }
            match self.shield((model, id), tls, &certificates, farm) {
                Ok(None) => {}
                Ok(Some(shield)) => {
                    let shield = Arc::new(shield);
                    let all = std::iter::once(id).chain(listens.iter().copied());
                    shields.extend(all.map(|at| (at, Arc::clone(&shield))));
                }
                Err(error) => errors.push(error),
            }
        }
        match errors.is_empty() {
            true => Ok(Keys {
                shields,
                certificates,
            }),
            false => Err(errors),
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
                Ok(held("acme".into(), loaded))
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

    fn shield(
        &self,
        (model, id): (&Model, Endpoint),
        tls: &Tls,
        certificates: &[Held],
        farm: &Arc<Farm>,
    ) -> Result<Option<Shield>, KeyError> {
        if !tls.is_on() {
            return Ok(None);
        }
        let shown = tls.certificates.iter();
        let authorities = tls.clients.as_ref();
        let authorities = authorities.map(|c| self.folder.join(&*c.authorities));
        let guard = Guard {
            tls,
            certificates: shown
                .map(|nth| Arc::clone(&certificates[*nth as usize].loaded))
                .collect(),
            authorities: authorities.as_deref(),
            protocols: alpn(offers_http2(model, id)),
            proofs: proofs(farm),
            tickets: &self.tickets,
        };
        let shield = Shield::new(guard).map_err(|problem| KeyError {
            of: format!("client-certificates {id}"),
            problem,
        })?;
        Ok(Some(shield))
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
