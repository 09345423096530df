//! The examples of RFC 7541 Appendix C, and the dynamic table.

use super::super::fields::{Fields, Kind};
use super::super::limits::{LIST_BYTES, LIST_FIELDS, TABLE_BYTES};
use super::encode::integer;
use super::table::{Entry, OVERHEAD, STATIC, Table};
use super::{Decoder, Known, field, status};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let pairs = digits
        .chunks(2)
        .map(|p| std::str::from_utf8(p).expect("ASCII"));
    pairs
        .map(|p| u8::from_str_radix(p, 16).expect("hexadecimal"))
        .collect()
}

/// The table as the appendix shows it, the newest entry first.
fn table(decoder: &mut Decoder) -> Vec<String> {
    let table = decoder.table();
    let entries = (1..=table.entries()).filter_map(|n| table.entry(STATIC.len() + n));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    entries
        .map(|e| format!("{}: {}", text(e.name), text(e.value)))
        .collect()
}

/// C.3 and C.4: three requests on one connection, in plain text and in Huffman code.
#[test]
fn requests_of_the_appendix_are_read() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let coded = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    let authority = ":authority: www.example.com";
    let tables: [(&[&str], usize); 3] = [
        (&[authority], 57),
        (&["cache-control: no-cache", authority], 110),
        (
            &[
                "custom-key: custom-value",
                "cache-control: no-cache",
                authority,
            ],
            164,
        ),
    ];
    for blocks in [plain, coded] {
        let mut decoder = Decoder::default();
        let mut fields = Fields::new();
        for (block, (entries, size)) in blocks.iter().zip(tables) {
            fields.begin(Kind::Request, (LIST_BYTES, LIST_FIELDS));
            assert_eq!(decoder.decode(&bytes(block), &mut fields), Ok(()));
            assert_eq!(fields.authority(), b"www.example.com");
            assert_eq!(fields.method(), b"GET");
            assert_eq!(table(&mut decoder), entries);
            assert_eq!(decoder.table().size(), size);
        }
        assert_eq!(fields.scheme(), Some(&b"https"[..]));
        assert_eq!(fields.path(), b"/index.html");
        let lines: Vec<_> = fields.lines().collect();
        assert_eq!(lines, [(&b"custom-key"[..], &b"custom-value"[..])]);
    }
}

/// C.5 and C.6: three answers with a table of 256 bytes, out of which entries are pushed.
#[test]
fn answers_of_the_appendix_fill_the_table() {
    let plain = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ];
    let coded = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    for blocks in [plain, coded] {
        let mut decoder = Decoder::default();
        decoder.table().resize(256);
        let mut fields = Fields::new();
        for (block, size) in blocks.iter().zip([222, 222, 215]) {
            fields.begin(Kind::Nothing, (LIST_BYTES, LIST_FIELDS));
            assert_eq!(decoder.decode(&bytes(block), &mut fields), Ok(()));
            assert_eq!(decoder.table().size(), size);
        }
        assert_eq!(
            table(&mut decoder),
            [
                "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
                "content-encoding: gzip",
                "date: Mon, 21 Oct 2013 20:13:22 GMT",
            ]
        );
    }
}

/// C.1.
#[test]
fn numbers_of_the_appendix_are_written() {
    let written = |prefix, value| {
        let mut block = vec![];
        integer(&mut block, 0, prefix, value);
        block
    };
    assert_eq!(written(5, 10), [10]);
    assert_eq!(written(5, 1337), [31, 0x9a, 0x0a]);
    assert_eq!(written(8, 42), [42]);
}

#[test]
fn answers_are_written_with_the_static_table() {
    let mut block = vec![];
    status(&mut block, 204);
    status(&mut block, 302);
    field(&mut block, b"Location", b"http://a/");
    field(&mut block, b"x-A", b"1");
    assert_eq!(
        block,
        b"\x89\x08\x03302\x0f\x1f\x09http://a/\x00\x03x-a\x011"
    );
}

/// Each name of the static table is found, in any case.
#[test]
fn names_of_the_static_table_are_known() {
    for (index, (name, _)) in STATIC.iter().enumerate().skip(14) {
        let mut block = vec![];
        field(&mut block, name.to_uppercase().as_bytes(), b"");
        let mut expected = vec![];
        integer(&mut expected, 0, 4, index + 1);
        expected.push(0);
        assert_eq!(block, expected, "{name}");
    }
}

#[test]
fn static_names_mean_what_they_say() {
    let table = Table::default();
    for (index, (name, value)) in STATIC.iter().enumerate() {
        let entry = table.entry(index + 1).expect("it is there");
        assert_eq!(
            (entry.name, entry.value),
            (name.as_bytes(), value.as_bytes())
        );
        assert_eq!(entry.known, Known::of(entry.name), "{name}");
    }
    assert_eq!(table.entry(0), None);
    assert_eq!(table.entry(62), None);
}

/// Entries come and go; what is there is right, and it never holds more than twice its size with its places.
#[test]
fn a_table_in_use_for_long_stays_right_and_small() {
    let mut table = Table::default();
    let mut all: Vec<Vec<u8>> = vec![];
    for nth in 0..5_000_usize {
        let value = vec![nth as u8; (nth * 37) % 700];
        let entry = Entry {
            known: Known::Other,
            name: b"name",
            value: &value,
            good: true,
        };
        table.insert(entry);
        all.push(value);
        assert!(table.size() <= TABLE_BYTES);
        let kept = all[all.len() - table.entries()..].iter().rev();
        for (at, value) in kept.enumerate() {
            assert_eq!(table.entry(62 + at).map(|e| e.value), Some(&value[..]));
        }
        assert!(table.held() <= 4 * TABLE_BYTES, "{}", table.held());
    }
    table.rest();
    let live = table.size() - table.entries() * OVERHEAD;
    assert!(table.held() <= live + table.entries() * 16);
    table.resize(0);
    table.rest();
    assert_eq!(table.held(), 0);
}
