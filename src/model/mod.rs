//! What the operator wants: resolved, and valid by construction.
//!
//! Turns [`language`](crate::language) statements into a [`Model`] and a model back into canonical text.
//! Enter at `resolve` and `print`. Cross references are indices ([`Ref`]) into the model's own tables,
//! so that nothing here can name what does not exist.
//!
//! Deliberately unknown here: what is healthy, who asks, any socket or clock.

mod types;

pub use types::*;
