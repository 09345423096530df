//! Certificates of an authority that nobody else knows, and a client of TLS that sees what it was shown.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use signpost::tls::client::{Check, Connector, Sessions};
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::PATIENCE;

static AUTHORITY: LazyLock<CertifiedIssuer<'static, KeyPair>> = LazyLock::new(|| {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "an authority of these tests");
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
});

/// Files of certificates in a folder of their own.
pub(crate) struct Certificates(TempDir);

impl Certificates {
    /// An empty folder, but for the authority's own certificate.
    pub(crate) fn new() -> Certificates {
        let folder = TempDir::new().expect("a temporary folder");
        let authority = AUTHORITY.pem();
        std::fs::write(folder.path().join("ca.crt"), authority).expect("written");
        Certificates(folder)
    }

    /// The authority's file.
    pub(crate) fn authority(&self) -> PathBuf {
        self.file("ca.crt")
    }

    /// Where a file stands.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes `NAME.crt` and `NAME.key` for `names`, good for years; the statement that names them.
    pub(crate) fn make(&self, name: &str, names: &[&str]) -> String {
        self.make_until(name, names, 2100)
    }

    /// The same, with the year in which it ends.
    pub(crate) fn make_until(&self, name: &str, names: &[&str], year: i32) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &AUTHORITY).expect("signed");
        let (chain, own) = (
            self.file(&format!("{name}.crt")),
            self.file(&format!("{name}.key")),
        );
        std::fs::write(&chain, certificate.pem() + &AUTHORITY.pem()).expect("written");
        std::fs::write(&own, key.serialize_pem()).expect("written");
        format!("certificate {name} {} {}\n", chain.display(), own.display())
    }
}

/// How a client shakes hands.
#[derive(Clone)]
pub(crate) struct Visitor(Arc<ClientConfig>);

impl Visitor {
    /// One that trusts the authority of these tests, and offers nothing above TLS.
    pub(crate) fn new() -> Visitor {
        Visitor::with(
            &[],
            None,
            &[&rustls::version::TLS13, &rustls::version::TLS12],
        )
    }

    /// One that offers these protocols, and perhaps shows a certificate of `files`.
    pub(crate) fn with(
        protocols: &[&[u8]],
        shows: Option<(&Certificates, &str)>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Visitor {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(AUTHORITY.pem().as_bytes());
        roots.add(authority.expect("PEM")).expect("an authority");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = match shows {
            None => builder.with_no_client_auth(),
            Some((files, name)) => {
                let chain = files.file(&format!("{name}.crt"));
                let key = files.file(&format!("{name}.key"));
                let chain = CertificateDer::pem_file_iter(chain).expect("a file");
                let key = PrivateKeyDer::from_pem_file(key).expect("a key");
                let chain = chain.take(1).map(|c| c.expect("PEM")).collect();
                builder.with_client_auth_cert(chain, key).expect("it fits")
            }
        };
        config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
        Visitor(Arc::new(config))
    }

    /// Shakes hands, asking for `name`.
    pub(crate) fn visit(&self, at: SocketAddr, name: &str) -> io::Result<Visit> {
        let socket = TcpStream::connect_timeout(&at, PATIENCE)?;
        self.visit_on(socket, name)
    }

    /// The same on a connection that is there.
    pub(crate) fn visit_on(&self, mut socket: TcpStream, name: &str) -> io::Result<Visit> {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut connection =
            ClientConnection::new(Arc::clone(&self.0), name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Visit(StreamOwned::new(connection, socket)))
    }
}

/// A connection whose hands are shaken.
pub(crate) struct Visit(pub(crate) StreamOwned<ClientConnection, TcpStream>);

impl Visit {
    /// Sends `text` and reads one answer: to its end by Content-Length, else to the connection's.
    pub(crate) fn ask(&mut self, text: &str) -> io::Result<String> {
        self.0.write_all(text.as_bytes())?;
        self.0.flush()?;
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&all).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_lowercase();
                let length = head
                    .lines()
                    .find_map(|l| l.strip_prefix("content-length: "));
                if length.is_some_and(|l| l.parse() == Ok(body.len())) {
                    return Ok(text);
                }
            }
            match self.0.read(&mut buffer)? {
                0 => return Ok(text),
                n => all.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// A GET of `/` at `host`.
    pub(crate) fn get(&mut self, host: &str) -> io::Result<String> {
        self.ask(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }

    /// Whether the other side says that it ends, and says nothing before.
    pub(crate) fn ended(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 1]), Ok(0))
    }

    /// The certificate that was shown.
    pub(crate) fn shown(&self) -> Vec<u8> {
        let shown = self.0.conn.peer_certificates();
        shown.map_or(Vec::new(), |shown| shown[0].to_vec())
    }

    /// Whether a session was gone on with.
    pub(crate) fn is_resumed(&self) -> bool {
        self.0.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// What is spoken above TLS.
    pub(crate) fn protocol(&self) -> Option<Vec<u8>> {
        self.0.conn.alpn_protocol().map(<[u8]>::to_vec)
    }
}

/// The chain that whoever asks for `name` is shown, whosever it is; nothing where hands are not shaken.
pub(crate) fn shown_by(at: SocketAddr, name: &str) -> Option<Vec<Vec<u8>>> {
    let connector = Connector::new(name, &Check::Off, &[], Sessions::Fresh).expect("a name");
    let shaking = async {
        let stream = tokio::net::TcpStream::connect(at).await.ok()?;
        let stream = connector.connect(stream).await.ok()?;
        let chain = stream.get_ref().1.peer_certificates()?;
        Some(chain.iter().map(|shown| shown.to_vec()).collect())
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let within = async { timeout(PATIENCE, shaking).await.ok()? };
    runtime.expect("a runtime").block_on(within)
}

/// The first certificate of a file, in DER.
pub(crate) fn der(path: &Path) -> Vec<u8> {
    CertificateDer::from_pem_file(path).expect("PEM").to_vec()
}
