//! TLS towards servers that are probed: the only file here that knows rustls.

use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::words::{Fault, plain};

/// How a handshake is done, made once a process: with `verify` the host's own roots count.
pub(super) fn config(verify: bool) -> Result<Arc<ClientConfig>, Fault> {
    static TAKEN: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    static VERIFIED: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let made = if verify {
        VERIFIED.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            (!roots.is_empty()).then(|| build(Some(roots)))?
        })
    } else {
        TAKEN.get_or_init(|| build(None))
    };
    made.clone()
        .ok_or_else(|| Fault::server("this host has no root certificates to verify with"))
}

/// A handshake that trusts `roots`, or any certificate where there are none.
pub(super) fn build(roots: Option<RootCertStore>) -> Option<Arc<ClientConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().ok()?;
    let mut config = match roots {
        Some(roots) => builder.with_root_certificates(roots).with_no_client_auth(),
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
            .with_no_client_auth(),
    };
    // A resumed session would show no certificate.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(Arc::new(config))
}

/// Shakes hands as a client of `name`, a DNS name or an address.
pub(super) async fn shake_hands(
    stream: TcpStream,
    name: &str,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, Fault> {
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| Fault::server(plain(&format!("`{name}` is no name for TLS"))))?;
    let connected = TlsConnector::from(config).connect(server, stream).await;
    connected.map_err(
        |e| match e.get_ref().and_then(|e| e.downcast_ref::<Error>()) {
            Some(error) => Fault::server(plain(&format!("TLS: {error}"))),
            None => match Fault::exchange(&e) {
                Fault::Server(why) => Fault::server(format!("TLS handshake: {why}")),
                ours @ Fault::Ours(_) => ours,
            },
        },
    )
}

/// Takes any certificate: whoever probes without `verify` asks whether the server answers, not who it is.
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
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
