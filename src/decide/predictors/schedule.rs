//! Turns by weight, interleaved.

/// The order in which slots of these weights take turns: one whole period, each slot as often in it as its weight
/// says (after reduction). At every prefix each slot is less than one turn off its exact share. `None` where the
/// period would be longer than `longest`.
///
/// The turns are unit jobs, the k-th of a slot with share x released at ⌊k/x⌋ and due at ⌈(k+1)/x⌉; a schedule
/// that meets all dates exists (Baruah et al., "Proportionate progress", 1996), and giving each job, by due date, the
/// first free place from its release on finds one (Glover 1967, with the union-find of Gabow and Tarjan 1985).
pub(in crate::decide) fn schedule(weights: &[u64], longest: usize) -> Option<Box<[u32]>> {
    let divisor = weights.iter().copied().fold(0, gcd);
    let period: u64 = weights.iter().map(|w| w / divisor.max(1)).sum();
    if period > longest as u64 {
        return None;
    }
    let length = period as usize;
    // Jobs sorted by due date with a count of each: the dates are small numbers.
    let mut from = vec![0u32; length + 2];
    let jobs = || {
        weights.iter().zip(0u32..).flat_map(move |(w, slot)| {
            let w = w / divisor.max(1);
            (0..w).map(move |k| (slot, k * period / w, ((k + 1) * period).div_ceil(w)))
        })
    };
    for (_, _, due) in jobs() {
        from[due as usize + 1] += 1;
    }
    for i in 0..=length {
        from[i + 1] += from[i];
    }
    let mut sorted = vec![(0u32, 0u32); length];
    for (slot, release, due) in jobs() {
        let at = &mut from[due as usize];
        sorted[*at as usize] = (slot, release as u32);
        *at += 1;
    }
    let mut free: Vec<u32> = (0..=length as u32).collect();
    let mut table = vec![0u32; length];
    for (slot, release) in sorted {
        let at = find(&mut free, release) as usize;
        debug_assert!(at < length);
        table[at] = slot;
        free[at] = at as u32 + 1;
    }
    Some(table.into())
}

/// The first free place from `at` on.
fn find(free: &mut [u32], mut at: u32) -> u32 {
    while free[at as usize] != at {
        let next = free[at as usize];
        free[at as usize] = free[next as usize];
        at = next;
    }
    at
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
