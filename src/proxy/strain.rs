//! What happens shortly before a limit of all clients is reached (RELIABILITY.md part E): first keep-alive goes, then idle connections are
//! closed, then new requests get 503. The admin's listeners and the console are none of the workers'.

use std::net::IpAddr;
use std::rc::Rc;

use rustix::process::{Resource, getrlimit};

use super::limits::{DESCRIPTORS_KEPT, DESCRIPTORS_KEPT_SHARE};
use super::worker::Worker;
use super::{bounds, claimed, deadline};
use crate::model::Limit;

/// The rule of a request that is refused.
pub(super) const RULE: &str = "overload";

/// From so many hundredths of a limit on keep-alive goes, idle connections are closed, requests get 503.
const HUNDREDTHS: [u64; 3] = [90, 95, 98];

/// Idle connections that are closed at a stretch at least: many more where there are many more.
const HURRIED: usize = 16;

/// How close a process is to what limits it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strain {
    /// Far away.
    #[default]
    None,
    /// Connections are not kept open for another request.
    Close,
    /// And idle ones are closed.
    Hurry,
    /// And requests get 503.
    Refuse,
}

impl Strain {
    /// What `used` of `most` comes to; `most` 0: not limited.
    fn of(used: u64, most: u64) -> Strain {
        let passed = |hundredths: u64| {
            most > 0 && used.saturating_mul(100) >= most.saturating_mul(hundredths)
        };
        match HUNDREDTHS.map(passed) {
            [_, _, true] => Strain::Refuse,
            [_, true, _] => Strain::Hurry,
            [true, ..] => Strain::Close,
            _ => Strain::None,
        }
    }
}

/// The descriptor that no client may have any more, so that serving those who are here can go on.
pub(super) fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    let limit = limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
    let kept = match bounds::of(Limit::DescriptorsKept) {
        0 => DESCRIPTORS_KEPT.max(limit / DESCRIPTORS_KEPT_SHARE),
        kept => kept as usize,
    };
    below(limit, kept)
}

/// What of `limit` descriptors is left where `kept` are: half of them at least, as with fewer nobody might ever be accepted.
fn below(limit: usize, kept: usize) -> usize {
    limit - kept.min(limit / 2)
}

/// How many descriptors are in use, at least: the kernel gives out the lowest number that is free.
fn descriptors_used() -> u64 {
    use std::os::fd::AsRawFd;
    // Where there is none left, all are in use.
    rustix::io::dup(rustix::stdio::stderr()).map_or(u64::MAX / 100, |fd| {
        u64::try_from(fd.as_raw_fd()).unwrap_or(0)
    })
}

impl Worker {
    /// The descriptor that no client may have any more, as it was when it was last looked.
    pub(super) fn most_descriptors(&self) -> usize {
        self.descriptors.get()
    }

    /// Goes by what is published from now on.
    pub(super) fn heed(&self) {
        bounds::heed(&self.farm.live().load().snapshot.globals().limits);
    }

    /// How close this process is to its limits.
    pub(super) fn strain(&self) -> Strain {
        self.strain.get()
    }

    /// Whether connections stay open for another request.
    pub(super) fn keeps_alive(&self) -> bool {
        !self.draining() && self.strain() == Strain::None
    }

    /// Looks how close this process is to its limits, and closes idle connections where that is too close.
    pub(super) fn look_at_the_load(&self) {
        let most = u64::from(bounds::of(Limit::Connections));
        let by_crowd = Strain::of(self.farm.crowd().total().into(), most);
        // Whoever finds no descriptor is not accepted: nobody need be refused.
        let descriptors = descriptors();
        self.descriptors.set(descriptors);
        let by_descriptors = Strain::of(descriptors_used(), descriptors as u64).min(Strain::Hurry);
        let strain = by_crowd.max(by_descriptors);
        self.strain.set(strain);
        if strain >= Strain::Hurry {
            deadline::hurry(HURRIED.max(self.open() / 16));
        }
    }

    /// Lets a client in that has just been accepted, to be opened next; whether it may come in.
    pub(super) fn admit(self: &Rc<Self>, from: IpAddr) -> bool {
        let (most, most_each) = (
            bounds::of(Limit::Connections),
            bounds::of(Limit::ConnectionsPerClient),
        );
        if most == 0 && most_each == 0 {
            return true;
        }
        let exempt = claimed::trusted(&self.farm.live().load().snapshot.globals().trusted, from);
        let crowd = self.farm.crowd();
        match crowd.enter(most, (!exempt).then_some(from), most_each) {
            Ok(entry) => {
                // One that was let in and never opened.
                crowd.leave(self.entering.replace(entry));
                true
            }
            Err(limit) => {
                self.tally.hit(limit);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_descriptors_are_never_kept_back() {
        for (limit, kept, left) in [
            (100, 0, 100),
            (100, 16, 84),
            (100, 50, 50),
            (100, 51, 50),
            (20_000, 1_000_000, 10_000),
            (10, 16, 5),
            (0, 16, 0),
            (usize::MAX, 16, usize::MAX - 16),
        ] {
            assert_eq!(below(limit, kept), left, "{limit} {kept}");
        }
    }

    #[test]
    fn strain_grows_with_what_is_used() {
        let strain = |used| Strain::of(used, 1_000);
        for (used, expected) in [
            (0, Strain::None),
            (899, Strain::None),
            (900, Strain::Close),
            (949, Strain::Close),
            (950, Strain::Hurry),
            (979, Strain::Hurry),
            (980, Strain::Refuse),
            (u64::MAX, Strain::Refuse),
        ] {
            assert_eq!(strain(used), expected, "{used}");
        }
        assert_eq!(Strain::of(77, 0), Strain::None, "not limited");
    }
}
