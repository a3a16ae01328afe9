//! How the screen says things: numbers with their units, ages, states, and events in words. ASCII only, so that one
//! wording serves both glyph sets; the words are the glossary's and the claims'.

pub mod beat;
pub mod diagnosis;
pub mod event;
pub mod explain;
pub mod forecast;
pub mod glossary;

use crate::board::{Pane, Standing};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;
use twinhaul_units::{Bytes, Moment};
use twinhaul_wire::{InFlight, PeerState, Phase, RangeShown, WaitReason};

/// `04:17`, `01:52:09`, `3d 04:11`.
pub fn clock(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0..3600 => format!("{:02}:{:02}", s / 60, s % 60),
        3600..360_000 => format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
        _ => format!("{}d {:02}:{:02}", s / 86_400, s / 3600 % 24, s / 60 % 60),
    }
}

/// As [`clock`], to the nearest second: for what is over. What goes on is never ahead of itself.
pub fn clock_over(d: Duration) -> String {
    clock(d.saturating_add(Duration::from_millis(500)))
}

/// As [`clock`], for seconds that may not be known.
pub fn clock_s(seconds: Option<f64>) -> String {
    match seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()) {
        Some(d) if d < Duration::from_hours(2_400) => clock(d),
        _ => "--:--".into(),
    }
}

/// A time to the end in five columns: `04:17`, `12h04`, `3d07h`, `--:--`.
pub fn clock5(seconds: Option<f64>) -> String {
    let Some(s) = seconds.filter(|s| s.is_finite() && *s < 100.0 * 86_400.0).map(|s| s.max(0.0) as u64)
    else {
        return "--:--".into();
    };
    match s {
        0..3600 => format!("{:02}:{:02}", s / 60, s % 60),
        3600..360_000 => format!("{:02}h{:02}", s / 3600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86_400, s / 3600 % 24),
    }
}

/// An age in at most four columns: `7s`, `12m`, `3h`, `2d`.
pub fn age(d: Duration) -> String {
    match d.as_secs() {
        s @ 0..100 => format!("{s}s"),
        s @ 100..6_000 => format!("{}m", s / 60),
        s @ 6_000..172_800 => format!("{}h", s / 3600),
        s => format!("{}d", (s / 86_400).min(999)),
    }
}

/// `12.1/29.4 TiB`: both in the unit of the whole.
pub fn bytes_of(done: u64, total: u64) -> String {
    let whole = Bytes(total).to_string();
    let Some((number, unit)) = whole.split_once(' ') else { return whole };
    let scale = (0u8..).zip(["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]).find(|(_, u)| *u == unit);
    let scale = scale.map_or(0, |(power, _)| power);
    let part = done as f64 / 1024f64.powi(i32::from(scale));
    let digits = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits = if scale > 0 && digits == 0 && part < 99.95 { 1 } else { digits };
    format!("{part:.digits$}/{number} {unit}")
}

/// Thousands with commas: `10,581`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 transfer`, `48 transfers`.
pub fn how_many(n: u64) -> String {
    if n == 1 { "1 transfer".into() } else { format!("{} transfers", count(n)) }
}

/// Claim 4.2's product, `0.50 x 219`, with as many digits as make it come to `portion`: a ratio that follows from what is
/// determined is no round number. `None`: it does not, because parts of what is in flight are in the portion.
pub fn product(ratio: f64, queued: u64, portion: f64) -> Option<String> {
    let comes_to = |digits: &usize| {
        let shown: f64 = format!("{ratio:.digits$}").parse().unwrap_or(ratio);
        (shown * queued as f64 - portion).abs() < 0.5
    };
    let digits = (DIGITS_MIN..=DIGITS_MAX).find(comes_to)?;
    Some(format!("{ratio:.digits$} x {}", count(queued)))
}

/// `0.50 x 219 = 109.5`, or the portion alone.
pub fn equation(ratio: f64, queued: u64, portion: f64) -> String {
    let product = product(ratio, queued, portion);
    product.map_or_else(|| format!("portion {portion:.1}"), |product| format!("{product} = {portion:.1}"))
}

/// Digits of a ratio.
const DIGITS_MIN: usize = 2;
const DIGITS_MAX: usize = 5;

/// `1 range`, `48 ranges`.
pub fn how_many_ranges(n: u64) -> String {
    if n == 1 { "1 range".into() } else { format!("{} ranges", count(n)) }
}

/// One part of a transfer: `beta 26 MiB-40 MiB, 50% done`.
pub fn share(range: &RangeShown) -> String {
    let len = range.to.saturating_sub(range.from).max(1);
    let done = (range.done.min(len) as f64 / len as f64 * 100.0).floor();
    format!("{}, {done:.0}% done", shares(std::slice::from_ref(range)))
}

/// What a row shows of a transfer that both peers write: `40 MiB-66 MiB` of a lent range, `alpha 52%, beta 48%` of a
/// transfer at its home. Empty for one that was never cut.
pub fn shares_brief(ranges: &[RangeShown]) -> String {
    match ranges {
        [] => String::new(),
        [one] => {
            let (from, to) = (Bytes(one.from).to_string(), Bytes(one.to).to_string());
            // One unit is enough where both have the same.
            match (from.split_once(' '), to.split_once(' ')) {
                (Some((number, a)), Some((_, b))) if a == b => format!("{number}-{to}"),
                _ => format!("{from}-{to}"),
            }
        }
        many => {
            let len = |r: &RangeShown| r.to.saturating_sub(r.from);
            let all: u64 = many.iter().map(len).sum();
            let mut names: Vec<&str> = many.iter().map(|r| r.peer.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let of = |name: &&str| {
                let own: u64 = many.iter().filter(|r| r.peer == **name).map(len).sum();
                format!("{name} {:.0}%", own as f64 / all.max(1) as f64 * 100.0)
            };
            names.iter().map(of).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Whose bytes are whose: `alpha 0-2.1 GiB, beta 2.1 GiB-4.0 GiB`.
pub fn shares(ranges: &[RangeShown]) -> String {
    let at = |n: u64| if n == 0 { "0".to_owned() } else { Bytes(n).to_string() };
    let one = |r: &RangeShown| format!("{} {}-{}", r.peer, at(r.from), at(r.to));
    ranges.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// MiB a second with one decimal, two below one; for table columns headed `MiB/s`.
pub fn mib_per_s(rate: u64) -> String {
    let mib = rate as f64 / 1_048_576.0;
    if rate > 0 && mib < 0.995 { format!("{mib:.2}") } else { format!("{mib:.1}") }
}

/// Severity of what a word says; the view adds a sign and a style to it, never a colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Good,
    Plain,
    Warn,
    Bad,
}

/// ", 4 ranges of large transfers lent", if any were.
pub fn lent(ranges: u64) -> String {
    match ranges {
        0 => String::new(),
        1 => ", 1 range of a large transfer lent".to_owned(),
        n => format!(", {n} ranges of large transfers lent"),
    }
}

/// One word for a peer's state.
pub fn peer_state(pane: &Pane, stalled: bool, now: Moment) -> (&'static str, Mood) {
    match (pane.standing(now), pane.snapshot.as_ref().map(|s| s.state)) {
        (Standing::Unknown, _) | (_, None) => ("WAIT", Mood::Warn),
        (Standing::Stale(_), _) => ("STALE", Mood::Bad),
        // It has gone before its work was done: the run was stopped.
        (_, Some(PeerState::Finished)) if pane.remaining_transfers() > 0 => ("ENDED", Mood::Warn),
        (_, Some(PeerState::Finished)) => ("DONE", Mood::Good),
        _ if stalled => ("STALL", Mood::Bad),
        (_, Some(state)) => match state {
            PeerState::Starting => ("START", Mood::Plain),
            PeerState::Recovering => ("RECOVER", Mood::Warn),
            PeerState::Running => ("RUN", Mood::Good),
            PeerState::Idle => ("IDLE", Mood::Plain),
            PeerState::Paused => ("PAUSED", Mood::Warn),
            PeerState::Draining => ("DRAIN", Mood::Warn),
            PeerState::Stopping => ("STOPPING", Mood::Warn),
            PeerState::Finishing => ("FINISH", Mood::Plain),
            PeerState::Finished => ("DONE", Mood::Good),
        },
    }
}

/// State of a transfer in flight in at most 13 columns: the phase, or what it waits for and how long.
pub fn flight_state(flight: &InFlight, stalled: bool) -> (String, Mood) {
    let waited = flight.wait.as_ref().map(|w| age(Duration::from_millis(w.age_ms)));
    match (&flight.wait, waited) {
        (_, waited) if stalled => {
            let age = waited.unwrap_or_else(|| age(Duration::from_millis(flight.age_ms)));
            (format!("STALL {age}"), Mood::Bad)
        }
        // An age below a second is no news, and "0s" would read as no wait at all.
        (Some(wait), _) if wait.age_ms < 1_000 => (wait_short(wait.reason).into(), Mood::Warn),
        (Some(wait), Some(age)) => (format!("{} {age}", wait_short(wait.reason)), Mood::Warn),
        _ => (phase(flight.phase).into(), Mood::Plain),
    }
}

/// What slots waited for, longest first, each as `target write 12:41`: the sum over all of them, from a second on.
pub fn waited(waits: &BTreeMap<WaitReason, u64>) -> Vec<String> {
    let mut sums: Vec<(WaitReason, u64)> = waits.iter().map(|(reason, ms)| (*reason, *ms)).collect();
    sums.retain(|(_, ms)| *ms >= 1_000);
    sums.sort_by_key(|(reason, ms)| (Reverse(*ms), *reason));
    let told =
        |(reason, ms): (WaitReason, u64)| format!("{} {}", reason.words(), age(Duration::from_millis(ms)));
    sums.into_iter().map(told).collect()
}

pub const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Copy => "copy",
        Phase::Seal => "seal",
        Phase::Verify => "verify",
        Phase::Ranges => "ranges",
    }
}

/// A wait reason in one short word; [`WaitReason::words`] says it in full.
pub const fn wait_short(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::SourceRead => "read",
        WaitReason::TargetWrite => "write",
        WaitReason::TargetOpen => "open",
        WaitReason::Drive => "drive",
        WaitReason::Mount => "mount",
        WaitReason::Locate => "locate",
        WaitReason::Cartridge => "tape",
        WaitReason::Throttle => "throttle",
        WaitReason::RateLimit => "server",
        WaitReason::Retry => "retry",
        WaitReason::Paused => "paused",
        WaitReason::PeerAnswer => "answer",
        WaitReason::Ledger => "ledger",
        WaitReason::Slot => "slot",
        WaitReason::Space => "space",
        WaitReason::Connect => "connect",
        WaitReason::Lock => "lock",
        WaitReason::Process => "process",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_has_the_digits_that_make_it_right() {
        let is = |ratio, queued, portion| product(ratio, queued, portion).unwrap();
        assert_eq!(is(0.5, 219, 109.5), "0.50 x 219");
        assert_eq!(is(0.55, 1_236, 679.8), "0.55 x 1,236");
        assert_eq!(is(727.0 / 833.0, 833, 727.0), "0.873 x 833");
        assert_eq!(is(1.0 / 3.0, 99_999, 33_333.0), "0.33333 x 99,999");
        assert_eq!(is(0.0, 1, 0.0), "0.00 x 1");
        assert_eq!(equation(0.5, 219, 109.5), "0.50 x 219 = 109.5");
        // Ten whole ones and two parts; a part alone, whose ratio is of bytes.
        assert_eq!(equation(1.0, 10, 12.0), "portion 12.0");
        assert_eq!(equation(0.35, 40, 1.0), "portion 1.0");
    }

    #[test]
    fn parts_are_told_by_whose_they_are() {
        const MIB: u64 = 1 << 20;
        let range = |peer: &str, from: u64, to: u64, done: u64| RangeShown {
            peer: peer.into(),
            from: from * MIB,
            to: to * MIB,
            done: done * MIB,
        };
        let both = [range("alpha", 0, 30, 30), range("beta", 30, 40, 5), range("alpha", 40, 80, 0)];
        assert_eq!(shares(&both), "alpha 0-30 MiB, beta 30 MiB-40 MiB, alpha 40 MiB-80 MiB");
        assert_eq!(shares_brief(&both), "alpha 88%, beta 12%");
        assert_eq!(shares_brief(&both[1..2]), "30-40 MiB");
        assert_eq!(share(&both[1]), "beta 30 MiB-40 MiB, 50% done");
        assert_eq!(shares_brief(&[]), "");
    }

    #[test]
    fn times_and_ages() {
        let s = Duration::from_secs;
        assert_eq!([clock(s(257)), clock(s(6_729)), clock(s(360_000))], ["04:17", "01:52:09", "4d 04:00"]);
        assert_eq!(clock_over(Duration::from_millis(55_500)), "00:56");
        assert_eq!([age(s(7)), age(s(720)), age(s(7_200)), age(s(900_000))], ["7s", "12m", "2h", "10d"]);
        assert_eq!(
            [clock_s(None), clock_s(Some(f64::INFINITY)), clock_s(Some(61.0))],
            ["--:--", "--:--", "01:01"]
        );
    }

    #[test]
    fn a_wait_says_its_age_from_a_second_on() {
        let state = |age_ms| {
            let reason = WaitReason::Throttle;
            let wait = Some(twinhaul_wire::Wait::new(reason, "", age_ms));
            flight_state(&InFlight { wait, ..InFlight::default() }, false).0
        };
        assert_eq!([state(0), state(999), state(1_000)], ["throttle", "throttle", "throttle 1s"]);
    }

    #[test]
    fn five_columns_are_enough_for_a_time_to_the_end() {
        let shown = [Some(257.0), Some(43_499.0), Some(800_000.0), None, Some(f64::NAN)].map(clock5);
        assert_eq!(shown, ["04:17", "12h04", "9d06h", "--:--", "--:--"]);
    }

    #[test]
    fn parts_share_the_unit_of_the_whole() {
        for (done, total, text) in [
            (0, 0, "0/0 B"),
            (512 << 10, 400 << 20, "0.5/400 MiB"),
            (13_304_090_691_174, 32_325_641_860_710, "12.1/29.4 TiB"),
            (400 << 20, 400 << 20, "400/400 MiB"),
            (700, 900, "700/900 B"),
        ] {
            assert_eq!(bytes_of(done, total), text);
        }
        assert_eq!([count(7), count(1_000), count(10_581_000)], ["7", "1,000", "10,581,000"]);
    }
}
