//! What has to go and to come to make one text of another, line by line.

use std::fmt::Write;

/// Differences beyond this many are not sought in the best order: all lines between the first and the last go, and come anew.
/// Bounds time and memory.
const DIFFERENCES: usize = 1_000;

/// Equal lines that are shown around what differs.
const AROUND: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Stays,
    Goes,
    Comes,
}

/// What has to go (`-`) and to come (`+`) to make `after` of `before`, with some lines around it; empty where they are the same.
pub fn diff(before: &str, after: &str) -> String {
    let old: Vec<&str> = before.lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = old.iter().zip(&new).take_while(same).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev());
    let tail = tail.take_while(same).count();
    let old_mid = &old_rest[..old_rest.len() - tail];
    let new_mid = &new_rest[..new_rest.len() - tail];
    if old_mid.is_empty() && new_mid.is_empty() {
        return String::new();
    }
    let mut steps = vec![Step::Stays; head];
    steps.extend(shortest(old_mid, new_mid).unwrap_or_else(|| {
        let mut all = vec![Step::Goes; old_mid.len()];
        all.resize(old_mid.len() + new_mid.len(), Step::Comes);
        all
    }));
    steps.resize(steps.len() + tail, Step::Stays);
    written(&steps, &old, &new)
}

/// Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), section 4: the fewest steps; none where there are too many.
fn shortest(old: &[&str], new: &[&str]) -> Option<Vec<Step>> {
    let (rows, columns) = (old.len(), new.len());
    let most = (rows + columns).min(DIFFERENCES);
    // The furthest row on each diagonal; the one of number `k` (row minus column) stands at `zero + k`.
    let zero = most + 1;
    let mut furthest = vec![0_usize; 2 * most + 3];
    let mut trail = Vec::new();
    for depth in 0..=most {
        trail.push(furthest[zero - depth..=zero + depth].to_vec());
        for at in (zero - depth..=zero + depth).step_by(2) {
            let mut row = match way(&furthest, at, zero, depth) {
                Way::Down => furthest[at + 1],
                Way::Right => furthest[at - 1] + 1,
            };
            let mut column = row + zero - at;
            while row < rows && column < columns && old[row] == new[column] {
                row += 1;
                column += 1;
            }
            furthest[at] = row;
            if row == rows && column == columns {
                return Some(back(&trail, rows, columns));
            }
        }
    }
    None
}

/// How a diagonal is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// From the diagonal above: a line comes.
    Down,
    /// From the diagonal below: a line goes.
    Right,
}

fn way(furthest: &[usize], at: usize, zero: usize, depth: usize) -> Way {
    let lowest = at + depth == zero;
    let highest = at == zero + depth;
    if lowest || (!highest && furthest[at - 1] < furthest[at + 1]) {
        Way::Down
    } else {
        Way::Right
    }
}

/// The steps that led to the end, from what was furthest before each depth.
fn back(trail: &[Vec<usize>], rows: usize, columns: usize) -> Vec<Step> {
    let (mut row, mut column) = (rows, columns);
    let mut steps = Vec::with_capacity(rows + columns);
    for (depth, furthest) in trail.iter().enumerate().skip(1).rev() {
        let at = row + depth - column;
        let way = way(furthest, at, depth, depth);
        let from = match way {
            Way::Down => at + 1,
            Way::Right => at - 1,
        };
        let before = furthest[from];
        let column_before = before + depth - from;
        while row > before && column > column_before {
            steps.push(Step::Stays);
            row -= 1;
            column -= 1;
        }
        steps.push(match way {
            Way::Down => Step::Comes,
            Way::Right => Step::Goes,
        });
        (row, column) = (before, column_before);
    }
    steps.resize(steps.len() + row, Step::Stays);
    steps.reverse();
    steps
}

fn written(steps: &[Step], old: &[&str], new: &[&str]) -> String {
    let differs: Vec<usize> = (0..steps.len())
        .filter(|at| steps[*at] != Step::Stays)
        .collect();
    let mut near = differs.iter().copied().peekable();
    let mut text = String::new();
    let (mut row, mut column) = (0, 0);
    let mut left_out = false;
    for (at, step) in steps.iter().enumerate() {
        while near.next_if(|differs| differs + AROUND < at).is_some() {}
        let shown = near.peek().is_some_and(|differs| *differs <= at + AROUND);
        let (sign, line) = match step {
            Step::Stays => (' ', old[row]),
            Step::Goes => ('-', old[row]),
            Step::Comes => ('+', new[column]),
        };
        row += usize::from(*step != Step::Comes);
        column += usize::from(*step != Step::Goes);
        if shown {
            if std::mem::take(&mut left_out) && !text.is_empty() {
                text.push_str("  ...\n");
            }
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{sign} {line}");
        } else {
            left_out = true;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_differs_is_shown_with_what_stands_around_it() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
        let after = "a\nb\nC\nd\ne\nf\ng\nh\ni\nj\nk\n";
        assert_eq!(
            diff(before, after),
            "  a\n  b\n- c\n+ C\n  d\n  e\n  ...\n  i\n  j\n+ k\n"
        );
        assert_eq!(diff(before, before), "");
        assert_eq!(diff("", "a\n"), "+ a\n");
        assert_eq!(diff("a\n", ""), "- a\n");
    }

    #[test]
    fn two_texts_without_a_line_in_common_are_told_in_time() {
        let text = |sign: char| -> String { (0..20_000).map(|n| format!("{sign}{n}\n")).collect() };
        let told = diff(&text('a'), &text('b'));
        assert_eq!(told.lines().count(), 40_000);
    }

    proptest! {
        #[test]
        fn the_steps_lead_from_one_to_the_other(
            old in proptest::collection::vec(0..4_u8, 0..30),
            new in proptest::collection::vec(0..4_u8, 0..30),
        ) {
            let words = ["a", "b", "c", "d"];
            let old: Vec<&str> = old.iter().map(|n| words[usize::from(*n)]).collect();
            let new: Vec<&str> = new.iter().map(|n| words[usize::from(*n)]).collect();
            let steps = shortest(&old, &new).expect("few enough");
            let (mut row, mut column) = (0, 0);
            for step in &steps {
                match step {
                    Step::Stays => {
                        prop_assert_eq!(old[row], new[column]);
                        row += 1;
                        column += 1;
                    }
                    Step::Goes => row += 1,
                    Step::Comes => column += 1,
                }
            }
            prop_assert_eq!((row, column), (old.len(), new.len()));
        }
    }
}
