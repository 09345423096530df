//! The words of a line, by their places.

/// One word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its first byte.
    pub(super) start: usize,
    /// The byte behind it.
    pub(super) end: usize,
    /// It begins with a quotation mark that nothing ends.
    pub(super) open: bool,
}

/// The words of `line` as the language tells them apart: by blanks and tabs, unless quoted.
pub(super) fn words(line: &str) -> Vec<Place> {
    let bytes = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(skip) = bytes[at..].iter().position(|byte| !is_blank(*byte)) {
        let start = at + skip;
        let quoted = bytes[start] == b'"';
        let (end, open) = if quoted {
            quoted_end(bytes, start)
        } else {
            (bare_end(bytes, start), false)
        };
        words.push(Place { start, end, open });
        at = end;
    }
    words
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn bare_end(bytes: &[u8], start: usize) -> usize {
    let end = bytes[start..].iter().position(|byte| is_blank(*byte));
    end.map_or(bytes.len(), |end| start + end)
}

fn quoted_end(bytes: &[u8], start: usize) -> (usize, bool) {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return (bare_end(bytes, at), false),
            _ => at += 1,
        }
    }
    (bytes.len(), true)
}

/// `word` as a word of a line.
pub(super) fn quoted(word: &str) -> String {
    let mut out = String::from('"');
    for c in word.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_as_in_a_file() {
        let line = r#" a "b \" c"  d"e "f"#;
        let found: Vec<&str> = words(line).iter().map(|w| &line[w.start..w.end]).collect();
        assert_eq!(found, ["a", r#""b \" c""#, "d\"e", "\"f"]);
        assert!(words(line)[3].open && !words(line)[1].open);
        assert!(words("  ").is_empty());
        assert_eq!(words("\"\\").len(), 1);
        assert_eq!(quoted(r#"a"\"#), r#""a\"\\""#);
    }
}
