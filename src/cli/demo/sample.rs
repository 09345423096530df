//! The demo's web servers, and the URLs that stop and start them.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// What somebody asked of the demo by key or URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    /// Start (`Some(true)`), stop (`Some(false)`) or turn over a server, numbered from 1.
    Server { number: usize, run: Option<bool> },
    /// End the demo.
    Quit,
}

/// A sample web server.
pub(super) struct Sample {
    /// What it calls itself.
    pub(super) name: String,
    /// Where it listens while it runs.
    pub(super) at: SocketAddr,
    task: Option<JoinHandle<()>>,
}

impl Sample {
    pub(super) fn new(name: &str, at: SocketAddr) -> Sample {
        Sample {
            name: name.to_owned(),
            at,
            task: None,
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.task.is_some()
    }

    /// Listens and serves; nothing where it does already.
    pub(super) fn start(&mut self) -> io::Result<()> {
        if self.runs() {
            return Ok(());
        }
        let listener = std::net::TcpListener::bind(self.at)?;
        listener.set_nonblocking(true)?;
        let page = Page {
            name: self.name.clone(),
            at: self.at,
        };
        self.task = Some(tokio::spawn(serve(TcpListener::from_std(listener)?, page)));
        Ok(())
    }

    /// Stops listening and breaks its connections, as a server does that lost its power.
    pub(super) fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

#[derive(Clone)]
struct Page {
    name: String,
    at: SocketAddr,
}

async fn serve(listener: TcpListener, page: Page) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let page = page.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let page = page.clone();
            async move { Ok::<_, Infallible>(page.render(request.uri().path())) }
        });
        connections.spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer),
        );
        while connections.try_join_next().is_some() {}
    }
}

impl Page {
    fn render(&self, path: &str) -> Response<Full<Bytes>> {
        let Page { name, at } = self;
        let path = path.replace('&', "&amp;").replace('<', "&lt;");
        answer(
            StatusCode::OK,
            format!(
                "<!doctype html><title>{name}</title>\n<h1>This is {name}</h1>\n<p>The server at {at} gives you {path}.</p>\n"
            ),
        )
    }
}

fn answer(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let html = http::HeaderValue::from_static("text/html; charset=utf-8");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, html);
    response
}

/// Listens on a free port for `/stop/N` and `/start/N`; returns where.
pub(super) async fn switchboard(
    switches: mpsc::Sender<Switch>,
    servers: usize,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let at = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let switches = switches.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                let switches = switches.clone();
                async move { Ok::<_, Infallible>(flip(request.uri().path(), servers, &switches).await) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer),
            );
        }
    });
    Ok(at)
}

async fn flip(
    path: &str,
    servers: usize,
    switches: &mpsc::Sender<Switch>,
) -> Response<Full<Bytes>> {
    let (run, number) = match path.trim_start_matches('/').split_once('/') {
        Some(("start", number)) => (true, number),
        Some(("stop", number)) => (false, number),
        _ => (false, ""),
    };
    match number.parse() {
        Ok(number) if (1..=servers).contains(&number) => {
            // The demo is ending where nobody listens any more.
            let _ = switches
                .send(Switch::Server {
                    number,
                    run: Some(run),
                })
                .await;
            answer(
                StatusCode::OK,
                format!("server {number} {}\n", if run { "starts" } else { "stops" }),
            )
        }
        _ => answer(
            StatusCode::NOT_FOUND,
            format!("try /stop/1 or /start/1, up to {servers}\n"),
        ),
    }
}
