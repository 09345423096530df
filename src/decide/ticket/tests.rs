use proptest::prelude::*;

use super::*;
use crate::decide::tests::id;

fn keys(configured: &[(u8, &str)]) -> Keys {
    let key = |(id, secret): &(u8, &str)| TicketKey {
        id: *id,
        secret: (*secret).into(),
    };
    Keys::new(&configured.iter().map(key).collect::<Vec<_>>(), [9; 32])
}

fn both() -> Keys {
    keys(&[(7, "0123456789abcdef"), (3, "another secret of ours")])
}

const TICKET: Ticket = Ticket {
    key: 7,
    at: 0x0102_0304_0506_0708,
    primary: 0x1112_1314_1516_1718,
    alternate: 0x2122_2324_2526_2728,
    bounced: 2,
    hops: 3,
    epoch: 29_000_000,
    expiry: 1_800_000_000,
};

const NOW: u64 = 1_799_999_999;

/// The contract between directors: these may only change with the version. The values were found by another
/// implementation of BLAKE3 as well.
#[test]
fn the_layout_stays_as_it_is() {
    let text = both().sign(&TICKET);
    assert_eq!(
        text,
        "AQcBAgMEBQYHCBESExQVFhcYISIjJCUmJygCAwG6gUBrSdIAZ3VMk1U23rfFdBTD9dk3yw"
    );
    assert_eq!(text.len(), TICKET_CHARS);
    let bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64url");
    assert_eq!(
        bytes[..SIGNED],
        [
            1, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x21,
            0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 2, 3, 0x01, 0xBA, 0x81, 0x40, 0x6B, 0x49,
            0xD2, 0x00
        ]
    );
    assert_eq!(both().read(&text, NOW), Ok(TICKET));
    assert_eq!(both().name(7, &id("192.0.2.1:8080")), 0xE72F_22CB_F82E_4A95);
    assert_eq!(both().name(3, &id("coyote")), 0x3793_7552_0021_10E4);
}

#[test]
fn any_flipped_bit_is_refused() {
    let keys = both();
    let text = keys.sign(&TICKET);
    let bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64url");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let read = keys.read(&URL_SAFE_NO_PAD.encode(flipped), NOW);
        let wanted = match bit / 8 {
            0 => TicketFault::Version,
            // 7 with this bit flipped is 3, the other key.
            1 if bit % 8 != 2 => TicketFault::UnknownKey,
            _ => TicketFault::BadMac,
        };
        assert_eq!(read, Err(wanted), "bit {bit}");
    }
    for at in 0..text.len() {
        for bit in 0..7 {
            let mut flipped = text.clone().into_bytes();
            flipped[at] ^= 1 << bit;
            let flipped = String::from_utf8(flipped).expect("ASCII");
            assert!(keys.read(&flipped, NOW).is_err(), "{flipped}");
        }
    }
}

#[test]
fn a_ticket_ends_with_its_second() {
    let keys = both();
    let text = keys.sign(&TICKET);
    assert_eq!(keys.read(&text, 0), Ok(TICKET));
    assert_eq!(keys.read(&text, NOW + 1), Err(TicketFault::Expired));
    assert_eq!(keys.read(&text, u64::MAX), Err(TicketFault::Expired));
}

#[test]
fn the_first_key_signs_and_all_are_read() {
    let (old, new) = (keys(&[(3, "another secret of ours")]), both());
    assert_eq!((old.signing(), new.signing()), (3, 7));
    let ticket = Ticket { key: 3, ..TICKET };
    assert_eq!(new.read(&old.sign(&ticket), NOW), Ok(ticket));
    assert_eq!(
        old.read(&new.sign(&TICKET), NOW),
        Err(TicketFault::UnknownKey)
    );
    // The same id with another secret.
    let other = keys(&[(3, "quite another secret")]);
    assert_eq!(
        other.read(&old.sign(&ticket), NOW),
        Err(TicketFault::BadMac)
    );
    // A key that is gone: the signing one, and it says so.
    assert_eq!(old.read(&old.sign(&TICKET), NOW), Ok(ticket));
}

#[test]
fn without_a_configured_key_the_process_signs() {
    let own = keys(&[]);
    assert_eq!(own.signing(), 0);
    let ticket = Ticket { key: 0, ..TICKET };
    let text = own.sign(&ticket);
    assert_eq!(own.read(&text, NOW), Ok(ticket));
    assert_eq!(
        Keys::new(&[], [8; 32]).read(&text, NOW),
        Err(TicketFault::BadMac)
    );
    assert_eq!(both().read(&text, NOW), Err(TicketFault::UnknownKey));
}

#[test]
fn names_differ_by_key_and_id() {
    let (keys, other) = (both(), keys(&[(7, "not the same at all")]));
    let (a, b) = (id("192.0.2.1"), id("192.0.2.2"));
    let names = [
        keys.name(7, &a),
        keys.name(7, &b),
        keys.name(3, &a),
        keys.name(3, &b),
        other.name(7, &a),
    ];
    for (i, name) in names.iter().enumerate() {
        assert!(*name != 0 && !names[..i].contains(name));
    }
    assert_eq!(keys.name(200, &a), keys.name(7, &a));
}

#[test]
fn what_is_too_long_is_not_looked_at() {
    let longest = "B".repeat(TICKET_CHARS_MOST);
    assert_eq!(both().read(&longest, NOW), Err(TicketFault::Version));
    let longer = "B".repeat(TICKET_CHARS_MOST + 1);
    assert_eq!(both().read(&longer, NOW), Err(TicketFault::Malformed));
}

#[test]
fn what_is_no_ticket_is_refused() {
    let text = both().sign(&TICKET);
    let cut = &text[..68];
    let padded = format!("{text}==");
    for text in ["", "A", "AA", "AQ", "é", cut, &padded, " ", "\0\0\0\0"] {
        let fault = both().read(text, NOW).expect_err("no ticket");
        let wanted = match text {
            "AA" => TicketFault::Version,
            _ => TicketFault::Malformed,
        };
        assert_eq!(fault, wanted, "{text:?}");
    }
}

#[test]
fn secrets_are_not_told() {
    assert_eq!(format!("{:?}", both()), "Keys([7, 3])");
}

prop_compose! {
    fn tickets()(
        key in prop_oneof![Just(7u8), Just(3)],
        (at, primary, alternate) in any::<(u64, u64, u64)>(),
        (bounced, hops, epoch) in any::<(u8, u8, u32)>(),
        expiry in 1u32..,
    ) -> Ticket {
        Ticket { key, at, primary, alternate, bounced, hops, epoch, expiry }
    }
}

proptest! {
    #[test]
    fn what_was_signed_is_read(ticket in tickets()) {
        let text = both().sign(&ticket);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        prop_assert!(text.len() == TICKET_CHARS && text.chars().all(plain));
        let before = u64::from(ticket.expiry) - 1;
        prop_assert_eq!(both().read(&text, before), Ok(ticket));
    }

    #[test]
    fn anything_may_be_read(text in any::<String>(), code in "[A-Za-z0-9_-]{60,80}") {
        prop_assert!(both().read(&text, NOW).is_err());
        prop_assert!(both().read(&code, NOW).is_err());
    }
}
