//! Asks a server by HTTP/1.1 over TLS.

use tokio::net::TcpStream;

use super::sound::Found;
use super::words::Fault;
use crate::model::HttpProbe;

/// As [`super::http::ask`]; the certificate must be valid for `host` only with `verify`.
#[cfg(feature = "tls")]
pub(super) async fn ask(
    stream: TcpStream,
    http: &HttpProbe,
    host: &str,
    verify: bool,
) -> Result<Found, Fault> {
    let config = super::tls::config(verify)?;
    let stream = super::tls::shake_hands(stream, super::sound::name(host), config).await?;
    super::http::ask(stream, http, host).await
}

/// Says that it cannot.
#[cfg(not(feature = "tls"))]
pub(super) async fn ask(
    _stream: TcpStream,
    _http: &HttpProbe,
    _host: &str,
    _verify: bool,
) -> Result<Found, Fault> {
    Err(Fault::server("this signpost was built without TLS"))
}
