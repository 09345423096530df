//! Asks a server by HTTP/1.1 over TLS.

use tokio::net::TcpStream;

use super::sound::Found;
use super::words::{Fault, plain};
use crate::model::HttpProbe;
use crate::tls::client;
use crate::tls::client::{Check, Connector, Sessions, Stream};

/// As [`super::http::ask`]; the certificate must be valid for `host` only with `verify`.
pub(super) async fn ask(
    stream: TcpStream,
    http: &HttpProbe,
    host: &str,
    verify: bool,
) -> Result<Found, Fault> {
    let check = if verify { Check::Host } else { Check::Off };
    let stream = shake_hands(stream, super::sound::name(host), &check).await?;
    super::http::ask(stream, http, host).await
}

/// Shakes hands as a client of `name`, a DNS name or an address.
pub(super) async fn shake_hands(
    stream: TcpStream,
    name: &str,
    check: &Check,
) -> Result<Stream, Fault> {
    // A resumed session would show no certificate.
    let connector = Connector::new(name, check, &["http/1.1"], Sessions::Fresh);
    let shaken = match connector {
        Ok(connector) => connector.connect(stream).await,
        Err(fault) => Err(fault),
    };
    shaken.map_err(|fault| match fault {
        client::Fault::Tls(why) => Fault::server(plain(&format!("TLS: {why}"))),
        client::Fault::Ours(why) => Fault::server(plain(&why)),
        client::Fault::Io(e) => match Fault::exchange(&e) {
            Fault::Server(why) => Fault::server(format!("TLS handshake: {why}")),
            ours @ Fault::Ours(_) => ours,
        },
    })
}
