//! Sources and targets that are not what they should be.

use crate::stage::assert_no_fault;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use twinhaul_diagnose::{Cause, Diagnosis, Verdict};
use twinhaul_tests::product::{Lab, Profile, exe};
use twinhaul_tests::{needs, tree};

#[test]
fn a_target_that_fills_up_is_full_and_goes_on_when_there_is_room() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 96, 64 * 1024, 1);
    std::fs::create_dir(lab.target()).unwrap();
    let profile = Profile::new("full", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s");
    lab.write_profile(&profile);
    let Some(head) = needs::mount_namespace() else {
        needs::skip(
            "diagnosis of a full target",
            "this machine allows no mount name space (unshare --mount)",
        );
        return;
    };
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
    let mut command = Command::new(head[0]);
    command.args(&head[1..]).args(["sh", "-ec", script]);
    command.env("EXE", exe()).env("DST", lab.target());
    let done = lab.finish(lab.dress(command));
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
