//! Replays the fuzz targets' committed corpora: each target's law over each of its files.

use std::fs;
use std::path::Path;

#[path = "../fuzz/laws/answer.rs"]
mod answer;
#[path = "../fuzz/laws/config.rs"]
mod config;
#[path = "../fuzz/laws/console.rs"]
mod console;
#[path = "../fuzz/laws/decision.rs"]
mod decision;
#[path = "../fuzz/laws/front.rs"]
mod front;
#[path = "../fuzz/laws/head.rs"]
mod head;
#[path = "../fuzz/laws/http2.rs"]
mod http2;
#[path = "../fuzz/laws/import.rs"]
mod import;
#[path = "../fuzz/laws/location.rs"]
mod location;

/// Calls `law` for each file of the target's folder in `fuzz/corpus`.
fn replay(target: &str, law: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the corpus is there") {
        let path = entry.expect("it can be listed").path();
        law(&fs::read(path).expect("it can be read"));
        count += 1;
    }
    assert!(count > 0, "the corpus of {target} is empty");
}

#[test]
fn configurations_print_as_themselves() {
    replay("config", config::check);
}

#[test]
fn sessions_show_nothing_raw_and_come_to_an_end() {
    replay("console", console::check);
}

/// Keys, telnet's own bytes and whole lines in any order, beyond what the corpus has.
#[test]
fn sessions_live_through_a_million_bytes() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let lines: [&[u8]; 12] = [
        b"show real\r",
        b"enable\r",
        b"configure terminal\r",
        b"weight 10.0.0.1 5\r",
        b"sh?",
        b"\t",
        b"monitor\r",
        b"end\r",
        b"configure candidate\r",
        b"show real | count .\r",
        b"username a privilege view secret\r",
        b"\xff\xfb\x1f\xff\xfa\x1f\0\x28\0\x0a\xff\xf0",
    ];
    for how in 0..=255_u8 {
        let mut bytes = vec![how & 0xbf | 2, next() as u8];
        while bytes.len() < 4_000 {
            match next() % 4 {
                0 => bytes.extend_from_slice(lines[next() as usize % lines.len()]),
                1 => bytes.push(next() as u8),
                2 => bytes.push(next() as u8 & 0x1f),
                _ => {
                    bytes.extend_from_slice(&[255, 236 + (next() % 20) as u8, (next() % 40) as u8])
                }
            }
        }
        console::check(&bytes);
    }
}

#[test]
fn what_stands_before_and_in_requests_is_read_alike_in_any_pieces() {
    replay("front", front::check);
}

#[test]
fn answers_go_on_as_they_came_in_any_pieces() {
    replay("answer", answer::check);
}

#[test]
fn heads_are_read_alike_in_any_pieces() {
    replay("head", head::check);
}

#[test]
fn connections_of_http2_come_to_the_same_in_any_pieces() {
    replay("http2", http2::check);
}

#[test]
fn nothing_of_an_imported_file_is_dropped_in_silence() {
    replay("import", import::check);
}

#[test]
fn locations_stay_under_their_authority() {
    replay("location", location::check);
}

#[test]
fn decisions_end_at_usable_servers() {
    replay("decision", decision::check);
}
