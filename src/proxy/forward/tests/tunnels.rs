//! Upgrades.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::rig::*;
use crate::model::Serving;
use crate::proxy::client::{Client, Raw};
use crate::proxy::forward::After;
use crate::proxy::forward::splice::{Lends, Pipes};
use crate::proxy::forward::tunnel::tunnel;

impl<R, W> Lends for tokio::io::Join<R, W> {
    fn lent(&mut self) -> Option<&mut dyn Raw> {
        None
    }
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn websocket_echo() {
    run(async {
        let port = server(|stream, _| async move {
            let mut socket = accept_async(stream).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                if message.is_binary() || message.is_text() {
                    socket.send(message).await.unwrap();
                }
            }
        })
        .await;
        let rig = Rig::new(&[port]);
        let (mut near, exchange) = rig.open(UPGRADE.as_bytes());
        let client = async {
            let head = read_head(&mut near).await.unwrap();
            assert_eq!(status(&head), "101", "{head}");
            assert_eq!(values(&head, "upgrade"), ["websocket"]);
            assert_eq!(values(&head, "connection"), ["upgrade"]);
            assert_eq!(
                values(&head, "sec-websocket-accept"),
                ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
            );
            let mut socket = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
            for size in [0, 5, 70_000, 3_000_000] {
                let message = Message::binary(vec![7; size]);
                socket.send(message.clone()).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), message);
                assert_eq!(rig.connections(0), 1);
            }
            socket.close(None).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        };
        let (after, ()) = tokio::join!(exchange, client);
        assert_eq!((after, rig.connections(0)), (After::Linger, 0));
    });
}

/// A server that switches, says `hi` with the head, and then sends back what it gets.
async fn switching() -> u16 {
    server(|mut stream, _| async move {
        let head = read_head(&mut stream).await.unwrap();
        assert_eq!(values(&head, "connection"), ["upgrade"]);
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi";
        stream.write_all(answer).await.unwrap();
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await
}

#[test]
fn bytes_next_to_the_heads_are_not_lost() {
    run(async {
        let rig = Rig::new(&[switching().await]);
        let (mut near, exchange) = rig.open(format!("{UPGRADE}early").as_bytes());
        let client = async {
            read_head(&mut near).await.unwrap();
            assert_eq!(read_until(&mut near, "hiearly").await.unwrap(), "hiearly");
            near.write_all(b"late").await.unwrap();
            assert_eq!(read_until(&mut near, "late").await.unwrap(), "late");
            drop(near);
        };
        let (after, ()) = tokio::join!(exchange, client);
        assert_eq!((after, rig.connections(0)), (After::Linger, 0));
    });
}

#[test]
fn a_silent_tunnel_ends_after_the_servers_timeout() {
    run(async {
        let rig = Rig::with(
            &[switching().await],
            Serving {
                timeout_s: 9,
                ..Serving::default()
            },
        );
        let (mut near, exchange) = rig.open(UPGRADE.as_bytes());
        let client = async {
            read_head(&mut near).await.unwrap();
            read_until(&mut near, "hi").await.unwrap();
            for _ in 0..3 {
                pass(Duration::from_secs(7));
                near.write_all(b"x").await.unwrap();
                assert_eq!(near.read_u8().await.unwrap(), b'x');
            }
            assert_eq!(rig.connections(0), 1);
            pass(Duration::from_secs(9));
            assert_eq!(near.read(&mut [0]).await.unwrap(), 0);
        };
        let (after, ()) = tokio::join!(exchange, client);
        assert_eq!((after, rig.connections(0)), (After::Linger, 0));
    });
}

#[test]
fn a_refused_upgrade_is_an_ordinary_answer() {
    run(async {
        let rig =
            Rig::new(&[saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await]);
        let (after, got) = rig.exchange(UPGRADE).await;
        assert_eq!(
            (status(&got), body(&got), after),
            ("403", "no", After::KeepAlive)
        );
        assert_eq!(rig.worker.pools.idle(), 1);
    });
}

#[test]
fn a_101_that_does_not_fit_opens_nothing() {
    run(async {
        for fields in [
            "Connection: upgrade\r\nUpgrade: h2c\r\n",
            "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n",
            "Connection: upgrade\r\n",
            "Upgrade: websocket\r\n",
        ] {
            let rig =
                Rig::new(&[
                    saying(format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n")).await,
                ]);
            let (after, got) = rig.exchange(UPGRADE).await;
            assert_eq!((status(&got), after), ("502", After::Linger), "{fields}");
        }
    });
}

#[test]
fn what_a_server_said_before_it_took_no_more_arrives_whole() {
    const SAID: usize = 100_000;
    run(async {
        let (gone, _) = duplex(1);
        let mut server = tokio::io::join(std::io::Cursor::new(vec![b'm'; SAID]), gone);
        let (mut near, far) = duplex(1000);
        near.write_all(b"ping").await.unwrap();
        let mut client = Client::new(far, CLIENT, CLIENT);
        let silence = Duration::from_secs(9);
        let tunnel = async {
            let pipes = Pipes::default();
            let limits = (silence, &pipes);
            let passed = tunnel(&mut client, &mut server, Bytes::new(), limits).await;
            drop(client);
            passed
        };
        let mut got = Vec::new();
        let (passed, read) = tokio::join!(tunnel, near.read_to_end(&mut got));
        read.unwrap();
        assert_eq!((passed, got.len()), ((0, SAID as u64), SAID));
    });
}

/// A server that takes no end.
struct Stuck(DuplexStream);

impl AsyncRead for Stuck {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stuck {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl Lends for Stuck {
    fn lent(&mut self) -> Option<&mut dyn Raw> {
        None
    }
}

#[test]
fn a_server_that_takes_no_end_is_not_waited_for_long() {
    run(async {
        let ((near, far), (server, _there)) = (duplex(64), duplex(64));
        let mut client = Client::new(far, CLIENT, CLIENT);
        let (mut server, pipes) = (Stuck(server), Pipes::default());
        let silence = (Duration::from_secs(7200), &pipes);
        drop(near);
        let tunnel = tunnel(&mut client, &mut server, Bytes::new(), silence);
        let (passed, time) = passing(tunnel).await;
        assert_eq!(passed, (0, 0));
        assert!(time < Duration::from_secs(5), "{time:?}");
    });
}
