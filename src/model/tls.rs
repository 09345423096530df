//! What is said of TLS towards clients.

/// A certificate and its key, by a name of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What it is called: 1 to 40 of letters, digits, `_ - .`.
    pub name: Box<str>,
    /// Where it comes from.
    pub from: CertificateFrom,
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CertificateFrom {
    /// Files in PEM; a path that is not absolute is taken from the folder of the startup configuration.
    Files {
        /// The chain, the server's own certificate first.
        chain: Box<str>,
        /// The private key.
        key: Box<str>,
    },
    /// An authority, asked by ACME (RFC 8555), for these names in lower case: 1 to 100, each once.
    Acme(Vec<Box<str>>),
}

/// The least version of TLS that clients are served with (`tls-versions ID …`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 and 1.3.
    #[default]
    V12,
    /// TLS 1.3 alone.
    V13,
}

impl TlsVersion {
    /// `1.2` or `1.3`.
    pub const fn as_str(self) -> &'static str {
        match self {
            TlsVersion::V12 => "1.2",
            TlsVersion::V13 => "1.3",
        }
    }
}

/// The certificates that clients are asked for (`client-certificates ID CA-FILE …`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCertificates {
    /// The file, in PEM, of the authorities that they must come from.
    pub authorities: Box<str>,
    /// Without one there is no handshake.
    pub required: bool,
}

/// How the listeners of a virtual or dip speak TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Indices into [`Model::certificates`](super::Model::certificates), each once; the first is for whoever asks for none of their names. Without any, the
    /// listeners are plain.
    pub certificates: Vec<u32>,
    /// The least version.
    pub least: TlsVersion,
    /// The certificates that clients are asked for; `None`: they are asked for none.
    pub clients: Option<ClientCertificates>,
}

impl Tls {
    /// Whether the listeners speak TLS at all.
    pub fn is_on(&self) -> bool {
        !self.certificates.is_empty()
    }
}
