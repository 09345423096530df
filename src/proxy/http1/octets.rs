//! Which bytes may stand where: one table, a bit a class.

const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const VALUE: u8 = 4;
const LABEL: u8 = 8;

const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        let mut class = 0;
        // RFC 9110 §5.6.2.
        if b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            )
        {
            class |= TOKEN;
        }
        // What browsers send beyond RFC 3986 is taken; a fragment never belongs on the wire.
        if b > b' ' && b < 0x7f && b != b'#' {
            class |= TARGET;
        }
        // RELIABILITY.md part B.
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_') {
            class |= LABEL;
        }
        // RFC 9110 §5.5: visible, blank, tab and obs-text.
        if b == b'\t' || (b >= b' ' && b != 0x7f) {
            class |= VALUE;
        }
        table[i] = class;
        i += 1;
    }
    table
};

pub(in crate::proxy) const fn is_token(b: u8) -> bool {
    CLASSES[b as usize] & TOKEN != 0
}

pub(in crate::proxy) const fn is_target(b: u8) -> bool {
    CLASSES[b as usize] & TARGET != 0
}

/// Whether it may stand in a label of a host's name.
pub(super) const fn is_label(b: u8) -> bool {
    CLASSES[b as usize] & LABEL != 0
}

pub(super) const fn is_value(b: u8) -> bool {
    CLASSES[b as usize] & VALUE != 0
}

/// How many bytes at the front may stand there.
pub(super) fn run(bytes: &[u8], may: impl Fn(u8) -> bool) -> usize {
    let end = bytes.iter().position(|b| !may(*b));
    end.unwrap_or(bytes.len())
}

/// How many bytes at the front of `bytes` a field value may have, eight at a time.
pub(in crate::proxy) fn value_run(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let mut at = 0;
    while let Some(block) = bytes.get(at..at + 8) {
        let Ok(block) = <[u8; 8]>::try_from(block) else {
            break;
        };
        let x = u64::from_le_bytes(block);
        // Borrows may mark a byte above a real mark, never below one: the lowest mark is exact.
        let control = x.wrapping_sub(ONES * 0x20) & !x;
        let delete = (x ^ (ONES * 0x7f)).wrapping_sub(ONES) & !(x ^ (ONES * 0x7f));
        let marks = (control | delete) & HIGH;
        if marks == 0 {
            at += 8;
            continue;
        }
        at += marks.trailing_zeros() as usize / 8;
        if bytes[at] != b'\t' {
            return at;
        }
        at += 1;
    }
    while at < bytes.len() && is_value(bytes[at]) {
        at += 1;
    }
    at
}

/// `value` without the blanks around it.
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let (start, end) = trimmed(value, (0, value.len()));
    &value[start..end]
}

/// Where in `input` the value that stands from `start` to `end` does so without the blanks around it.
pub(super) fn trimmed(input: &[u8], (mut start, mut end): (usize, usize)) -> (usize, usize) {
    while start < end && matches!(input[start], b' ' | b'\t') {
        start += 1;
    }
    while start < end && matches!(input[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_value_bytes_end_at_the_first_byte_that_is_none() {
        for length in 0..40 {
            for at in 0..length {
                for b in 0..=255u8 {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = b;
                    let expected = if is_value(b) { length } else { at };
                    assert_eq!(value_run(&bytes), expected, "{b:#x} at {at} of {length}");
                }
            }
        }
    }
}
