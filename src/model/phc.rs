//! The form of an argon2id hash (PHC string format; RFC 9106), read without computing one.

/// The most memory that a login may cost, in KiB: a hostile file could ask for all there is.
const MEMORY_KIB: u32 = 256 * 1024;
/// The most passes over it.
const PASSES: u32 = 10;
/// The most lanes.
const LANES: u32 = 16;
/// The shortest and the longest salt, in bytes.
const SALT: (usize, usize) = (8, 48);
/// The shortest and the longest hash, in bytes.
const HASH: (usize, usize) = (12, 64);

/// Why `text` is no `$argon2id$v=19$m=M,t=T,p=P$SALT$HASH` that a login can be checked with; `None`: it is one.
pub(super) fn fault(text: &str) -> Option<String> {
    let mut fields = text.split('$');
    let head = [fields.next(), fields.next(), fields.next()];
    if head != [Some(""), Some("argon2id"), Some("v=19")] {
        return Some("expected `$argon2id$v=19$…`".to_owned());
    }
    let (costs, salt, hash) = (fields.next(), fields.next(), fields.next());
    let (Some(costs), Some(salt), Some(hash), None) = (costs, salt, hash, fields.next()) else {
        return Some("expected `$argon2id$v=19$m=M,t=T,p=P$SALT$HASH`".to_owned());
    };
    let mut costs = costs.split(',');
    let mut cost = |name: &str| number(costs.next()?.strip_prefix(name)?);
    let (Some(memory), Some(passes), Some(lanes)) = (cost("m="), cost("t="), cost("p=")) else {
        return Some("expected the costs as `m=M,t=T,p=P`".to_owned());
    };
    if costs.next().is_some() {
        return Some("expected the costs as `m=M,t=T,p=P` and no more".to_owned());
    }
    if !(1..=LANES).contains(&lanes) {
        return Some(format!("`p` is 1 to {LANES}"));
    }
    // RFC 9106 §3.1: at least 8 KiB a lane.
    if !(8 * lanes..=MEMORY_KIB).contains(&memory) {
        return Some(format!("`m` is {} to {MEMORY_KIB} KiB", 8 * lanes));
    }
    if !(1..=PASSES).contains(&passes) {
        return Some(format!("`t` is 1 to {PASSES}"));
    }
    for (what, text, (least, most)) in [("salt", salt, SALT), ("hash", hash, HASH)] {
        if !bytes(text).is_some_and(|bytes| (least..=most).contains(&bytes)) {
            return Some(format!(
                "the {what} is {least} to {most} bytes in base64 without `=`"
            ));
        }
    }
    None
}

/// A number as the format writes it: without leading zeros.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok()?;
    (digits && (text == "0" || !text.starts_with('0'))).then_some(number)
}

/// How many bytes `text` stands for in base64 without padding.
fn bytes(text: &str) -> Option<usize> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    STANDARD_NO_PAD.decode(text).ok().map(|bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT_16: &str = "c2FsdHNhbHRzYWx0c2FsdA";
    const HASH_32: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE";

    #[test]
    fn costs_are_bounded_at_what_they_say() {
        let with = |costs: &str| fault(&format!("$argon2id$v=19${costs}${SALT_16}${HASH_32}"));
        for costs in [
            "m=19456,t=2,p=1",
            "m=262144,t=10,p=16",
            "m=8,t=1,p=1",
            "m=128,t=1,p=16",
        ] {
            assert_eq!(with(costs), None, "{costs}");
        }
        for costs in [
            "m=262145,t=2,p=1",
            "m=19456,t=11,p=1",
            "m=19456,t=2,p=17",
            "m=127,t=1,p=16",
            "m=7,t=1,p=1",
            "m=19456,t=0,p=1",
            "m=19456,t=2,p=0",
            "m=4294967296,t=2,p=1",
            "m=019456,t=2,p=1",
            "m=+19456,t=2,p=1",
            "t=2,m=19456,p=1",
            "m=19456,t=2,p=1,x=1",
            "m=19456,t=2",
            "m=,t=2,p=1",
            "",
        ] {
            assert!(with(costs).is_some(), "{costs}");
        }
    }

    #[test]
    fn the_rest_is_of_the_form_it_says() {
        let costs = "m=19456,t=2,p=1";
        for text in [
            format!("$argon2i$v=19${costs}${SALT_16}${HASH_32}"),
            format!("$argon2id$v=16${costs}${SALT_16}${HASH_32}"),
            format!("$argon2id${costs}${SALT_16}${HASH_32}"),
            format!("$argon2id$v=19${costs}${SALT_16}"),
            format!("$argon2id$v=19${costs}${SALT_16}${HASH_32}$"),
            format!("$argon2id$v=19${costs}$c2FsdA${HASH_32}"),
            format!("$argon2id$v=19${costs}${SALT_16}==${HASH_32}"),
            format!("$argon2id$v=19${costs}${SALT_16}$"),
            format!("$argon2id$v=19${costs}${SALT_16}$*"),
            "$argon2id$".to_owned(),
        ] {
            assert!(fault(&text).is_some(), "{text}");
        }
    }
}
