//! What no policy can beat: the divisible load, and with a set-up time per transfer the fractional division of it.

use crate::course::Course;
use crate::{Cost, Scenario, SimulateError, load::Load};
use std::time::Duration;

/// The bound in nanoseconds.
///
/// Divisible load: work / mean of both speeds over the bound; disturbances lie at parts of the bound, so this is exact.
/// Set-up: see [`fractional`].
///
/// # Errors
/// When nothing ever moves.
pub(crate) fn bound_ns(
    scenario: &Scenario,
    load: &Load,
    courses: &[Course; 2],
) -> Result<u64, SimulateError> {
    let speeds = courses.each_ref().map(Course::mean_speed);
    let seconds = match scenario.cost {
        Cost::Work(each) => {
            let bytes: u64 = load.sizes.iter().sum();
            (bytes as f64 + each * load.sizes.len() as f64) / (speeds[0] + speeds[1])
        }
        Cost::Time(each) => fractional(&load.sizes, speeds, each),
    };
    if seconds.is_finite() && seconds > 0.0 && seconds < NEVER_S {
        Ok((seconds * 1e9) as u64)
    } else {
        Err(SimulateError::NothingMoves(scenario.name.clone()))
    }
}

/// A bound beyond this is none: three years.
const NEVER_S: f64 = 1e8;

/// Least time to do all transfers when transfer `i` takes `each` + size / speed at each peer and may be divided in any
/// proportion (a part of it costs that part of the set-up): a linear programme with two constraints. The optimum gives
/// the transfers to the peers by the ratio of their times, that is by size, with at most one divided.
pub(crate) fn fractional(sizes: &[u64], speeds: [f64; 2], each: Duration) -> f64 {
    let time = |peer: usize, size: u64| each.as_secs_f64() + size as f64 / speeds[peer];
    // The faster peer is relatively better at large ones.
    let (fast, slow) = if speeds[0] >= speeds[1] { (0, 1) } else { (1, 0) };
    let mut sorted = sizes.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let mut at_fast = 0.0;
    let mut at_slow: f64 = sorted.iter().map(|s| time(slow, *s)).sum();
    for size in sorted {
        let (f, s) = (time(fast, size), time(slow, size));
        if at_fast + f >= at_slow - s {
            // The part x of this one at the fast peer that makes both end together.
            let x = ((at_slow - at_fast) / (f + s)).clamp(0.0, 1.0);
            return at_fast + x * f;
        }
        at_fast += f;
        at_slow -= s;
    }
    at_fast
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Two transfers of 100 bytes at 100 and 50 bytes/s without set-up: 200 / 150 s.
        let t = fractional(&[100, 100], [100.0, 50.0], Duration::ZERO);
        assert!((t - 200.0 / 150.0).abs() < 1e-9, "{t}");
        // Set-up 1 s, sizes 400 and 10, speeds 100 and 10: fast alone with the large one takes 5 s, the slow one 2 s
        // for the small: the large one is divided: x 5 = 2 + (1 - x) 41, x = 43/46.
        let t = fractional(&[10, 400], [100.0, 10.0], Duration::from_secs(1));
        assert!((t - 5.0 * 43.0 / 46.0).abs() < 1e-9, "{t}");
        // Only set-up: speeds do not matter, both do half.
        let t = fractional(&[0, 0, 0, 0], [100.0, 10.0], Duration::from_secs(1));
        assert!((t - 2.0).abs() < 1e-9, "{t}");
    }

    #[test]
    fn never_above_any_whole_division() {
        let sizes = [700, 10, 55, 320, 90, 5];
        let (speeds, each) = ([100.0, 25.0], Duration::from_millis(700));
        let bound = fractional(&sizes, speeds, each);
        let time = |p: usize, s: u64| 0.7 + s as f64 / speeds[p];
        for mask in 0..1u32 << sizes.len() {
            let mut ends = [0.0, 0.0];
            for (i, s) in sizes.iter().enumerate() {
                let p = (mask >> i & 1) as usize;
                ends[p] += time(p, *s);
            }
            assert!(ends[0].max(ends[1]) >= bound - 1e-9, "{mask:b} {ends:?} {bound}");
        }
    }
}
