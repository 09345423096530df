//! What stands before a request, and what is looked for in its fields.

/// Checks the laws of `input`.
pub(crate) fn check(input: &[u8]) {
    signpost::proxy::laws::hold(input);
}
