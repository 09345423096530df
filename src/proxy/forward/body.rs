//! The request's body on its way from the client's stream into hyper's client.
//!
//! The exchange's task decodes what the client sends and lays it here; hyper takes it when the server
//! has room. One piece lies here at most: that is the backpressure. A body that breaks off has no word here:
//! the connection is dropped with the request half sent.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::http1::Framing;

#[derive(Debug, Default)]
struct Slot {
    frame: Option<Frame<Bytes>>,
    wanted: bool,
    ended: bool,
    left: Option<u64>,
}

/// Where the next piece of a request's body lies.
#[derive(Debug, Default)]
pub(super) struct Feed(RefCell<Slot>);

impl Feed {
    /// A feed for a body that is delimited so; none for no body.
    pub(super) fn new(framing: Framing) -> Option<Rc<Feed>> {
        let left = match framing {
            Framing::None => return None,
            Framing::Length(n) => Some(n),
            Framing::Chunked => None,
        };
        Some(Rc::new(Feed(RefCell::new(Slot {
            left,
            ..Slot::default()
        }))))
    }

    /// Whether hyper waits for a piece.
    pub(super) fn wanted(&self) -> bool {
        let slot = self.0.borrow();
        slot.wanted && slot.frame.is_none() && !slot.ended
    }

    pub(super) fn data(&self, data: Bytes) {
        let mut slot = self.0.borrow_mut();
        slot.left = slot.left.map(|left| left.saturating_sub(data.len() as u64));
        slot.frame = Some(Frame::data(data));
    }

    pub(super) fn trailers(&self, trailers: HeaderMap) {
        self.0.borrow_mut().frame = Some(Frame::trailers(trailers));
    }

    pub(super) fn end(&self) {
        self.0.borrow_mut().ended = true;
    }
}

/// The body of a request to a server.
#[derive(Debug)]
pub(super) struct RequestBody(pub(super) Option<Rc<Feed>>);

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(feed) = &self.0 else {
            return Poll::Ready(None);
        };
        let mut slot = feed.0.borrow_mut();
        if let Some(frame) = slot.frame.take() {
            slot.wanted = false;
            return Poll::Ready(Some(Ok(frame)));
        }
        if slot.ended {
            return Poll::Ready(None);
        }
        // No waker: the task that polls the connection is the one that fills the feed, and polls again then.
        slot.wanted = true;
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|feed| {
            let slot = feed.0.borrow();
            slot.frame.is_none() && (slot.ended || slot.left == Some(0))
        })
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            None => SizeHint::with_exact(0),
            Some(feed) => feed
                .0
                .borrow()
                .left
                .map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
