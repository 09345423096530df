//! `show certificate`: what is shown to clients of TLS, where, and until when.

use serde::Serialize;

use super::select::near;
use super::table::{Column, Table, numbers, texts, words};
use super::words::{NOTHING, date, iso};
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
    let mut table = Table::new(&CERTIFICATES);
    for certificate in some {
        let list = |words: Vec<String>| match words.is_empty() {
            true => NOTHING.to_owned(),
            false => words.join(" "),
        };
        let at = certificate.shown_at.iter().map(|at| at.to_string());
        table.row([
            certificate.name.to_string(),
            certificate.state.to_owned(),
            date(scene, certificate.until),
            days(scene, certificate).to_string(),
            list(certificate.names.clone()),
            list(at.collect()),
            certificate.key.to_string(),
            certificate.source.to_string(),
        ]);
    }
    table
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
        })
    };
    some.iter().map(one).collect::<Vec<_>>()
}
