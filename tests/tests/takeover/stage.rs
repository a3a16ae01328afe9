//! What all take-over tests need: a tree, a profile, and what must hold at the end.

use twinhaul_failpoint as failpoint;
pub(crate) use twinhaul_tests::product::end::examine;
use twinhaul_tests::product::run::Run;
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::tree;
use twinhaul_wire::{Event, EventKind};

/// Milliseconds; a silent peer is suspected after three.
const HEARTBEAT: u64 = 250;

/// A lab whose heartbeats are short and whose processes obey `specs` (see `failpoint`).
pub(crate) fn lab(specs: &str) -> Lab {
    let mut lab = Lab::new();
    let marks = lab.path("marks");
    std::fs::create_dir(&marks).unwrap();
    lab.set_env(failpoint::HEARTBEAT_MS, HEARTBEAT.to_string());
    lab.set_env(failpoint::DIRECTORY, marks);
    lab.set_env(failpoint::SPECS, specs);
    lab
}

/// Some of everything that is finished in its own way: files, directories with times, links of both kinds.
pub(crate) fn tree(lab: &Lab, files: usize) {
    let source = lab.source();
    tree::small_files(&source.join("small"), files, 20_000, 3);
    tree::small_files(&source.join("deep/er"), 12, 3000, 4);
    tree::file(&source.join("large"), 3 << 20, 5);
    std::fs::hard_link(source.join("large"), source.join("deep/linked")).unwrap();
    for n in 0..8 {
        std::os::unix::fs::symlink(format!("../small/{n}"), source.join(format!("deep/link-{n}"))).unwrap();
    }
    tree::set_mtime(&source.join("deep/er"), 1_000_000_000, 5);
    tree::set_mtime(&source.join("deep"), 1_100_000_000, 7);
}

/// Both peers take some seconds for their half.
pub(crate) fn profile(lab: &Lab, policy: &str) -> Profile {
    let mut profile = Profile::new("takeover", &lab.source(), &lab.target()).limits("1 MiB/s", "1 MiB/s");
    profile.policy = policy.into();
    profile
}

/// What is expected in the history, and how it is recognised.
pub(crate) type Beat<'a> = (&'a str, &'a dyn Fn(&Event) -> bool);

/// What a test did to a peer has been told, in this order.
#[track_caller]
pub(crate) fn assert_story(run: &Run<'_>, beats: &[Beat<'_>]) {
    let events = run.events();
    let mut at = 0;
    for (what, is_it) in beats {
        let found = events[at..].iter().position(is_it);
        at += 1 + found.unwrap_or_else(|| panic!("\"{what}\" does not follow\n{events:#?}"));
    }
}

pub(crate) fn is_taken_over(from: &str) -> impl Fn(&Event) -> bool {
    move |e| matches!(&e.kind, EventKind::TakenOver { from: of, .. } if of == from)
}

pub(crate) fn is_suspicion_of(name: &str) -> impl Fn(&Event) -> bool {
    move |e| matches!(&e.kind, EventKind::Suspected { other, .. } if other == name)
}

/// The supervisor's words about an end.
pub(crate) fn ended_with(name: &str, words: &'static str) -> impl Fn(&Event) -> bool {
    move |e| matches!(&e.kind, EventKind::Exited { process, words: said, .. } if process == name && said.contains(words))
}

pub(crate) fn joined(name: &str) -> impl Fn(&Event) -> bool {
    move |e| e.peer.as_deref() == Some(name) && matches!(e.kind, EventKind::Joined { .. })
}

/// The process that a failpoint stopped, once it has.
pub(crate) fn stopped_by(lab: &Lab, spec: &str) -> u32 {
    let mark = lab.path("marks").join(spec.replace(['/', ':'], "."));
    let read = || std::fs::read_to_string(&mark).ok()?.parse().ok();
    twinhaul_tests::product::poll(twinhaul_tests::product::run::CONDITION_WAIT_MAX, read)
        .unwrap_or_else(|| panic!("{spec} never fired"))
}
