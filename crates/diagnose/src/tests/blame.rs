//! How sure, what it is not, and what must not be blamed.

use super::sample::{NOW, both, control, deaths, event, healthy, probed, process, silent, state, wait};
use super::{first, of};
use crate::{Cause, Confidence, Evidence, Pressure, Verdict, diagnose};
use twinhaul_wire::{BackendStatus, EventKind, RunState, WaitReason};

#[test]
fn a_frozen_peer_is_told_with_its_process_and_the_way_to_wake_it() {
    let d = of(probed(), |e| (silent(e, 12_000), state(e, 'T')).0);
    let f = first(&d);
    assert_eq!((f.subject.peer.as_deref(), f.confidence), (Some("alpha"), Confidence::Certain));
    assert!(f.sentence.contains("stopped by a signal") && f.sentence.contains("for 12 s"), "{}", f.sentence);
    assert_eq!(f.offers[0].verb, "kill -CONT 41");
    assert!(f.offers[0].undo == crate::Undo::By("kill -STOP 41".into()) && !f.offers[0].danger);
    assert!(f.offers.last().unwrap().danger, "what throws work away comes last: {f:#?}");
    assert!(f.ruled_out.iter().any(|r| r.cause == Cause::PeerDead), "{f:#?}");
    // Its other troubles follow from this one.
    assert_eq!(d.findings.len(), 1, "{d:#?}");
}

#[test]
fn where_nobody_looked_it_is_said_that_it_is_not_known() {
    let d = of(healthy(), |e| silent(e, 9000));
    assert!(first(&d).sentence.contains("not known"), "{d:#?}");
    assert!(first(&d).offers.iter().all(|o| !o.danger), "{d:#?}");
    assert_eq!(first(&d).offers[0].verb, "twinhaul diagnose wan-3");
    assert!(!d.ruled_out.iter().any(|r| r.cause == Cause::PeerFrozen), "nobody looked: {d:#?}");
}

#[test]
fn nothing_known_is_not_nothing_wrong() {
    let d = diagnose(&Evidence::default(), NOW);
    assert_eq!(d.verdict, Verdict::NotKnown, "{d:#?}");
    let d = of(healthy(), |e| e.peers[1].snapshot = None);
    assert_eq!(d.verdict, Verdict::NotKnown, "{d:#?}");
}

#[test]
fn deaths_long_ago_are_no_loop() {
    let d = of(probed(), |e| {
        deaths(e, 5, "alpha was killed by signal 9 (KILL)");
        e.events.iter_mut().for_each(|e| e.at_ms = NOW - 300_000 - (NOW - e.at_ms));
        e.events.retain(|e| !matches!(e.kind, EventKind::Joined { .. }));
    });
    assert_eq!(d.verdict, Verdict::NothingWrong, "{d:#?}");
}

#[test]
fn a_fenced_peer_that_joins_anew_is_no_death() {
    let d = of(probed(), |e| deaths(e, 3, "alpha ended with code 75: fenced: the other peer had taken over"));
    assert_eq!(d.verdict, Verdict::NothingWrong, "{d:#?}");
}

#[test]
fn a_starved_peer_is_not_called_frozen() {
    let d = of(probed(), |e| {
        silent(e, 9000);
        e.probes.cpu = Some(Pressure { some: 99.0, full: 0.0 });
        e.peers[0].process = Some(process(41));
        e.peers[0].process.as_mut().unwrap().cpu_wait = Some(2.0);
        state(e, 'R');
    });
    assert_eq!(first(&d).cause, Cause::CpuStarved, "{d:#?}");
    assert!(first(&d).ruled_out.iter().any(|r| r.cause == Cause::PeerFrozen), "{d:#?}");
}

#[test]
fn a_machine_that_is_busy_with_something_else_is_not_blamed() {
    let d = of(probed(), |e| {
        silent(e, 9000);
        state(e, 'T');
        e.probes.cpu = Some(Pressure { some: 99.0, full: 0.0 });
        e.peers[1].process.as_mut().unwrap().cpu_wait = Some(0.9);
    });
    assert_eq!(d.findings.iter().map(|f| f.cause).collect::<Vec<_>>(), [Cause::PeerFrozen], "{d:#?}");
}

/// Both write to it: the target, and neither peer, nor has either anybody to hand its queue to.
#[test]
fn a_target_that_both_meet_is_one_finding() {
    let d = of(probed(), |e| {
        for s in both(e) {
            s.rate.now = 0;
            s.in_flight
                .iter_mut()
                .for_each(|f| f.wait = Some(wait(WaitReason::TargetWrite, "vault", 15_000)));
        }
    });
    assert_eq!(d.findings.iter().map(|f| f.cause).collect::<Vec<_>>(), [Cause::TargetSlow], "{d:#?}");
    let f = first(&d);
    assert_eq!((f.subject.peer.as_deref(), f.subject.target.as_deref()), (None, Some("vault")));
    assert!(
        f.sentence.starts_with("8 calls of alpha and beta that write to target vault have not"),
        "{}",
        f.sentence
    );
    assert!(!f.offers.iter().any(|o| o.verb.contains("drain")), "{f:#?}");
}

/// A recall waits for the library that it reads from.
#[test]
fn a_mount_of_a_recall_is_of_its_source() {
    let d = of(probed(), |e| {
        super::sample::waits(e, WaitReason::Mount, "drive 1", 9000);
        let tape = BackendStatus {
            name: "archive".into(),
            source: true,
            backend: "tape".into(),
            ..BackendStatus::default()
        };
        e.peers[0].snapshot.as_mut().unwrap().backends.push(tape);
    });
    assert_eq!(
        (first(&d).cause, first(&d).subject.target.as_deref()),
        (Cause::Mounting, Some("archive")),
        "{d:#?}"
    );
}

#[test]
fn a_supervisor_whose_last_word_is_old_is_silent_where_nobody_could_ask() {
    let d = of(healthy(), |e| e.snapshot.as_mut().unwrap().at_ms = NOW - 9000);
    assert_eq!(first(&d).cause, Cause::SupervisorSilent, "{d:#?}");
    assert!(first(&d).sentence.contains("for 9 s") && first(&d).sentence.contains("not known"), "{d:#?}");
}

#[test]
fn a_run_that_ended_early_tells_whether_somebody_stopped_it() {
    let ended = |e: &mut Evidence| {
        e.state = RunState::Stopped;
        e.supervised = Some(false);
        e.peers.iter_mut().for_each(|p| (p.snapshot, p.answered, p.process) = (None, Some(false), None));
        let kind = EventKind::RunEnded { state: "stopped".into(), done: 1, skipped: 0, failed: 0 };
        e.events.push(event(1000, None, kind));
    };
    let mut stopped = probed();
    control(&mut stopped, 60_000, "twinhaul stop wan-3", "console");
    control(&mut stopped, 59_900, "twinhaul stop wan-3", "supervisor");
    ended(&mut stopped);
    let d = diagnose(&stopped, NOW);
    assert_eq!((first(&d).cause, d.verdict), (Cause::RunStopped, Verdict::OnPurpose), "{d:#?}");
    assert!(first(&d).sentence.contains("in the console 60 s ago"), "{d:#?}");
    let mut died = probed();
    deaths(&mut died, 6, "alpha ended with code 28: no space for the ledger");
    ended(&mut died);
    let d = diagnose(&died, NOW);
    assert_eq!((first(&d).cause, d.verdict), (Cause::RunNotRunning, Verdict::Trouble), "{d:#?}");
    assert!(first(&d).sentence.contains("no space for the ledger"), "{d:#?}");
    assert_eq!(first(&d).offers[0].verb, "twinhaul run --resume wan-3");
    // The supervisor ends the peers of a run that cannot be planned: nobody asked for that, and it cannot go on.
    let mut unplanned = probed();
    let words = "planner ended with code 2: usage or profile; its last words: error: target vault: too little space for the plan: \
                 60 MiB needed, 40 MiB free.";
    let kind = EventKind::Exited { process: "planner".into(), words: words.into(), restart_in_ms: None };
    unplanned.events.push(event(5000, None, kind));
    control(&mut unplanned, 4000, "twinhaul stop wan-3", "supervisor");
    ended(&mut unplanned);
    let d = diagnose(&unplanned, NOW);
    assert_eq!((first(&d).cause, d.verdict), (Cause::TargetFull, Verdict::Trouble), "{d:#?}");
    assert_eq!(first(&d).subject.target.as_deref(), Some("vault"));
    assert!(first(&d).sentence.contains("60 MiB needed"), "{d:#?}");
    assert!(first(&d).offers.iter().all(|o| !o.verb.contains("--resume")), "{d:#?}");
    // What an earlier session met is past.
    let mut resumed = died.clone();
    resumed.events.push(event(900, Some("alpha"), EventKind::Joined { pid: 50 }));
    control(&mut resumed, 800, "twinhaul stop wan-3", "verb");
    ended(&mut resumed);
    assert_eq!(first(&diagnose(&resumed, NOW)).cause, Cause::RunStopped);
}
