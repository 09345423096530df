//! Proofs for certificate authorities, as a worker shows them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::control::{AlpnProof, Farm, Order, Writer};
use crate::model::load;
use crate::proxy::work;
use crate::telemetry::Counts;
use crate::tls::client;
use crate::tls::client::{Check, Connector, Sessions};

fn runtime() -> Runtime {
    let built = Builder::new_current_thread().enable_all().build();
    built.expect("a runtime")
}

/// The certificate that is shown to who offers `protocol` and asks for `name`, what is spoken, and what is answered.
fn ask(to: SocketAddr, name: &str, protocol: &str) -> Option<(Vec<u8>, Option<Vec<u8>>, String)> {
    let connector = Connector::new(name, &Check::Off, &[protocol], Sessions::Fresh);
    let connector = connector.expect("a name");
    runtime().block_on(async {
        let stream = TcpStream::connect(to).await.expect("a connection");
        let mut stream = connector.connect(stream).await.ok()?;
        let shown = stream.get_ref().1.peer_certificates()?[0].to_vec();
        let spoken = client::protocol(&stream).map(<[u8]>::to_vec);
        if spoken.as_deref() == Some(b"http/1.1") {
            let request =
                b"GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: a.example\r\n\r\n";
            stream.write_all(request).await.ok()?;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some((shown, spoken, answer))
    })
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
    runtime()
        .block_on(writer.replace(model, handed))
        .expect("it can be served");
    (farm, orders, thread, to)
}

#[test]
fn an_authority_is_shown_the_proof_and_nobody_else_is() {
    let (farm, orders, thread, to) = running();
    let (stand_in, spoken, said) = ask(to, "a.example", "http/1.1").expect("hands are shaken");
    assert_eq!(spoken.as_deref(), Some(&b"http/1.1"[..]));
    assert!(said.starts_with("HTTP/1.1 302 "), "{said}");
    assert!(ask(to, "a.example", "acme-tls/1").is_none());

    let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).expect("made");
    let proof = Arc::new(AlpnProof {
        certificate: made.cert.der().to_vec(),
        key: made.signing_key.serialize_der(),
    });
    farm.challenges().alpn("a.example", Some(&proof));
    farm.challenges().http("token", Some("token.print"));
    let (shown, spoken, said) = ask(to, "A.example", "acme-tls/1").expect("hands are shaken");
    assert_eq!(
        (shown, spoken.as_deref()),
        (proof.certificate.clone(), Some(&b"acme-tls/1"[..]))
    );
    assert_eq!(said, "", "nothing is spoken above it");
    let (shown, _, said) = ask(to, "a.example", "http/1.1").expect("hands are shaken");
    assert_eq!(shown, stand_in);
    assert!(
        said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("\r\ntoken.print"),
        "{said}"
    );
    assert!(ask(to, "b.example", "acme-tls/1").is_none());

    farm.challenges().alpn("a.example", None);
    assert!(ask(to, "a.example", "acme-tls/1").is_none());
    orders.blocking_send(Order::Drain).expect("room");
    let counts = thread.join().expect("no panic");
    assert_eq!(counts.totals.rules.get("tls-no-proof"), Some(&3));
}
