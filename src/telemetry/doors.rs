//! What became of the requests that came to each virtual and dip.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::decide::{Action, Gauges};

/// What became of the requests that came to an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// Redirected.
    pub redirects: u64,
    /// Forwarded.
    pub forwards: u64,
    /// Refused.
    pub refused: u64,
}

impl Came {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.redirects + self.forwards + self.refused
    }

    /// What came since `base` was copied.
    pub fn since(&self, base: &Came) -> Came {
        Came {
            redirects: self.redirects.saturating_sub(base.redirects),
            forwards: self.forwards.saturating_sub(base.forwards),
            refused: self.refused.saturating_sub(base.refused),
        }
    }

    fn add(&mut self, other: &Came) {
        self.redirects += other.redirects;
        self.forwards += other.forwards;
        self.refused += other.refused;
    }
}

/// What came to one virtual or dip.
#[derive(Clone, Debug)]
pub struct Door {
    /// Whose. Keeps the address that the door is found by from being used again.
    pub at: Arc<Gauges>,
    /// What.
    pub came: Came,
}

/// Of each virtual and dip that anybody came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Doors {
    doors: Vec<Door>,
    index: HashMap<usize, usize>,
    /// Which of them was counted last, as one is seldom asked once.
    last: usize,
}

impl Doors {
    pub(super) fn count(&mut self, at: &Arc<Gauges>, action: Action) {
        let came = self.of(at);
        match action {
            Action::Redirect { .. } => came.redirects += 1,
            Action::Forward { .. } => came.forwards += 1,
            Action::Refuse => came.refused += 1,
        }
    }

    fn of(&mut self, at: &Arc<Gauges>) -> &mut Came {
        let last = self.doors.get(self.last);
        if !last.is_some_and(|door| Arc::ptr_eq(&door.at, at)) {
            let doors = &mut self.doors;
            self.last = *self.index.entry(address(at)).or_insert_with(|| {
                doors.push(Door {
                    at: Arc::clone(at),
                    came: Came::default(),
                });
                doors.len() - 1
            });
        }
        &mut self.doors[self.last].came
    }

    pub(super) fn forget_all_but(&mut self, living: &HashSet<usize>) {
        self.doors
            .retain(|door| living.contains(&address(&door.at)));
        let at = self.doors.iter().map(|door| address(&door.at));
        self.index = at.zip(0..).collect();
        self.last = 0;
    }

    pub(super) fn copy(&self) -> Vec<Door> {
        self.doors.clone()
    }
}

/// Adds those of another worker.
pub(super) fn merge(mine: &mut Vec<Door>, others: Vec<Door>) {
    let at = mine.iter().map(|door| address(&door.at));
    let index: HashMap<usize, usize> = at.zip(0..).collect();
    for other in others {
        match index.get(&address(&other.at)) {
            Some(n) => mine[*n].came.add(&other.came),
            None => mine.push(other),
        }
    }
}

fn address(at: &Arc<Gauges>) -> usize {
    Arc::as_ptr(at) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::NodeIndex;
    use crate::model::{Endpoint, Id};

    fn door(last: u8) -> Arc<Gauges> {
        let at = Endpoint::new([192, 0, 2, last].into(), Endpoint::HTTP);
        Arc::new(Gauges::new(Id::Endpoint(at)))
    }

    #[test]
    fn two_workers_add_up_and_what_is_gone_is_forgotten() {
        let (one, two) = (door(1), door(2));
        let forward = Action::Forward {
            server: NodeIndex(0),
        };
        let mut mine = Doors::default();
        let mut other = Doors::default();
        mine.count(&one, forward);
        mine.count(&two, Action::Refuse);
        mine.count(&one, Action::Refuse);
        other.count(&two, Action::Refuse);
        let mut sum = mine.copy();
        merge(&mut sum, other.copy());
        let told: Vec<_> = sum
            .iter()
            .map(|d| (d.at.id.to_string(), d.came.forwards, d.came.refused))
            .collect();
        let wanted = [("192.0.2.1", 1, 1), ("192.0.2.2", 0, 2)];
        assert_eq!(told, wanted.map(|(id, f, r)| (id.to_owned(), f, r)));
        assert_eq!(sum[0].came.since(&sum[1].came).all(), 1);
        mine.forget_all_but(&HashSet::from([address(&two)]));
        mine.count(&two, Action::Refuse);
        let left = mine.copy();
        assert_eq!((left.len(), left[0].came.refused), (1, 2));
    }
}
