//! Hands shaken with servers, by rustls.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Check, Fault, Sessions, TrustError};
use crate::tls::load::{pem_fault, regular};

/// A connection to a server, once hands are shaken.
pub type Stream = TlsStream<TcpStream>;

/// Certificate authorities of one file.
#[derive(Debug)]
pub struct Anchors {
    roots: Arc<RootCertStore>,
    digest: blake3::Hash,
}

/// The authorities of a file; the very same as `before` where it did not change.
pub(super) fn read(file: &Path, before: Option<&Arc<Anchors>>) -> Result<Arc<Anchors>, TrustError> {
    parse(file, before).map_err(|why| TrustError::File {
        path: file.display().to_string().into(),
        why,
    })
}

fn parse(file: &Path, before: Option<&Arc<Anchors>>) -> Result<Arc<Anchors>, Box<str>> {
    let bytes = regular(file).map_err(|e| e.to_string())?;
    let digest = blake3::hash(&bytes);
    if let Some(before) = before.filter(|before| before.digest == digest) {
        return Ok(Arc::clone(before));
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|e| pem_fault(&e))?;
        let added = roots.add(certificate);
        added.map_err(|e| format!("a certificate in it is none of an authority: {e}"))?;
    }
    if roots.is_empty() {
        return Err("it holds no certificate in PEM".into());
    }
    Ok(Arc::new(Anchors {
        roots: Arc::new(roots),
        digest,
    }))
}

/// Makes sure of the host's own authorities.
pub(super) fn has_host() -> Result<(), TrustError> {
    host_roots().map(drop).ok_or(TrustError::Host)
}

/// The host's own certificate authorities, read once a process.
fn host_roots() -> Option<Arc<RootCertStore>> {
    static ROOTS: OnceLock<Option<Arc<RootCertStore>>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        (!roots.is_empty()).then(|| Arc::new(roots))
    });
    roots.clone()
}

/// Shakes hands with one server.
#[derive(Clone, Debug)]
pub struct Connector {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Connector {
    /// A connector to whoever is called `name`, a DNS name (which is what the server is told to be asked for) or an address (it is
    /// told nothing then), that speaks one of these protocols by ALPN.
    ///
    /// # Errors
    /// A name that is neither, or a host without certificate authorities.
    pub fn new(
        name: &str,
        check: &Check,
        protocols: &[&str],
        sessions: Sessions,
    ) -> Result<Connector, Fault> {
        let server = ServerName::try_from(name.to_owned());
        let name = server.map_err(|_| Fault::Ours(format!("`{name}` is no name for TLS")))?;
        let roots = match check {
            Check::Off => None,
            Check::By(anchors) => Some(Arc::clone(&anchors.roots)),
            Check::Host => Some(host_roots().ok_or_else(|| {
                Fault::Ours("this host has no root certificates to verify with".to_owned())
            })?),
        };
        let config = build(roots, protocols, sessions);
        let config = config.ok_or_else(|| Fault::Ours("no version of TLS".to_owned()))?;
        Ok(Connector {
            config: Arc::new(config),
            name,
        })
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// Where that fails.
    pub async fn connect(&self, stream: TcpStream) -> Result<Stream, Fault> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let shaken = connector.connect(self.name.clone(), stream).await;
        shaken.map_err(
            |e| match e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
                Some(error) => Fault::Tls(error.to_string()),
                None => Fault::Io(e),
            },
        )
    }
}

/// The protocol that both sides agreed upon (ALPN), if any.
pub fn protocol(stream: &Stream) -> Option<&[u8]> {
    stream.get_ref().1.alpn_protocol()
}

/// The socket below.
pub fn socket(stream: &Stream) -> &TcpStream {
    stream.get_ref().0
}

/// Sessions that one connector keeps: of each server a few tickets are enough.
const SESSIONS: usize = 8;

fn build(
    roots: Option<Arc<RootCertStore>>,
    protocols: &[&str],
    sessions: Sessions,
) -> Option<ClientConfig> {
    let provider = crate::tls::provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().ok()?;
    let mut config = match roots {
        Some(roots) => builder.with_root_certificates(roots).with_no_client_auth(),
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
            .with_no_client_auth(),
    };
    config.resumption = match sessions {
        Sessions::Fresh => Resumption::disabled(),
        Sessions::Resumed => Resumption::in_memory_sessions(SESSIONS),
    };
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    Some(config)
}

/// Takes any certificate: whoever connects without checking asks whether the server answers, not who it is.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
