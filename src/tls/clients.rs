//! Whose certificates clients may show.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::load::{Problem, bytes};

/// Whose certificates clients may show.
#[derive(Clone, Debug)]
pub struct Authorities {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// What tells this way of checking from any other.
    pub(super) scope: [u8; 32],
}

impl Authorities {
    /// Reads the authorities' file, in PEM. `required`: who shows no certificate is turned away.
    ///
    /// # Errors
    /// With the file and what is wrong with it.
    pub fn read(path: &Path, required: bool) -> Result<Authorities, Problem> {
        let text = bytes(path)?;
        let roots = roots(path, &text)?;
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), super::provider());
        let builder = match required {
            true => builder,
            false => builder.allow_unauthenticated(),
        };
        let built = builder.build();
        let verifier =
            built.map_err(|e| Problem::of(path, format!("it cannot be checked by: {e}")))?;
        let mut hash = blake3::Hasher::new();
        hash.update(&[u8::from(required)]);
        hash.update(&text);
        Ok(Authorities {
            verifier,
            scope: *hash.finalize().as_bytes(),
        })
    }
}

fn roots(path: &Path, text: &[u8]) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text) {
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
    Ok(roots)
}
