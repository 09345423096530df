//! A client that sees bytes, and a small parser of answers.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::PATIENCE;

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// Its status.
    pub(crate) status: u16,
    /// The status line as it came.
    pub(crate) line: String,
    /// Names in lower case, and values.
    pub(crate) fields: Vec<(String, String)>,
    /// The body, without chunked coding.
    pub(crate) body: Vec<u8>,
    /// Trailer fields as they came.
    pub(crate) trailers: String,
}

impl Response {
    /// The one value of field `name` (in lower case); fails where there are two.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self
            .fields
            .iter()
            .filter(|field| field.0 == name)
            .map(|field| field.1.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "two fields `{name}`: {self:?}");
        value
    }

    /// `Location`, or an empty text.
    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        self.field("location").unwrap_or_default()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One connection of a client.
pub(crate) struct Client {
    /// The socket; reads and writes have deadlines.
    pub(crate) stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    /// Connects.
    #[track_caller]
    pub(crate) fn to(address: SocketAddr) -> Client {
        Client::try_to(address)
            .unwrap_or_else(|error| panic!("no connection to {address}: {error}"))
    }

    /// Connects, where that may fail.
    pub(crate) fn try_to(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream,
            input: Vec::new(),
        })
    }

    /// Sends bytes as they are; a connection that was closed meanwhile is no failure.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Reads one whole answer, to a request that is not HEAD.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Response {
        self.try_answer("GET")
            .unwrap_or_else(|error| panic!("no whole answer: {error}; it began {:?}", self.begun()))
    }

    /// Reads one whole answer to a request of this method.
    pub(crate) fn try_answer(&mut self, method: &str) -> io::Result<Response> {
        let end = loop {
            if let Some(at) = find(&self.input, b"\r\n\r\n") {
                break at + 4;
            }
            self.fill()?;
        };
        let head = String::from_utf8_lossy(&self.input[..end - 4]).into_owned();
        self.input.drain(..end);
        let mut response = parse_head(&head)?;
        let coding = response
            .fields
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let length = response
            .fields
            .iter()
            .find(|field| field.0 == "content-length")
            .map(|field| field.1.clone());
        if method == "HEAD" || response.status < 200 || matches!(response.status, 204 | 304) {
            return Ok(response);
        }
        if coding {
            self.chunked(&mut response)?;
        } else if let Some(length) = length {
            let length = length.parse().map_err(|_| bad("a bad Content-Length"))?;
            response.body = self.exactly(length)?;
        } else {
            while self.fill().is_ok() {}
            response.body = std::mem::take(&mut self.input);
        }
        Ok(response)
    }

    fn chunked(&mut self, response: &mut Response) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let digits = line.split(';').next().unwrap_or_default();
            let size =
                usize::from_str_radix(digits.trim(), 16).map_err(|_| bad("a bad chunk size"))?;
            if size == 0 {
                break;
            }
            let data = self.exactly(size + 2)?;
            response.body.extend_from_slice(&data[..size]);
        }
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(());
            }
            response.trailers.push_str(&line);
            response.trailers.push('\n');
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = find(&self.input, b"\r\n") {
                let line = String::from_utf8_lossy(&self.input[..at]).into_owned();
                self.input.drain(..at + 2);
                return Ok(line);
            }
            self.fill()?;
        }
    }

    /// Reads exactly so many bytes.
    pub(crate) fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.input.len() < count {
            self.fill()?;
        }
        Ok(self.input.drain(..count).collect())
    }

    /// Everything until the other side closes; `Err` where it does not in time. A reset counts as closed.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.fill() {
                Ok(()) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    return Ok(std::mem::take(&mut self.input));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Fails unless the other side closes without another byte.
    #[track_caller]
    pub(crate) fn closed(&mut self) {
        let rest = self
            .rest()
            .unwrap_or_else(|error| panic!("the connection stays open: {error}"));
        assert_eq!(String::from_utf8_lossy(&rest), "", "bytes after the end");
    }

    /// Says that no more is sent.
    pub(crate) fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO));
    }

    fn begun(&self) -> String {
        String::from_utf8_lossy(&self.input[..self.input.len().min(400)]).into_owned()
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut buffer = [0; 65_536];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.input.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }
}

/// Sends `bytes` on a connection of their own and reads until the other side closes.
#[track_caller]
pub(crate) fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut client = Client::to(address);
    client.send(bytes);
    client.rest().unwrap_or_else(|error| {
        panic!(
            "the connection stays open: {error}; it began {:?}",
            client.begun()
        )
    })
}

/// One GET on a connection of its own.
#[track_caller]
pub(crate) fn get(address: SocketAddr, target: &str) -> Response {
    Client::to(address)
        .send(format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
        .answer()
}

fn parse_head(head: &str) -> io::Result<Response> {
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let status = match line.split(' ').collect::<Vec<_>>()[..] {
        ["HTTP/1.1", status, ..] if status.len() == 3 => {
            status.parse().map_err(|_| bad("a bad status"))?
        }
        _ => return Err(bad(&format!("no status line: `{line}`"))),
    };
    let mut fields = Vec::new();
    for field in lines {
        let (name, value) = field
            .split_once(':')
            .ok_or_else(|| bad(&format!("no field: `{field}`")))?;
        fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(Response {
        status,
        line,
        fields,
        body: Vec::new(),
        trailers: String::new(),
    })
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
