//! Any bytes become a configuration that holds, and no line of them is dropped in silence.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/import.rs"]
mod law;

fuzz_target!(|bytes: &[u8]| law::check(bytes));
