//! The ways in which the bytes of one message may arrive, and a client's whole connection to send them over.

use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::net::TcpStream;

use super::rig::*;
use crate::proxy::client::Client;
use crate::proxy::connection::serve_connection;

/// Of longer messages only so many bytes come at once where others come byte by byte.
const LONG: usize = 2000;
/// Longer messages are not split at every place.
const SPLIT: usize = 500;

/// In one write, byte by byte, and split in two at every place.
pub(super) fn ways(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let step = if bytes.len() > LONG { 997 } else { 1 };
    let mut ways = vec![vec![bytes], bytes.chunks(step).collect()];
    if bytes.len() <= SPLIT {
        ways.extend((1..bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]));
    }
    ways
}

/// How many pieces, and how long the first one is: names a way where a test fails.
pub(super) fn way(pieces: &[&[u8]]) -> String {
    format!("{} pieces, first of {}", pieces.len(), pieces[0].len())
}

/// What a client got on its connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) answers: Vec<String>,
    /// The connection was ended behind the last one.
    pub(super) ended: bool,
}

impl Rig {
    /// A connection of its own on which these pieces are sent, each read before the next one comes, and so many
    /// answers awaited.
    pub(super) async fn talk(&self, pieces: &[&[u8]], answers: usize) -> Got {
        let (mut near, far) = duplex(256 * 1024);
        let client = Client::new(far, CLIENT, self.at.socket());
        let serving = serve_connection(Rc::clone(&self.worker), client, self.at);
        let talking = async {
            for piece in pieces {
                // It may have been refused already.
                if near.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let got = read_answers(&mut near, answers).await;
            drop(near);
            got
        };
        let ((), got) = tokio::join!(serving, talking);
        assert_eq!(self.all(), 0, "a place is still held");
        got
    }
}

/// Reads answers whose bodies have a length; the last one says whether the connection ends behind it.
async fn read_answers(near: &mut DuplexStream, count: usize) -> Got {
    let mut got = Got {
        answers: Vec::new(),
        ended: false,
    };
    while got.answers.len() < count && !got.ended {
        let Some(mut answer) = read_head(near).await else {
            got.ended = true;
            break;
        };
        let length = values(&answer, "content-length")
            .first()
            .map_or(0, |l| l.parse().expect("a length"));
        let mut body = vec![0; length];
        near.read_exact(&mut body).await.expect("a whole body");
        got.ended = values(&answer, "connection") == ["close"];
        answer.push_str(&String::from_utf8_lossy(&body));
        got.answers.push(answer);
    }
    if got.ended {
        let mut over = Vec::new();
        near.read_to_end(&mut over).await.expect("an end");
        assert_eq!(over, b"", "bytes behind the last answer");
    }
    got
}

/// A server that answers each request, once it is whole, with the head that it got, the body without its framing, and
/// the trailers.
pub(super) async fn recorder() -> u16 {
    server(|stream, _| async move {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read_request(&mut stream).await {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{request}",
                request.len()
            );
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut request = read_head(stream).await?;
    let length = values(&request, "content-length")
        .first()
        .map(|l| l.parse().expect("a length"));
    let chunked = values(&request, "transfer-encoding") == ["chunked"];
    assert!(!chunked || length.is_none(), "framed twice: {request}");
    if let Some(length) = length {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        request.push_str(&String::from_utf8_lossy(&body));
    }
    if chunked {
        read_chunks(stream, &mut request).await?;
    }
    Some(request)
}

/// Appends the data of a chunked body, then its trailers.
async fn read_chunks(stream: &mut BufReader<TcpStream>, request: &mut String) -> Option<()> {
    loop {
        let line = read_until(stream, "\r\n").await?;
        let size = usize::from_str_radix(line.trim_end(), 16).expect("a chunk's size");
        if size == 0 {
            break;
        }
        let mut data = vec![0; size + 2];
        stream.read_exact(&mut data).await.ok()?;
        request.push_str(&String::from_utf8_lossy(&data[..size]));
    }
    loop {
        let trailer = read_until(stream, "\r\n").await?;
        if trailer == "\r\n" {
            return Some(());
        }
        request.push_str(&trailer);
    }
}
