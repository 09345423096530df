//! A server that returns gets its share back little by little, and under `hash` one that asks for less gets less.

use std::sync::atomic::Ordering;

use super::super::care::Care;
use super::super::config::Kind;
use super::super::plan::Class;
use super::{Note, Trace, Walk};

impl<T: Trace> Walk<'_, T> {
    /// The part of its share that a returning server takes by now, 0 to 1.
    pub(super) fn ramp(&self, node: u32, slowstart_ms: u64) -> f64 {
        let bearer = self.config.bearer(node);
        if slowstart_ms == 0 || self.config.kind(bearer) == Kind::Virtual {
            return 1.0;
        }
        // A linked url may have been away while its server was not.
        let since = |n: u32| self.loads.of(n).back_since.load(Ordering::Relaxed);
        let since = since(node).max(since(bearer));
        let elapsed = self.now.0.saturating_sub(since);
        match since == 0 || elapsed >= slowstart_ms {
            true => 1.0,
            false => elapsed as f64 / slowstart_ms as f64,
        }
    }

    /// Whether what fills the slot takes a client that the predictor names it for, `point` drawn uniformly from 0 to 1.
    #[inline]
    pub(super) fn accepts(
        &mut self,
        v: u32,
        k: u32,
        class: &Class,
        care: Option<&Care>,
        point: impl FnOnce(&mut Self) -> f64,
    ) -> bool {
        let slowstart_ms = care.map_or(0, |care| care.slowstart_ms);
        if slowstart_ms == 0 && class.uneven.is_none() {
            return true;
        }
        let Some(node) = self.filler(v, k) else {
            return true;
        };
        let bearer = self.config.bearer(node);
        let share = match class.uneven {
            Some(most) if self.config.kind(bearer) != Kind::Virtual => {
                let share = self.snapshot.marks.measured[bearer as usize].share;
                f64::from(share) / f64::from(most.max(1))
            }
            _ => 1.0,
        };
        let ramp = self.ramp(node, slowstart_ms);
        if share * ramp >= 1.0 || point(self) < share * ramp {
            return true;
        }
        if T::ON {
            let percent = (share * ramp * 100.0) as u8;
            self.trace.note(Note::Spared { node, percent });
        }
        false
    }
}
