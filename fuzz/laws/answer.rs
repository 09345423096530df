//! The law of the `answer` target: the first byte says in what pieces the rest arrives.

use signpost::proxy::forward::laws;

/// Panics where the law is broken.
pub(crate) fn check(bytes: &[u8]) {
    if let Some((step, input)) = bytes.split_first() {
        laws::hold(input, usize::from(*step));
    }
}
