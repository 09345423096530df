//! HTTP/2 towards clients (RFC 9113): its frames and fields checked strictly, its streams decided about and answered like any request.

pub mod code;
pub mod engine;
pub mod fields;
mod frame;
pub mod hpack;
pub mod laws;
pub mod limits;
mod patience;
#[cfg(test)]
pub(crate) mod vectors;

use std::pin::Pin;
use std::rc::Rc;

use super::client::{Client, Stream};
use super::worker::Worker;
use crate::model::Endpoint;

/// Serves a connection that speaks HTTP/2, its preface first, to its end.
pub(super) fn serve<S>(
    worker: Rc<Worker>,
    client: Client<S>,
    at: Endpoint,
) -> Pin<Box<dyn Future<Output = ()>>>
where
    S: Stream + 'static,
{
    Box::pin(async move { drop((worker, client, at)) })
}
