//! Proofs while the authority looks at them.

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};

use super::order::Failed;
use crate::control::{AlpnProof, Farm};

/// A proof that is shown until dropped.
pub(super) struct Shown<'a> {
    farm: &'a Farm,
    what: What,
}

enum What {
    Http { token: Box<str> },
    Alpn { domain: Box<str> },
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        match &self.what {
            What::Http { token } => self.farm.challenges().http(token, None),
            What::Alpn { domain } => self.farm.challenges().alpn(domain, None),
        }
    }
}

/// Has `answer` given to whoever asks for `token` (HTTP-01, RFC 8555 §8.3).
pub(super) fn http<'a>(farm: &'a Farm, token: &str, answer: &str) -> Shown<'a> {
    farm.challenges().http(token, Some(answer));
    let what = What::Http {
        token: token.into(),
    };
    Shown { farm, what }
}

/// Has a certificate shown that holds `digest`, the SHA-256 of the key authorization (TLS-ALPN-01, RFC 8737 §3).
pub(super) fn alpn<'a>(farm: &'a Farm, domain: &str, digest: &[u8]) -> Result<Shown<'a>, Failed> {
    let made = || -> Result<AlpnProof, rcgen::Error> {
        let mut params = CertificateParams::new(vec![domain.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(AlpnProof {
            certificate: certificate.der().to_vec(),
            key: key.serialize_der(),
        })
    };
    let proof =
        made().map_err(|e| Failed::Told(format!("no proof for `{domain}` can be made: {e}")))?;
    farm.challenges().alpn(domain, Some(&Arc::new(proof)));
    let what = What::Alpn {
        domain: domain.into(),
    };
    Ok(Shown { farm, what })
}
