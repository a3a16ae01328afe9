//! What is as it should be, and looks odd.

use super::stage::{Stage, peer, pick, profile, under_way};
use super::{Situation, odd, shimmed};
use crate::product::run::CONDITION_WAIT_MAX;
use crate::product::{Lab, Profile, poll, processes};
use crate::seed::Rng;
use crate::shim;
use crate::tree;
use twinhaul_diagnose::Cause;

pub(super) const ALL: &[Situation] = &[
    odd("nothing at all is wrong", 20, &[], well),
    odd("thousands of tiny files", 20, &[], tiny),
    odd(
        "one huge file at the end",
        25,
        &[Cause::HugeFileAtTheTail, Cause::HugeFilesHoldSlots],
        huge_at_the_tail,
    ),
    odd(
        "huge files hold all slots",
        20,
        &[Cause::HugeFilesHoldSlots, Cause::HugeFileAtTheTail],
        huge_in_all_slots,
    ),
    odd("a limit on purpose", 20, &[Cause::Throttled], limited),
    odd("one peer has nothing to do, as the policy says", 25, &[Cause::IdlePeer], idle),
    odd("a peer was killed once and is back", 20, &[Cause::PeerRestarted], back),
    odd("a source of many directories", 20, &[], many_directories),
    odd("a run that is over", 8, &[], over),
    shimmed(odd("the clock is set while it works", 15, &[Cause::ClockJump], clock)),
];

fn well(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    tree::lognormal(&lab.source(), 300, 60_000, 1.5, rng.next_u64());
    let mut profile = Profile::new("drill", &lab.source(), &lab.target());
    profile.durability = pick(rng, &["each", "group", "end"]).into();
    Some(Stage::new(&lab.start(&profile)))
}

fn tiny(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let files = 4000 + usize::try_from(rng.below(6000)).ok()?;
    tree::small_files(&lab.source(), files, 1 + usize::try_from(rng.below(900)).ok()?, rng.next_u64());
    let mut profile = Profile::new("drill", &lab.source(), &lab.target());
    profile.durability = pick(rng, &["each", "group"]).into();
    Some(Stage::new(&lab.start(&profile)))
}

fn huge_at_the_tail(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    tree::small_files(&lab.source(), 50, 1000, rng.next_u64());
    tree::file(&lab.source().join("z-huge"), (160 + rng.below(80)) << 20, 2);
    let mut profile = Profile::new("drill", &lab.source(), &lab.target()).limits("6 MiB/s", "6 MiB/s");
    profile.policy = pick(rng, &["learning", "none"]).into();
    profile.more.push_str("order: name\n");
    Some(Stage::new(&lab.start(&profile)))
}

fn huge_in_all_slots(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    for n in 0..4 {
        tree::file(&lab.source().join(format!("a-huge-{n}")), (80 + rng.below(40)) << 20, n);
    }
    tree::small_files(&lab.source(), 100, 1000, rng.next_u64());
    let mut profile = Profile::new("drill", &lab.source(), &lab.target()).limits("4 MiB/s", "4 MiB/s");
    (profile.alpha.slots, profile.beta.slots) = (2, 2);
    profile.policy = "none".into();
    profile.more.push_str("order: size\n");
    Some(Stage::new(&lab.start(&profile)))
}

fn limited(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    run.verb("limit", &[pick(rng, &["300 KiB/s", "512 KiB/s", "1 MiB/s"]), "--peer", peer(rng)])
        .expect_code(0);
    Some(Stage::new(&run))
}

fn idle(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let mut profile = profile(lab, rng, 20);
    profile.policy = "none".into();
    let quick = if rng.below(2) == 0 { &mut profile.alpha } else { &mut profile.beta };
    quick.limit = None;
    Some(Stage::new(&lab.start(&profile)))
}

fn back(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    let name = peer(rng);
    let pid = run.pid(name)?;
    processes::kill(pid);
    let before = run.status().done.transfers;
    poll(CONDITION_WAIT_MAX, || {
        let s = run.status();
        (s.peers[name].pid.is_some_and(|new| new != pid) && s.done.transfers > before + 2).then_some(())
    })?;
    Some(Stage::new(&run))
}

fn many_directories(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    for n in 0..1500 + rng.below(1500) {
        let dir = lab.source().join(format!("{}/{}/{n}", n % 7, n % 41));
        std::fs::create_dir_all(&dir).expect("directory");
        std::fs::write(dir.join("file"), n.to_string()).expect("file");
    }
    Some(Stage::new(&lab.start(&Profile::new("drill", &lab.source(), &lab.target()))))
}

fn over(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    tree::small_files(&lab.source(), 20, 1000, rng.next_u64());
    let run = lab.start(&Profile::new("drill", &lab.source(), &lab.target()));
    run.wait().expect_code(0);
    Some(Stage::new(&run))
}

/// By half an hour to two hours, ahead or back.
fn clock(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let run = under_way(lab, rng);
    let by = 1_800 + i64::try_from(rng.below(5_400)).ok()?;
    shim::set_clock(lab, if rng.below(2) == 0 { by } else { -by });
    Some(Stage::new(&run))
}
