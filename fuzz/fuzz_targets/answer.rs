//! Servers' answers, their framing, and what goes on of them: the first byte says in what pieces the rest arrives.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/answer.rs"]
mod law;

fuzz_target!(|bytes: &[u8]| law::check(bytes));
