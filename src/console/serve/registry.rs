//! Who is here: each session has a seat, by which it is seen and ended.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::console::Over;
use crate::model::Level;

/// What is told to a session from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Show this line.
    Notice(Arc<str>),
    /// End, for this reason.
    End(Arc<str>),
}

/// Words that may wait for a session; more are lost on it.
const WORDS_WAITING: usize = 64;

/// A session as others see it.
#[derive(Clone, Debug)]
pub(super) struct Sitting {
    /// Its number, by which it is ended.
    pub(super) number: u64,
    /// Who; nobody yet where he has not logged in.
    pub(super) user: Option<Box<str>>,
    /// What he may do.
    pub(super) level: Level,
    /// Over what.
    pub(super) over: Over,
    /// From where: an address, or `unix`.
    pub(super) from: Box<str>,
    /// Since when.
    pub(super) since: Timestamp,
    /// When a key was pressed last.
    pub(super) active: Timestamp,
}

#[derive(Debug)]
struct Entry {
    sitting: Sitting,
    /// It counts against the limit of sessions.
    placed: bool,
    words: mpsc::Sender<Word>,
}

#[derive(Debug, Default)]
struct Seats {
    last: u64,
    taken: BTreeMap<u64, Entry>,
}

/// All sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Registry(Arc<Mutex<Seats>>);

impl Registry {
    /// A seat, and what is told to whoever sits on it.
    pub(super) fn sit(&self, over: Over, from: &str) -> (Seat, mpsc::Receiver<Word>) {
        let (words, heard) = mpsc::channel(WORDS_WAITING);
        let now = Timestamp::now();
        let mut seats = self.locked();
        seats.last += 1;
        let number = seats.last;
        let sitting = Sitting {
            number,
            user: None,
            level: Level::View,
            over,
            from: from.into(),
            since: now,
            active: now,
        };
        let entry = Entry {
            sitting,
            placed: false,
            words,
        };
        seats.taken.insert(number, entry);
        drop(seats);
        let registry = self.clone();
        (Seat { number, registry }, heard)
    }

    /// Everyone, in the order of their coming.
    pub(super) fn all(&self) -> Vec<Sitting> {
        let seats = self.locked();
        seats.taken.values().map(|e| e.sitting.clone()).collect()
    }

    /// Tells a session; whether there is one of that number.
    pub(super) fn tell(&self, number: u64, word: Word) -> bool {
        let seats = self.locked();
        let Some(entry) = seats.taken.get(&number) else {
            return false;
        };
        // Where it has that much to hear it will hear of its end as well.
        let _ = entry.words.try_send(word);
        true
    }

    /// Tells every session.
    pub(super) fn tell_all(&self, word: &Word) {
        for entry in self.locked().taken.values() {
            // One that hears nothing any more is on its way out.
            let _ = entry.words.try_send(word.clone());
        }
    }

    fn locked(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place among the others; given up where it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    registry: Registry,
}

impl Seat {
    /// The session's number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Says who sits here. Over telnet and SSH there are at most `most`; whether there was a place.
    pub(super) fn name(&self, user: &str, level: Level, most: u16) -> bool {
        let mut seats = self.registry.locked();
        let placed = seats.taken.values().filter(|e| e.placed).count();
        let Some(entry) = seats.taken.get_mut(&self.number) else {
            return false;
        };
        let needs = entry.sitting.over != Over::Unix && !entry.placed;
        if needs && placed >= usize::from(most) {
            return false;
        }
        entry.placed |= needs;
        entry.sitting.user = Some(user.into());
        entry.sitting.level = level;
        true
    }

    /// Says what may be done here.
    pub(super) fn rise(&self, level: Level) {
        if let Some(entry) = self.registry.locked().taken.get_mut(&self.number) {
            entry.sitting.level = level;
        }
    }

    /// A key was pressed.
    pub(super) fn touch(&self) {
        if let Some(entry) = self.registry.locked().taken.get_mut(&self.number) {
            entry.sitting.active = Timestamp::now();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.locked().taken.remove(&self.number);
    }
}

/// The address in what an origin says it comes from.
pub(super) fn address(from: &str) -> Option<IpAddr> {
    from.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_sessions_come_over_the_network_and_one_more_over_the_socket() {
        let registry = Registry::default();
        let seats: Vec<_> = (0..3)
            .map(|_| registry.sit(Over::Telnet, "192.0.2.7").0)
            .collect();
        assert!(seats[0].name("ann", Level::View, 2) && seats[1].name("bob", Level::View, 2));
        assert!(!seats[2].name("eve", Level::View, 2));
        assert!(
            seats[0].name("carl", Level::View, 2),
            "he has his place already"
        );
        let (socket, _) = registry.sit(Over::Unix, "unix");
        assert!(socket.name("root", Level::View, 2));
        drop(seats);
        assert_eq!(registry.all().len(), 1);
        let (seat, _) = registry.sit(Over::Ssh, "192.0.2.7");
        assert!(seat.name("eve", Level::View, 2));
    }

    #[test]
    fn words_reach_the_session_that_they_are_for() {
        let registry = Registry::default();
        let (first, mut heard) = registry.sit(Over::Unix, "unix");
        let (second, mut other) = registry.sit(Over::Unix, "unix");
        assert!(registry.tell(first.number(), Word::End("killed".into())));
        assert!(!registry.tell(77, Word::End("killed".into())));
        assert_eq!(heard.try_recv(), Ok(Word::End("killed".into())));
        registry.tell_all(&Word::Notice("soon".into()));
        assert_eq!(other.try_recv(), Ok(Word::Notice("soon".into())));
        drop(second);
        assert!(!registry.tell(2, Word::Notice("late".into())));
    }
}
