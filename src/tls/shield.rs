//! How a listener shakes hands, and which certificate it shows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use super::tickets::Scoped;
use super::{ACME, Authorities, Loaded, Names, Problem, Secure, Tickets};
use crate::model::{Tls, TlsVersion};

/// What proves a domain to a certificate authority (RFC 8737 §3), both in DER: the certificate, and its key in PKCS #8. Asked in lower case, and rarely.
pub type Proofs = Arc<dyn Fn(&str) -> Option<(Vec<u8>, Vec<u8>)> + Send + Sync>;

/// What a listener is to shake hands by.
pub struct Guard<'a> {
    /// As configured.
    pub tls: &'a Tls,
    /// In the order of `tls`; the first is for whoever asks for no name of them. One at least.
    pub certificates: Vec<Arc<Loaded>>,
    /// Whose certificates clients are asked for.
    pub authorities: Option<&'a Authorities>,
    /// What the listener speaks above TLS, as [`alpn`] says.
    pub protocols: Vec<Vec<u8>>,
    /// What proves a domain.
    pub proofs: Proofs,
    /// The keys of its tickets.
    pub tickets: &'a Arc<Tickets>,
}

/// The protocols that a listener offers, the preferred one first. The one place that says so.
pub fn alpn(http2: bool) -> Vec<Vec<u8>> {
    let h2 = http2.then(|| b"h2".to_vec());
    h2.into_iter()
        .chain([b"http/1.1".to_vec(), ACME.to_vec()])
        .collect()
}

/// How a listener shakes hands: shared by all its connections, replaced whole.
pub struct Shield {
    pub(super) config: Arc<ServerConfig>,
    pub(super) shown: Arc<Chooser>,
}

impl fmt::Debug for Shield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificates = self.shown.list.len();
        f.debug_struct("Shield")
            .field("certificates", &certificates)
            .finish_non_exhaustive()
    }
}

impl Shield {
    /// Makes it ready.
    ///
    /// # Errors
    /// Where the provider of cryptography lacks what it needs.
    pub fn new(guard: Guard<'_>) -> Result<Shield, Problem> {
        let shown = Arc::new(Chooser::new(&guard.certificates, guard.proofs));
        let versions: &[_] = match guard.tls.least {
            TlsVersion::V12 => &[&TLS13, &TLS12],
            TlsVersion::V13 => &[&TLS13],
        };
        let builder = ServerConfig::builder_with_provider(super::provider());
        let builder = builder.with_protocol_versions(versions);
        let builder = builder.map_err(|e| Problem::of(Path::new("(TLS)"), e.to_string()))?;
        let mut hash = blake3::Hasher::new();
        hash.update(guard.tls.least.as_str().as_bytes());
        let builder = match guard.authorities {
            Some(authorities) => {
                hash.update(&authorities.scope);
                builder.with_client_cert_verifier(Arc::clone(&authorities.verifier))
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(&shown) as _);
        config.alpn_protocols = guard.protocols;
        // What sessions need is in their tickets: nothing is kept here, and nothing locked.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Arc::new(Scoped {
            tickets: Arc::clone(guard.tickets),
            scope: *hash.finalize().as_bytes(),
        });
        config.send_tls13_tickets = 1;
        // Clients name the suite first that costs us most.
        config.ignore_client_order = true;
        Ok(Shield {
            config: Arc::new(config),
            shown,
        })
    }

    /// Whether one of its certificates is for `host`.
    pub fn covers(&self, host: &str) -> bool {
        self.shown.list.iter().any(|shown| shown.names.cover(host))
    }
}

/// A certificate that is shown, and what a connection that it was shown to is secured by.
pub(super) struct Shown {
    key: Arc<CertifiedKey>,
    pub(super) names: Arc<Names>,
    /// To whoever asked for one of its names.
    pub(super) named: Arc<Secure>,
    /// To whoever asked for none.
    pub(super) nameless: Arc<Secure>,
}

impl Shown {
    fn new(loaded: &Loaded) -> Shown {
        Shown {
            key: Arc::clone(&loaded.key),
            names: Arc::clone(&loaded.names),
            named: Arc::new(Secure {
                names: Some(Arc::clone(&loaded.names)),
                ..Secure::default()
            }),
            nameless: Arc::new(Secure::default()),
        }
    }
}

/// Chooses by the name that a client asks for.
pub(super) struct Chooser {
    pub(super) list: Vec<Shown>,
    exact: HashMap<Box<str>, usize>,
    wildcards: HashMap<Box<str>, usize>,
    proofs: Proofs,
}

impl fmt::Debug for Chooser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chooser")
            .field("certificates", &self.list.len())
            .finish_non_exhaustive()
    }
}

impl Chooser {
    fn new(certificates: &[Arc<Loaded>], proofs: Proofs) -> Chooser {
        let mut chooser = Chooser {
            list: certificates.iter().map(|c| Shown::new(c)).collect(),
            exact: HashMap::new(),
            wildcards: HashMap::new(),
            proofs,
        };
        for (nth, loaded) in certificates.iter().enumerate() {
            // The first that has a name keeps it.
            for name in loaded.names.exact() {
                chooser.exact.entry(name.into()).or_insert(nth);
            }
            for rest in loaded.names.wildcards() {
                chooser.wildcards.entry(rest.into()).or_insert(nth);
            }
        }
        chooser
    }

    /// The certificate for `name`: its own, a wildcard's, else the first.
    pub(super) fn choose(&self, name: Option<&str>) -> Option<&Shown> {
        let nth = name.and_then(|name| {
            let name = lower(name);
            let wildcard = || self.wildcards.get(name.split_once('.')?.1);
            self.exact.get(&*name).or_else(wildcard).copied()
        });
        self.list.get(nth.unwrap_or(0))
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    match name.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

/// Whether an authority asks for a proof: it offers that protocol and no other (RFC 8737 §3).
fn asks_for_proof(hello: &ClientHello<'_>) -> bool {
    let Some(mut offered) = hello.alpn() else {
        return false;
    };
    offered.next() == Some(ACME) && offered.next().is_none()
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        if asks_for_proof(&hello) {
            let (certificate, key) = (self.proofs)(&lower(name?))?;
            let key = PrivateKeyDer::Pkcs8(key.into());
            let key = super::provider().key_provider.load_private_key(key).ok()?;
            let chain = vec![CertificateDer::from(certificate)];
            return Some(Arc::new(CertifiedKey::new(chain, key)));
        }
        Some(Arc::clone(&self.choose(name)?.key))
    }
}
