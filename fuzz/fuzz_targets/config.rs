//! Any bytes are read without a panic, and what holds is printed as itself.
#![no_main]

#[path = "../../tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| laws::config::check(bytes));
