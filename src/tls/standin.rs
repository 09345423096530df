//! What is shown until an authority has given a certificate.

use rcgen::{CertificateParams, DnType, KeyPair};

/// A certificate for `domains` that nobody trusts, and its key, both in PEM.
pub(super) fn made(domains: &[Box<str>]) -> Result<(String, String), rcgen::Error> {
    let names: Vec<String> = domains.iter().map(|name| name.to_string()).collect();
    let mut params = CertificateParams::new(names)?;
    let subject = "Signpost's stand-in until an authority answers";
    params.distinguished_name.push(DnType::CommonName, subject);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
