//! The request's body, taken from the client as the server takes it.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::body::Feed;
use super::limits::{BODY_CREDIT, BODY_GRACE, BODY_RATE};
use super::request::trailers;
use crate::proxy::client::Client;
use crate::proxy::http1::{BodyDecoder, Decoded, Fault, Framing};

/// What a step of the body came to.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing to do: the server takes none, or the body is through.
    Still,
    /// A piece went on.
    Moved,
    /// The client has to send more.
    Waiting,
    /// The client ended the connection in mid-body.
    Gone,
    /// The body breaks the rules of framing.
    Fault(Fault),
}

/// A request's body on its way.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) feed: Option<Rc<Feed>>,
    decoder: BodyDecoder,
    /// All of it was taken from the client.
    pub(super) ended: bool,
    /// Bytes of it that were taken from the client, without what delimits them.
    pub(super) taken: u64,
    /// Some of it was taken from the client: the request cannot be sent again.
    pub(super) begun: bool,
    /// How long the client may be silent.
    credit: Duration,
    waiting: Option<Instant>,
}

impl Upload {
    pub(super) fn new(framing: Framing) -> Upload {
        let feed = Feed::new(framing);
        Upload {
            ended: feed.is_none(),
            feed,
            decoder: BodyDecoder::new(framing),
            taken: 0,
            begun: false,
            credit: BODY_GRACE,
            waiting: None,
        }
    }

    /// Whether the server takes more, and there is more.
    pub(super) fn wanted(&self) -> bool {
        !self.ended && self.feed.as_ref().is_some_and(|feed| feed.wanted())
    }

    /// Takes the next piece from the client if the server wants one.
    pub(super) fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        client: &mut Client<S>,
        cx: &mut Context<'_>,
    ) -> Step {
        let Some(feed) = self.feed.as_ref().filter(|_| self.wanted()) else {
            return Step::Still;
        };
        loop {
            match self.decoder.decode(&mut client.input) {
                Err(fault) => return Step::Fault(fault),
                Ok(Decoded::More) => match client.poll_fill(cx) {
                    Poll::Ready(Ok(0) | Err(_)) => return Step::Gone,
                    Poll::Ready(Ok(_)) => continue,
                    Poll::Pending => return Step::Waiting,
                },
                Ok(Decoded::Data(data)) => {
                    self.begun = true;
                    self.taken += data.len() as u64;
                    let earned = Duration::from_millis(data.len() as u64 * 1000 / BODY_RATE);
                    let waited = self
                        .waiting
                        .take()
                        .map_or(Duration::ZERO, |since| since.elapsed());
                    self.credit = (self.credit.saturating_sub(waited) + earned).min(BODY_CREDIT);
                    feed.data(data);
                }
                Ok(Decoded::Trailers(lines)) => {
                    self.begun = true;
                    feed.trailers(trailers(lines));
                }
                Ok(Decoded::End) => {}
            }
            if self.decoder.ended() {
                feed.end();
                self.ended = true;
            }
            return Step::Moved;
        }
    }

    /// How long the client may be silent from now on.
    pub(super) fn patience(&mut self) -> Duration {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        self.credit.saturating_sub(since.elapsed())
    }
}
