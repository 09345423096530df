//! From a number to a slot by weight, without a table as long as the sum of the weights.

use super::place;

/// Cumulated weights with a guide of as many cells as there are slots (Chen and Asau 1974).
#[derive(Debug)]
pub(in crate::decide) struct Shares {
    /// The sum of the weights up to and with each slot.
    upto: Box<[u64]>,
    /// The slot that each cell begins in.
    guide: Box<[u32]>,
}

impl Shares {
    /// Of at least one slot, all of weight 1 or more.
    pub(in crate::decide) fn new(weights: &[u64]) -> Shares {
        let mut sum = 0;
        let upto: Box<[u64]> = weights
            .iter()
            .map(|w| {
                sum += w;
                sum
            })
            .collect();
        let cells = weights.len();
        let mut slot = 0;
        let guide = (0..=cells)
            .map(|cell| {
                let begin = (u128::from(sum) * cell as u128 / cells.max(1) as u128) as u64;
                while slot + 1 < cells && upto[slot] <= begin {
                    slot += 1;
                }
                slot as u32
            })
            .collect();
        Shares { upto, guide }
    }

    /// The slot that `draw`, uniform over all of `u64`, falls on.
    pub(in crate::decide) fn at(&self, draw: u64) -> usize {
        let Some(&sum) = self.upto.last() else {
            return 0;
        };
        let point = ((u128::from(draw) * u128::from(sum)) >> 64) as u64;
        let cell = place(draw, self.upto.len());
        // The cell's bounds were rounded down, the point as well: one slot more on either side is enough.
        let from = (self.guide[cell] as usize).saturating_sub(1);
        let to = (self.guide[cell + 1] as usize + 1).min(self.upto.len() - 1);
        from + self.upto[from..to].partition_point(|&upto| upto <= point)
    }
}

/// The `turn`-th point of the golden sequence, which leaves no gap and makes no heap: any stretch of it meets an
/// interval as often as its length says, but for a few (Knuth, TAOCP 3, §6.4, on the three-distance theorem).
pub(in crate::decide) fn golden(turn: u64) -> u64 {
    turn.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
