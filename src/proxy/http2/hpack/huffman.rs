//! The Huffman code of RFC 7541 Appendix B.

use super::Damage;

/// How long the code of each byte is, in bits. The code is canonical: lengths alone tell all of it.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// The longest code, and that of EOS, which never stands in a text.
const LONGEST: usize = 30;

/// How many codes have each length.
const COUNTS: [u32; LONGEST + 1] = {
    let mut counts = [0; LONGEST + 1];
    let mut i = 0;
    while i < 256 {
        counts[LENGTHS[i] as usize] += 1;
        i += 1;
    }
    counts
};

/// Of each length, the first code at the left of 32 bits; that of the next length is where this length's codes end.
const FIRST: [u64; LONGEST + 2] = {
    let mut first = [0; LONGEST + 2];
    let mut length = 1;
    while length <= LONGEST {
        first[length + 1] = first[length] + ((COUNTS[length] as u64) << (32 - length));
        length += 1;
    }
    first
};

/// Where each length's bytes begin in [`BYTES`].
const OFFSETS: [usize; LONGEST + 2] = {
    let mut offsets = [0; LONGEST + 2];
    let mut length = 1;
    while length <= LONGEST {
        offsets[length + 1] = offsets[length] + COUNTS[length] as usize;
        length += 1;
    }
    offsets
};

/// All bytes in the order of their codes.
const BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut next = OFFSETS;
    let mut i = 0;
    while i < 256 {
        let length = LENGTHS[i] as usize;
        bytes[next[length]] = i as u8;
        next[length] += 1;
        i += 1;
    }
    bytes
};

/// For each eight bits the byte whose code begins them and that code's length; 0 where it is longer.
static SHORT: [(u8, u8); 256] = {
    let mut short = [(0, 0); 256];
    let mut bits = 0;
    while bits < 256 {
        let mut length = 5;
        while length <= 8 {
            let code = (bits as u64) << 24;
            if code < FIRST[length + 1] {
                let at = OFFSETS[length] + ((code - FIRST[length]) >> (32 - length)) as usize;
                short[bits] = (BYTES[at], length as u8);
                break;
            }
            length += 1;
        }
        bits += 1;
    }
    short
};

/// The byte at the left of 32 bits and its code's length; `None` for EOS.
fn long(bits: u64) -> Option<(u8, u32)> {
    let length = (9..=LONGEST).find(|length| bits < FIRST[length + 1])?;
    let at = OFFSETS[length] + ((bits - FIRST[length]) >> (32 - length)) as usize;
    Some((BYTES[at], length as u32))
}

/// The byte that the left of `bits` begins with and its code's length; `None` for EOS.
#[inline]
fn first(bits: u64) -> Option<(u8, u32)> {
    match SHORT[(bits >> 56) as usize] {
        (_, 0) => long(bits >> 32),
        (byte, length) => Some((byte, u32::from(length))),
    }
}

/// Appends what `code` says to `text`: at most 8/5 of its length.
pub(super) fn decode(code: &[u8], text: &mut Vec<u8>) -> Result<(), Damage> {
    let start = text.len();
    text.resize(start + code.len() * 8 / 5, 0);
    let decoded = decode_into(code, &mut text[start..]);
    text.truncate(start + decoded.unwrap_or(0));
    decoded.map(drop)
}

/// `text` must have 8/5 of the code's length: a byte has 5 bits at least.
fn decode_into(code: &[u8], text: &mut [u8]) -> Result<usize, Damage> {
    // `held` bits stand at the left of `bits`; what is right of them comes again when it is counted in.
    let (mut bits, mut held, mut at, mut to) = (0_u64, 0_u32, 0, 0);
    while let Some(block) = code.get(at..).and_then(|rest| rest.first_chunk()) {
        bits |= u64::from_be_bytes(*block) >> held;
        let whole = (63 - held) / 8;
        at += whole as usize;
        held += whole * 8;
        // Whatever comes is whole.
        while held >= LONGEST as u32 {
            let (byte, length) = first(bits).ok_or(Damage::Huffman)?;
            text[to] = byte;
            to += 1;
            bits <<= length;
            held -= length;
        }
    }
    loop {
        while held <= 56 && at < code.len() {
            bits |= u64::from(code[at]) << (56 - held);
            held += 8;
            at += 1;
        }
        match first(bits) {
            Some((byte, length)) if length <= held => {
                text[to] = byte;
                to += 1;
                bits <<= length;
                held -= length;
            }
            None if held >= LONGEST as u32 => return Err(Damage::Huffman),
            _ => return padding(bits, held).map(|()| to),
        }
    }
}

/// What is left must be the beginning of EOS, and less than a byte (RFC 7541 §5.2).
fn padding(bits: u64, held: u32) -> Result<(), Damage> {
    let ones = held == 0 || bits >> (64 - held) == (1 << held) - 1;
    if held < 8 && ones {
        Ok(())
    } else {
        Err(Damage::Huffman)
    }
}

/// How many bytes `text` is in code.
pub(super) fn coded(text: &[u8]) -> usize {
    let bits: usize = text
        .iter()
        .map(|b| usize::from(LENGTHS[usize::from(*b)]))
        .sum();
    bits.div_ceil(8)
}

/// Appends the code of `text`.
pub(super) fn encode(text: &[u8], code: &mut Vec<u8>) {
    let (mut bits, mut held) = (0_u64, 0_u32);
    for byte in text {
        let length = u32::from(LENGTHS[usize::from(*byte)]);
        bits = bits << length | u64::from(code_of(*byte));
        held += length;
        while held >= 8 {
            held -= 8;
            code.push((bits >> held) as u8);
        }
    }
    if held > 0 {
        code.push((bits << (8 - held)) as u8 | 0xff >> held);
    }
}

fn code_of(byte: u8) -> u32 {
    let length = usize::from(LENGTHS[usize::from(byte)]);
    let of_length = &BYTES[OFFSETS[length]..OFFSETS[length + 1]];
    // A length's bytes stand in their own order.
    let nth = of_length.partition_point(|b| *b < byte) as u32;
    (FIRST[length] >> (32 - length)) as u32 + nth
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(code: &[u8]) -> Result<Vec<u8>, Damage> {
        let mut text = vec![];
        decode(code, &mut text).map(|()| text)
    }

    #[test]
    fn the_appendix_is_met() {
        // RFC 7541 Appendix B, a few of each length.
        for (byte, code, length) in [
            (b'0', 0x0, 5),
            (b't', 0x9, 5),
            (b' ', 0x14, 6),
            (b'u', 0x2d, 6),
            (b':', 0x5c, 7),
            (b'&', 0xf8, 8),
            (b'Z', 0xfd, 8),
            (b'!', 0x3f8, 10),
            (b'?', 0x3fc, 10),
            (b'|', 0x7fc, 11),
            (b'#', 0xffa, 12),
            (b'~', 0x1ffd, 13),
            (0, 0x1ff8, 13),
            (b'^', 0x3ffc, 14),
            (b'{', 0x7ffe, 15),
            (b'\\', 0x7fff0, 19),
            (195, 0x7fff1, 19),
            (128, 0xfffe6, 20),
            (153, 0x1fffdc, 21),
            (129, 0x3fffd2, 22),
            (1, 0x7fffd8, 23),
            (9, 0xffffea, 24),
            (199, 0x1ffffec, 25),
            (192, 0x3ffffe0, 26),
            (203, 0x7ffffde, 27),
            (2, 0xfffffe2, 28),
            (10, 0x3ffffffc, 30),
            (22, 0x3ffffffe, 30),
        ] {
            assert_eq!(u32::from(LENGTHS[usize::from(byte)]), length, "{byte}");
            assert_eq!(code_of(byte), code, "{byte}");
        }
        // All codes but EOS are given away.
        assert_eq!(FIRST[LONGEST + 1], (1 << 32) - 4);
    }

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        for from in 0..256 {
            let mut code = vec![];
            encode(&all[from..], &mut code);
            assert_eq!(code.len(), coded(&all[from..]));
            assert_eq!(decoded(&code), Ok(all[from..].to_vec()));
        }
    }

    #[test]
    fn padding_is_less_than_a_byte_of_ones() {
        assert_eq!(decoded(&[0b0000_0111]), Ok(b"0".to_vec()));
        assert_eq!(decoded(&[0b0000_0110]), Err(Damage::Huffman));
        assert_eq!(decoded(&[0b0000_0111, 0xff]), Err(Damage::Huffman));
        assert_eq!(decoded(&[0xff]), Err(Damage::Huffman));
        assert_eq!(decoded(&[0xff; 4]), Err(Damage::Huffman));
        assert_eq!(decoded(&[0xff; 3]), Err(Damage::Huffman));
        assert_eq!(decoded(&[]), Ok(vec![]));
    }
}
