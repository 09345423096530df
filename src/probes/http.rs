//! Asks a server by HTTP/1.1: one request, one answer, no redirect followed.

use std::pin::pin;

use ::http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use ::http::{Method, Request, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::limits::{BODY_BYTES, HEAD_BYTES, POLITE};
use super::sound::Found;
use super::words::{Fault, plain};
use crate::model::HttpProbe;

/// Sends the request over `stream` and looks at its answer.
pub(super) async fn ask<S>(stream: S, http: &HttpProbe, host: &str) -> Result<Found, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = request(http, host)?;
    let handshake = Builder::new()
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream));
    let (sender, connection) = handshake.await.map_err(|e| fault(&e))?;
    // What went wrong with the connection is told to the exchange.
    let mut connection = pin!(async {
        let _ = connection.await;
    });
    let mut exchange = pin!(exchange(sender, request, http));
    tokio::select! {
        biased;
        found = &mut exchange => found,
        // What was read is still to be looked at.
        () = &mut connection => exchange.await,
    }
}

fn request(http: &HttpProbe, host: &str) -> Result<Request<Empty<Bytes>>, Fault> {
    let cannot = |what: &str| Fault::server(plain(&format!("{what} cannot be sent in a request")));
    let method = Method::from_bytes(http.method.as_bytes())
        .map_err(|_| cannot(&format!("method `{}`", http.method)))?;
    let path = Uri::try_from(&*http.path).map_err(|_| cannot(&format!("path `{}`", http.path)))?;
    Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(USER_AGENT, "signpost-probe")
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| cannot(&format!("host `{host}`")))
}

async fn exchange(
    mut sender: SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
    http: &HttpProbe,
) -> Result<Found, Fault> {
    let answer = sender.send_request(request).await.map_err(|e| fault(&e))?;
    let at = Instant::now();
    let status = answer.status().as_u16();
    let body = answer.into_body();
    let good = http.expect.iter().any(|r| r.0 <= status && status <= r.1);
    match &http.body {
        Some(text) if good => look_for(text, body).await?,
        // The head has decided.
        _ => {
            let _ = tokio::time::timeout(POLITE, read(body, |_| false)).await;
        }
    }
    if !good {
        let why = format!("status {status}, expected {}", ranges(&http.expect));
        return Err(Fault::server(why));
    }
    let mut found = Found::new(format!("status {status}"));
    found.at = Some(at);
    Ok(found)
}

async fn look_for(text: &str, body: Incoming) -> Result<(), Fault> {
    let text = memchr::memmem::Finder::new(text);
    let (seen, cut) = read(body, |seen| text.find(seen).is_some()).await;
    let lacking = match (text.find(&seen), cut) {
        (Some(_), _) => return Ok(()),
        (None, true) => "the body was cut short",
        (None, false) => "the body lacks the text",
    };
    Err(Fault::server(lacking))
}

/// Reads to the end, to [`BODY_BYTES`] or until `enough` of it; also says whether it broke off.
async fn read(mut body: Incoming, enough: impl Fn(&[u8]) -> bool) -> (Vec<u8>, bool) {
    let mut seen = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return (seen, true);
        };
        if let Some(data) = frame.data_ref() {
            let room = BODY_BYTES - seen.len();
            seen.extend_from_slice(&data[..data.len().min(room)]);
            if seen.len() == BODY_BYTES || enough(&seen) {
                break;
            }
        }
    }
    (seen, false)
}

/// `200, 204, 300 to 399`.
fn ranges(expected: &[(u16, u16)]) -> String {
    let one = |&(low, high): &(u16, u16)| match low == high {
        true => low.to_string(),
        false => format!("{low} to {high}"),
    };
    expected.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn fault(error: &hyper::Error) -> Fault {
    use std::error::Error;
    let cause = error
        .source()
        .and_then(|e| e.downcast_ref::<std::io::Error>());
    match cause {
        _ if error.is_incomplete_message() => {
            Fault::server("connection closed before the head of an answer")
        }
        _ if error.is_parse() => Fault::server("what it said is no HTTP answer"),
        Some(cause) => Fault::exchange(cause),
        None => Fault::server(plain(&format!("no HTTP answer: {error}"))),
    }
}
