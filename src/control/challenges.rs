//! Proofs that a certificate authority asks for, published to the workers (ACME, RFC 8555 §8).

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// A certificate that proves a name by TLS-ALPN-01 (RFC 8737 §3), both in DER.
#[derive(Debug)]
pub struct AlpnProof {
    /// The certificate with the `acmeIdentifier` extension.
    pub certificate: Vec<u8>,
    /// Its private key, PKCS #8.
    pub key: Vec<u8>,
}

/// What is to be shown to whoever asks on behalf of a certificate authority. Nearly always empty.
#[derive(Debug, Default)]
pub struct Challenges {
    http: ArcSwap<HashMap<Box<str>, Arc<str>>>,
    alpn: ArcSwap<HashMap<Box<str>, Arc<AlpnProof>>>,
}

impl Challenges {
    /// Answers `GET /.well-known/acme-challenge/TOKEN` with `answer` (RFC 8555 §8.3), or no longer.
    pub fn http(&self, token: &str, answer: Option<&str>) {
        self.http.rcu(|now| {
            let mut next = HashMap::clone(now);
            match answer {
                Some(answer) => next.insert(token.into(), answer.into()),
                None => next.remove(token),
            };
            next
        });
    }

    /// Shows `proof` to whoever asks for `domain`, in lower case, with ALPN `acme-tls/1`, or no longer.
    pub fn alpn(&self, domain: &str, proof: Option<&Arc<AlpnProof>>) {
        self.alpn.rcu(|now| {
            let mut next = HashMap::clone(now);
            match proof {
                Some(proof) => next.insert(domain.into(), Arc::clone(proof)),
                None => next.remove(domain),
            };
            next
        });
    }

    /// What a token is answered with.
    pub fn answer(&self, token: &str) -> Option<Arc<str>> {
        self.http.load().get(token).cloned()
    }

    /// What proves a domain.
    pub fn proof(&self, domain: &str) -> Option<Arc<AlpnProof>> {
        self.alpn.load().get(domain).cloned()
    }

    /// Whether no HTTP proof is asked for at the moment.
    pub fn is_empty(&self) -> bool {
        self.http.load().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_shown_until_it_is_taken_back() {
        let challenges = Challenges::default();
        assert!(challenges.is_empty());
        challenges.http("token", Some("token.print"));
        assert_eq!(challenges.answer("token").as_deref(), Some("token.print"));
        assert_eq!(challenges.answer("other"), None);
        challenges.http("token", None);
        assert!(challenges.is_empty());
        let proof = Arc::new(AlpnProof {
            certificate: vec![1],
            key: vec![2],
        });
        challenges.alpn("a.example", Some(&proof));
        let shown = challenges.proof("a.example").map(|p| p.certificate.clone());
        assert_eq!(shown, Some(vec![1]));
        challenges.alpn("a.example", None);
        assert!(challenges.proof("a.example").is_none());
    }
}
