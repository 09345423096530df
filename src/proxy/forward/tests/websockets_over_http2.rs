//! WebSockets to servers that are spoken to over HTTP/2.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::Response;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::rig::*;
use super::speakers::{mirror_http2, rig, serve_http2};

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn talks(rig: &Rig) {
    let (mut near, exchange) = rig.open(UPGRADE.as_bytes());
    let client = async {
        let head = read_head(&mut near).await.unwrap();
        assert_eq!(status(&head), "101", "{head}");
        assert_eq!(
            values(&head, "sec-websocket-accept"),
            ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
        );
        let mut socket = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        for size in [0, 5, 300_000] {
            let message = Message::binary(vec![7; size]);
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    };
    let (_, ()) = tokio::join!(exchange, client);
    assert_eq!(rig.all(), 0);
}

async fn echo_socket<T: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<T>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            socket.send(message).await.unwrap();
        }
    }
}

#[test]
fn a_websocket_is_opened_over_http2_where_the_server_lets() {
    run(async {
        let port = server(move |stream, _| {
            serve_http2(stream, true, |request, mut answer| async move {
                assert_eq!(request.method(), http::Method::CONNECT);
                let mut body = request.into_body();
                let mut stream = answer.send_response(Response::new(()), false).unwrap();
                let (near, far) = tokio::io::duplex(64 * 1024);
                let (mut read, mut write) = tokio::io::split(far);
                let up = async move {
                    while let Some(Ok(piece)) = body.data().await {
                        body.flow_control().release_capacity(piece.len()).unwrap();
                        write.write_all(&piece).await.unwrap();
                    }
                };
                let down = async move {
                    let mut bytes = vec![0; 16_000];
                    while let Ok(n @ 1..) = read.read(&mut bytes).await {
                        stream
                            .send_data(Bytes::copy_from_slice(&bytes[..n]), false)
                            .unwrap();
                    }
                    let _ = stream.send_data(Bytes::new(), true);
                };
                let socket = WebSocketStream::from_raw_socket(near, Role::Server, None).await;
                tokio::join!(up, down, echo_socket(socket));
            })
        })
        .await;
        talks(&rig(&[port], None, true)).await;
    });
}

#[test]
fn a_websocket_goes_by_http1_where_the_server_does_not() {
    run(async {
        let port = server(move |stream, number| async move {
            match number {
                0 => serve_http2(stream, false, mirror_http2).await,
                _ => echo_socket(tokio_tungstenite::accept_async(stream).await.unwrap()).await,
            }
        })
        .await;
        talks(&rig(&[port], None, true)).await;
    });
}

#[test]
fn what_only_looks_like_a_websocket_goes_by_http1_as_it_came() {
    run(async {
        let port = server(move |mut stream, number| async move {
            if number == 0 {
                return serve_http2(stream, true, mirror_http2).await;
            }
            let head = read_head(&mut stream).await.unwrap();
            let length = head.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let rig = rig(&[port], None, true);
        let post = UPGRADE.replace("GET", "POST");
        let post = post.replace("Host: a", "Host: a\r\nContent-Length: 3") + "abc";
        let (_, got) = rig.exchange(post).await;
        assert!(got.contains("\r\n\r\nPOST /ws HTTP/1.1\r\n"), "{got}");
    });
}
