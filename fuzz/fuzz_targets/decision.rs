//! Every ask of every farm ends, never at a server that is not usable, and explains itself.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/decision.rs"]
mod law;

fuzz_target!(|bytes: &[u8]| law::check(bytes));
