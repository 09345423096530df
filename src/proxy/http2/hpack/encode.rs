//! Fields to blocks: the static table, no dynamic one, plain text.
//!
//! Huffman code would save an answer some 20 % of its bytes and cost more time than all else of its encoding; a `Location` and a
//! date are short.

use super::huffman;
use super::table::STATIC;

/// Appends `:status`.
pub fn status(block: &mut Vec<u8>, status: u16) {
    let index = match status {
        200 => 8,
        204 => 9,
        206 => 10,
        304 => 11,
        400 => 12,
        404 => 13,
        500 => 14,
        _ => {
            let digit = |n: u16| b'0' + (n % 10) as u8;
            block.extend_from_slice(&[
                8,
                3,
                digit(status / 100),
                digit(status / 10),
                digit(status),
            ]);
            return;
        }
    };
    block.push(0x80 | index);
}

/// Appends a field that no table remembers: its name in lower case whatever it comes in, from the static table where that has it.
pub fn field(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    match name_index(name) {
        Some(index) => integer(block, 0, 4, index),
        None => {
            block.push(0);
            integer(block, 0, 7, name.len());
            let start = block.len();
            block.extend_from_slice(name);
            block[start..].make_ascii_lowercase();
        }
    }
    integer(block, 0, 7, value.len());
    block.extend_from_slice(value);
}

/// RFC 7541 §5.1, behind the bits of `first` that the `prefix` leaves.
pub(super) fn integer(block: &mut Vec<u8>, first: u8, prefix: u32, value: usize) {
    let most = (1 << prefix) - 1;
    if value < most {
        block.push(first | value as u8);
        return;
    }
    block.push(first | most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        block.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    block.push(rest as u8);
}

/// The names of the static table by their lengths: the table has one of each at its first index.
fn name_index(name: &[u8]) -> Option<usize> {
    let of_length = NAMES.get(name.len())?;
    let of_length = of_length.iter().take_while(|index| **index != 0);
    let mut of_length = of_length.map(|index| usize::from(*index));
    of_length.find(|index| STATIC[index - 1].0.as_bytes().eq_ignore_ascii_case(name))
}

const LONGEST_NAME: usize = 27;

static NAMES: [[u8; 8]; LONGEST_NAME + 1] = {
    let mut names = [[0; 8]; LONGEST_NAME + 1];
    let mut counts = [0; LONGEST_NAME + 1];
    // From the first name that is no pseudo-field's.
    let mut index = 15;
    while index <= STATIC.len() {
        let length = STATIC[index - 1].0.len();
        names[length][counts[length]] = index as u8;
        counts[length] += 1;
        index += 1;
    }
    names
};

/// How [`literal`] writes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// The other side is to remember it (RFC 7541 §6.2.1).
    Kept,
    /// It is not (§6.2.2).
    Not,
    /// Nobody may ever (§6.2.3).
    Never,
}

/// Appends a field as a client may send it: name and value as text, in Huffman code where `code` says so.
pub fn literal(block: &mut Vec<u8>, memory: Memory, code: bool, name: &[u8], value: &[u8]) {
    block.push(match memory {
        Memory::Kept => 0x40,
        Memory::Not => 0,
        Memory::Never => 0x10,
    });
    string(block, code, name);
    string(block, code, value);
}

/// Appends a reference to an entry of a table.
pub fn indexed(block: &mut Vec<u8>, index: usize) {
    integer(block, 0x80, 7, index);
}

/// Appends a change of the dynamic table's size.
pub fn table_size(block: &mut Vec<u8>, size: usize) {
    integer(block, 0x20, 5, size);
}

/// Appends a text (RFC 7541 §5.2).
pub fn string(block: &mut Vec<u8>, code: bool, text: &[u8]) {
    if code {
        integer(block, 0x80, 7, huffman::coded(text));
        huffman::encode(text, block);
    } else {
        integer(block, 0, 7, text.len());
        block.extend_from_slice(text);
    }
}
