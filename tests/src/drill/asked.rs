//! What somebody asked for: it holds the run up, and is no fault.

use super::stage::{Stage, peer, pick, profile, under_way};
use super::{Situation, asked, shimmed};
use crate::product::Lab;
use crate::seed::Rng;
use crate::shim;
use twinhaul_diagnose::Cause;

pub(super) const ALL: &[Situation] = &[
    asked("one peer is paused", &[Cause::Paused], |lab, rng| verb(lab, rng, "pause", &["--peer", "?"])),
    asked("both peers are paused", &[Cause::Paused], |lab, rng| verb(lab, rng, "pause", &[])),
    asked("a limit far too low for one peer", &[Cause::ThrottleTooLow], |lab, rng| {
        verb(lab, rng, "limit", &["8 KiB/s", "--peer", "?"])
    }),
    asked("a limit far too low for both together", &[Cause::ThrottleTooLow], |lab, rng| {
        verb(lab, rng, "limit", &["10 KiB/s", "--shared"])
    }),
    asked("a limit of the profile that is far too low", &[Cause::ThrottleTooLow], low_in_the_profile),
    asked("a peer is drained", &[Cause::Draining], |lab, rng| verb(lab, rng, "drain", &["--peer", "?"])),
    shimmed(asked("a pause that nobody has looked after for hours", &[Cause::PausedAndForgotten], forgotten)),
    asked("the run is stopped", &[Cause::RunStopped, Cause::Stopping], |lab, rng| {
        verb(lab, rng, "stop", &[])
    }),
];

/// `?` is one of the peers.
fn verb(lab: &Lab, rng: &mut Rng, verb: &str, words: &[&str]) -> Option<Stage> {
    let run = under_way(lab, rng);
    let name = peer(rng);
    let words: Vec<&str> = words.iter().map(|word| if *word == "?" { name } else { word }).collect();
    run.verb(verb, &words).expect_code(0);
    Some(Stage::new(&run))
}

fn low_in_the_profile(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let mut profile = profile(lab, rng, 60);
    let low = pick(rng, &["8 KiB/s", "20 KiB/s", "50 KiB/s"]);
    let limited = if rng.below(2) == 0 { &mut profile.alpha } else { &mut profile.beta };
    limited.limit = Some(low.to_owned());
    let run = lab.start(&profile);
    run.until("both work", |s| s.peers.values().all(|p| !p.in_flight.is_empty()));
    Some(Stage::new(&run))
}

/// The machine slept while it was paused.
fn forgotten(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    shim::set_clock(lab, -3_600 - i64::try_from(rng.below(20_000)).ok()?);
    let whom: &[&str] = if rng.below(2) == 0 { &["--peer", "?"] } else { &[] };
    let paused = verb(lab, rng, "pause", whom);
    shim::set_clock(lab, 0);
    paused
}
