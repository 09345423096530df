//! The least of some figures, where not every slot has one.

/// Up to so many slots are all looked at.
pub(in crate::decide) const SCANNED: usize = 64;

/// Of more, so many are drawn at random: the least loaded of d drawn ones keeps the longest queue within
/// log log n / log d of the mean (Azar et al. 1994), and every slot is drawn alike.
pub(in crate::decide) const SAMPLE: usize = 32;

/// A slot that could be picked.
#[derive(Clone, Copy, Debug)]
pub(in crate::decide) struct Candidate {
    /// Place in the list of filled slots.
    pub(in crate::decide) at: u32,
    /// Its load; `None`: cannot be known, and counts as the mean of the known.
    pub(in crate::decide) load: Option<f64>,
}

/// The place of the least loaded candidate; of several the next one from `cursor` on, in turn.
pub(in crate::decide) fn least(candidates: &[Candidate], cursor: u32) -> Option<u32> {
    let known = candidates.iter().filter_map(|c| c.load);
    let (count, sum) = known.fold((0u32, 0.0), |(n, sum), load| (n + 1, sum + load));
    let mean = if count == 0 {
        0.0
    } else {
        sum / f64::from(count)
    };
    let load = |c: &Candidate| c.load.unwrap_or(mean);
    let lowest = candidates.iter().map(load).fold(f64::INFINITY, f64::min);
    let tied = candidates.iter().filter(|c| load(c) <= lowest);
    tied.map(|c| c.at).min_by_key(|&at| (at < cursor, at))
}
