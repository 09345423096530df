//! Blocks that can and that cannot be read (RFC 7541), and the table that stays right whatever becomes of a stream.

use super::say::{Say, block, hello, request};
use super::{Answers, List};
use crate::proxy::http2::hpack::{Memory, indexed, literal, string, table_size};
use crate::proxy::http2::limits::TABLE_BYTES;

const BROKEN: &str = "goaway COMPRESSION_ERROR";

/// A request whose last field is `bytes`.
fn with(bytes: &[u8]) -> Say {
    let mut whole = block(&request("GET"));
    whole.extend_from_slice(bytes);
    hello().block(1, true, &whole)
}

fn made(make: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut block = vec![];
    make(&mut block);
    block
}

pub(super) fn add(list: &mut List) {
    numbers(list);
    texts(list);
    sizes(list);
    table(list);
}

fn numbers(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.add(
        "the static table's last entry",
        with(&[0x80 | 61]),
        "answer 1",
    );
    list.add("an index of 0", with(&[0x80]), BROKEN);
    list.add("an index one behind the tables", with(&[0x80 | 62]), BROKEN);
    list.add(
        "a name's index behind the tables",
        with(&[0x7f, 0, 1, b'x']),
        BROKEN,
    );
    list.add(
        "a name's index behind the tables, not kept",
        with(&[0x0f, 0xff, 0x7f, 1, b'x']),
        BROKEN,
    );
    list.add(
        "an index of 2²¹",
        with(&[0xff, 0x80, 0x80, 0x80, 1]),
        BROKEN,
    );
    list.add(
        "a number of six bytes",
        with(&[0xff, 0x80, 0x80, 0x80, 0x80, 0]),
        BROKEN,
    );
    list.add(
        "a number of 2⁶⁴",
        with(&[
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ]),
        BROKEN,
    );
    list.add(
        "a number with zeros behind",
        with(&[0x0f, 0x80, 0x80, 0, 1, b'x']),
        "answer 1",
    );
    list.add("a block that ends within a number", with(&[0xff]), BROKEN);
    list.add(
        "a block that ends within a longer number",
        with(&[0xff, 0x80]),
        BROKEN,
    );
    list.add(
        "a block that ends behind a field's first byte",
        with(&[0x40]),
        BROKEN,
    );
    list.add(
        "a block that ends behind a name",
        with(&[0, 1, b'a']),
        BROKEN,
    );
    list.add("a name longer than the block", with(&[0, 9, b'a']), BROKEN);
    list.add(
        "a value longer than the block",
        with(&[0, 1, b'a', 2, b'b']),
        BROKEN,
    );
    list.add(
        "a length of 2²⁸",
        with(&[0, 0x7f, 0x80, 0xff, 0xff, 0x7f]),
        BROKEN,
    );
}

fn texts(list: &mut List) {
    list.answers(Answers::AtOnce);
    let coded = made(|b| literal(b, Memory::Not, true, b"x-a", b"some value"));
    list.add("texts in Huffman code", with(&coded), "answer 1");
    let never = made(|b| literal(b, Memory::Never, true, b"x-a", b"secret"));
    list.add("a field never to be kept", with(&never), "answer 1");
    for (name, code, expected) in [
        ("all of a byte used", &[0x82, 0x64, 0x02][..], "answer 1"),
        ("no text in code", &[0x80], "answer 1"),
        ("padding of zeros", &[0x81, 0b1111_1000 & 0x18], BROKEN),
        ("padding of a byte", &[0x82, 0x1f, 0xff], BROKEN),
        ("EOS", &[0x84, 0xff, 0xff, 0xff, 0xff], BROKEN),
        (
            "EOS behind text",
            &[0x85, 0x1f, 0xff, 0xff, 0xff, 0xff],
            BROKEN,
        ),
        ("padding alone", &[0x81, 0xff], BROKEN),
        ("a code cut short", &[0x82, 0xff, 0xc0], BROKEN),
    ] {
        let mut field = made(|b| string(b, false, b"x-a"));
        field.insert(0, 0);
        field.extend_from_slice(code);
        list.add(format!("Huffman code: {name}"), with(&field), expected);
    }
    let control = made(|b| literal(b, Memory::Not, true, b"x-a", b"a\r\nb"));
    list.add(
        "control bytes in code",
        with(&control),
        "reset 1 PROTOCOL_ERROR",
    );
    let upper = made(|b| literal(b, Memory::Not, true, b"X-A", b"b"));
    list.add("upper case in code", with(&upper), "reset 1 PROTOCOL_ERROR");
}

fn sizes(list: &mut List) {
    list.answers(Answers::AtOnce);
    let get = block(&request("GET"));
    let before = |changes: &[usize]| {
        let mut whole = vec![];
        for size in changes {
            table_size(&mut whole, *size);
        }
        whole.extend_from_slice(&get);
        hello().block(1, true, &whole)
    };
    list.add("a table of nothing", before(&[0]), "answer 1");
    list.add("a table of all", before(&[TABLE_BYTES]), "answer 1");
    list.add(
        "a table of one byte more",
        before(&[TABLE_BYTES + 1]),
        BROKEN,
    );
    list.add("a table of 2²⁷", before(&[1 << 27]), BROKEN);
    list.add(
        "two changes of the table",
        before(&[0, TABLE_BYTES]),
        "answer 1",
    );
    list.add("a third change", before(&[0, 1, 2]), BROKEN);
    list.add("a change behind a field", with(&[0x20]), BROKEN);
    list.add(
        "a change alone",
        hello().block(1, true, &[0x20]).get(3),
        "reset 1 PROTOCOL_ERROR answer 3",
    );
}

/// A block that keeps `x-a: 1` and asks for the root by the static table.
fn keeping(more: &[(&str, &str)]) -> Vec<u8> {
    let mut whole = block(&request("GET"));
    literal(&mut whole, Memory::Kept, false, b"x-a", b"1");
    whole.extend_from_slice(&block(more));
    whole
}

/// A request that names the newest entry of the table.
fn naming() -> Vec<u8> {
    let mut whole = block(&request("GET"));
    indexed(&mut whole, 62);
    whole
}

fn table(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.add(
        "an entry that was kept",
        hello()
            .block(1, true, &keeping(&[]))
            .block(3, true, &naming()),
        "answer 1 answer 3",
    );
    let once = hello().block(1, true, &with(&[]).bytes.split_off(hello().bytes.len() + 9));
    list.add(
        "an entry that was not",
        once.block(3, true, &naming()),
        "answer 1 goaway COMPRESSION_ERROR",
    );
    let malformed = keeping(&[("Bad", "x")]);
    list.add(
        "an entry of a request that was malformed",
        hello().block(1, true, &malformed).block(3, true, &naming()),
        "reset 1 PROTOCOL_ERROR answer 3",
    );
    let mut early = block(&[("Bad", "x")]);
    early.extend_from_slice(&keeping(&[]));
    list.add(
        "an entry behind the fault",
        hello().block(1, true, &early).block(3, true, &naming()),
        "reset 1 PROTOCOL_ERROR answer 3",
    );
    let under_way = hello()
        .post(1)
        .block(1, true, &keeping(&[])[block(&request("GET")).len()..]);
    list.add(
        "an entry of trailers on a stream that was reset",
        under_way.block(3, true, &naming()),
        "answer 1 answer 3",
    );
    list.answers(Answers::Never);
    let reset = hello().post(1).reset(1).block(1, true, &keeping(&[]));
    list.add(
        "an entry of HEADERS behind a reset",
        reset.block(3, true, &naming()),
        "reset 1 STREAM_CLOSED",
    );
    let behind = hello().get(1).block(1, true, &keeping(&[]));
    list.add(
        "an entry of HEADERS behind the end",
        behind.block(3, true, &naming()),
        "reset 1 STREAM_CLOSED",
    );
    list.answers(Answers::AtOnce);
    let large = hello().block(1, true, &keeping(&[("a", ""); 130]));
    list.add(
        "an entry of too large a list",
        large.block(3, true, &naming()),
        "answer 1 431 answer 3",
    );
    // A bad octet that is kept is bad each time.
    let bad = made(|b| literal(b, Memory::Kept, false, b"x-a", b"a\nb"));
    list.add(
        "a bad entry named again",
        with(&bad).block(3, true, &naming()),
        "reset 1 PROTOCOL_ERROR reset 3 PROTOCOL_ERROR",
    );
    // Pushed out by its size: RFC 7541 §4.4.
    let entry = |length: usize| {
        made(|b| {
            literal(
                b,
                Memory::Kept,
                false,
                b"x-a",
                "v".repeat(length).as_bytes(),
            )
        })
    };
    list.add(
        "an entry as large as the table",
        with(&entry(TABLE_BYTES - 32 - 3)).block(3, true, &naming()),
        "answer 1 answer 3",
    );
    list.add(
        "an entry larger than the table",
        with(&entry(TABLE_BYTES - 32 - 2)).block(3, true, &naming()),
        "answer 1 goaway COMPRESSION_ERROR",
    );
    let mut emptied = vec![0x20];
    emptied.extend_from_slice(&naming());
    list.add(
        "an entry of a table that was emptied",
        hello()
            .block(1, true, &keeping(&[]))
            .block(3, true, &emptied),
        "answer 1 goaway COMPRESSION_ERROR",
    );
    let mut by_name = block(&request("GET"));
    by_name.extend_from_slice(&[0x7e, 1, b'2']);
    list.add(
        "a name of the dynamic table",
        hello()
            .block(1, true, &keeping(&[]))
            .block(3, true, &by_name),
        "answer 1 answer 3",
    );
}
