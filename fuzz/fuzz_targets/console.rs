//! Telnet and a session over any bytes: no panic, no loop, bounded replies, output and memory.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/console.rs"]
mod law;

fuzz_target!(|bytes: &[u8]| law::check(bytes));
