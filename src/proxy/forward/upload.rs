//! The request's body, taken from the client as the server takes it.

use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::body::Passage;
use super::limits::BODY_CREDIT;
use super::out::Onward;
use crate::model::Limit;
use crate::proxy::bounds;
use crate::proxy::http1::{Extent, Fault, Framing};

/// A request's body on its way.
#[derive(Debug)]
pub(super) struct Upload {
    passage: Passage,
    /// Some of it was taken from the client: the request cannot be sent again.
    pub(super) begun: bool,
    /// How long the client may be silent.
    credit: Duration,
    waiting: Option<Instant>,
}

impl Upload {
    /// A body that is framed so, for a server that takes trailers or not.
    pub(super) fn new(framing: Framing, trailers: bool) -> Upload {
        let passage = Passage::new(Extent::Framed(framing), framing == Framing::Chunked);
        Upload {
            passage: match trailers {
                true => passage,
                false => passage.without_trailers(),
            },
            begun: false,
            credit: bounds::seconds(Limit::BodyGrace),
            waiting: None,
        }
    }

    /// Whether all of it was taken from the client.
    pub(super) fn ended(&self) -> bool {
        self.passage.ended()
    }

    /// Bytes of it that were taken from the client, without what delimits them.
    pub(super) fn taken(&self) -> u64 {
        self.passage.passed()
    }

    /// Passes on what of it is at the front of `input`: how much that is.
    ///
    /// # Errors
    /// The body breaks the rules of framing.
    pub(super) fn pass<W>(
        &mut self,
        input: &[u8],
        to: &mut Onward<'_, '_, W>,
    ) -> Result<usize, Fault>
    where
        W: AsyncWrite + Unpin,
    {
        let before = self.taken();
        let used = self.passage.pass(input, to)?;
        self.begun |= used > 0;
        self.earn(self.taken() - before);
        Ok(used)
    }

    /// How many of the bytes that come next are data for certain: they may go another way.
    pub(super) fn data_left(&self) -> u64 {
        self.passage.data_left()
    }

    /// So many bytes of data go another way, behind `text`.
    pub(super) fn pass_over(&mut self, bytes: u64, text: &mut Vec<u8>) {
        self.passage.pass_over(bytes, text);
        self.begun = true;
        self.earn(bytes);
    }

    /// What comes lets the client be silent for longer.
    fn earn(&mut self, gained: u64) {
        if gained > 0 {
            let waiting = self.waiting.take();
            let waited = waiting.map_or(Duration::ZERO, |since| since.elapsed());
            let earned =
                Duration::from_millis(gained * 1000 / u64::from(bounds::of(Limit::BodyRate)));
            let most = BODY_CREDIT.max(bounds::seconds(Limit::BodyGrace));
            self.credit = (self.credit.saturating_sub(waited) + earned).min(most);
        }
    }

    /// How long the client may be silent from now on.
    pub(super) fn patience(&mut self) -> Duration {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        self.credit.saturating_sub(since.elapsed())
    }
}
