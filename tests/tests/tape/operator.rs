//! What only an operator can do is said with the command to type, and that command works.

use crate::set::{down, library, tape, up};
use twinhaul_tests::product::{Lab, Run};
use twinhaul_tests::{same, tree};
use twinhaul_wire::status::Status;
use twinhaul_wire::{EventKind, WaitReason};

/// Types what a problem says.
fn types(lab: &Lab, command: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(words[0], "twinhaul", "{command}");
    let mut typed = lab.command();
    typed.args(&words[1..]);
    lab.finish(typed).expect_code(0);
}

fn asks(s: &Status) -> bool {
    s.problems.iter().any(|p| p.kind == "cartridge")
}

/// Without a scratch cartridge the run waits, visibly; with one it ends.
#[test]
fn a_full_pool_waits_for_an_operator() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.source()).unwrap();
    tree::file(&lab.source().join("a"), 3 << 20, 1);
    tree::file(&lab.source().join("b"), 3 << 20, 2);
    library(&lab, 2, 1, 4);
    let run = Run::start(&lab, &up(&lab, "", ""));
    for _ in 0..2 {
        let status = run.until("it asks for a cartridge", |s| asks(s) || s.state.ended());
        if status.state.ended() {
            break;
        }
        let asked: Vec<_> = status.problems.iter().filter(|p| p.kind == "cartridge").collect();
        assert_eq!(asked.len(), 1, "both peers mean the same: {asked:?}");
        assert!(asked[0].text.contains("no cartridge with room in pool default: insert one"), "{asked:?}");
        let waits = |s: &Status| {
            let waits = s.peers.values().flat_map(|p| &p.in_flight).filter_map(|f| f.wait.clone());
            waits.into_iter().any(|w| w.reason == WaitReason::Cartridge)
        };
        run.until("the slot says so", |s| waits(s) || !asks(s));
        assert!(
            status.eta_s.is_none() || status.peers.values().any(|p| p.rate > Some(0)),
            "{:?}",
            status.eta_s
        );
        types(&lab, &asked[0].next);
        run.until("it goes on", |s| !asks(s));
    }
    run.wait().expect_code(0);
    let kinds = run.kinds();
    assert!(
        kinds
            .iter()
            .any(|k| matches!(k, EventKind::ProblemBegan { problem, .. } if problem == "cartridge there"))
    );
    lab.run_profile(&down(&lab)).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

/// A recall of what is out of the library asks for that cartridge by name.
#[test]
fn a_recall_asks_for_the_cartridge_that_is_out() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 30, 2000, 1);
    library(&lab, 2, 2, 8);
    lab.run_profile(&up(&lab, "", "")).expect_code(0);
    tape(&lab, &["eject", "A00001L8"]).expect_code(0).expect_words(&["exported/A00001L8.aws"]);
    let run = Run::start(&lab, &down(&lab));
    let status = run.until("it asks", asks);
    let asked = status.problems.iter().find(|p| p.kind == "cartridge").unwrap();
    assert!(asked.text.contains("insert cartridge A00001L8: it is exported"), "{asked:?}");
    types(&lab, &asked.next);
    run.wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

/// Times of a model are marked as such wherever they show.
#[test]
fn simulated_times_are_marked() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 30, 2000, 1);
    library(&lab, 2, 4, 8);
    let run = Run::start(&lab, &up(&lab, ", timing: lto8, speedup: 50", ""));
    let words = "there: LTO-8 times, 50 x as fast";
    run.until("the status says so", |s| s.simulated == [words]);
    // A load takes 25 s / 50, and is seen as one.
    run.until_event("the history says so", |e| matches!(e.kind, EventKind::Simulated { .. }));
    run.wait().expect_code(0);
    run.verb("report", &[]).expect_code(0).expect_words(&["simulated: there: LTO-8 times, 50 x as fast"]);
    run.verb("status", &[]).expect_code(0).expect_words(&["simulated: there"]);
    let plain = Run::start(&lab, &down(&lab));
    plain.wait().expect_code(0);
    assert!(plain.status().simulated.is_empty());
    assert!(!plain.verb("report", &[]).stdout.contains("simulated"));
}
