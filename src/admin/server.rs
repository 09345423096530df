//! The listener: accepts, answers one request a connection, and closes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use super::exposition::MEDIA_TYPE;
use super::limits::{ACCEPT_PAUSE, ANSWERS, CONNECTIONS, FIELDS, HEAD, HEAD_BYTES, WHOLE};
use super::process::Process;
use super::route::{Page, route};
use super::scene::{Silent, Source};
use super::{metrics, servers};
use crate::control::Order;
use crate::model::Endpoint;

const INDEX: &str = "<!DOCTYPE html><html lang=\"en\"><title>Signpost</title><ul>\
<li><a href=\"/metrics\">/metrics</a>: for Prometheus</li>\
<li><a href=\"/servers\">/servers</a>: every server's state, since when and why</li></ul>\n";

/// What all connections share.
#[derive(Debug)]
struct Room {
    source: Source,
    connections: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

/// Serves the listeners that the writer hands over, until it is ordered to drain or nobody can order any more.
pub async fn serve(mut inbox: mpsc::Receiver<Order>, source: Source) {
    let room = Arc::new(Room {
        source,
        connections: Arc::new(Semaphore::new(CONNECTIONS)),
        answers: Arc::new(Semaphore::new(ANSWERS)),
    });
    let mut open: HashMap<Endpoint, AbortHandle> = HashMap::new();
    while let Some(order) = inbox.recv().await {
        match order {
            Order::Open { at, listener } => match TcpListener::from_std(listener) {
                Ok(listener) => {
                    let accepting = tokio::spawn(accept(Arc::clone(&room), listener));
                    open.insert(at, accepting.abort_handle());
                }
                Err(error) => error!("cannot accept on {}: {error}", at.socket()),
            },
            Order::Close { at } => {
                if let Some(accepting) = open.remove(&at) {
                    accepting.abort();
                }
            }
            Order::Drain | Order::Retire => break,
            Order::Forget(_)
            | Order::Heed
            | Order::Log(_)
            | Order::Listen(_)
            | Order::Count(_)
            | Order::Ping(_) => {}
        }
    }
    for accepting in open.values() {
        accepting.abort();
    }
}

async fn accept(room: Arc<Room>, listener: TcpListener) {
    let mut told = false;
    while let Ok(permit) = Arc::clone(&room.connections).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                told = false;
                tokio::spawn(converse(Arc::clone(&room), stream, permit));
            }
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    warn!("the admin listener pauses: {error}");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(room: Arc<Room>, stream: TcpStream, _permit: OwnedSemaphorePermit) {
    // Held to the connection's end: an answer takes its memory until it is sent.
    let answering: Arc<Mutex<Option<OwnedSemaphorePermit>>> = Arc::default();
    let service = service_fn(|request: Request<Incoming>| {
        let (room, answering) = (Arc::clone(&room), Arc::clone(&answering));
        async move {
            let answer = match room.answer(&request, &answering).await {
                Ok(answer) => answer,
                Err((status, why)) => refusal(status, why),
            };
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(FIELDS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // What a client does wrong is its own affair, and a slow one is cut off.
    let _ = timeout(WHOLE, connection).await;
}

impl Room {
    async fn answer<B>(
        &self,
        request: &Request<B>,
        answering: &Mutex<Option<OwnedSemaphorePermit>>,
    ) -> Result<Response<Full<Bytes>>, (StatusCode, &'static str)> {
        let (method, uri) = (request.method(), request.uri());
        let page = route(method, uri, request.version(), request.headers())?;
        if page == Page::Index {
            return Ok(answer(StatusCode::OK, "text/html; charset=utf-8", INDEX));
        }
        let permit = Arc::clone(&self.answers).acquire_owned().await;
        *answering.lock().unwrap_or_else(PoisonError::into_inner) = permit.ok();
        let silent = |Silent| {
            let why = "the director is busy or ending: its figures did not come in time";
            (StatusCode::SERVICE_UNAVAILABLE, why)
        };
        // Off this thread, which is the writer's too: of a large farm it takes its time.
        let (rendered, media_type) = match page {
            Page::Servers => {
                let standings = self.source.standings().await.map_err(silent)?;
                let farm = Arc::clone(&self.source.farm);
                let rendered = spawn_blocking(move || servers::render(&standings, &farm)).await;
                (rendered, "application/json")
            }
            Page::Metrics | Page::Index => {
                let scene = self.source.scene().await.map_err(silent)?;
                let rendered = spawn_blocking(move || {
                    metrics::render(&scene, Process::look().as_ref()).into_bytes()
                });
                (rendered.await, MEDIA_TYPE)
            }
        };
        let rendered = rendered.map_err(|_| silent(Silent))?;
        Ok(answer(StatusCode::OK, media_type, rendered))
    }
}

fn answer(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let fields = answer.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    answer
}

fn refusal(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    let mut answer = answer(status, "text/plain; charset=utf-8", format!("{why}\n"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let methods = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, methods);
    }
    answer
}
