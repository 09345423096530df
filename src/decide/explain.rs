//! What a request would get, and why.
