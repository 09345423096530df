//! A `Location` is an absolute URL under its template's authority, whatever a client sends.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/location.rs"]
mod law;

fuzz_target!(|bytes: &[u8]| law::check(bytes));
