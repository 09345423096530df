//! Request heads and their framing: the first byte says in what pieces the rest arrives.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/head.rs"]
mod law;

fuzz_target!(|bytes: &[u8]| law::check(bytes));
