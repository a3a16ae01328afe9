//! The method at work between two real engines: who runs dry asks, the owner answers, the ratio moves, nobody idles.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use twinhaul_tests::product::run::{Run, assert_conserved};
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::{same, tree};
use twinhaul_wire::EventKind;
use twinhaul_wire::event::Rule;

const FILES: usize = 320;
const FILE_BYTES: usize = 64 * 1024;

/// 20 MiB, half for each peer, and one peer eight times as fast as the other.
fn unequal(lab: &Lab, policy: &str) -> Profile {
    tree::small_files(&lab.source(), FILES, FILE_BYTES, 1);
    let mut profile = Profile::new(policy, &lab.source(), &lab.target()).limits("8 MiB/s", "1 MiB/s");
    profile.policy = policy.into();
    profile
}

/// The share of both peers' time in which they had nothing to do while the run was not done.
fn idle_share(run: &Run<'_>) -> f64 {
    let report = run.report();
    report["idle_share"].as_f64().unwrap_or_else(|| panic!("the report names the idle share: {report:#}"))
}

#[test]
fn with_learning_the_fast_peer_helps_and_without_it_idles() {
    let mut shares = Vec::new();
    for policy in ["none", "learning"] {
        let lab = Lab::new();
        let run = lab.start(&unequal(&lab, policy));
        run.wait().expect_code(0);
        same::assert_same(&lab.source(), &lab.target());
        let status = run.status();
        assert_conserved(&status);
        assert_eq!(status.policy, policy);
        let (alpha, beta) = (status.peers["alpha"].done.transfers, status.peers["beta"].done.transfers);
        assert_eq!(alpha + beta, status.done.transfers);
        if policy == "none" {
            assert_eq!((alpha, beta), (FILES as u64 / 2, FILES as u64 / 2), "nobody helps: {status:#?}");
            assert_eq!(status.assistance.messages, 0);
        } else {
            assert!(alpha > beta * 2, "the fast peer takes over work: {status:#?}");
            assert!(status.assistance.assigned_transfers > 0, "{status:#?}");
            assert!(status.assistance.messages > 0, "{status:#?}");
        }
        shares.push(idle_share(&run));
    }
    assert!(shares[0] > 0.3, "static split: the fast peer idles for most of the time: {shares:?}");
    assert!(shares[1] < shares[0] / 2.0, "with assistance it does not: {shares:?}");
}

#[test]
fn the_history_tells_the_method_in_the_claims_words() {
    let lab = Lab::new();
    let mut profile = unequal(&lab, "learning");
    profile.minimum = 2;
    let run = lab.start(&profile);
    run.wait().expect_code(0);
    let kinds = run.kinds();

    let asks: Vec<u64> = kinds
        .iter()
        .filter_map(|k| if let EventKind::Ask { ask_id, .. } = k { Some(*ask_id) } else { None })
        .collect();
    assert!(!asks.is_empty());
    let mut needed = 0;
    let mut not_needed = 0;
    for kind in &kinds {
        match kind {
            // Claims 4.2, 4.3: what was given is the ratio of what was queued, and more than the minimum.
            EventKind::Needed { ask_id, count, ratio, portion, minimum, queued, .. } => {
                needed += 1;
                assert!(asks.contains(ask_id));
                assert!((portion - ratio * *queued as f64).abs() < 1e-6, "{kind:?}");
                assert!(*portion > *minimum as f64 && *minimum == 2, "{kind:?}");
                assert_eq!(*count, (portion.floor() as u64).max(1), "{kind:?}");
            }
            // Claim 4.4.
            EventKind::NotNeeded { ask_id, ratio, portion, minimum, queued, .. } => {
                not_needed += 1;
                assert!(asks.contains(ask_id));
                assert!((portion - ratio * *queued as f64).abs() < 1e-6, "{kind:?}");
                assert!(*portion <= *minimum as f64, "{kind:?}");
            }
            _ => {}
        }
    }
    assert!(needed > 0 && not_needed > 0, "{needed} needed, {not_needed} not needed: {kinds:#?}");

    // The slow owner's ratio grows by its increment each time the fast helper is back first (claims 6.1, 7.1).
    let moves: Vec<(f64, f64, Rule)> = kinds
        .iter()
        .filter_map(|k| {
            if let EventKind::Ratio { old, new, rule } = k { Some((*old, *new, *rule)) } else { None }
        })
        .collect();
    assert!(moves.iter().any(|(_, _, rule)| matches!(rule, Rule::R61 | Rule::R71)), "{moves:?}");
    assert_last_ratios(&run);
    for (old, new, rule) in moves {
        assert!((0.05..=0.95).contains(&new), "{old} {new}");
        let step = match rule {
            Rule::R61 | Rule::R71 => 0.05,
            Rule::R62 | Rule::R72 => -0.05,
            Rule::Operator => panic!("nobody set a ratio"),
        };
        let clamped = (old + step).clamp(0.05, 0.95);
        assert!((new - clamped).abs() < 1e-9, "{old} -> {new} by {rule:?}");
    }
}

/// What an ended run shows is where its ratios stood at the end, the moves of the tail included.
fn assert_last_ratios(run: &Run<'_>) {
    let mut last = std::collections::BTreeMap::new();
    for event in run.events() {
        if let EventKind::Ratio { new, .. } = event.kind {
            last.insert(event.peer.unwrap_or_default(), new);
        }
    }
    let status = run.status();
    for (name, peer) in &status.peers {
        assert_eq!(peer.ratio, Some(last.get(name).copied().unwrap_or(0.5)), "{name}: {status:#?}");
        assert_eq!((peer.minimum, peer.increment, peer.slots), (None, None, None), "not known any more");
    }
}

/// The owner's word that an assignment is durable is never younger than the asker's that it was told of it.
#[test]
fn every_assignment_is_durable_before_it_is_announced() {
    let lab = Lab::new();
    let run = lab.start(&unequal(&lab, "learning"));
    run.wait().expect_code(0);
    let events = run.events();
    let mut given = 0;
    for event in &events {
        if let EventKind::Needed { count, bytes, .. } = &event.kind {
            given += 1;
            let durable = events.iter().any(|e| {
                matches!(&e.kind, EventKind::Assigned { count: c, bytes: b, to, .. }
                    if c == count && b == bytes && Some(to) == event.peer.as_ref() && e.at_ms <= event.at_ms)
            });
            assert!(durable, "no assignment before {event:?}\n{events:#?}");
        }
    }
    assert!(given > 0);
    let told: Vec<u64> = events.iter().map(|e| e.seq).collect();
    assert!(told.windows(2).all(|w| w[0] < w[1]), "events come in their order, each once: {told:?}");
}
