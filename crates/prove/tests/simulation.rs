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

/// Each hung once: two homes that missed what came back before they knew that they had lent it, and two whose slot waited
/// for a copy that came when all was home.
#[test]
fn what_broke_once_stays_whole() {
    for seed in [8_350_948, 8_605_518, 9_025_750, 9_510_181] {
        let broken = twinhaul_prove::walk(seed, None).broken;
        assert_eq!(broken, None, "{}", soak::replay(seed, None));
    }
}

#[test]
fn the_same_seed_walks_the_same_way() {
    for seed in 0..50 {
        let walks = [(), ()].map(|()| format!("{:?}", twinhaul_prove::walk(seed, None)));
        assert_eq!(walks[0], walks[1], "{}", soak::replay(seed, None));
    }
}
