//! An origin on raw sockets that behaves as it is told, byte by byte.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;

use super::client::find;
use super::{PATIENCE, free};

/// What becomes of a connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request is read.
    Keep,
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
}

type Behaviour = Arc<dyn Fn(&mut Exchange<'_>) -> io::Result<After> + Send + Sync>;

struct Shared {
    behaviour: Mutex<Behaviour>,
    requests: Mutex<Vec<Received>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
}

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    /// Request line and fields, to the empty line and without it.
    pub(crate) head: String,
    /// The body without chunked coding, as far as it was read.
    pub(crate) body: Vec<u8>,
    /// Trailer lines.
    pub(crate) trailers: String,
    /// Whether the body was read to its end.
    pub(crate) whole: bool,
}

impl Received {
    /// The values of field `name` (in lower case).
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let fields = self
            .head
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        fields
            .filter(|field| field.0.eq_ignore_ascii_case(name))
            .map(|field| field.1.trim())
            .collect()
    }
}

/// One request being answered.
pub(crate) struct Exchange<'a> {
    /// The connection.
    pub(crate) stream: &'a mut TcpStream,
    /// The request so far; its body once it was read.
    pub(crate) request: Received,
    input: &'a mut Vec<u8>,
    shared: &'a Shared,
    index: usize,
}

impl Exchange<'_> {
    /// Reads the body to its end.
    pub(crate) fn read_body(&mut self) -> io::Result<()> {
        if !self.request.values("transfer-encoding").is_empty() {
            self.read_chunks()?;
        } else if let Some(length) = self.request.values("content-length").first() {
            let length: usize = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            while self.request.body.len() < length {
                let wanted = length - self.request.body.len();
                let data = self.some(wanted)?;
                self.request.body.extend(data);
            }
        }
        self.request.whole = true;
        self.shared.requests.lock().unwrap()[self.index] = self.request.clone();
        Ok(())
    }

    fn read_chunks(&mut self) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(&line, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            if size == 0 {
                break;
            }
            let end = self.request.body.len() + size;
            while self.request.body.len() < end {
                let wanted = end - self.request.body.len();
                let data = self.some(wanted)?;
                self.request.body.extend(data);
            }
            self.line()?;
        }
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(());
            }
            self.request.trailers += &(line + "\n");
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = find(self.input, b"\r\n") {
                let line = String::from_utf8_lossy(&self.input[..at]).into_owned();
                self.input.drain(..at + 2);
                return Ok(line);
            }
            fill(self.stream, self.input)?;
        }
    }

    /// From 1 to `most` bytes that follow the head.
    pub(crate) fn some(&mut self, most: usize) -> io::Result<Vec<u8>> {
        if self.input.is_empty() {
            fill(self.stream, self.input)?;
        }
        let count = most.min(self.input.len());
        Ok(self.input.drain(..count).collect())
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }
}

/// A whole answer with this status and body.
pub(crate) fn answer(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nContent-Type: text/plain\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An origin; it stops when dropped.
pub(crate) struct Origin {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    listener: Mutex<Option<TcpListener>>,
    shared: Arc<Shared>,
}

impl Origin {
    /// An origin that reads each request and answers 200 with `body`.
    pub(crate) fn saying(body: &'static str) -> Origin {
        Origin::start(move |exchange| {
            exchange.read_body()?;
            exchange.send(answer(200, body))?;
            Ok(After::Keep)
        })
    }

    /// An origin that reads each request with its body, sends these bytes and closes.
    pub(crate) fn sending(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Origin {
        Origin::start(move |exchange| {
            exchange.read_body()?;
            exchange.send(&bytes)?;
            Ok(After::Close)
        })
    }

    /// An origin that does `behaviour` once a head has come.
    pub(crate) fn start(
        behaviour: impl Fn(&mut Exchange<'_>) -> io::Result<After> + Send + Sync + 'static,
    ) -> Origin {
        let shared = Shared {
            behaviour: Mutex::new(Arc::new(behaviour)),
            requests: Mutex::default(),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        };
        let origin = Origin {
            address: free(),
            listener: Mutex::new(None),
            shared: Arc::new(shared),
        };
        origin.resume();
        origin
    }

    /// From now on does `behaviour` instead.
    pub(crate) fn become_one_that(
        &self,
        behaviour: impl Fn(&mut Exchange<'_>) -> io::Result<After> + Send + Sync + 'static,
    ) {
        *self.shared.behaviour.lock().unwrap() = Arc::new(behaviour);
    }

    /// Refuses connections from now on; open ones go on.
    pub(crate) fn refuse(&self) {
        if let Some(listener) = self.listener.lock().unwrap().take() {
            let _ = SockRef::from(&listener).shutdown(std::net::Shutdown::Both);
        }
    }

    /// Listens again.
    pub(crate) fn resume(&self) {
        let listener = TcpListener::bind(self.address).expect("the origin listens");
        let accepting = listener.try_clone().expect("a second handle");
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = accepting.accept() {
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                shared.open.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let _ = serve(stream, &shared);
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        *self.listener.lock().unwrap() = Some(listener);
    }

    /// How many connections were taken so far.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// The requests so far, in the order in which their heads came.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The one request that came.
    #[track_caller]
    pub(crate) fn request(&self) -> Received {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "not one request: {requests:?}");
        requests.into_iter().next().expect("counted")
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.refuse();
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(3 * PATIENCE))?;
    stream.set_write_timeout(Some(3 * PATIENCE))?;
    let mut input = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = find(&input, b"\r\n\r\n") {
                break at;
            }
            fill(&mut stream, &mut input)?;
        };
        let head = String::from_utf8_lossy(&input[..end]).into_owned();
        input.drain(..end + 4);
        let request = Received {
            head,
            ..Received::default()
        };
        let index = {
            let mut requests = shared.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        let behaviour = Arc::clone(&shared.behaviour.lock().unwrap());
        let mut exchange = Exchange {
            stream: &mut stream,
            request,
            input: &mut input,
            shared,
            index,
        };
        match behaviour(&mut exchange)? {
            After::Keep => {}
            After::Close => return Ok(()),
            After::Reset => return SockRef::from(&stream).set_linger(Some(Duration::ZERO)),
        }
    }
}

fn fill(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 65_536];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            input.extend_from_slice(&buffer[..count]);
            Ok(())
        }
    }
}
