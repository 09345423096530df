//! One stream, read and written as HTTP/1.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::text::{self, Asked, Body, Shown};
use super::{Part, plain};
use crate::proxy::forward::limits::HTTP2_WINDOW;
use crate::proxy::http1::{BodyDecoder, Found};

/// What of the request is still to come from whoever writes.
enum Asking {
    Head,
    /// It waits for its place among the server's streams.
    Ready(Box<Asked>),
    Body {
        stream: SendStream<Bytes>,
        /// `None`: the two sides' own bytes.
        decoder: Option<BodyDecoder>,
        /// So many bytes at the front of the input are data.
        data: usize,
    },
    Done,
}

/// How far the answer is.
enum Answering {
    /// Nothing was asked yet.
    Not,
    Head(ResponseFuture),
    Body(RecvStream, Body),
    Trailers(RecvStream),
    Done(Body),
}

/// One exchange over a connection that speaks HTTP/2.
pub(in crate::proxy::forward) struct Exchange {
    asking: Asking,
    /// Bytes written that are not on their way yet.
    input: BytesMut,
    answering: Answering,
    /// HTTP/1's text of the answer that waits to be read, and data behind it.
    text: Vec<u8>,
    at: usize,
    data: Bytes,
    first_chunk: bool,
    shown: Shown,
    refused: bool,
    // Behind the streams, so that those are gone first.
    part: Part,
}

impl Exchange {
    pub(super) fn new(part: Part) -> Exchange {
        Exchange {
            asking: Asking::Head,
            input: BytesMut::new(),
            answering: Answering::Not,
            text: Vec::new(),
            at: 0,
            data: Bytes::new(),
            first_chunk: true,
            shown: Shown::default(),
            refused: false,
            part,
        }
    }

    /// Whether the server did nothing with the request, and says so (RFC 9113 §8.7).
    pub(in crate::proxy::forward) fn refused(&self) -> bool {
        self.refused
    }

    /// Whether the connection takes further exchanges.
    pub(in crate::proxy::forward) fn lives_on(&self) -> bool {
        !self.part.dead.load(Ordering::Relaxed)
    }

    /// Whether WebSockets can be opened over the connection (RFC 8441 §3).
    pub(in crate::proxy::forward) fn opens_websockets(&self) -> bool {
        self.part.requests.is_extended_connect_protocol_enabled()
    }

    /// No further exchange goes over this connection.
    pub(in crate::proxy::forward) fn retire(&self) {
        self.part.dead.store(true, Ordering::Relaxed);
    }

    fn fail(&mut self, error: h2::Error) -> io::Error {
        let remote = error.is_remote();
        let refused = error.reason() == Some(Reason::REFUSED_STREAM) || error.is_go_away();
        if remote && refused {
            self.refused = true;
        }
        if refused || error.is_io() || error.is_go_away() {
            self.retire();
        }
        plain(error)
    }

    /// Sends on what was written, as far as there is room.
    fn poll_ask(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match std::mem::replace(&mut self.asking, Asking::Done) {
                Asking::Head => {
                    let end = self.input.windows(4).position(|w| w == b"\r\n\r\n");
                    let Some(end) = end else {
                        self.asking = Asking::Head;
                        return Poll::Ready(Ok(()));
                    };
                    let head = self.input.split_to(end + 4);
                    let asked = text::request(&head, self.part.tls);
                    let asked = asked.ok_or(io::ErrorKind::InvalidInput)?;
                    self.asking = Asking::Ready(Box::new(asked));
                }
                Asking::Ready(asked) => match self.part.requests.poll_ready(cx) {
                    Poll::Pending => {
                        self.asking = Asking::Ready(asked);
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(error)) => {
                        // The connection takes no more: nothing was sent.
                        self.refused = true;
                        self.retire();
                        return Poll::Ready(Err(plain(error)));
                    }
                    Poll::Ready(Ok(())) => self.begin(*asked)?,
                },
                Asking::Body {
                    stream,
                    decoder,
                    data,
                } => {
                    self.asking = Asking::Body {
                        stream,
                        decoder,
                        data,
                    };
                    return self.poll_body(cx);
                }
                Asking::Done => {
                    self.input.clear();
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    fn begin(&mut self, asked: Asked) -> io::Result<()> {
        let Asked {
            request,
            framing,
            head_only,
            accept,
        } = asked;
        let tunnel = accept.is_some();
        let decoder = (!tunnel).then(|| BodyDecoder::new(framing));
        let ended = decoder.as_ref().is_some_and(BodyDecoder::ended);
        self.shown = Shown { head_only, accept };
        let begun = self.part.requests.send_request(request, ended);
        let (answer, stream) = begun.map_err(|error| {
            self.refused = true;
            self.retire();
            plain(error)
        })?;
        self.answering = Answering::Head(answer);
        if !ended {
            self.asking = Asking::Body {
                stream,
                decoder,
                data: 0,
            };
        }
        Ok(())
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = self.poll_data(cx);
        match sent {
            // Resetting what the server has had whole would be of no use.
            Poll::Ready(Ok(true)) => self.asking = Asking::Done,
            Poll::Ready(Err(_)) => self.input.clear(),
            _ => {}
        }
        sent.map_ok(|_| ())
    }

    /// Sends what of the body was written: whether that was its end.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let Asking::Body {
            stream,
            decoder,
            data,
        } = &mut self.asking
        else {
            return Poll::Ready(Ok(true));
        };
        loop {
            if *data > 0 {
                stream.reserve_capacity((*data).min(HTTP2_WINDOW as usize));
                if stream.capacity() == 0 {
                    match ready!(stream.poll_capacity(cx)) {
                        Some(Ok(_)) => continue,
                        Some(Err(error)) => return Poll::Ready(Err(plain(error))),
                        None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                    }
                }
                let piece = stream.capacity().min(*data);
                *data -= piece;
                let ended = *data == 0 && decoder.as_ref().is_some_and(BodyDecoder::ended);
                let piece = self.input.split_to(piece).freeze();
                stream.send_data(piece, ended).map_err(plain)?;
                if ended {
                    return Poll::Ready(Ok(true));
                }
                continue;
            }
            let Some(decoder) = decoder else {
                *data = self.input.len();
                if *data == 0 {
                    return Poll::Ready(Ok(false));
                }
                continue;
            };
            let scanned = decoder.scan(&self.input);
            let (skip, length, found) = scanned.map_err(|_| io::ErrorKind::InvalidData)?;
            self.input.advance(skip);
            match found {
                Found::Data => *data = length,
                Found::Trailers => {
                    let trailers = text::trailers(&decoder.take_trailers());
                    stream.send_trailers(trailers).map_err(plain)?;
                    return Poll::Ready(Ok(true));
                }
                Found::End => {
                    stream.send_data(Bytes::new(), true).map_err(plain)?;
                    return Poll::Ready(Ok(true));
                }
                Found::More => return Poll::Ready(Ok(false)),
            }
        }
    }

    /// Takes in what the server says next. `Ready(false)`: that was all.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match &mut self.answering {
            Answering::Not => return Poll::Pending,
            Answering::Head(answer) => {
                if let Poll::Ready(Some(interim)) = answer.poll_informational(cx) {
                    let interim = match interim {
                        Ok(interim) => interim,
                        Err(error) => return Poll::Ready(Err(self.fail(error))),
                    };
                    text::head(&mut self.text, &interim, (&Shown::default(), false));
                    return Poll::Ready(Ok(true));
                }
                let answer = match ready!(Pin::new(answer).poll(cx)) {
                    Ok(answer) => answer,
                    Err(error) => return Poll::Ready(Err(self.fail(error))),
                };
                let ended = answer.body().is_end_stream();
                let body = text::head(&mut self.text, &answer, (&self.shown, ended));
                self.answering = Answering::Body(answer.into_body(), body);
            }
            Answering::Body(stream, body) => {
                let body = *body;
                match ready!(stream.poll_data(cx)) {
                    Some(Ok(data)) => {
                        if body == Body::Chunked && !data.is_empty() {
                            text::chunk(&mut self.text, data.len(), self.first_chunk);
                            self.first_chunk = false;
                        }
                        self.data = data;
                    }
                    Some(Err(error)) => return Poll::Ready(Err(self.fail(error))),
                    None => {
                        let done = Answering::Done(body);
                        let before = std::mem::replace(&mut self.answering, done);
                        if let (Answering::Body(stream, _), Body::Chunked) = (before, body) {
                            self.answering = Answering::Trailers(stream);
                        }
                    }
                }
            }
            Answering::Trailers(stream) => {
                let trailers = match ready!(stream.poll_trailers(cx)) {
                    Ok(trailers) => trailers,
                    Err(error) => return Poll::Ready(Err(self.fail(error))),
                };
                text::last_chunk(&mut self.text, trailers.as_ref(), self.first_chunk);
                self.answering = Answering::Done(Body::Chunked);
            }
            Answering::Done(Body::Tunnel) => return Poll::Ready(Ok(false)),
            Answering::Done(_) => return Poll::Pending,
        }
        Poll::Ready(Ok(true))
    }

    /// Hands out what waits; false: nothing does.
    fn hand_out(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        if self.at < self.text.len() {
            let rest = &self.text[self.at..];
            let piece = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..piece]);
            self.at += piece;
            if self.at == self.text.len() {
                self.text.clear();
                self.at = 0;
            }
        }
        if self.text.is_empty() && !self.data.is_empty() {
            let piece = self.data.len().min(buffer.remaining());
            buffer.put_slice(&self.data.split_to(piece));
            if let Answering::Body(stream, _) = &mut self.answering {
                // Fails where the stream is over: nobody waits for room then.
                let _ = stream.flow_control().release_capacity(piece);
            }
        }
        !buffer.filled().is_empty()
    }
}

impl AsyncRead for Exchange {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.hand_out(buffer) {
                return Poll::Ready(Ok(()));
            }
            if !ready!(this.poll_answer(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Exchange {
    /// Takes all, once what was taken before is on its way.
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_ask(cx))?;
        this.input.extend_from_slice(bytes);
        match this.poll_ask(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_ask(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_ask(cx))?;
        if let Asking::Body { stream, .. } = &mut this.asking {
            let ended = stream.send_data(Bytes::new(), true);
            this.asking = Asking::Done;
            ended.map_err(plain)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}
