//! Why a handshake came to nothing, from one closed list.

use rustls::{AlertDescription, Error, PeerIncompatible};

/// Why a handshake came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// What came is no TLS.
    Malformed,
    /// No version in common.
    Version,
    /// No cipher suite, group or signature in common.
    Algorithms,
    /// No application protocol in common (RFC 7301 §3.2).
    Protocol,
    /// The client's certificate is missing or does not hold.
    ClientCertificate,
    /// The client does not take our certificate.
    Rejected,
    /// The client broke it off by another alert.
    Alert,
    /// A proof for an authority was asked for that there is not (RFC 8737).
    NoProof,
    /// It took too long.
    Slow,
    /// The client went away in the middle of it.
    Ended,
    /// It failed here.
    Ours,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 11] = [
        Fault::Malformed,
        Fault::Version,
        Fault::Algorithms,
        Fault::Protocol,
        Fault::ClientCertificate,
        Fault::Rejected,
        Fault::Alert,
        Fault::NoProof,
        Fault::Slow,
        Fault::Ended,
        Fault::Ours,
    ];

    /// The word, as counts and logs have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::Malformed => "tls-malformed",
            Fault::Version => "tls-version",
            Fault::Algorithms => "tls-algorithms",
            Fault::Protocol => "tls-protocol",
            Fault::ClientCertificate => "tls-client-certificate",
            Fault::Rejected => "tls-rejected",
            Fault::Alert => "tls-alert",
            Fault::NoProof => "tls-no-proof",
            Fault::Slow => "tls-slow",
            Fault::Ended => "tls-ended",
            Fault::Ours => "tls-failed",
        }
    }

    pub(super) fn of(error: &Error) -> Fault {
        match error {
            Error::NoApplicationProtocol => Fault::Protocol,
            Error::NoCertificatesPresented | Error::InvalidCertificate(_) => {
                Fault::ClientCertificate
            }
            Error::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Fault::Version,
            Error::PeerIncompatible(_) => Fault::Algorithms,
            Error::AlertReceived(
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA,
            ) => Fault::Rejected,
            Error::AlertReceived(_) => Fault::Alert,
            // The resolver showed nothing.
            Error::General(_) => Fault::NoProof,
            Error::FailedToGetCurrentTime
            | Error::FailedToGetRandomBytes
            | Error::EncryptError
            | Error::InconsistentKeys(_) => Fault::Ours,
            _ => Fault::Malformed,
        }
    }
}
