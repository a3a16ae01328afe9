//! Thousands of seeds: nothing is broken, and everything rare has happened.

use twinhaul_prove::soak;

/// Seeds in the test command; `cargo xtask soak sim` walks through millions.
const SEEDS: u64 = 24_000;

#[test]
fn nothing_breaks_in_any_seed_and_everything_rare_happens() {
    let sum = soak::seeds(0, SEEDS, None, None, |_| {});
    let broken: Vec<String> = sum
        .failures
        .iter()
        .map(|(seed, outcome)| {
            let what = outcome.broken.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{what}; {}", soak::replay(*seed, None))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(sum.seeds, SEEDS);
    let missing = sum.seen.missing();
    assert!(missing.is_empty(), "never happened, so nothing is proven about it: {missing:?}");
}

#[test]
fn the_same_seed_walks_the_same_way() {
    for seed in 0..50 {
        let walks = [(), ()].map(|()| format!("{:?}", twinhaul_prove::walk(seed, None)));
        assert_eq!(walks[0], walks[1], "{}", soak::replay(seed, None));
    }
}
