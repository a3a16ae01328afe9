//! What only looks odd is named as what it is, and is no fault.

use super::sample::{HUGE, MIB, NOW, alpha, both, control, flight, healthy, probed, wait, waits};
use super::{Spoil, first, of};
use crate::{Cause, Diagnosis, Evidence, Pressure, Standing, Verdict, diagnose};
use twinhaul_units::Dial;
use twinhaul_wire::{DialSnapshot, EventKind, PeerState, QueueSize, RunState, WaitReason};

#[test]
fn a_healthy_run_has_nothing_wrong_with_and_without_a_look_at_its_processes() {
    for evidence in [healthy(), probed()] {
        let d = diagnose(&evidence, NOW);
        assert_eq!((d.verdict, d.findings.len()), (Verdict::NothingWrong, 0), "{d:#?}");
        assert_eq!(d.sentence, "Nothing is wrong: alpha moves 20 MiB/s, beta moves 20 MiB/s.");
    }
    let cleared: Vec<Cause> = diagnose(&probed(), NOW).ruled_out.iter().map(|r| r.cause).collect();
    for cause in [Cause::PeerFrozen, Cause::LinkDown, Cause::TargetFull, Cause::Throttled, Cause::CpuStarved]
    {
        assert!(cleared.contains(&cause), "{cause:?} of {cleared:?}");
    }
}

/// Thirty seconds are a long time for a disk that takes milliseconds, and none for a server that takes minutes.
#[test]
fn a_wait_within_what_is_usual_there_is_no_stall() {
    let with_budget = |budget_ms| {
        let mut e = probed();
        waits(&mut e, WaitReason::TargetWrite, "vault", 40_000);
        for f in &mut alpha(&mut e).in_flight {
            f.wait.as_mut().unwrap().budget_ms = budget_ms;
        }
        alpha(&mut e).rate.one_min = 0;
        diagnose(&e, NOW)
    };
    let usual = with_budget(Some(90_000));
    assert_eq!((usual.verdict, usual.findings.len()), (Verdict::NothingWrong, 0), "{usual:#?}");
    let late = with_budget(Some(25_000));
    assert_eq!(first(&late).cause, Cause::TargetSlow, "{late:#?}");
    assert!(first(&late).sentence.contains("it may take 25 s"), "{late:#?}");
    // Whoever does not say how long it may take is not excused.
    assert_eq!(first(&with_budget(None)).cause, Cause::StalledNotKnown);
}

/// A quota that holds now and then is one that somebody chose well.
#[test]
fn a_quota_that_is_used_up_now_and_then_starves_nobody() {
    let mut e = probed();
    let process = e.peers[0].process.as_mut().unwrap();
    (process.cpu, process.throttled) = (Some(0.9), Some(0.8));
    let d = diagnose(&e, NOW);
    assert_eq!((d.verdict, d.findings.len()), (Verdict::NothingWrong, 0), "{d:#?}");
}

/// Eight slots on one processor: most of them wait for it, and all of it is used.
#[test]
fn a_run_that_uses_the_whole_machine_does_not_starve() {
    let mut e = probed();
    e.probes.cpu = Some(Pressure { some: 99.0, full: 0.0 });
    for peer in &mut e.peers {
        let process = peer.process.as_mut().unwrap();
        (process.cpu, process.cpu_wait) = (Some(0.45), Some(7.0));
    }
    let d = diagnose(&e, NOW);
    assert_eq!((d.verdict, d.findings.len()), (Verdict::NothingWrong, 0), "{d:#?}");
}

#[test]
fn what_looks_odd_is_named_and_is_no_fault() {
    let table: &[(&str, Spoil, Cause)] = &[
        ("a mount", |e| waits(e, WaitReason::Mount, "drive 1, cartridge A00003", 90_000), Cause::Mounting),
        ("winding", |e| waits(e, WaitReason::Locate, "", 60_000), Cause::Mounting),
        ("drives in use", |e| waits(e, WaitReason::Drive, "drive 0: alpha", 200_000), Cause::DriveBusy),
        (
            "another run's cartridge",
            |e| waits(e, WaitReason::Cartridge, "cartridge A1 is in use by beta", 9000),
            Cause::DriveBusy,
        ),
        (
            "huge files in all slots",
            |e| alpha(e).in_flight.iter_mut().for_each(|f| f.bytes = 4 * HUGE),
            Cause::HugeFilesHoldSlots,
        ),
        ("a huge file at the end", tail, Cause::HugeFileAtTheTail),
        ("tiny files", tiny, Cause::TinyFiles),
        ("starting", |e| both(e).for_each(|s| s.state = PeerState::Starting), Cause::Starting),
        (
            "planning",
            |e| {
                e.snapshot.as_mut().unwrap().totals.growing = true;
                both(e).for_each(|s| (s.queue, s.in_flight) = (QueueSize::default(), Vec::new()));
            },
            Cause::Planning,
        ),
        (
            "one helps no more",
            |e| {
                let alpha = alpha(e);
                (alpha.queue, alpha.state) = (QueueSize::default(), PeerState::Idle);
                alpha.in_flight.clear();
            },
            Cause::IdlePeer,
        ),
        (
            "died once and works again",
            |e| super::sample::deaths(e, 1, "alpha was killed by signal 9 (KILL)"),
            Cause::PeerRestarted,
        ),
        ("the clock was set", |e| e.events[1].at_ms -= 3_600_000, Cause::ClockJump),
    ];
    for (what, spoil, cause) in table {
        for evidence in [healthy(), probed()] {
            let d = of(evidence, *spoil);
            assert_eq!((first(&d).cause, first(&d).standing), (*cause, Standing::Normal), "{what}: {d:#?}");
            assert_eq!(d.verdict, Verdict::NothingWrong, "{what}: {d:#?}");
            assert!(d.findings.iter().all(|f| f.offers.is_empty()), "{what}: nothing is to be done: {d:#?}");
        }
    }
}

fn tail(e: &mut Evidence) {
    both(e).for_each(|s| (s.queue, s.in_flight) = (QueueSize::default(), Vec::new()));
    let mut huge = flight(0);
    huge.bytes = 40 * HUGE;
    alpha(e).in_flight.push(huge);
}

fn tiny(e: &mut Evidence) {
    for s in both(e) {
        s.done = QueueSize { transfers: 90_000, bytes: 90_000 * 900 };
        s.queue = QueueSize { transfers: 90_000, bytes: 90_000 * 900 };
        s.in_flight.iter_mut().for_each(|f| f.bytes = 900);
        s.rate.now = 200_000;
        s.rate.one_min = 210_000;
    }
}

#[test]
fn what_somebody_asked_for_is_said_with_who_and_when() {
    let table: &[(&str, Spoil, Cause, &[&str])] = &[
        (
            "paused",
            |e| {
                paused(e);
                control(e, 180_000, "twinhaul pause wan-3 --peer alpha", "verb");
            },
            Cause::Paused,
            &["alpha is paused", "`twinhaul pause`", "3 min ago", "400 queued"],
        ),
        (
            "paused long ago",
            |e| {
                paused(e);
                control(e, 9_000_000, "twinhaul pause wan-3 --peer alpha", "console");
            },
            Cause::PausedAndForgotten,
            &["in the console", "2 h 30 min ago", "forgotten"],
        ),
        (
            "limited by the profile",
            |e| limited(e, 20 * MIB),
            Cause::Throttled,
            &["20 MiB/s", "in the profile", "on purpose"],
        ),
        (
            "limited far too low",
            |e| {
                limited(e, 16 * 1024);
                control(e, 60_000, "twinhaul limit wan-3 --peer alpha '16 KiB/s'", "verb");
            },
            Cause::ThrottleTooLow,
            &["16 KiB/s", "on purpose", "`twinhaul limit` 60 s ago", "lower than was meant"],
        ),
        (
            "limited by somebody long forgotten",
            |e| {
                limited(e, 16 * 1024);
                e.events.clear();
            },
            Cause::ThrottleTooLow,
            &["by whom is not known"],
        ),
        (
            "a limit that both share",
            |e| {
                limited(e, 16 * 1024);
                shared(e, Dial::SharedLimit, 32 * 1024, "limit 32 KiB/s of both peers");
                control(e, 60_000, "twinhaul limit wan-3 --shared '32 KiB/s'", "verb");
                e.events.last_mut().unwrap().peer = Some("alpha".into());
            },
            Cause::ThrottleTooLow,
            &["16 KiB/s", "limit of both peers, 32 KiB/s", "`twinhaul limit` 60 s ago"],
        ),
        (
            "an own limit beside one that both share",
            |e| {
                limited(e, 20 * MIB);
                control(e, 60_000, "twinhaul limit wan-3 --shared '32 KiB/s'", "verb");
                e.events.last_mut().unwrap().peer = Some("alpha".into());
            },
            Cause::Throttled,
            &["20 MiB/s", "in the profile"],
        ),
        (
            "a limit of the target",
            |e| {
                limited(e, 20 * MIB);
                shared(e, Dial::TargetLimit("vault".into()), 40 * MIB, "limit 40 MiB/s of target vault");
            },
            Cause::Throttled,
            &["20 MiB/s", "limit of target vault, 40 MiB/s"],
        ),
        ("draining", |e| alpha(e).state = PeerState::Draining, Cause::Draining, &["hands its queue over"]),
        ("stopping", |e| e.state = RunState::Stopping, Cause::Stopping, &["being stopped"]),
    ];
    for (what, spoil, cause, said) in table {
        let d = of(probed(), *spoil);
        let f = first(&d);
        assert_eq!((f.cause, f.standing), (*cause, Standing::OnPurpose), "{what}: {d:#?}");
        // A limit that is kept holds nothing up.
        let verdict = if *cause == Cause::Throttled { Verdict::NothingWrong } else { Verdict::OnPurpose };
        assert_eq!(d.verdict, verdict, "{what}: {d:#?}");
        for words in *said {
            assert!(f.sentence.contains(words), "{what}: \"{words}\" in {}", f.sentence);
        }
        assert!(!f.offers.is_empty() && f.offers.iter().all(|o| !o.danger), "{what}: {d:#?}");
    }
}

fn paused(e: &mut Evidence) {
    waits(e, WaitReason::Paused, "by verb", 180_000);
    let alpha = alpha(e);
    (alpha.state, alpha.paused_by) = (PeerState::Paused, None);
}

fn limited(e: &mut Evidence, limit: u64) {
    let alpha = alpha(e);
    alpha.limit = Some(limit);
    alpha.rate.now = limit;
    alpha.in_flight.iter_mut().for_each(|f| f.wait = Some(wait(WaitReason::Throttle, "limit", 300)));
}

/// The peer's own limit of `limited` is half of one that both share.
fn shared(e: &mut Evidence, dial: Dial, limit: u64, words: &str) {
    let alpha = alpha(e);
    alpha.limit = None;
    alpha.in_flight.iter_mut().for_each(|f| f.wait = Some(wait(WaitReason::Throttle, words, 300)));
    alpha.dials =
        vec![DialSnapshot { dial, value: Some(limit), turned: true, part: 500, taken: 0, waited_ms: 0 }];
}

#[test]
fn a_limit_that_does_not_bind_is_not_worth_a_word() {
    let d = of(probed(), |e| alpha(e).limit = Some(900 * MIB));
    assert!(d.findings.is_empty(), "{d:#?}");
}

#[test]
fn an_ended_run_is_not_diagnosed_as_if_it_ran() {
    for (state, verdict) in [
        (RunState::Complete, Verdict::NothingWrong),
        (RunState::Stopped, Verdict::OnPurpose),
        (RunState::Failed, Verdict::Trouble),
    ] {
        let mut e = probed();
        e.state = state;
        e.supervised = Some(false);
        e.peers.iter_mut().for_each(|p| (p.snapshot, p.answered, p.process) = (None, Some(false), None));
        assert_eq!(diagnose(&e, NOW).verdict, verdict);
    }
}

#[test]
fn a_busy_machine_is_no_fault_while_all_get_on() {
    let d = of(probed(), |e| {
        e.probes.cpu.as_mut().unwrap().some = 99.0;
        e.probes.io.as_mut().unwrap().full = 90.0;
    });
    assert_eq!(d.verdict, Verdict::NothingWrong, "{d:#?}");
}

#[test]
fn failures_that_were_taken_back_are_no_failures() {
    let d = of(probed(), |e| {
        let kind = EventKind::Failed {
            id: 7,
            key: flight(0).key,
            error: "read from projects: permission denied".into(),
            attempts: 1,
        };
        e.events.push(super::sample::event(60_000, Some("alpha"), kind));
    });
    assert_eq!(d.verdict, Verdict::NothingWrong, "{d:#?}");
}

/// The run was stopped afterwards: no peer says any more how many are given up, the ledger does.
#[test]
fn a_retry_of_some_leaves_the_others_given_up() {
    let stopped = |e: &mut Evidence| {
        (e.state, e.snapshot) = (RunState::Stopped, None);
        for peer in &mut e.peers {
            (peer.answered, peer.process) = (Some(false), None);
        }
        for id in [7, 8, 9] {
            let error = "a directory is in the way: /mnt/vault/a (target vault)".into();
            let kind = EventKind::Failed { id, key: flight(0).key, error, attempts: 3 };
            e.events.push(super::sample::event(60_000, Some("alpha"), kind));
        }
    };
    let told = |still: &[u64]| {
        let mut e = probed();
        stopped(&mut e);
        e.given_up = Some(still.iter().copied().collect());
        of(e, |_| {})
    };
    let fails = |d: &Diagnosis| d.findings.iter().find(|f| f.cause == Cause::TransfersFail).cloned();
    assert_eq!(fails(&told(&[])), None);
    let one = fails(&told(&[8])).unwrap();
    assert!(one.sentence.contains("1 transfer given up; the last is"), "{}", one.sentence);
    assert_eq!(one.subject.transfer, Some(8));
}

#[test]
fn an_attempt_that_was_repeated_with_success_is_no_fault() {
    let d = of(probed(), |e| {
        let error = "write to vault: disk: writer_write: input/output error".into();
        let kind = EventKind::Retry { id: 7, key: flight(0).key, error, attempts: 1, in_ms: 1000 };
        e.events.push(super::sample::event(60_000, Some("alpha"), kind));
    });
    assert_eq!(d.verdict, Verdict::NothingWrong, "{d:#?}");
}
