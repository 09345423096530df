//! PROXY protocol heads, cookies, Referers and forwarding lists.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/front.rs"]
mod law;

fuzz_target!(|bytes: &[u8]| law::check(bytes));
