//! The law of the `head` target: the first byte says in what pieces the rest arrives.

use signpost::proxy::http1::laws;

/// Panics where the law is broken.
pub(crate) fn check(bytes: &[u8]) {
    if let Some((step, input)) = bytes.split_first() {
        laws::hold(input, usize::from(*step));
    }
}
