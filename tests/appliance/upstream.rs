//! How servers are spoken to: TLS and HTTP/2 as `real … tls … http2` says, and large bodies through the kernel.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{After, Client, Director, Origin, eventually, free, get};

/// A server of TLS on a thread of its own: HTTP/2 where that is agreed upon, else HTTP/1.1; answers with how it was asked. With the
/// certificate of its authority, which is itself.
fn tls_origin(name: &str) -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            send.send(listener.local_addr().expect("bound"))
                .expect("told");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream));
            }
        });
    });
    (receive.recv().expect("it listens"), made.cert.pem())
}

async fn serve(acceptor: TlsAcceptor, stream: tokio::net::TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let asked_for = stream
        .get_ref()
        .1
        .server_name()
        .unwrap_or("nobody")
        .to_owned();
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
        while let Some(Ok((request, mut answer))) = connection.accept().await {
            let told = format!("h2 {} as {asked_for}", request.uri());
            let mut body = answer
                .send_response(Response::new(()), false)
                .expect("sent");
            body.send_data(Bytes::from(told), true).expect("sent");
        }
        return;
    }
    let mut bytes = [0; 8192];
    while let Ok(1..) = stream.read(&mut bytes).await {
        let told = format!("http/1.1 as {asked_for}");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{told}",
            told.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[test]
fn servers_are_spoken_to_as_the_configuration_says_and_says_anew() {
    let (origin, pem) = tls_origin("shop.example");
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, pem).expect("written");
    let (at, ca) = (free(), ca.display().to_string());
    let config = |how: &str| format!("virtual {at}\nreal {origin} {how}\nbind {at} {origin}\n");
    let director = Director::start(&config(&format!("tls verify shop.example ca {ca}")));
    for _ in 0..3 {
        let answer = get(at, "/a");
        assert_eq!(
            (answer.status, &*answer.text()),
            (200, "http/1.1 as shop.example")
        );
    }
    director.reload(&config(&format!("tls verify shop.example ca {ca} http2")));
    let answer = get(at, "/a?b");
    let told = format!("h2 https://{at}/a?b as shop.example");
    assert_eq!((answer.status, answer.text()), (200, told));
    // The pooled connection is there and good, and the new word counts.
    director.reload(&config(&format!("tls verify other.example ca {ca}")));
    assert_eq!(get(at, "/a").status, 503);
    director.counts(&["handshake-failed"]);
    director.reload(&config("tls verify off"));
    let answer = get(at, "/a");
    assert_eq!(
        (answer.status, &*answer.text()),
        (200, "http/1.1 as nobody")
    );
    let why = director.reload_refused(&config("tls verify shop.example ca /nowhere.pem"));
    assert!(why.contains("`/nowhere.pem` cannot be used"), "{why}");
    assert_eq!(get(at, "/a").status, 200);
}

#[test]
fn large_bodies_pass_whole_to_slow_readers_and_cut_ones_are_reset() {
    const SIZE: usize = 12 << 20;
    let body: Arc<Vec<u8>> = Arc::new((0..=250).cycle().take(SIZE).collect());
    let sent = Arc::clone(&body);
    let origin = Origin::start(move |exchange| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
        exchange.send(head)?;
        let cut = exchange.request.head.contains("/cut");
        exchange.send(&sent[..if cut { SIZE - 1 } else { SIZE }])?;
        Ok(if cut { After::Close } else { After::Keep })
    });
    let (at, real) = (free(), origin.address);
    let director = Director::start(&format!("virtual {at}\nreal {real}\nbind {at} {real}\n"));
    let mut client = Client::to(at);
    for _ in 0..2 {
        client.send("GET /whole HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = client.answer();
        assert!(answer.status == 200 && answer.body == *body);
    }
    client.send("GET /cut HTTP/1.1\r\nHost: x\r\n\r\n");
    let cut = client.try_answer("GET");
    assert!(cut.is_err(), "taken for whole");
    let mut gone = Client::to(at);
    gone.send("GET /whole HTTP/1.1\r\nHost: x\r\n\r\n");
    gone.exactly(1000).expect("its beginning");
    gone.reset();
    eventually("the place is given back", || origin.open() <= 1);
    drop(director);
}
