//! Sources and targets that are not what they should be.

use crate::stage::{assert_no_fault, until_first};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use twinhaul_diagnose::{Cause, Confidence, Diagnosis, Verdict};
use twinhaul_tests::product::run::CONDITION_WAIT_MAX;
use twinhaul_tests::product::{Lab, Profile, Run, poll};
use twinhaul_tests::tree;

#[test]
fn a_target_that_fills_up_is_full_and_goes_on_when_there_is_room() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 96, 64 * 1024, 1);
    std::fs::create_dir(lab.target()).unwrap();
    let profile = Profile::new("full", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s");
    lab.write_profile(&profile);
    // Room for the plan when it begins; then somebody else takes it, and gives it back.
    let script = r#"
        mount -t tmpfs -o size=8m tmpfs "$DST"
        run=$("$EXE" run profile.yaml --detach)
        until [ "$(find "$DST" -name 'f0*' | wc -l)" -gt 4 ]; do sleep 0.1; done
        head -c 20m /dev/zero > "$DST/ballast" || true
        "$EXE" limit "$run" none > limited
        until "$EXE" status "$run" --json | grep -q target_full; do sleep 0.2; done
        "$EXE" diagnose "$run" > page
        "$EXE" diagnose "$run" --json
        rm "$DST/ballast"
        "$EXE" wait "$run" --timeout 120s"#;
    let Some(done) = lab.in_namespace("diagnosis of a full target", script) else { return };
    done.expect_code(0);
    let d: Diagnosis = serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}\n{done}"));
    let first = &d.findings[0];
    assert_eq!((first.cause, d.verdict), (Cause::TargetFull, Verdict::Trouble), "{d:#?}");
    assert_eq!(first.subject.target.as_deref(), Some("there"));
    assert!(first.evidence.iter().any(|note| note.text.contains("0 B of 8 MiB free")), "{first:#?}");
    assert!(!d.ruled_out.iter().any(|r| r.cause == Cause::TargetFull), "{d:#?}");
    let page = std::fs::read_to_string(lab.path("page")).unwrap();
    assert!(page.contains("VERDICT target full (there)") && page.contains("make room"), "{page}");
}

#[test]
fn files_without_permission_are_told_and_what_was_mended_is_no_fault_any_more() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 30, 100, 1);
    let locked = lab.source().join("d000/f000007");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    lab.finish_without_override(lab.copy_command(&[])).expect_code(3);
    let done = lab.run(["diagnose", "--json"]);
    let d: Diagnosis = serde_json::from_str(&done.expect_code(0).stdout).unwrap();
    let first = d.findings.first().unwrap_or_else(|| panic!("{d:#?}"));
    assert_eq!((first.cause, d.verdict), (Cause::Permission, Verdict::Trouble), "{d:#?}");
    assert!(first.sentence.contains("d000/f000007") && first.subject.transfer.is_some(), "{first:#?}");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o644)).unwrap();
    // As offered: taken back, then gone on with.
    let retry = first.offers.iter().find(|o| o.verb.starts_with("twinhaul retry ")).unwrap();
    lab.run(retry.verb.split_whitespace().skip(1)).expect_code(0);
    let status = lab.newest_status();
    lab.run(["run", "--resume", &status.run, "--headless"]).expect_code(0);
    let done = lab.run(["diagnose", "--json"]);
    let d: Diagnosis = serde_json::from_str(&done.expect_code(0).stdout).unwrap();
    assert_no_fault(&d);
    assert_eq!(d.verdict, Verdict::NothingWrong, "{d:#?}");
}

/// A file system that is frozen lets nobody write: calls hang in the kernel, as they do on a disk that does not answer.
#[test]
fn a_target_whose_file_system_does_not_answer_is_slow() {
    let lab = Lab::new();
    let meanwhile = r#"
        for i in $(seq 90); do
            "$EXE" diagnose "$run" --json > said
            grep -q '"cause": "target_slow"' said && break
            sleep 0.5
        done
        "$EXE" status "$run" > status"#;
    let Some(done) = lab.while_frozen("diagnosis of a slow target", "slow", meanwhile) else { return };
    done.expect_code(0);
    let d: Diagnosis = serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}\n{done}"));
    let first = &d.findings[0];
    assert_eq!((first.cause, first.confidence), (Cause::TargetSlow, Confidence::Certain), "{d:#?}");
    assert_eq!(first.subject.target.as_deref(), Some("there"));
    assert!(first.evidence.iter().any(|note| note.text.contains("state D")), "{first:#?}");
    for cause in [Cause::PeerFrozen, Cause::PeerDead, Cause::LedgerContended] {
        assert!(first.ruled_out.iter().any(|r| r.cause == cause), "{cause:?}: {first:#?}");
    }
    // The run said so itself before anybody asked, and told its end; a run that is over has no stall.
    let status = std::fs::read_to_string(lab.path("status")).unwrap();
    assert!(status.contains("! there: target write has taken longer"), "{status}");
    assert!(status.contains("waits for") && status.contains("in flight: target write"), "{status}");
    let events = lab.run(["events"]).stdout;
    assert!(events.contains("stall there (target write):"), "{events}");
    assert!(events.contains("stall there (target write) is over"), "{events}");
    assert!(lab.newest_status().problems.is_empty(), "{:#?}", lab.newest_status());
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_source_that_is_written_meanwhile_is_changing() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 20, 1000, 1);
    let changing = lab.source().join("changing");
    tree::file(&changing, 6 << 20, 2);
    let run = lab.start(&Profile::new("changing", &lab.source(), &lab.target()).limits("4 MiB/s", "4 MiB/s"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::OpenOptions::new().append(true).open(&changing).unwrap();
            while !over.load(Ordering::Relaxed) {
                file.write_all(b"one more line\n").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        // Also when a step fails: a scope waits for its threads.
        let _end = End(&over);
        let (d, first) = until_first(&run, "the source changes", Cause::SourceChanging);
        assert!(first.sentence.contains("changing #"), "{d:#?}");
        run.wait().expect_code(3);
    });
    let (_, first) = until_first(&run, "it ended so", Cause::SourceChanging);
    assert!(first.sentence.contains("1 transfer given up"), "{first:#?}");
}

#[test]
fn a_library_without_a_scratch_cartridge_names_the_command_that_helps() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.source()).unwrap();
    tree::file(&lab.source().join("a"), 3 << 20, 1);
    tree::file(&lab.source().join("b"), 3 << 20, 2);
    let library = lab.path("library");
    let library = library.to_str().unwrap();
    let init =
        ["tape", "init", "--library", library, "--drives", "2", "--cartridges", "1", "--capacity", "4 MiB"];
    lab.run(init).expect_code(0);
    let text = format!(
        "version: 1\nname: up\nsources:\n  here: {{ backend: disk, root: {:?} }}\n\
         targets:\n  there: {{ backend: tape, library: {library:?} }}\nroutes:\n  - {{ from: here, to: there }}\n",
        lab.source().to_str().unwrap()
    );
    let run = Run::start(&lab, &lab.write("up.yaml", &text));
    let (d, first) = until_first(&run, "a cartridge is wanted", Cause::NoScratchCartridge);
    assert_eq!((first.subject.target.as_deref(), d.verdict), (Some("there"), Verdict::Trouble), "{d:#?}");
    // As often as it asks, its own words help.
    let mut offer = first.offers.iter().find(|o| o.verb.starts_with("twinhaul tape ")).cloned();
    let done = poll(CONDITION_WAIT_MAX, || {
        if let Some(offer) = offer.take() {
            lab.run(offer.verb.split_whitespace().skip(1)).expect_code(0);
        }
        let d: Diagnosis = serde_json::from_str(&run.verb("diagnose", &["--json"]).stdout).unwrap();
        let again = d.findings.iter().find(|f| f.cause == Cause::NoScratchCartridge);
        offer = again.and_then(|f| f.offers.iter().find(|o| o.verb.starts_with("twinhaul tape ")).cloned());
        run.status().state.ended().then_some(())
    });
    assert!(done.is_some(), "the run does not end");
    run.wait().expect_code(0);
}
