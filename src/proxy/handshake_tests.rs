//! Proofs for certificate authorities, as a worker shows them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};
use tokio::sync::mpsc;

use crate::control::{AlpnProof, Farm, Order, Writer};
use crate::model::load;
use crate::proxy::work;
use crate::telemetry::Counts;

/// Takes any certificate: what it is shows the test.
#[derive(Debug)]
struct Whatever;

impl ServerCertVerifier for Whatever {
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
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The certificate that is shown to who offers `protocol` and asks for `name`, what is spoken, and what is answered.
fn ask(to: SocketAddr, name: &str, protocol: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>, String)> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Whatever))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = StreamOwned::new(connection, TcpStream::connect(to).expect("a connection"));
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).ok()?;
    }
    let shown = stream.conn.peer_certificates()?[0].to_vec();
    let spoken = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
    if spoken.as_deref() == Some(b"http/1.1") {
        let request = b"GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: a.example\r\n\r\n";
        stream.write_all(request).ok()?;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some((shown, spoken, answer))
}

/// A worker of a director with a stand-in for `a.example`.
fn running() -> (
    Arc<Farm>,
    mpsc::Sender<Order>,
    JoinHandle<Counts>,
    SocketAddr,
) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = listener.local_addr().expect("its address");
    let text = format!(
        "virtual {to}\nurl u http://t.example/%d\nbind {to} u\ncertificate c acme a.example\ntls {to} c\n"
    );
    let model = load("test", text.as_bytes()).model.expect("it holds");
    let (orders, inbox) = mpsc::channel(8);
    let (mut writer, _reports) = Writer::new(vec![orders.clone()]);
    let at = to.to_string().parse().expect("an endpoint");
    let handed = [(at, vec![listener])].into();
    let farm = Arc::clone(writer.farm());
    let worker = Arc::clone(&farm);
    let thread = std::thread::spawn(|| work(worker, "test".into(), inbox));
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(writer.replace(model, handed))
        .expect("it can be served");
    (farm, orders, thread, to)
}

#[test]
fn an_authority_is_shown_the_proof_and_nobody_else_is() {
    let (farm, orders, thread, to) = running();
    let (stand_in, spoken, said) = ask(to, "a.example", b"http/1.1").expect("hands are shaken");
    assert_eq!(spoken.as_deref(), Some(&b"http/1.1"[..]));
    assert!(said.starts_with("HTTP/1.1 302 "), "{said}");
    assert!(ask(to, "a.example", b"acme-tls/1").is_none());

    let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).expect("made");
    let proof = Arc::new(AlpnProof {
        certificate: made.cert.der().to_vec(),
        key: made.signing_key.serialize_der(),
    });
    farm.challenges().alpn("a.example", Some(&proof));
    farm.challenges().http("token", Some("token.print"));
    let (shown, spoken, said) = ask(to, "A.example", b"acme-tls/1").expect("hands are shaken");
    assert_eq!(
        (shown, spoken.as_deref()),
        (proof.certificate.clone(), Some(&b"acme-tls/1"[..]))
    );
    assert_eq!(said, "", "nothing is spoken above it");
    let (shown, _, said) = ask(to, "a.example", b"http/1.1").expect("hands are shaken");
    assert_eq!(shown, stand_in);
    assert!(
        said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("\r\ntoken.print"),
        "{said}"
    );
    assert!(ask(to, "b.example", b"acme-tls/1").is_none());

    farm.challenges().alpn("a.example", None);
    assert!(ask(to, "a.example", b"acme-tls/1").is_none());
    orders.blocking_send(Order::Drain).expect("room");
    let counts = thread.join().expect("no panic");
    assert_eq!(counts.totals.rules.get("tls-no-proof"), Some(&3));
}
