//! HTTP/2 connections: the first byte says in what pieces the rest arrives, the second what is answered; blocks of fields in any
//! encoding.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../laws/http2.rs"]
mod law;

fuzz_target!(|bytes: &[u8]| law::check(bytes));
