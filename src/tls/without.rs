//! What a build without TLS has in its place: nothing that could be made.

use std::convert::Infallible;
use std::fmt;

/// Never there.
#[derive(Debug)]
pub struct Shield(Infallible);

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this signpost was built without TLS; take one built with the feature `tls`")
    }
}

impl std::error::Error for Problem {}
