//! "Ok after so many attempts" is an outcome of its own, and the first error is kept.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use twinhaul_tests::product::{Lab, Profile, Run};
use twinhaul_tests::{same, tree};
use twinhaul_wire::EventKind;

/// The manifest's line of a key.
fn line(run: &Run<'_>, key: &str) -> serde_json::Value {
    let report = run.report();
    let text = std::fs::read_to_string(report["manifest"].as_str().unwrap()).unwrap();
    let lines = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    lines.into_iter().find(|l| l["key"] == key).unwrap_or_else(|| panic!("{key} is not in\n{text}"))
}

#[test]
fn a_file_that_changed_while_it_was_read_is_done_after_more_attempts() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 5, 1000, 1);
    let changing = lab.source().join("changing");
    tree::file(&changing, 6 << 20, 2);
    let profile = Profile::new("again", &lab.source(), &lab.target()).limits("4 MiB/s", "4 MiB/s");
    let over = AtomicBool::new(false);
    let run = lab.start(&profile);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::OpenOptions::new().append(true).open(&changing).unwrap();
            while !over.load(Ordering::Relaxed) {
                file.write_all(b"one more line\n").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        });
        run.until_event("a retry", |e| matches!(e.kind, EventKind::Retry { .. }));
        over.store(true, Ordering::Relaxed);
    });
    run.verb("limit", &["none"]);
    run.wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
    let line = line(&run, "changing");
    assert!(line["attempts"].as_u64().unwrap() > 1, "{line:#}");
    assert!(line["first_error"].as_str().unwrap().contains("changed while it was read"), "{line:#}");
    assert!(line["error"].is_null(), "it is done: {line:#}");
    assert!(line["started_at"].as_str().unwrap() < line["settled_at"].as_str().unwrap(), "{line:#}");
    run.verb("report", &[]).expect_words(&["1 of the done needed more than one attempt"]);
    assert_eq!(run.report()["done_after_retries"], 1);
}

#[test]
fn attempts_and_the_first_error_outlive_a_resume() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 10, 1000, 1);
    let bad = lab.source().join("d000/f000004");
    std::fs::set_permissions(&bad, std::fs::Permissions::from_mode(0o000)).unwrap();
    lab.finish_without_override(lab.copy_command(&[])).expect_code(3);
    let id = lab.newest_status().run;
    let quiet = lab.run(["report"]);
    assert!(!quiet.stdout.contains("more than one attempt"), "{quiet}");
    std::fs::set_permissions(&bad, std::fs::Permissions::from_mode(0o644)).unwrap();
    lab.run(["run", "--resume", &id, "--headless"])
        .expect_code(0)
        .expect_words(&["1 of the done needed more than one attempt"]);
    let run = Run::named(&lab, &id);
    let line = line(&run, "d000/f000004");
    assert_eq!((&line["state"], &line["attempts"]), (&"done".into(), &2.into()), "{line:#}");
    assert!(line["first_error"].as_str().unwrap().contains("permission denied"), "{line:#}");
    run.verb("report", &["--check"]).expect_code(0);
    run.verb("verify", &[]).expect_code(0);
}
