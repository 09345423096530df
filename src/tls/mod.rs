//! Keys and certificates: rustls behind one door.
//!
//! Turns certificate files into what listeners and clients of servers shake hands with, and tells what a handshake settled. Enter at
//! [`Loaded::read`] for a certificate, at [`Shield`] for how a listener shakes hands, at [`Session`] for one connection, whose bytes its owner moves, at
//! [`Secure`] for what it settled, and at [`client`] for servers: whom to trust, and connections to them.
//!
//! Deliberately unknown here: sockets, who is asked, what the configuration calls a certificate.

#[cfg(feature = "tls")]
mod clients;
#[cfg(feature = "tls")]
mod fault;
#[cfg(feature = "tls")]
mod load;
mod names;
mod secure;
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
mod shield;
#[cfg(feature = "tls")]
mod standin;
#[cfg(feature = "tls")]
mod tickets;
#[cfg(not(feature = "tls"))]
mod without;

pub mod client;

pub use client::TrustError;

#[cfg(feature = "tls")]
pub use clients::Authorities;
#[cfg(feature = "tls")]
pub use fault::Fault;
#[cfg(feature = "tls")]
pub use load::{Loaded, Problem};
pub use names::Names;
pub use secure::Secure;
#[cfg(feature = "tls")]
pub use session::{Session, Spoken};
#[cfg(feature = "tls")]
pub use shield::{Guard, Proofs, Shield, alpn};
#[cfg(feature = "tls")]
pub use tickets::Tickets;
#[cfg(not(feature = "tls"))]
pub use without::*;

/// The protocol by which a certificate authority asks for a proof (RFC 8737 §3).
#[cfg(feature = "tls")]
pub(crate) const ACME: &[u8] = b"acme-tls/1";

/// The one provider of cryptography, made once.
///
/// Suites that hash with SHA-256 come first: SHA-384 has no instructions of its own on today's processors, and costs a full handshake
/// an eighth of its time (docs/front.md).
#[cfg(feature = "tls")]
pub(crate) fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    use rustls::CipherSuite;
    use rustls::crypto::{CryptoProvider, aws_lc_rs};
    use std::sync::{Arc, OnceLock};
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let made = PROVIDER.get_or_init(|| {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.sort_by_key(|suite| {
            matches!(
                suite.suite(),
                CipherSuite::TLS13_AES_256_GCM_SHA384
                    | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
                    | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
            )
        });
        Arc::new(provider)
    });
    Arc::clone(made)
}
