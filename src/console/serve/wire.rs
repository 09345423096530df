//! What carries a session: bytes of telnet, messages of SSH, frames of the Unix socket.

use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::frame::{Frame, Frames};
use super::limits::CHUNK;
use crate::console::{Keys, Telnet};

/// What came from a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Keys.
    Keys(Vec<Keys>),
    /// A script has ended: what it asked for is still to be done.
    #[cfg(feature = "ssh")]
    Ended,
    /// The client is gone.
    Gone,
}

/// The reading half of a client.
pub(super) enum Ear {
    /// Bytes of telnet, or frames.
    Bytes(Pin<Box<dyn AsyncRead + Send>>),
    /// What an SSH channel brings.
    #[cfg(feature = "ssh")]
    Channel(russh::ChannelReadHalf),
}

/// How bytes mean something.
pub(super) enum Code {
    /// Telnet.
    Telnet(Box<Telnet>),
    /// Frames of `signpost console`; what has come of one.
    Frames(Frames),
    /// As they are.
    #[cfg(feature = "ssh")]
    Plain,
}

/// What carries a session.
pub(super) struct Wire {
    pub(super) ear: Ear,
    pub(super) mouth: Pin<Box<dyn AsyncWrite + Send>>,
    pub(super) code: Code,
}

/// What was read.
pub(super) enum Raw {
    /// So many bytes, which have yet to be understood.
    Bytes(usize),
    /// What says by itself what it means.
    Plain(Heard),
}

impl Ear {
    /// Waits for what comes next. Cancel safe.
    pub(super) async fn hear(&mut self, into: &mut Vec<u8>) -> Raw {
        match self {
            Ear::Bytes(stream) => {
                into.resize(CHUNK, 0);
                match stream.read(into).await {
                    Ok(0) | Err(_) => Raw::Plain(Heard::Gone),
                    Ok(read) => Raw::Bytes(read),
                }
            }
            #[cfg(feature = "ssh")]
            Ear::Channel(channel) => loop {
                use russh::{ChannelMsg, Sig};
                let cells = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
                let keys = |keys| Raw::Plain(Heard::Keys(vec![keys]));
                match channel.wait().await {
                    Some(ChannelMsg::Data { data }) => {
                        into.clear();
                        into.extend_from_slice(&data);
                        return Raw::Bytes(into.len());
                    }
                    Some(ChannelMsg::WindowChange {
                        col_width,
                        row_height,
                        ..
                    }) => {
                        return keys(Keys::Window {
                            columns: cells(col_width),
                            rows: cells(row_height),
                        });
                    }
                    Some(ChannelMsg::Signal { signal: Sig::INT }) => return keys(Keys::Interrupt),
                    Some(ChannelMsg::Eof) => return Raw::Plain(Heard::Ended),
                    Some(ChannelMsg::Close) | None => return Raw::Plain(Heard::Gone),
                    Some(_) => {}
                }
            },
        }
    }
}

impl Code {
    /// What is said first.
    pub(super) fn greet(&mut self) -> Vec<u8> {
        match self {
            Code::Telnet(telnet) => telnet.greet(),
            _ => Vec::new(),
        }
    }

    /// What was read, understood; and what has to be answered to it at once.
    pub(super) fn take(&mut self, raw: Raw, bytes: &[u8]) -> (Heard, Vec<u8>) {
        match raw {
            Raw::Bytes(read) => self.understand(bytes.get(..read).unwrap_or_default()),
            Raw::Plain(heard) => (heard, Vec::new()),
        }
    }

    fn understand(&mut self, bytes: &[u8]) -> (Heard, Vec<u8>) {
        let mut keys = Vec::new();
        match self {
            Code::Telnet(telnet) => {
                telnet.feed(bytes, &mut keys);
                (Heard::Keys(keys), telnet.reply())
            }
            #[cfg(feature = "ssh")]
            Code::Plain => {
                keys.push(Keys::Bytes(bytes.to_vec()));
                (Heard::Keys(keys), Vec::new())
            }
            Code::Frames(frames) => {
                frames.feed(bytes);
                loop {
                    match frames.next() {
                        Ok(Some(Frame::Data(data))) => keys.push(Keys::Bytes(data)),
                        Ok(Some(Frame::Window(columns, rows))) => {
                            keys.push(Keys::Window { columns, rows });
                        }
                        // What stood before it has to be heard first.
                        Ok(Some(Frame::End(_))) => frames.note_end(),
                        Ok(None) => break,
                        Err(_) => return (Heard::Gone, Vec::new()),
                    }
                }
                (Heard::Keys(keys), Vec::new())
            }
        }
    }

    /// Whether the client has said that nothing more will come.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Code::Frames(frames) => frames.has_ended(),
            _ => false,
        }
    }

    /// What a session says, as the client wants it.
    pub(super) fn give(&self, text: &[u8]) -> Vec<u8> {
        match self {
            Code::Telnet(telnet) => telnet.encode(text),
            #[cfg(feature = "ssh")]
            Code::Plain => text.to_vec(),
            Code::Frames(_) => Frame::data(text),
        }
    }

    /// What tells the client that it is over.
    pub(super) fn end(&self, status: u8) -> Vec<u8> {
        match self {
            Code::Frames(_) => Frame::End(status).bytes(),
            _ => Vec::new(),
        }
    }
}

/// Reads up to and with the first line feed, at most so many bytes; what came behind it.
pub(super) async fn line<R: AsyncRead + Unpin>(
    stream: &mut R,
    most: usize,
) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.iter().position(|&byte| byte == b'\n') {
            let rest = read.split_off(end + 1);
            read.pop();
            return Ok((read, rest));
        }
        if read.len() > most {
            return Err(io::Error::other("the first line is too long"));
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_heard_in_pieces() {
        let mut code = Code::Frames(Frames::default());
        let mut sent = Frame::data(b"show");
        sent.extend(Frame::Window(80, 24).bytes());
        sent.extend(Frame::End(0).bytes());
        let mut keys = Vec::new();
        for byte in sent {
            let (heard, _) = code.take(Raw::Bytes(1), &[byte]);
            match heard {
                Heard::Keys(more) => keys.extend(more),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(
            keys,
            [
                Keys::Bytes(b"show".to_vec()),
                Keys::Window {
                    columns: 80,
                    rows: 24
                }
            ]
        );
        assert!(code.has_ended());
    }
}
