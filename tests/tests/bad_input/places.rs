//! Sources, targets and state directories that are not what they should be.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::{needs, same, tree};

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What a path looks like in a message.
fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_missing_source_is_refused() {
    let lab = Lab::new();
    lab.copy().expect_code(4).expect_words(&["source", &shown(&lab.source())]);
    assert!(!lab.target().exists());
}

#[test]
fn a_limit_of_memory_that_cannot_be_read_is_refused() {
    let mut lab = Lab::new();
    tree::small_files(&lab.source(), 1, 100, 1);
    lab.set_env("TWINHAUL_PEER_MEMORY", "plenty");
    lab.copy().expect_code(2).expect_words(&["TWINHAUL_PEER_MEMORY", "plenty"]);
    assert!(!lab.target().exists());
}

#[test]
fn an_unreadable_file_fails_by_name_and_the_rest_arrives() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 30, 100, 1);
    mode(&lab.source().join("d000/f000007"), 0o000);
    let done = lab.finish_without_override(lab.copy_command(&[]));
    done.expect_code(3).expect_words(&["d000/f000007", "permission denied"]);
    let status = lab.newest_status();
    assert_eq!((status.failed.transfers, status.remaining.transfers), (1, 0), "{status:#?}");
    lab.run(["report"]).expect_code(0).expect_words(&["d000/f000007"]);
    assert!(
        !lab.target().join("d000/f000007").exists(),
        "no empty object in place of one that could not be read"
    );
    assert!(!lab.target().join(".twinhaul").exists());
    mode(&lab.source().join("d000/f000007"), 0o644);
    lab.copy().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn an_unreadable_directory_fails_by_name_and_the_rest_arrives() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 600, 10, 1);
    mode(&lab.source().join("d001"), 0o000);
    let done = lab.finish_without_override(lab.copy_command(&[]));
    done.expect_code(3).expect_words(&["d001", "permission denied"]);
    assert!(lab.target().join("d000/f000007").exists() && lab.target().join("d002/f000599").exists());
    mode(&lab.source().join("d001"), 0o755);
    lab.copy().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

/// A profile is for places that are there: a slip in its root must not make a tree on another disk.
#[test]
fn a_target_that_is_not_there_is_refused_with_the_way_out() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    let text = Profile::new("slip", &lab.source(), &lab.target()).yaml().replacen(", create: true", "", 1);
    let way_out = format!("mkdir -p {}", shown(&lab.target()));
    let done = lab.run_profile(&lab.write("profile.yaml", &text));
    done.expect_code(4).expect_words(&["target there", &way_out]);
    assert!(!lab.target().exists());
}

/// One that belongs to somebody else: a user's own read-only directory is opened by the copy while it needs to.
#[test]
fn a_target_that_cannot_be_written_is_refused() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    let mut target = lab.target();
    if rustix::process::geteuid().is_root() {
        std::fs::create_dir(&target).unwrap();
        std::os::unix::fs::chown(&target, Some(65534), Some(65534)).unwrap();
    } else {
        target = "/usr".into();
    }
    let mut copy = lab.command();
    copy.arg("copy").arg(lab.source()).arg(&target).arg("--headless");
    let done = lab.finish_without_override(copy);
    done.expect_code(2).expect_words(&["target", &shown(&target), "not writable"]);
    assert!(!target.join("d000").exists());
}

/// Its mode is its owner's word: it is not changed, and the way out is said.
#[test]
fn an_own_read_only_target_is_refused_with_the_way_out() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    std::fs::create_dir(lab.target()).unwrap();
    mode(&lab.target(), 0o555);
    let done = lab.finish_without_override(lab.copy_command(&[]));
    done.expect_code(2).expect_words(&[&shown(&lab.target()), "not writable", "chmod u+wx"]);
    let now = std::fs::metadata(lab.target()).unwrap().permissions().mode();
    assert_eq!(now & 0o777, 0o555);
    assert_eq!(std::fs::read_dir(lab.target()).unwrap().count(), 0);
    mode(&lab.target(), 0o755);
    lab.finish_without_override(lab.copy_command(&[])).expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn a_source_inside_its_target_and_the_reverse_are_refused() {
    let lab = Lab::new();
    for (source, target) in [("outer/inner", "outer"), ("outer", "outer/inner/new"), ("outer", "outer")] {
        tree::small_files(&lab.path("outer/inner"), 3, 100, 1);
        let (source, target) = (lab.path(source), lab.path(target));
        let args = ["copy".as_ref(), source.as_os_str(), target.as_os_str(), "--headless".as_ref()];
        lab.run(args).expect_code(2).expect_words(&["source", "target", &shown(&source)]);
        std::fs::remove_dir_all(lab.path("outer")).unwrap();
    }
    // A link to it is the same place.
    tree::small_files(&lab.path("outer/inner"), 3, 100, 1);
    std::os::unix::fs::symlink("outer/inner", lab.path("door")).unwrap();
    let (source, target) = (lab.path("outer"), lab.path("door"));
    let args = ["copy".as_ref(), source.as_os_str(), target.as_os_str(), "--headless".as_ref()];
    lab.run(args).expect_code(2).expect_words(&["source", "target"]);
}

#[test]
fn a_target_that_is_marked_by_another_live_run_is_refused() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 64, 64 * 1024, 1);
    let profile = Profile::new("first", &lab.source(), &lab.target()).limits("256 KiB/s", "256 KiB/s");
    let run = lab.start(&profile);
    run.until_under_way();
    let second = lab.copy();
    second.expect_words(&[&run.id, &shown(&lab.target())]);
    assert_ne!(second.code, 0, "{second}");
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn a_target_without_room_for_the_plan_is_refused() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 16, 1 << 20, 1);
    std::fs::create_dir(lab.target()).unwrap();
    let script = r#"mount -t tmpfs -o size=4m tmpfs "$DST"; code=0; "$EXE" copy "$SRC" "$DST" --headless || code=$?; ls -A "$DST"; exit $code"#;
    let Some(done) = lab.in_namespace("target full", script) else { return };
    done.expect_code(2).expect_words(&["space", &shown(&lab.target())]);
    assert!(!done.stdout.contains("d000"), "nothing moves where it cannot all go: {done}");
}

#[test]
fn a_target_that_fills_up_meanwhile_keeps_what_is_whole_and_goes_on_when_there_is_room() {
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
        "$EXE" limit "$run" none
        until "$EXE" status "$run" --json | grep -qi 'target_full\|"space"'; do sleep 0.2; done
        "$EXE" status "$run"
        rm "$DST/ballast"
        code=0; "$EXE" wait "$run" --timeout 120s || code=$?
        diff -r --no-dereference "$SRC" "$DST"
        exit $code"#;
    let Some(done) = lab.in_namespace("target filling up", script) else { return };
    done.expect_code(0).expect_words(&["space"]);
}

/// A file system that turns read-only by its own decision, after an error, is waited for like one that is full: nothing is given
/// up, and after its repair the run goes on.
#[test]
fn a_target_that_turns_read_only_is_waited_for() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 200, 16 * 1024, 1);
    std::fs::create_dir(lab.target()).unwrap();
    let profile = Profile::new("ro", &lab.source(), &lab.target()).limits("64 KiB/s", "64 KiB/s");
    lab.write_profile(&profile);
    let script = r#"
        truncate -s 64M image
        mkfs.ext4 -q image
        mount -o loop,errors=remount-ro image "$DST" || exit 77
        disk=$(basename "$(findmnt -n -o SOURCE "$DST")")
        run=$("$EXE" run profile.yaml --detach)
        until [ "$(find "$DST" -name 'f0*' | wc -l)" -gt 4 ]; do sleep 0.1; done
        echo 1 > "/sys/fs/ext4/$disk/trigger_fs_error"
        "$EXE" limit "$run" none
        until "$EXE" status "$run" --json | grep -q target_read_only; do sleep 0.2; done
        "$EXE" status "$run"
        "$EXE" stop "$run"
        "$EXE" wait "$run" --timeout 60s || true
        umount "$DST"
        fsck.ext4 -fy image || true
        mount -o loop image "$DST"
        code=0; "$EXE" run --resume "$run" --headless || code=$?
        rmdir "$DST/lost+found"
        diff -r --no-dereference "$SRC" "$DST"
        exit $code"#;
    let Some(done) = lab.in_namespace("target read-only", script) else { return };
    if done.code == 77 {
        needs::skip("target read-only", "this machine has no loop devices");
        return;
    }
    done.expect_code(0).expect_words(&["is mounted read-only", "fsck", "failed 0"]);
}

#[test]
fn a_full_state_directory_is_said_with_its_code() {
    let mut lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    let state = lab.path("small");
    std::fs::create_dir(&state).unwrap();
    lab.set_state(state);
    let script =
        r#"mount -t tmpfs -o size=64k tmpfs "$TWINHAUL_STATE"; "$EXE" copy "$SRC" "$DST" --headless"#;
    let Some(done) = lab.in_namespace("full state directory", script) else { return };
    done.expect_code(28).expect_words(&[&shown(lab.state()), "space", "twinhaul_state"]);
}

#[test]
fn a_read_only_state_directory_is_said_with_its_code() {
    let mut lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    let state = lab.path("locked");
    std::fs::create_dir(&state).unwrap();
    lab.set_state(state);
    let script = r#"mount -t tmpfs -o ro tmpfs "$TWINHAUL_STATE"; "$EXE" copy "$SRC" "$DST" --headless"#;
    let Some(done) = lab.in_namespace("read-only state directory", script) else { return };
    done.expect_code(74).expect_words(&[&shown(lab.state()), "read-only", "twinhaul_state"]);
}

#[test]
fn a_mount_point_without_its_mount_is_refused_unless_allowed() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    std::fs::create_dir(lab.target()).unwrap();
    // The name space has the mount in its table of file systems, and it is not mounted.
    let script = r#"
        cp /etc/fstab fstab 2>/dev/null || true
        printf 'LABEL=vault %s ext4 defaults 0 0\n' "$DST" >> fstab
        touch /etc/fstab; mount --bind fstab /etc/fstab
        code=0; "$EXE" copy "$SRC" "$DST" --headless || code=$?
        ls -A "$DST"
        exit $code"#;
    let Some(done) = lab.in_namespace("unmounted mount point", script) else { return };
    done.expect_code(2).expect_words(&[&shown(&lab.target()), "not mounted", "allow_root_fs"]);
    assert!(!done.stdout.contains("d000"), "{done}");

    let mut profile = Profile::new("allowed", &lab.source(), &lab.target());
    profile.more = "allow_root_fs: true\n".into();
    lab.write_profile(&profile);
    let script = script.replace(r#"copy "$SRC" "$DST""#, "run profile.yaml");
    let Some(done) = lab.in_namespace("unmounted mount point", &script) else { return };
    done.expect_code(0);
}
