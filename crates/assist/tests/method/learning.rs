//! What is learned over many runs (protocol.md 2): the slow owner's ratio comes to the fast peer's share of the speed.
//! Figures are printed; `cargo test -p twinhaul-assist learning -- --nocapture` shows them.

use crate::virtual_time::{Outcome, Scenario, run};
use std::time::Duration;
use twinhaul_assist::Settings;
use twinhaul_units::{PeerId, Ratio};

const RUNS: usize = 200;
const TRANSFERS: u64 = 1000;
const FAST: Duration = Duration::from_millis(42);
const ONE_WAY: Duration = Duration::from_micros(50);

#[derive(Default)]
struct Lesson {
    /// The slow owner's ratio that each run began with.
    ratios: Vec<f64>,
    /// Per cent over the divisible-load bound, and over the best that whole transfers allow.
    over: Vec<f64>,
    over_whole: Vec<f64>,
    /// Of each run.
    asks: Vec<u64>,
    messages: u64,
}

/// Runs that hand their ratios to the next; the peer `slow` is `slower` times slower.
fn learn(runs: usize, slower: u32, slow: PeerId, ratios: &mut [Ratio; 2]) -> Lesson {
    let mut lesson = Lesson::default();
    let mut each = [FAST; 2];
    each[slow.index()] = FAST * slower;
    let split = [TRANSFERS / 2; 2];
    for _ in 0..runs {
        lesson.ratios.push(ratios[slow.index()].get());
        let settings = [Settings::default(); 2];
        let outcome: Outcome = run(&Scenario { split, each, one_way: ONE_WAY, settings, ratios: *ratios });
        let end = outcome.end.0 as f64;
        lesson.over.push((end / divisible_bound(each) - 1.0) * 100.0);
        lesson.over_whole.push((end / whole_bound(each) - 1.0) * 100.0);
        lesson.asks.push(outcome.asks);
        lesson.messages += outcome.messages();
        *ratios = outcome.memory.map(|m| m.ratio);
    }
    lesson
}

/// Microseconds: all work over the sum of the speeds.
fn divisible_bound(each: [Duration; 2]) -> f64 {
    TRANSFERS as f64 / each.iter().map(|d| 1e-6 / d.as_secs_f64()).sum::<f64>()
}

/// Microseconds: the best division into whole transfers.
fn whole_bound(each: [Duration; 2]) -> f64 {
    let end = |n: u64| (each[0] * n as u32).max(each[1] * (TRANSFERS - n) as u32);
    (0..=TRANSFERS).map(end).min().map_or(0.0, |d| d.as_micros() as f64)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn range(values: &[f64]) -> (f64, f64) {
    (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max))
}

/// Once the ratio is learned no run takes more messages of assistance, each an ask and its answer.
const ASKS_MAX: u64 = 4;

fn learns(slower: u32, slow: PeerId, lowest: f64, highest: f64) {
    let mut ratios = [Ratio::default(); 2];
    let lesson = learn(RUNS, slower, slow, &mut ratios);
    let (low, high) = range(&lesson.ratios[RUNS / 2..]);
    let (over, over_whole) = (median(&lesson.over), median(&lesson.over_whole));
    let asks_mean = lesson.asks.iter().sum::<u64>() as f64 / RUNS as f64;
    let asks_learned = lesson.asks[RUNS / 2..].iter().max().copied().unwrap_or_default();
    let swapped = learn(RUNS, slower, slow.other(), &mut ratios);
    let learned = swapped.ratios.iter().position(|r| (lowest..=highest).contains(r));
    println!(
        "1:{slower}, {slow:?} slow: ratio {low:.2}..{high:.2}; makespan over the bound median {over:.3} % \
         (whole transfers {over_whole:.3} %); a run: {asks_mean:.2} asks (at most {asks_learned} once learned), \
         {:.2} with answers and assignments; swapped: learned after {learned:?} runs",
        lesson.messages as f64 / RUNS as f64,
    );
    assert!(low >= lowest - 1e-9 && high <= highest + 1e-9, "{low}..{high}");
    assert!(over_whole <= 0.2, "{over_whole} %");
    assert!(asks_learned <= ASKS_MAX, "{asks_learned} asks in a run");
    assert!(learned.is_some_and(|n| n <= 15), "{:?}", &swapped.ratios[..20]);
    let (low, high) = range(&swapped.ratios[15..]);
    assert!(low >= lowest - 1e-9 && high <= highest + 1e-9, "swapped: {low}..{high}");
}

#[test]
fn half_the_speed_is_learned() {
    learns(2, PeerId::First, 0.60, 0.75);
    learns(2, PeerId::Second, 0.60, 0.75);
}

#[test]
fn a_quarter_of_the_speed_is_learned() {
    learns(4, PeerId::First, 0.75, 0.85);
    learns(4, PeerId::Second, 0.75, 0.85);
}

#[test]
fn a_tenth_of_the_speed_is_learned() {
    learns(10, PeerId::First, 0.88, 0.95);
    learns(10, PeerId::Second, 0.88, 0.95);
}
