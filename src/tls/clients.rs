//! Whose certificates clients may show.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::load::{Problem, bytes};

/// How the certificates of clients are checked, and what tells this way from any other.
pub(super) fn verifier(
    path: &Path,
    required: bool,
) -> Result<(Arc<dyn ClientCertVerifier>, [u8; 32]), Problem> {
    let text = bytes(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|e| Problem::pem(path, &e))?;
        let added = roots.add(certificate);
        added.map_err(|e| {
            Problem::of(
                path,
                format!("an authority's certificate in it cannot be used: {e}"),
            )
        })?;
    }
    if roots.is_empty() {
        let why = "no certificate is in it; put the authorities' there, in PEM";
        return Err(Problem::of(path, why.to_owned()));
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), super::provider());
    let builder = match required {
        true => builder,
        false => builder.allow_unauthenticated(),
    };
    let built = builder.build();
    let built = built.map_err(|e| Problem::of(path, format!("it cannot be checked by: {e}")))?;
    let mut hash = blake3::Hasher::new();
    hash.update(&[u8::from(required)]);
    hash.update(&text);
    Ok((built, *hash.finalize().as_bytes()))
}
