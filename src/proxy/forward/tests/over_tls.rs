//! Servers that speak TLS, below HTTP/1.1 and HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::rig::*;
use super::speakers::{GET, POST, mirror_http2, rig, serve_http2};
use crate::control::Outcome;
use crate::model::{Speech, Verify};
use crate::proxy::forward::After;
use crate::tls::client::Trust;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A certificate for `localhost` in a file, and what a server shows it with.
struct Shown {
    file: tempfile::NamedTempFile,
    acceptor: TlsAcceptor,
}

fn shown(protocols: &[&str]) -> Shown {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    Shown {
        file,
        acceptor: TlsAcceptor::from(Arc::new(config)),
    }
}

impl Shown {
    fn path(&self) -> &str {
        self.file.path().to_str().unwrap()
    }

    fn checked(&self, name: &str) -> Verify {
        Verify::Name {
            name: name.into(),
            ca: Some(self.path().into()),
        }
    }

    fn file_text(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }
}

/// Connections made, and how many of those took up a session again.
#[derive(Default)]
struct Made {
    all: AtomicUsize,
    resumed: AtomicUsize,
}

/// A server of TLS that answers each request with `ok`.
async fn tls_server(shown: &Shown) -> (u16, Arc<Made>) {
    let made = Arc::new(Made::default());
    let (acceptor, count) = (shown.acceptor.clone(), Arc::clone(&made));
    let port = server(move |stream, _| {
        let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            count.all.fetch_add(1, Ordering::Relaxed);
            while read_head(&mut stream).await.is_some() {
                let kind = stream.get_ref().1.handshake_kind();
                if kind == Some(rustls::HandshakeKind::Resumed) {
                    count.resumed.fetch_add(1, Ordering::Relaxed);
                }
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await;
    (port, made)
}

#[test]
fn a_checked_server_is_spoken_to_over_one_connection_and_its_session_is_resumed() {
    run(async {
        let shown = shown(&["http/1.1"]);
        let (port, made) = tls_server(&shown).await;
        let mut rig = rig(&[port], Some(shown.checked("localhost")), false);
        for round in 0..3 {
            let (after, got) = rig.exchange(GET).await;
            assert_eq!((status(&got), after), ("200", After::KeepAlive), "{got}");
            assert_eq!(rig.worker.pools.idle(), 1, "round {round}");
        }
        assert_eq!(made.all.load(Ordering::Relaxed), 1);
        rig.worker.pools.clear();
        rig.exchange(POST).await;
        assert_eq!(made.all.load(Ordering::Relaxed), 2);
        assert_eq!(made.resumed.load(Ordering::Relaxed), 1);
        assert_eq!(rig.outcomes(), []);
    });
}

#[test]
fn a_server_that_cannot_be_trusted_gets_nothing_and_the_next_one_has_it() {
    run(async {
        let shown = shown(&[]);
        let (port, _) = tls_server(&shown).await;
        let plain = server(|mut stream, _| async move {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        for (port, verify) in [
            (port, shown.checked("other.example")),
            (plain, shown.checked("localhost")),
        ] {
            let mut rig = rig(&[port, refusing().await], Some(verify), false);
            let (_, got) = rig.exchange(POST).await;
            assert_eq!(status(&got), "503", "{got}");
            let outcomes = rig.outcomes();
            assert!(outcomes.contains(&Outcome::Handshake), "{outcomes:?}");
        }
        let (_, got) = rig(&[port], Some(Verify::Off), false).exchange(GET).await;
        assert_eq!(status(&got), "200", "{got}");
    });
}

#[test]
fn connections_of_other_settings_are_never_used_again() {
    run(async {
        let shown = shown(&[]);
        let trust = Trust::load(
            "".as_ref(),
            [shown.path()].into_iter(),
            false,
            &Trust::default(),
        )
        .unwrap();
        let again = Trust::load("".as_ref(), [shown.path()].into_iter(), false, &trust).unwrap();
        let rig = rig(&[1], None, false);
        let id = crate::model::Id::Endpoint(rig.at);
        let number = |tls, trust| {
            let speech = Speech { tls, http2: false };
            let tongue = rig.worker.pools.tongue((&id, CLIENT.ip()), &speech, trust);
            tongue.unwrap().number
        };
        let first = number(Some(shown.checked("a")), &trust);
        assert_eq!(number(Some(shown.checked("a")), &again), first);
        assert_ne!(number(Some(shown.checked("b")), &trust), first);
        let other = number(Some(shown.checked("a")), &trust);
        assert_ne!(other, first);
        std::fs::write(&shown.file, self::shown(&[]).file_text()).unwrap();
        let changed = Trust::load("".as_ref(), [shown.path()].into_iter(), false, &trust).unwrap();
        assert_ne!(number(Some(shown.checked("a")), &changed), other);
    });
}

#[test]
fn many_that_come_at_once_open_one_connection_over_tls() {
    run(async {
        let shown = shown(&["h2", "http/1.1"]);
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, acceptor) = (Arc::clone(&connections), shown.acceptor.clone());
        let port = server(move |stream, _| {
            count.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptor.clone();
            async move {
                let stream = acceptor.accept(stream).await.unwrap();
                serve_http2(stream, false, mirror_http2).await;
            }
        })
        .await;
        let rig = rig(&[port], Some(shown.checked("localhost")), true);
        let many = (0..30).map(|_| {
            let (mut near, exchange) = rig.open(GET.as_bytes());
            async move {
                let mut got = String::new();
                let (_, _) = tokio::join!(exchange, near.read_to_string(&mut got));
                got
            }
        });
        for got in futures_util::future::join_all(many).await {
            assert!(got.contains("GET https://a.example/x?y\r\n"), "{got}");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn who_does_not_speak_http2_has_failed_at_it() {
    run(async {
        let shown = shown(&["http/1.1"]);
        let (tls, _) = tls_server(&shown).await;
        let without_alpn = self::shown(&[]);
        let (silent, _) = tls_server(&without_alpn).await;
        let plain = saying("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        for (port, verify) in [
            (tls, Some(shown.checked("localhost"))),
            (silent, Some(without_alpn.checked("localhost"))),
            (plain, None),
        ] {
            let mut rig = rig(&[port], verify, true);
            let (_, got) = rig.exchange(POST).await;
            assert_eq!(status(&got), "503", "{got}");
            assert_eq!(rig.outcomes(), [Outcome::Handshake]);
        }
    });
}
