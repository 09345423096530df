//! `show certificate`: what is shown to clients of TLS, where, and until when.

use jiff::Timestamp;
use serde::Serialize;

use super::select::near;
use super::table::{Column, Table, numbers, texts, words};
use super::words::{NOTHING, date, iso, maybe};
use super::{CertificateSeen, Scene};

/// The certificate that is named; `None`: all.
pub(super) fn named<'s>(
    scene: &'s Scene,
    name: Option<&str>,
) -> Result<Vec<&'s CertificateSeen>, String> {
    let all = &scene.certificates;
    let Some(name) = name else {
        return Ok(all.iter().collect());
    };
    let found: Vec<_> = all.iter().filter(|c| &*c.name == name).collect();
    match found.is_empty() {
        true => Err(near(
            name,
            "certificate",
            all.iter().map(|c| c.name.to_string()),
        )),
        false => Ok(found),
    }
}

const CERTIFICATES: [Column; 8] = [
    words("Certificate"),
    words("State"),
    words("Until"),
    numbers("Days"),
    texts("Names", 16),
    texts("Shown at", 14),
    words("Key"),
    texts("From", 10),
];

pub(super) fn table(scene: &Scene, some: &[&CertificateSeen]) -> Table {
    let fails = some.iter().any(|c| failed(c).is_some());
    let mut columns = CERTIFICATES.to_vec();
    if fails {
        columns.insert(FAILURE, texts("Not issued", 30));
    }
    let mut table = Table::new(&columns);
    for certificate in some {
        let list = |words: Vec<String>| match words.is_empty() {
            true => NOTHING.to_owned(),
            false => words.join(" "),
        };
        let at = certificate.shown_at.iter().map(|at| at.to_string());
        let mut cells = vec![
            certificate.name.to_string(),
            certificate.state.to_owned(),
            date(scene, certificate.until),
            days(scene, certificate).to_string(),
            list(certificate.names.clone()),
            list(at.collect()),
            certificate.key.to_string(),
            certificate.source.to_string(),
        ];
        if fails {
            let why = failed(certificate).map(|(why, next)| {
                let next = date(scene, next);
                format!("{why}; next try {next}")
            });
            cells.insert(FAILURE, maybe(why));
        }
        table.row(cells);
    }
    table
}

/// Before which column it is told why a certificate was not issued, where one was not.
const FAILURE: usize = 2;

/// Why a certificate was not issued at the last try, and when the next one is.
fn failed(certificate: &CertificateSeen) -> Option<(&str, Timestamp)> {
    let note = certificate.issuing.as_ref()?;
    Some((note.failed.as_deref()?, note.next))
}

/// Whole days left; negative where it has ended.
fn days(scene: &Scene, certificate: &CertificateSeen) -> i64 {
    let left = certificate.until.duration_since(scene.now).as_secs();
    left.div_euclid(86_400)
}

#[derive(Serialize)]
struct CertificateJson<'a> {
    certificate: &'a str,
    state: &'a str,
    not_before: String,
    not_after: String,
    days_left: i64,
    names: &'a [String],
    shown_at: Vec<String>,
    key: &'a str,
    issuer: &'a str,
    source: &'a str,
    blake3: &'a str,
    not_issued: Option<&'a str>,
    next_try: Option<String>,
}

pub(super) fn json(scene: &Scene, some: &[&CertificateSeen]) -> impl Serialize {
    let one = |c: &&CertificateSeen| {
        serde_json::json!(CertificateJson {
            certificate: &c.name,
            state: c.state,
            not_before: iso(c.from),
            not_after: iso(c.until),
            days_left: days(scene, c),
            names: &c.names,
            shown_at: c.shown_at.iter().map(|at| at.to_string()).collect(),
            key: &c.key,
            issuer: &c.issuer,
            source: &c.source,
            blake3: &c.fingerprint,
            not_issued: failed(c).map(|(why, _)| why),
            next_try: c.issuing.as_ref().map(|note| iso(note.next)),
        })
    };
    some.iter().map(one).collect::<Vec<_>>()
}
