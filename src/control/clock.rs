//! The time of day in words, and the secret of this process: what only the outside world has.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `time` as an operator here reads it: `10:14:03`, with the date before it where that is not today's.
pub(super) fn in_words(time: Timestamp) -> String {
    let here = TimeZone::system();
    let today = Timestamp::now().to_zoned(here.clone()).date();
    let time = time.to_zoned(here);
    let form = if time.date() == today {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    time.strftime(form).to_string()
}

/// 32 bytes that nobody knows.
pub(super) fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut secret));
    if read.is_err() {
        // What the standard library keys its hash tables with comes from the kernel as well.
        for (nth, part) in secret.chunks_mut(8).enumerate() {
            let word = RandomState::new().hash_one(nth);
            part.copy_from_slice(&word.to_le_bytes());
        }
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_day_is_named() {
        let now = Timestamp::now();
        let days_ago = now - jiff::SignedDuration::from_hours(72);
        assert_eq!(in_words(days_ago).len(), "2026-11-21 10:14:03".len());
        assert!(matches!(in_words(now).len(), 8 | 19), "around midnight");
    }

    #[test]
    fn no_two_secrets_are_the_same() {
        assert_ne!(secret(), secret());
        assert_ne!(secret(), [0; 32]);
    }
}
