//! A line cut into words, as the grammar cuts it.

/// A word: where it begins and ends in the line, quotation marks included.
pub(super) type Place = (usize, usize);

/// Where a word with quotation marks is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unquotable {
    pub(super) at: usize,
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The words of `line`, up to the first that is none.
pub(super) fn words(line: &str) -> impl Iterator<Item = Result<Place, Unquotable>> {
    let bytes = line.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while bytes.get(at).is_some_and(|byte| is_blank(*byte)) {
            at += 1;
        }
        let start = at;
        if start >= bytes.len() {
            return None;
        }
        if bytes[start] == b'"' {
            match quoted_end(bytes, start) {
                Ok(end) => at = end,
                Err(wrong) => {
                    at = bytes.len();
                    return Some(Err(Unquotable { at: wrong }));
                }
            }
        } else {
            while bytes.get(at).is_some_and(|byte| !is_blank(*byte)) {
                at += 1;
            }
        }
        Some(Ok((start, at)))
    })
}

/// Where the word that begins with the quotation mark at `start` ends; else, where it goes wrong.
fn quoted_end(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => match bytes.get(at + 1) {
                Some(b'"' | b'\\') => at += 2,
                _ => return Err(at),
            },
            b'"' => {
                at += 1;
                return match bytes.get(at) {
                    Some(more) if !is_blank(*more) => Err(at),
                    _ => Ok(at),
                };
            }
            _ => at += 1,
        }
    }
    Err(start)
}
