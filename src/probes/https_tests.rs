//! Servers of TLS, with certificates made on the spot.

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::probes::http as plain;
use crate::probes::https::shake_hands;
use crate::tls::client::{Check, Trust};

/// A server of TLS that answers 200, and its certificate for `localhost`.
async fn tls_server() -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let made = made.expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server's configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let at = server(V4, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
                let _ = stream.read_u8().await;
            }
        }
    })
    .await;
    (at, made.cert.pem())
}

fn https(verify: bool) -> ProbeKind {
    let http = HttpProbe {
        body: Some("is well".into()),
        ..HttpProbe::default()
    };
    ProbeKind::Https { http, verify }
}

#[tokio::test]
async fn any_certificate_is_taken_unless_it_is_to_be_verified() {
    let (at, _) = tls_server().await;
    good(&ask(https(false), at).await, "status 200");
    let sounding = ask(https(true), at).await;
    assert!(!sounding.ok, "{}", sounding.why);
}

#[tokio::test]
async fn a_verified_certificate_must_be_for_the_host_asked_for() {
    let (at, pem) = tls_server().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, pem).expect("written");
    let path = file.path().to_str().expect("a path");
    let trust = Trust::load("".as_ref(), [path].into_iter(), false, &Trust::default())
        .expect("authorities");
    let check = Check::By(Arc::clone(trust.anchors(path).expect("loaded")));
    let check = &check;
    let shake = |name| async move {
        let stream = TcpStream::connect(at).await.expect("it listens");
        shake_hands(stream, name, check).await
    };
    let stream = shake("localhost").await.expect("a good certificate");
    let found = plain::ask(stream, &HttpProbe::default(), "localhost").await;
    assert_eq!(found.expect("an answer").why, "status 200");
    let fault = format!(
        "{:?}",
        shake("other.example").await.expect_err("another name")
    );
    assert!(fault.contains("certificate"), "{fault}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_as_one() {
    let at = server(V4, |mut stream| async move {
        let _ = stream.read_u8().await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let sounding = ask(https(false), at).await;
    assert!(
        !sounding.ok && sounding.why.contains("TLS"),
        "{}",
        sounding.why
    );
    let closed = server(V4, |_| async {}).await;
    let sounding = ask(https(false), closed).await;
    assert!(
        !sounding.ok && sounding.why.starts_with("TLS handshake"),
        "{}",
        sounding.why
    );
}
