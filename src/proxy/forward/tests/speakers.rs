//! Servers that are spoken to over TLS, HTTP/2 or both: how a rig reaches them, and what those of HTTP/2 answer.

use std::sync::Arc;

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};

use super::rig::Rig;
use crate::model::{Serving, Speech, Verify};
use crate::tls::client::Trust;

pub(super) const GET: &str = "GET /x?y HTTP/1.1\r\nHost: a.example\r\n\r\n";
pub(super) const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";

/// A rig whose servers are spoken to so; the files are trusted.
pub(super) fn rig(ports: &[u16], tls: Option<Verify>, http2: bool) -> Rig {
    let speech = Speech { tls, http2 };
    let trust = Trust::load(
        "".as_ref(),
        speech.ca().into_iter(),
        false,
        &Trust::default(),
    )
    .unwrap();
    let serving = Serving {
        speech,
        ..Serving::default()
    };
    let rig = Rig::with(ports, serving);
    rig.worker.farm.trust().store(Arc::new(trust));
    rig
}

/// Serves HTTP/2 over this stream: each request is played by `play`.
pub(super) async fn serve_http2<T, F, P>(stream: T, websockets: bool, play: P)
where
    T: AsyncRead + AsyncWrite + Unpin,
    P: Fn(Request<h2::RecvStream>, SendResponse<Bytes>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut builder = h2::server::Builder::new();
    if websockets {
        builder.enable_connect_protocol();
    }
    let Ok(mut connection) = builder.handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, answer))) = connection.accept().await {
        tokio::spawn(play(request, answer));
    }
}

async fn body_of(body: &mut h2::RecvStream) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
        whole.extend_from_slice(&piece);
    }
    whole
}

/// Answers with what it got: request line, fields, body, trailers; a trailer of its own follows.
pub(super) async fn mirror_http2(
    request: Request<h2::RecvStream>,
    mut answer: SendResponse<Bytes>,
) {
    let (head, mut body) = request.into_parts();
    let mut told = format!("{} {}\r\n", head.method, head.uri);
    for (name, value) in &head.headers {
        told.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    told.push_str("\r\n");
    told.push_str(&String::from_utf8_lossy(&body_of(&mut body).await));
    for (name, value) in &body.trailers().await.unwrap().unwrap_or_default() {
        told.push_str(&format!("[{name}: {}]", value.to_str().unwrap()));
    }
    let mut stream = answer.send_response(Response::new(()), false).unwrap();
    stream.send_data(told.into(), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    stream.send_trailers(trailers).unwrap();
}
