//! Power cuts (faults 11 and 12): whatever a disk with a volatile cache had not yet written when the power went, what the
//! ledger calls done is there, and the run goes on to an exact end.
//!
//! A dozen cuts each in the usual tests; `TWINHAUL_CUTS=500` for more. The seed is printed, and `TWINHAUL_SEED` repeats it, but for
//! the run itself: its writes come as they come.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use twinhaul_ledger::State;
use twinhaul_tests::power::cut::Flushes;
use twinhaul_tests::power::part::{EXT4, FileSystem, XFS};
use twinhaul_tests::power::scene::Recording;
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::seed::Rng;
use twinhaul_tests::{needs, tree};

const SUITE: &str = "power cuts";

fn wanted() -> usize {
    std::env::var("TWINHAUL_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(12)
}

/// Small files for many groups, and a large one whose progress is recorded; some seconds of work.
fn profile(lab: &Lab, durability: &str, rng: &mut Rng) -> Profile {
    tree::lognormal(&lab.source().join("mixed"), 300, 12_000, 1.3, rng.next_u64());
    tree::file(&lab.source().join("large"), 14 << 20, rng.next_u64());
    std::fs::hard_link(lab.source().join("large"), lab.source().join("linked")).unwrap();
    std::os::unix::fs::symlink("mixed/d000", lab.source().join("link")).unwrap();
    let mut profile = Profile::new("power", &lab.source(), &lab.target()).limits("2 MiB/s", "2 MiB/s");
    profile.durability = durability.into();
    profile
}

/// `None`: not possible here, which has been said.
fn recorded(kind: FileSystem, durability: &str, rng: &mut Rng) -> Option<Recording> {
    let recording = Recording::make(kind, |lab| profile(lab, durability, rng));
    // Programs say the cause first, and then what follows from it.
    let cause = |why: &String| needs::skip(SUITE, why.lines().next().unwrap_or_default());
    let recording = recording.inspect_err(cause).ok()?;
    eprintln!("{}, durability {durability}: {recording}", kind.name);
    Some(recording)
}

/// Cuts the power at instants all over the run; what they met.
fn cut_power(recording: &Recording, rng: &mut Rng) -> Met {
    let mut met = Met::default();
    for at in recording.instants(wanted(), rng) {
        let recovered = recording.recover(at, Flushes::Obeyed, rng).unwrap_or_else(|e| panic!("{e}"));
        let (cut, left) = (recovered.cut, recovered.left.clone());
        let [done, authorised] = [State::Done, State::Authorised].map(|state| left.count(state));
        let (all, parts) = (left.rows.len(), left.parts);
        eprintln!("{cut}: {done} of {all} done, {authorised} authorised, {parts} with a safe part");
        let went_on = recovered.go_on();
        met.begun += usize::from(went_on && done > 0 && done < all);
        met.unsettled += usize::from(went_on && authorised > 0);
        met.parts += usize::from(went_on && parts > 0);
        met.torn += cut.torn;
    }
    assert!(met.torn > 0, "no cut tore a write");
    assert!(met.parts > 0, "no cut in the middle of the large file");
    met
}

/// Cuts of the kinds that a trial is for.
#[derive(Default)]
struct Met {
    /// With something done and something left.
    begun: usize,
    /// With something that may be published, and is not done.
    unsettled: usize,
    /// With a part of a large transfer.
    parts: usize,
    /// Writes that were torn.
    torn: usize,
}

fn each_or_group(rng: &mut Rng) -> &'static str {
    ["each", "group"][usize::try_from(rng.below(2)).unwrap()]
}

#[test]
fn on_ext4_what_is_done_survives_any_power_cut_and_the_run_goes_on() {
    if !needs::may_mount(SUITE, "on_ext4_what_is_done_survives_any_power_cut_and_the_run_goes_on") {
        return;
    }
    let mut rng = Rng::announced("power cuts on ext4");
    let durability = each_or_group(&mut rng);
    let Some(recording) = recorded(EXT4, durability, &mut rng) else { return };
    let met = cut_power(&recording, &mut rng);
    assert!(met.begun > 0, "no cut with something done and something left");
}

#[test]
fn on_xfs_what_is_done_survives_any_power_cut_and_the_run_goes_on() {
    if !needs::may_mount(SUITE, "on_xfs_what_is_done_survives_any_power_cut_and_the_run_goes_on") {
        return;
    }
    let mut rng = Rng::announced("power cuts on xfs");
    let durability = each_or_group(&mut rng);
    let Some(recording) = recorded(XFS, durability, &mut rng) else { return };
    let met = cut_power(&recording, &mut rng);
    assert!(met.begun > 0, "no cut with something done and something left");
}

/// With `durability: end` nothing is done before all is: what was published is looked at again, and may be anything.
#[test]
fn what_was_published_and_not_done_is_looked_at_again_after_a_power_cut() {
    if !needs::may_mount(SUITE, "what_was_published_and_not_done_is_looked_at_again_after_a_power_cut") {
        return;
    }
    let mut rng = Rng::announced("power cuts before the end");
    let kind = [EXT4, XFS][usize::try_from(rng.below(2)).unwrap()];
    let Some(recording) = recorded(kind, "end", &mut rng) else { return };
    let met = cut_power(&recording, &mut rng);
    assert!(met.unsettled > 0, "no cut with something published and not done");
}

/// The trial itself is tried: a disk that says that it has flushed, and has not, loses what was done, and that is seen.
#[test]
fn a_disk_that_lies_about_its_flushes_is_found_out() {
    if !needs::may_mount(SUITE, "a_disk_that_lies_about_its_flushes_is_found_out") {
        return;
    }
    let mut rng = Rng::announced("power cuts of a lying disk");
    let Some(recording) = recorded(EXT4, "each", &mut rng) else { return };
    let mut lost = 0;
    for at in recording.instants(wanted(), &mut rng) {
        recording.recover(at, Flushes::Obeyed, &mut rng).unwrap_or_else(|e| panic!("{e}"));
        if let Err(why) = recording.recover(at, Flushes::Owed(40), &mut rng) {
            eprintln!("{why}");
            lost += usize::from(why.contains("not done any more") || why.contains("done and not there"));
        }
    }
    assert!(lost > 0, "a disk without flushes lost nothing, so this trial cannot find anything");
}
