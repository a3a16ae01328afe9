//! Every control through its verb, on a run that is under way; the run ends exact whatever was done to it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use rustix::process::Signal;
use std::process::Stdio;
use std::time::Duration;
use twinhaul_tests::product::run::{CONDITION_WAIT_MAX, Run, assert_conserved};
use twinhaul_tests::product::{Done, Lab, Profile, poll, processes};
use twinhaul_tests::{same, tree};
use twinhaul_units::Dial;
use twinhaul_wire::event::Rule;
use twinhaul_wire::status::Status;
use twinhaul_wire::{DialSnapshot, EventKind, Frame, InFlight, Outlook, Preview, WaitReason};

/// 16 MiB in 256 files, slow enough to act on: half a minute if nobody does anything.
fn slow(lab: &Lab, policy: &str) -> Profile {
    tree::small_files(&lab.source(), 256, 64 * 1024, 3);
    let mut profile = Profile::new("steered", &lab.source(), &lab.target()).limits("256 KiB/s", "256 KiB/s");
    profile.policy = policy.into();
    profile
}

/// Lifts both limits and expects an exact end.
fn let_it_end(run: &Run<'_>) {
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    same::assert_same(&run.lab().source(), &run.lab().target());
    assert_conserved(&run.status());
}

/// What a dry run with `--json` printed.
fn previewed(done: &Done) -> Preview {
    let parsed = serde_json::from_str(&done.expect_code(0).stdout);
    parsed.unwrap_or_else(|e| panic!("expected a preview: {e}\n{done}"))
}

/// What leaves one queue arrives in the other, in transfers and in bytes; all files here have the same size.
fn assert_moves_conserve(p: &Preview) {
    assert_eq!(p.bytes, p.transfers * 64 * 1024, "{p:#?}");
    let [now, after] = [p.now, p.after].map(|q| q.map(|q| (q.transfers, q.bytes)));
    for (what, by, a, b) in [
        ("transfers", p.transfers, (now[0].0, after[0].0), (now[1].0, after[1].0)),
        ("bytes", p.bytes, (now[0].1, after[0].1), (now[1].1, after[1].1)),
    ] {
        assert_eq!(a.0.checked_sub(by), Some(a.1), "{what} of {}: {p:#?}", p.from);
        assert_eq!(b.0 + by, b.1, "{what} of {}: {p:#?}", p.to);
    }
}

#[test]
fn a_pause_holds_both_peers_and_a_resume_lets_them_go_on() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "learning"));
    run.until_under_way();
    run.verb("pause", &[]).expect_code(0);
    run.until("both peers are paused", |s| s.peers.values().all(|p| p.state == "paused"));
    // What is in flight stops before its next chunk; from then on nothing is completed.
    let mut quiet = 0;
    let mut last = run.status().done.transfers;
    let held = poll(Duration::from_mins(1), || {
        std::thread::sleep(Duration::from_millis(300));
        let now = run.status().done.transfers;
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
        (quiet == 5).then_some(())
    });
    assert!(held.is_some(), "a paused run goes on completing transfers");
    assert!(run.status().remaining.transfers > 0);
    run.verb("resume", &[]).expect_code(0);
    run.until("it goes on", |s| s.done.transfers > last);
    let_it_end(&run);
    let commands: Vec<String> = run
        .kinds()
        .into_iter()
        .filter_map(|k| if let EventKind::Control { command, .. } = k { Some(command) } else { None })
        .collect();
    for verb in ["pause", "resume", "limit"] {
        assert!(commands.iter().any(|c| c.starts_with(&format!("twinhaul {verb}"))), "{verb}: {commands:?}");
    }
}

/// It is killed in the moment in which the verb has its answer: nobody has looked at it since.
#[test]
fn a_peer_that_dies_comes_back_as_it_was_told_last() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "none"));
    run.until_under_way();
    for verb in ["pause", "resume"] {
        let before = run.status().peers["beta"].clone();
        let pid = run.pid("beta").expect("beta has a process");
        run.verb(verb, &["--peer", "beta"]).expect_code(0);
        processes::kill(pid);
        run.until(&format!("beta is back after a {verb}"), |s| {
            let beta = &s.peers["beta"];
            let goes_on = beta.done.transfers > before.done.transfers;
            beta.incarnation > before.incarnation
                && if verb == "pause" { beta.state == "paused" } else { goes_on }
        });
    }
    let_it_end(&run);
}

#[test]
fn one_peer_can_be_paused_alone() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "none"));
    run.until_under_way();
    run.verb("pause", &["--peer", "beta"]).expect_code(0);
    let status = run.until("beta is paused", |s| s.peers["beta"].state == "paused");
    assert_ne!(status.peers["alpha"].state, "paused");
    run.verb("resume", &["--peer", "beta"]).expect_code(0);
    run.until("beta runs", |s| s.peers["beta"].state != "paused");
    let_it_end(&run);
}

#[test]
fn a_ratio_is_set_and_written_down() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "learning"));
    run.until_under_way();
    run.verb("ratio", &["--peer", "beta", "0.65"]).expect_code(0);
    let status = run.until("beta has the ratio", |s| s.peers["beta"].ratio == Some(0.65));
    let beta = &status.peers["beta"];
    assert!((beta.portion.unwrap() - 0.65 * beta.queue.transfers as f64).abs() < 1e-6, "{beta:#?}");
    let moved = run.kinds().into_iter().any(
        |k| matches!(k, EventKind::Ratio { new, rule: Rule::Operator, .. } if (new - 0.65).abs() < 1e-9),
    );
    assert!(moved);
    run.verb("ratio", &["--peer", "beta", "1.5"]).expect_code(2);
    run.verb("ratio", &["--peer", "gamma", "0.5"]).expect_words(&["gamma"]);
    let_it_end(&run);
}

#[test]
fn a_rebalance_is_shown_before_it_is_done() {
    let lab = Lab::new();
    let mut profile = slow(&lab, "none");
    profile.split = "by: count, share: 90 %".into();
    let run = lab.start(&profile);
    let before = run.until_under_way();
    assert!(before.peers["alpha"].queue.transfers > before.peers["beta"].queue.transfers * 2);

    let preview = run.verb("rebalance", &["--share", "50 %", "--dry-run", "--json"]);
    let preview = previewed(&preview);
    assert_eq!((preview.from.as_str(), preview.to.as_str()), ("alpha", "beta"));
    assert!(preview.transfers > 0);
    assert_moves_conserve(&preview);
    let [mine, theirs] = preview.after.map(|q| q.bytes);
    assert!(mine.abs_diff(theirs) <= 2 * 64 * 1024, "as even as whole files allow: {preview:#?}");
    let unmoved = run.status();
    assert_eq!(unmoved.assistance.assigned_transfers, 0, "a preview moves nothing");
    // Alpha is asked first and refuses: it has less than all.
    run.verb("rebalance", &["--share", "100 %", "--dry-run"]).expect_code(0);
    assert!(
        !run.kinds().iter().any(|k| matches!(k, EventKind::Control { .. })),
        "a question leaves no trace, refused or not: {:#?}",
        run.kinds()
    );

    run.verb("rebalance", &["--share", "50 %"]).expect_code(0);
    let after = run.until("the queues are even", |s| {
        let (a, b) = (s.peers["alpha"].queue.bytes as f64, s.peers["beta"].queue.bytes as f64);
        b > 0.0 && (a / (a + b) - 0.5).abs() < 0.1
    });
    assert_eq!(after.peers["alpha"].ratio, before.peers["alpha"].ratio, "a rebalance leaves the ratio alone");
    let_it_end(&run);
}

/// Ids that events of the run's history say were assigned to `peer`.
fn assigned_to(run: &Run<'_>, peer: &str) -> Vec<u64> {
    let lots = |kind: EventKind| match kind {
        EventKind::Assigned { to, lots, .. } if to == peer => lots,
        _ => Vec::new(),
    };
    run.kinds().into_iter().flat_map(lots).flat_map(|lot| lot.first..=lot.last).collect()
}

#[test]
fn single_transfers_are_handed_over_by_their_ids_and_the_history_names_them() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "none"));
    run.until_under_way();
    // The last ones of alpha's half are queued for a while.
    let args = ["--transfer", "120,100-104", "--dry-run", "--json"];
    let preview = previewed(&run.verb("rebalance", &args));
    assert_eq!((preview.from.as_str(), preview.transfers), ("alpha", 6));
    assert_moves_conserve(&preview);
    assert_eq!(run.status().assistance.assigned_transfers, 0, "a preview moves nothing");
    let done = run.verb("rebalance", &["--transfer", "100-104,120"]).expect_code(0).stdout.clone();
    assert!(done.contains("alpha hands over 6 transfers"), "{done}");
    run.until("they are beta's", |s| s.assistance.assigned_transfers == 6);
    let soon = Duration::from_secs(20);
    let named = poll(soon, || (assigned_to(&run, "beta") == [100, 101, 102, 103, 104, 120]).then_some(()));
    assert!(named.is_some(), "the history names them: {:#?}", run.kinds());
    let told = run.kinds().into_iter().any(|kind| {
        matches!(&kind, EventKind::Control { command, .. } if command.ends_with("--peer alpha --transfer 100-104,120"))
    });
    assert!(told, "{:#?}", run.kinds());
    // What is the other's, what has started, and what does not exist are not handed over.
    let refused = run.verb("rebalance", &["--peer", "alpha", "--transfer", "100,0,99999"]);
    assert!(refused.stderr.contains("alpha has none of them queued"), "{refused}");
    // And back.
    run.verb("rebalance", &["--transfer", "120"]).expect_code(0);
    let back = poll(soon, || (assigned_to(&run, "alpha") == [120]).then_some(()));
    assert!(back.is_some(), "it is alpha's again: {:#?}", run.kinds());
    let_it_end(&run);
}

#[test]
fn a_drained_peer_hands_everything_over() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "learning"));
    run.until_under_way();
    let preview = run.verb("drain", &["--peer", "beta", "--dry-run", "--json"]);
    let preview = previewed(&preview);
    assert_eq!((preview.from.as_str(), preview.to.as_str()), ("beta", "alpha"));
    assert_moves_conserve(&preview);
    // What is in flight or settling stays with its peer.
    assert!(preview.after[0].transfers <= 16, "{preview:#?}");
    run.verb("drain", &["--peer", "beta"]).expect_code(0);
    let drained = run.until("beta has nothing", |s| {
        s.peers["beta"].queue.transfers == 0 && s.peers["beta"].in_flight.is_empty()
    });
    let done = drained.peers["beta"].done.transfers;
    let_it_end(&run);
    // What was settling when it was drained may still be counted; new work may not.
    let most = done + u64::from(drained.peers["beta"].slots.unwrap().max) + 16;
    assert!(run.status().peers["beta"].done.transfers <= most, "a drained peer takes no new work");
}

#[test]
fn a_limit_changes_while_the_run_goes_on() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "none"));
    run.until_under_way();
    run.verb("limit", &["--peer", "alpha", "2 MiB/s"]).expect_code(0);
    let status = run.until("alpha has the limit", |s| s.peers["alpha"].limit == Some(2 << 20));
    assert_eq!(status.peers["beta"].limit, Some(256 << 10));
    run.verb("limit", &["--peer", "alpha", "fast"]).expect_code(2).expect_words(&["fast"]);
    let_it_end(&run);
    let status = run.status();
    assert_conserved(&status);
}

#[test]
fn what_a_limit_slots_or_a_ratio_would_change_is_told_and_nothing_is_turned() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "learning"));
    run.until("its rate is known", |s| s.peers["alpha"].rate > Some(200 << 10));
    let asked = |verb: &str, args: &[&str]| -> Outlook {
        let done = run.verb(verb, &[args, &["--peer", "alpha", "--dry-run", "--json"]].concat());
        serde_json::from_str(&done.expect_code(0).stdout)
            .unwrap_or_else(|e| panic!("no outlook: {e}\n{done}"))
    };
    // The other peer's rate comes with its heartbeats.
    let slower = poll(Duration::from_secs(20), || {
        Some(asked("limit", &["64 KiB/s"])).filter(|outlook| outlook.eta_now_s > Some(0.0))
    });
    let slower = slower.expect("both rates are known in a while");
    assert_eq!(slower.setting, ["limit 256 KiB/s", "limit 64 KiB/s"]);
    assert_eq!(slower.rate[1], Some(64 << 10));
    assert!(slower.eta_after_s > slower.eta_now_s, "{slower:#?}");
    let unlimited = asked("limit", &["none"]);
    assert_eq!((unlimited.rate[1], unlimited.eta_after_s), (None, None), "{unlimited:#?}");
    let back = asked("limit", &["profile"]);
    assert_eq!(back.setting[0], back.setting[1], "the profile's value is told");
    let slots = asked("slots", &["2"]);
    assert!(slots.rate[1].is_some() && slots.setting[1] == "slots 2", "{slots:#?}");
    let ratio = asked("ratio", &["0.9"]);
    let gives = ratio.gives.unwrap();
    assert!(gives[1] > gives[0], "{ratio:#?}");
    // To both: one document, by name.
    let both = run.verb("slots", &["3", "--dry-run", "--json"]);
    both.expect_code(0);
    let both: serde_json::Value = serde_json::from_str(&both.stdout).expect("one JSON document");
    assert_eq!((&both["alpha"]["peer"], &both["beta"]["peer"]), (&"alpha".into(), &"beta".into()), "{both}");
    run.verb("slots", &["0", "--peer", "alpha", "--dry-run"]).expect_code(5);
    let s = run.status();
    assert_eq!(s.peers["alpha"].limit, Some(256 << 10), "nothing was turned");
    assert!(
        !run.kinds().iter().any(|k| matches!(k, EventKind::Control { .. })),
        "a question leaves no trace"
    );
    let_it_end(&run);
}

fn dial(s: &Status, peer: &str, dial: &Dial) -> Option<DialSnapshot> {
    s.peers[peer].dials.iter().find(|d| d.dial == *dial).cloned()
}

/// beta cannot use its half, because it has a smaller limit of its own: alpha gets the rest, and beta a part again once it can.
#[test]
fn a_limit_that_both_share_goes_to_whoever_can_use_it() {
    let lab = Lab::new();
    let mut profile = slow(&lab, "none").limits("", "16 KiB/s");
    profile.alpha.limit = None;
    profile.more = "limit: 256 KiB/s\n".into();
    let run = lab.start(&profile);
    let part = |s: &Status, peer: &str| dial(s, peer, &Dial::SharedLimit).map(|d| d.part);
    let whole = |s: &Status| part(s, "alpha").zip(part(s, "beta")).map(|(a, b)| a + b);
    run.until("alpha has what beta cannot use", |s| part(s, "alpha").is_some_and(|part| part > 700));
    assert!(whole(&run.status()).is_some_and(|all| all <= 1000), "never more than the whole");
    run.verb("limit", &["--peer", "beta", "none"]).expect_code(0);
    run.until("beta has its half", |s| part(s, "beta").is_some_and(|part| part >= 450));
    run.verb("limit", &["--shared", "--target", "there", "1 MiB/s"]).expect_code(2);
    run.verb("limit", &["--shared", "none"]).expect_code(0);
    run.wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn slots_change_while_the_run_goes_on_and_survive_a_restart_of_the_peer() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "none"));
    let before = run.until_under_way();
    for (slots, words) in [("0", "pause"), ("300", "256"), ("none", "a number of slots"), ("few", "a number")]
    {
        let refused = run.verb("slots", &["--peer", "alpha", slots]);
        refused.expect_words(&[words]);
        assert_ne!(refused.code, 0, "{slots}");
    }
    run.verb("slots", &["--peer", "alpha", "1"]).expect_code(0);
    run.verb("slots", &["--target", "there", "2"]).expect_code(0);
    run.verb("slots", &["--target", "nowhere", "2"]).expect_words(&["nowhere", "there"]);
    let slots = |s: &Status, peer: &str| s.peers[peer].slots.unwrap_or_default();
    let working = |s: &Status, peer: &str| {
        let waits = |f: &InFlight| f.wait.as_ref().is_some_and(|w| w.reason == WaitReason::Slot);
        s.peers[peer].in_flight.iter().filter(|f| !waits(f)).count()
    };
    run.until("alpha works on one, beta on two while others wait", |s| {
        let now = (slots(s, "alpha").max, working(s, "alpha"), working(s, "beta"));
        now == (1, 1, 2) && s.peers["beta"].in_flight.len() > 2
    });
    processes::kill(before.peers["alpha"].pid.unwrap());
    let after = run.until("alpha is back", |s| {
        s.peers["alpha"].pid.is_some() && s.peers["alpha"].incarnation > before.peers["alpha"].incarnation
    });
    assert_eq!(slots(&after, "alpha").max, 1, "{after:#?}");
    let kept = dial(&after, "alpha", &Dial::TargetSlots("there".into()));
    assert_eq!(kept.and_then(|d| d.value), Some(2), "{after:#?}");
    run.verb("slots", &["--peer", "alpha", "9"]).expect_code(0);
    run.verb("slots", &["--target", "there", "profile"]).expect_code(0);
    run.until("alpha has nine", |s| slots(s, "alpha").max == 9);
    let_it_end(&run);
}

/// A time zone in which it will be noon in so many seconds.
fn noon_in(seconds: u64) -> String {
    let utc = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() % 86_400;
    let ahead = i64::try_from(utc + seconds).unwrap() - 43_200;
    let (sign, s) = (if ahead < 0 { '-' } else { '+' }, ahead.abs());
    format!("LAB{sign}{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

#[test]
fn the_timetable_changes_the_limit_at_its_hour_unless_an_operator_has_said_another() {
    let mut lab = Lab::new();
    lab.set_env("TZ", noon_in(15));
    let mut profile = slow(&lab, "none");
    profile.alpha.timetable = Some("[\"daily 12:00-24:00 192 KiB/s\"]".into());
    profile.beta.timetable = Some("[\"daily 00:00-24:00 128 KiB/s\"]".into());
    let run = lab.start(&profile);
    run.until("the hours that hold from the start hold", |s| s.peers["beta"].limit == Some(128 << 10));
    run.until("noon has come", |s| s.peers["alpha"].limit == Some(192 << 10));
    run.until_event("the history tells that it was the timetable", |e| {
        matches!(&e.kind, EventKind::Control { by, .. } if by == "timetable")
            && e.peer.as_deref() == Some("alpha")
    });
    run.verb("limit", &["--peer", "alpha", "320 KiB/s"]).expect_code(0);
    run.until("what an operator says holds", |s| s.peers["alpha"].limit == Some(320 << 10));
    run.verb("limit", &["--peer", "alpha", "profile"]).expect_code(0).expect_words(&["as the profile says"]);
    run.until("until it is taken back", |s| s.peers["alpha"].limit == Some(192 << 10));
    let_it_end(&run);
}

#[test]
fn what_was_set_survives_a_restart_of_the_peer() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "none"));
    let before = run.until_under_way();
    run.verb("limit", &["--peer", "alpha", "192 KiB/s"]).expect_code(0);
    // Slow enough that beta, which takes over the empty place, is not done with everything before alpha is back.
    run.verb("limit", &["--peer", "beta", "512 KiB/s"]).expect_code(0);
    run.verb("ratio", &["--peer", "alpha", "0.7"]).expect_code(0);
    // At once: what was acknowledged is kept.
    processes::kill(before.peers["alpha"].pid.unwrap());
    // A newer incarnation alone may be beta's, which found the place empty and took it over.
    let after = run.until("alpha is back", |s| {
        s.peers["alpha"].pid.is_some() && s.peers["alpha"].incarnation > before.peers["alpha"].incarnation
    });
    assert_eq!(after.peers["alpha"].limit, Some(192 << 10));
    assert_eq!(after.peers["beta"].limit, Some(512 << 10));
    // Nothing else moves it under this policy.
    assert_eq!(after.peers["alpha"].ratio, Some(0.7), "it goes on with the live ratio");
    // beta may have done everything meanwhile: then there is nobody to tell.
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    assert_conserved(&run.status());
}

/// Between two lives of a peer nobody but the ledger and the profile knows what it was told.
#[test]
fn what_was_set_is_shown_while_the_peer_is_away() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "none"));
    let before = run.until_under_way();
    run.verb("limit", &["--peer", "alpha", "192 KiB/s"]).expect_code(0);
    // Nobody starts it again.
    let supervisor = processes::of(lab.state()).into_iter().find(|p| p.kind() == "supervise");
    processes::kill(supervisor.expect("a supervisor").pid);
    for peer in ["alpha", "beta"] {
        processes::kill(before.peers[peer].pid.unwrap());
    }
    let away = run.until("both are away", |s| s.peers.values().all(|p| p.pid.is_none()));
    assert_eq!(away.peers["alpha"].limit, Some(192 << 10), "{away:#?}");
    assert_eq!(away.peers["beta"].limit, Some(256 << 10), "as profiled: {away:#?}");
    lab.run(["run", "--resume", &run.id, "--detach"]).expect_code(0);
    run.until("both are back", |s| s.peers.values().all(|p| p.pid.is_some()));
    let_it_end(&run);
}

#[test]
fn a_peer_that_is_stopped_is_not_said_to_be_gone() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "none"));
    let before = run.until_under_way();
    run.freeze(before.peers["beta"].pid.unwrap());
    let stopped = run.status();
    assert_eq!(stopped.peers["beta"].state, "not answering", "{stopped:#?}");
    assert_eq!(stopped.peers["beta"].limit, Some(256 << 10), "{stopped:#?}");
    processes::signal(before.peers["beta"].pid.unwrap(), Signal::CONT);
    let_it_end(&run);
}

#[test]
fn with_durability_end_what_is_published_is_seen() {
    let lab = Lab::new();
    let mut profile = slow(&lab, "none");
    profile.durability = "end".into();
    let run = lab.start(&profile);
    let half = run.until("files are published", |s| s.published.transfers > 10);
    assert_conserved(&half);
    assert_eq!(half.done.transfers, 0, "published is not yet done: {half:#?}");
    assert!(half.in_flight.transfers >= half.published.transfers && half.in_flight.bytes > 0, "{half:#?}");
    run.verb("status", &[]).expect_code(0).expect_words(&["not yet durable"]);
    let_it_end(&run);
}

#[test]
fn a_stopped_run_is_resumed_and_ends_exact() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "learning"));
    run.until_under_way();
    run.verb("stop", &["--drain"]).expect_code(0);
    let stopped = run.wait();
    assert!([130, 143].contains(&stopped.code), "interrupted never looks like success: {stopped}");
    assert!(
        processes::of(lab.state()).is_empty(),
        "a stopped run leaves no process: {:?}",
        processes::of(lab.state())
    );
    let half = run.status();
    assert_conserved(&half);
    assert!(half.done.transfers > 0 && half.remaining.transfers > 0, "{half:#?}");
    for (path, entry) in same::scan::read(&lab.target()).entries {
        // Whatever has its name is whole: compared with its original below, once all are there.
        assert!(
            entry.kind != same::scan::Kind::File
                || entry.size == 64 * 1024
                || path.starts_with(b".twinhaul/")
        );
    }
    let resumed = lab.run(["run", "--resume", &run.id, "--headless"]);
    resumed.expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    let whole = run.status();
    assert_conserved(&whole);
    assert_eq!(whole.done.transfers, whole.totals.transfers);
    assert!(whole.done.transfers >= half.done.transfers);
    let recording = lab.state().join("runs").join(&run.id).join("recording.jsonl");
    for line in std::fs::read_to_string(recording).unwrap().lines() {
        if let Frame::Run(told) = serde_json::from_str(line).unwrap() {
            assert!(
                told.totals.growing || told.totals.transfers > 0,
                "what is not known is told as none: {line}"
            );
        }
    }
}

#[test]
fn a_run_that_is_interrupted_in_its_first_moments_ends() {
    let lab = Lab::new();
    let profile = lab.write_profile(&slow(&lab, "learning"));
    let mut command = lab.command();
    command.args(["run".as_ref(), profile.as_os_str(), "--headless".as_ref()]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    let begun = || processes::of(lab.state()).iter().any(|p| p.kind() == "supervise").then_some(());
    assert!(poll(CONDITION_WAIT_MAX, begun).is_some(), "nobody supervises");
    processes::signal(pid, Signal::INT);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130), "what was started is ended");
    assert!(processes::of(lab.state()).is_empty(), "processes are left");
}

#[test]
fn verbs_without_a_run_or_with_a_wrong_one_say_so() {
    let lab = Lab::new();
    lab.run(["status", "no-such-run-1"]).expect_code(4).expect_words(&["no-such-run-1"]);
    lab.run(["pause", "no-such-run-1"]).expect_code(4).expect_words(&["no-such-run-1"]);
    lab.run(["status"]).expect_code(4);
    lab.run(["status", "\u{1b}[31mred"]).expect_code(4).expect_words(&["\\x1b[31mred"]);
    lab.run(["rum"]).expect_code(2).expect_words(&["rum"]);
}

#[test]
fn a_wait_ends_with_its_own_code_when_its_time_is_over() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab, "none"));
    run.until_under_way();
    run.verb("wait", &["--timeout", "1s"]).expect_code(10);
    let_it_end(&run);
}
