use super::*;
use proptest::prelude::*;

fn fed(telnet: &mut Telnet, bytes: &[u8]) -> Vec<Keys> {
    let mut keys = Vec::new();
    telnet.feed(bytes, &mut keys);
    keys
}

fn typed(keys: &[Keys]) -> Vec<u8> {
    let bytes = keys.iter().filter_map(|key| match key {
        Keys::Bytes(bytes) => Some(bytes.as_slice()),
        _ => None,
    });
    bytes.collect::<Vec<_>>().concat()
}

#[test]
fn every_way_to_end_a_line_ends_it_once() {
    for (sent, lines) in [
        (&b"a\r\nb"[..], &b"a\rb"[..]),
        (b"a\r\0b", b"a\rb"),
        (b"a\rb", b"a\rb"),
        (b"a\nb", b"a\rb"),
        (b"\r\n\r\n", b"\r\r"),
        (b"\r\0\r\0", b"\r\r"),
        (b"\r\r", b"\r\r"),
        (b"\n\n", b"\r\r"),
        (b"\r\xff\xf1\n", b"\r"),
    ] {
        let mut whole = Telnet::new();
        assert_eq!(typed(&fed(&mut whole, sent)), lines, "{sent:?}");
        let mut pieces = Telnet::new();
        let each: Vec<Keys> = sent
            .iter()
            .flat_map(|byte| fed(&mut pieces, &[*byte]))
            .collect();
        assert_eq!(typed(&each), lines, "{sent:?} in pieces");
    }
}

#[test]
fn the_greeting_is_answered_without_another_word() {
    let mut telnet = Telnet::new();
    let greeting = telnet.greet();
    assert_eq!(
        greeting,
        [255, 251, 1, 255, 251, 3, 255, 253, 3, 255, 253, 31]
    );
    assert!(telnet.greet().is_empty());
    let yes = [255, 253, 1, 255, 253, 3, 255, 251, 3, 255, 251, 31];
    assert!(fed(&mut telnet, &yes).is_empty());
    assert!(telnet.reply().is_empty());
    let window = [255, 250, 31, 0, 132, 0, 43, 255, 240];
    assert_eq!(
        fed(&mut telnet, &window),
        [Keys::Window {
            columns: 132,
            rows: 43
        }]
    );
}

#[test]
fn a_window_may_be_255_wide() {
    let mut telnet = Telnet::new();
    let sent = [
        255, 251, 31, 255, 250, 31, 0, 255, 255, 0, 24, 255, 240, b'x',
    ];
    assert_eq!(
        fed(&mut telnet, &sent),
        [
            Keys::Window {
                columns: 255,
                rows: 24
            },
            Keys::Bytes(b"x".to_vec())
        ]
    );
}

#[test]
fn what_was_not_agreed_on_is_not_believed() {
    let mut telnet = Telnet::new();
    let sent = [
        255, 250, 31, 0, 80, 0, 24, 255, 240, 255, 250, 39, 0, 3, 255, 240,
    ];
    assert!(fed(&mut telnet, &sent).is_empty());
    assert!(telnet.reply().is_empty());
}

#[test]
fn other_options_are_refused_each_time_and_refusals_are_not_answered() {
    // TTYPE, NEW-ENVIRON, AUTHENTICATION, LFLOW, LINEMODE, TIMING-MARK.
    for option in [24, 39, 37, 33, 34, 6] {
        let mut telnet = Telnet::new();
        for _ in 0..2 {
            fed(&mut telnet, &[255, 251, option, 255, 253, option]);
            assert_eq!(telnet.reply(), [255, 254, option, 255, 252, option]);
        }
        fed(&mut telnet, &[255, 252, option, 255, 254, option]);
        assert!(telnet.reply().is_empty());
    }
}

#[test]
fn a_subnegotiation_is_read_to_its_limit_only() {
    let mut telnet = Telnet::new();
    fed(&mut telnet, &[255, 250, 31]);
    fed(&mut telnet, &vec![7; 100_000]);
    assert_eq!(telnet.sub.len(), SUBNEGOTIATION_BYTES);
    assert_eq!(
        fed(&mut telnet, &[255, 240, b'a']),
        [Keys::Bytes(b"a".to_vec())]
    );
}

#[test]
fn keys_of_old_terminals_do_what_their_bytes_do() {
    let mut telnet = Telnet::new();
    let sent = [
        b'a', 255, 247, 255, 248, 255, 236, 255, 237, 255, 255, 255, 244, b'b',
    ];
    assert_eq!(
        fed(&mut telnet, &sent),
        [
            Keys::Bytes(vec![b'a', 0x7f, 0x15, 4, 0x1a, 255]),
            Keys::Interrupt,
            Keys::Bytes(b"b".to_vec())
        ]
    );
    fed(&mut telnet, &[255, 246, 255, 246]);
    assert_eq!(telnet.reply(), HERE);
}

#[test]
fn text_goes_out_as_rfc_854_wants_it() {
    let telnet = Telnet::new();
    assert_eq!(
        telnet.encode(b"a\nb\r\nc\rd\xff"),
        b"a\r\nb\r\nc\r\0d\xff\xff"
    );
}

/// Telnet's own bytes, more often than chance has them.
fn abuse() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(255u8),
        3 => 236u8..=254,
        2 => prop::sample::select(vec![0u8, 1, 3, 6, 13, 10, 24, 31, 34, 39]),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..2_000)
}

proptest! {
    #[test]
    fn replies_are_bounded_by_what_was_sent(bytes in abuse(), step in 1usize..64) {
        let mut telnet = Telnet::new();
        telnet.greet();
        let (mut replied, mut reads) = (0, 0);
        for piece in bytes.chunks(step) {
            let keys = fed(&mut telnet, piece);
            prop_assert!(typed(&keys).len() <= piece.len());
            prop_assert!(keys.len() <= piece.len() + 1);
            replied += telnet.reply().len();
            reads += 1;
        }
        prop_assert!(replied <= bytes.len() + reads * HERE.len());
        prop_assert!(telnet.sub.len() <= SUBNEGOTIATION_BYTES);
    }

    /// Two of ours, one the client of the other: they fall silent.
    #[test]
    fn two_of_us_fall_silent(bytes in abuse()) {
        let (mut one, mut other) = (Telnet::new(), Telnet::new());
        let greeting = one.greet();
        fed(&mut other, &greeting);
        let greeting = other.greet();
        fed(&mut one, &greeting);
        fed(&mut one, &bytes);
        let mut said = one.reply();
        let mut turns = 0;
        while !said.is_empty() {
            let hearer = if turns % 2 == 0 { &mut other } else { &mut one };
            fed(hearer, &said);
            said = hearer.reply();
            turns += 1;
            prop_assert!(turns <= 2 * usize::from(options::ANSWERS) + 2);
        }
    }

    #[test]
    fn what_is_encoded_is_read_back(text in prop::collection::vec(any::<u8>(), 0..500)) {
        let telnet = Telnet::new();
        let sent = telnet.encode(&text);
        let doubled = text.iter().filter(|byte| **byte == 255).count();
        prop_assert_eq!(sent.iter().filter(|byte| **byte == 255).count(), doubled * 2);
        let mut reader = Telnet::new();
        prop_assert!(!fed(&mut reader, &sent).contains(&Keys::Interrupt));
        prop_assert!(reader.reply().is_empty());
    }
}
