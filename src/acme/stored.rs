//! Certificates as they are stored: one PEM file of key and chain, so that the two can never be of different orders.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::X509Certificate;

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// The names in it, in lower case and sorted.
    pub(super) names: Vec<Box<str>>,
    pub(super) from: SystemTime,
    pub(super) until: SystemTime,
    /// The BLAKE3 hash of the certificate: what tells it from any other.
    pub(super) fingerprint: [u8; 32],
}

/// What the file at `path` holds; `None`: no certificate that can be read.
pub(super) fn read(path: &Path) -> Option<Stored> {
    of(&fs::read(path).ok()?)
}

/// What the first certificate in a PEM text says.
pub(super) fn of(pem: &[u8]) -> Option<Stored> {
    let mut blocks = Pem::iter_from_buffer(pem).flatten();
    let block = blocks.find(|block| block.label == "CERTIFICATE")?;
    let certificate = block.parse_x509().ok()?;
    let validity = certificate.validity();
    Some(Stored {
        names: names(&certificate),
        from: at(validity.not_before.timestamp()),
        until: at(validity.not_after.timestamp()),
        fingerprint: *blake3::hash(&block.contents).as_bytes(),
    })
}

fn at(unix_s: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(unix_s).unwrap_or(0))
}

fn names(certificate: &X509Certificate<'_>) -> Vec<Box<str>> {
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = alternative.value.general_names.iter();
    let mut names: Vec<Box<str>> = names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
            _ => None,
        })
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn names_and_time_of_a_stored_certificate_are_read_behind_its_key() {
        let names = ["b.example", "A.example"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 4, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let text = key.serialize_pem() + &certificate.pem();
        let stored = of(text.as_bytes()).expect("a certificate");
        assert_eq!(stored.names, ["a.example".into(), "b.example".into()]);
        let days = stored.until.duration_since(stored.from).expect("later");
        assert_eq!(days, Duration::from_secs(90 * 86_400));
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for text in [
            "",
            "garbage",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(of(text.as_bytes()), None, "{text}");
        }
    }
}
