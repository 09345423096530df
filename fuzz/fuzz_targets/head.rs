//! Request heads and their framing: the first byte says in what pieces the rest arrives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signpost::proxy::http1::laws;

fuzz_target!(|data: &[u8]| {
    if let Some((step, input)) = data.split_first() {
        laws::hold(input, usize::from(*step));
    }
});
