//! What is told of certificates: names that they lack, and how near their end is.

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use tracing::{error, info, warn};

use super::super::files::trust_faults;
use super::read::{Keyring, listeners, of_clients};
use super::{Held, Keys, acme_files};
use crate::model::{CertificateFrom, Endpoint, Model, Ref, Scheme, Tls, Url};
use crate::tls::{Authorities, Loaded, Names};

/// Days before a certificate's end at which it is told.
const AHEAD_DAYS: [i64; 3] = [30, 14, 3];
/// A certificate of an authority is renewed when a third of its life is left. It is told when that third is down to a half, a quarter,
/// a tenth, where this is later.
const LATE: [i64; 3] = [2, 4, 10];
/// Seconds of a day.
const DAY_S: i64 = 86_400;

/// How near its end a certificate is: 0 far, then one more at 30, 14 and 3 days (one that `is_issued` by an authority: later, where its
/// life is short), 4 past it.
fn stage(loaded: &Loaded, is_issued: bool, now_s: i64) -> u8 {
    let left = loaded.not_after_s.saturating_sub(now_s);
    let third = loaded.not_after_s.saturating_sub(loaded.not_before_s) / 3;
    let ahead = AHEAD_DAYS
        .iter()
        .zip(LATE)
        .map(|(days, part)| match is_issued {
            true => (days * DAY_S).min(third / part),
            false => days * DAY_S,
        });
    let passed = ahead.filter(|ahead| left < *ahead);
    passed.count() as u8 + u8::from(left < 0)
}

/// So many seconds in days, or in hours where they are few.
fn span(seconds: i64) -> String {
    match seconds {
        ..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / DAY_S),
    }
}

/// How a certificate stands, in one word: `valid`, `expiring` (within 30 days; one of an authority: its renewal is late), `expired`, `early` (not valid yet), `stand-in`.
pub fn standing_of(held: &Held, now_s: i64) -> &'static str {
    let loaded = &held.loaded;
    if loaded.stands_in {
        return "stand-in";
    }
    match stage(loaded, held.is_issued(), now_s) {
        4.. => "expired",
        _ if now_s < loaded.not_before_s => "early",
        0 => "valid",
        _ => "expiring",
    }
}

impl Keyring {
    /// Tells of every certificate that has come nearer its end than was told; to be called when they are read and now and then.
    pub(in crate::control) fn tell_ends(&mut self, keys: &Keys) {
        let now_s = Timestamp::now().as_second();
        let held = |key: &[u8; 32]| {
            keys.certificates
                .iter()
                .any(|h| h.loaded.fingerprint == *key)
        };
        self.told.retain(|key, _| held(key));
        for held in keys.certificates.iter().filter(|h| !h.loaded.stands_in) {
            let now = stage(&held.loaded, held.is_issued(), now_s);
            let told = self.told.insert(held.loaded.fingerprint, now).unwrap_or(0);
            if now > told {
                tell_end(held, now, now_s);
            }
        }
    }

    /// Tells what should be looked at of certificates that were not in use before.
    pub(in crate::control) fn tell_new(&self, model: &Model, keys: &Keys, before: &Keys) {
        for held in keys.certificates.iter().filter(|h| !h.loaded.stands_in) {
            let known = |b: &&Held| b.loaded.fingerprint == held.loaded.fingerprint;
            if before.certificates.iter().find(known).is_some() {
                continue;
            }
            let (name, until) = (&held.name, date(held.loaded.not_after_s));
            let of = held.loaded.names.all().join(", ");
            info!(
                "certificate {name}: {} for {of}, until {until}",
                held.loaded.algorithm
            );
            for remark in &held.loaded.remarks {
                warn!("certificate {name}: {remark}");
            }
        }
        let names = |nth: u32| {
            keys.certificates
                .get(nth as usize)
                .map(|h| &*h.loaded.names)
        };
        for remark in uncovered(model, names) {
            warn!("{remark}");
        }
    }
}

fn tell_end(held: &Held, stage: u8, now_s: i64) {
    let (name, until) = (&held.name, date(held.loaded.not_after_s));
    let left = span(held.loaded.not_after_s.saturating_sub(now_s));
    let renew = match held.is_issued() {
        true => format!("an authority has not renewed it: `show certificate {name}` says why"),
        false => format!("put its successor into `{}`, then `reload`", held.source),
    };
    match stage {
        0 => {}
        1 | 2 => warn!("certificate {name} ends in {left}, at {until}: {renew}"),
        3 => error!("certificate {name} ends in {left}, at {until}: {renew}"),
        _ => error!("certificate {name} has ended at {until}, clients turn away: {renew}"),
    }
}

fn date(at_s: i64) -> String {
    Timestamp::from_second(at_s).map_or_else(|_| "?".to_owned(), |at| at.to_string())
}

/// The urls that lead clients to a listener whose certificates are not for the host that they name.
fn uncovered<'k>(model: &Model, names: impl Fn(u32) -> Option<&'k Names>) -> Vec<String> {
    let mut found = Vec::new();
    for url in &model.urls {
        let Some((host, port)) = url.template.fixed_authority() else {
            continue;
        };
        if url.template.scheme != Scheme::Https {
            continue;
        }
        let Some((id, tls)) = led_to(model, url, host, port) else {
            continue;
        };
        let covered = |nth: &u32| names(*nth).is_none_or(|names| names.cover(host));
        if tls.is_on() && !tls.certificates.iter().any(covered) {
            found.push(format!(
                "url {} leads clients to `{id}` as `{host}`, which none of its certificates is for: browsers will warn them",
                url.id
            ));
        }
    }
    found
}

/// The virtual or dip that a url leads to: the one it is linked to, or the one that listens where it points.
fn led_to<'m>(model: &'m Model, url: &Url, host: &str, port: u16) -> Option<(Endpoint, &'m Tls)> {
    match url.link {
        Some(Ref::Virtual(n)) => {
            let of = &model.virtuals[n as usize];
            return Some((of.id, &of.tls));
        }
        Some(Ref::Dip(n)) => {
            let of = &model.dips[n as usize];
            return Some((of.id, &of.tls));
        }
        _ => {}
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address: std::net::IpAddr = bare.parse().ok()?;
    let here = |at: &Endpoint| at.address == address && at.port.get() == port;
    let mut all = listeners(model);
    let found = all.find(|(id, listens, _)| here(id) || listens.iter().any(here));
    found.map(|(id, _, tls)| (id, tls))
}

fn refused(fault: impl fmt::Display) -> String {
    format!("{fault}; `serve` refuses to start with it")
}

/// What `check` has to say of the files that a configuration in `folder` names: what `serve` would refuse, and what should be looked at.
pub fn certificate_remarks(model: &Model, folder: &Path) -> Vec<String> {
    let now_s = Timestamp::now().as_second();
    let mut remarks = Vec::new();
    let mut read = Vec::with_capacity(model.certificates.len());
    for certificate in &model.certificates {
        let name = &certificate.name;
        let loaded = match &certificate.from {
            CertificateFrom::Files { chain, key } => {
                Loaded::read(&folder.join(&**chain), &folder.join(&**key))
            }
            CertificateFrom::Acme(domains) => {
                let (chain, key) = acme_files(folder, name);
                Loaded::read(&chain, &key).or_else(|_| Loaded::stand_in(domains))
            }
        };
        match &loaded {
            Err(problem) => remarks.push(refused(format_args!("certificate {name}: {problem}"))),
            Ok(loaded) => {
                let left = span(loaded.not_after_s.saturating_sub(now_s));
                let is_issued = matches!(certificate.from, CertificateFrom::Acme(_));
                let all = loaded.remarks.iter();
                remarks.extend(all.map(|remark| format!("certificate {name}: {remark}")));
                match (loaded.out_of_time(now_s), stage(loaded, is_issued, now_s)) {
                    (Some(why), _) => remarks.push(format!("certificate {name}: {why}")),
                    (None, 1..) => remarks.push(format!("certificate {name} ends in {left}")),
                    (None, _) => {}
                }
            }
        }
        read.push(loaded.ok());
    }
    for (id, _, tls) in listeners(model) {
        if let Some(clients) = &tls.clients {
            let path = folder.join(&*clients.authorities);
            if let Err(problem) = Authorities::read(&path, clients.required) {
                remarks.push(refused(of_clients(id, problem)));
            }
        }
    }
    remarks.extend(trust_faults(model, folder).into_iter().map(refused));
    let names = |nth: u32| read.get(nth as usize)?.as_ref().map(|l| &*l.names);
    remarks.extend(uncovered(model, names));
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stages of a certificate that holds for so many hours, with so many left.
    fn stages(life_h: i64, is_issued: bool, left_h: &[i64]) -> Vec<u8> {
        let mut loaded = Loaded::stand_in(&["a.example".into()]).expect("made");
        (loaded.not_before_s, loaded.not_after_s) = (0, life_h * 3_600);
        let at = |left: &i64| stage(&loaded, is_issued, (life_h - left) * 3_600);
        left_h.iter().map(at).collect()
    }

    #[test]
    fn a_certificate_of_an_authority_is_told_once_its_renewal_is_late() {
        // Six days are renewed with 48 hours left.
        assert_eq!(
            stages(144, true, &[144, 48, 24, 23, 12, 11, 5, 4, 0, -1]),
            [0, 0, 0, 1, 1, 2, 2, 3, 3, 4]
        );
        // Ninety days with thirty left.
        assert_eq!(
            stages(90 * 24, true, &[30 * 24 - 1, 15 * 24 - 1, 7 * 24, 71]),
            [0, 1, 2, 3]
        );
        // Of ten years a third is too long ahead.
        assert_eq!(stages(87_600, true, &[721, 719]), [0, 1]);
    }

    #[test]
    fn a_certificate_of_the_operators_is_told_by_the_calendar() {
        assert_eq!(
            stages(2_160, false, &[721, 719, 335, 71, -1]),
            [0, 1, 2, 3, 4]
        );
    }

    #[test]
    fn few_hours_are_told_as_hours() {
        assert_eq!([span(7_200), span(172_800)], ["2 hours", "2 days"]);
    }
}
