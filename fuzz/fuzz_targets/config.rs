//! Any bytes are read without a panic, and what holds is printed as itself.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/config.rs"]
mod law;

fuzz_target!(|bytes: &[u8]| law::check(bytes));
