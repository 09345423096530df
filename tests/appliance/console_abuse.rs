//! Random bytes and endless negotiation at the telnet port: the director lives, and whoever sits at the socket is served. The long
//! form is tests/long/console-abuse.

use std::time::{Duration, Instant};

use crate::support::{Director, PATIENCE, Telnet, free};

/// Bytes like any others, the same at each run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let word = state.wrapping_mul(0x2545_f491_4f6c_dd1d);
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

#[test]
fn noise_at_the_telnet_port_holds_nobody_up() {
    let console = free();
    let director = Director::start(&format!(
        "virtual {}\nconsole {console}\nusername ann privilege configure secret open-sesame\n",
        free()
    ));
    let flood = std::thread::spawn(move || {
        let end = Instant::now() + PATIENCE;
        for seed in 0..40_u64 {
            let mut client = Telnet::to(console);
            if seed % 2 == 0 {
                client.bytes(&noise(seed, 25_000));
            } else {
                // DO and WILL of every option, again and again: RFC 1143's loop.
                let every: Vec<u8> = (0..=254)
                    .flat_map(|option| [255, 253, option, 255, 251, option, 255, 252, option])
                    .collect();
                client.bytes(&every.repeat(8));
            }
            assert!(Instant::now() < end, "the flood is taken in time");
        }
    });
    let mut waits = Vec::new();
    while !flood.is_finished() || waits.is_empty() {
        let began = Instant::now();
        director.typed(&["show version"]);
        waits.push(began.elapsed());
    }
    flood.join().expect("the director lives");
    waits.sort();
    let middle = waits[waits.len() / 2];
    assert!(middle < Duration::from_secs(2), "{waits:?}");
    // It is as it was.
    crate::support::eventually("there is a place", || {
        let who = director.typed(&["show who | count telnet"]);
        who.contains('0')
    });
    Telnet::to(console).until("Username: ");
    assert!(!director.log().contains("panic"), "{}", director.log());
}
