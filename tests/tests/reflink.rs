//! Source and target on one file system that can share blocks (XFS in a file): nothing is written twice, and what is there is
//! proven all the same.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use twinhaul_tests::needs;
use twinhaul_tests::product::{Done, Lab};

/// Makes the file system at `$DST`, and 24 MiB, 5 x 300 KiB, a small file and one of holes in `$DST/from`.
const MAKE: &str = r#"
    truncate -s 3G image
    mkfs.xfs -q -m reflink=1 image || exit 77
    mkdir "$DST"
    mount -o loop image "$DST" || exit 77
    from="$DST/from" to="$DST/to"
    mkdir "$from"
    for n in 1 2 3 4 5; do head -c 300K /dev/urandom > "$from/f$n"; done
    head -c 24M /dev/urandom > "$from/big"
    head -c 500 /dev/urandom > "$from/small"
    truncate -s 128M "$from/holes"
    printf here | dd of="$from/holes" bs=1 seek=50000000 conv=notrunc status=none
    chmod 640 "$from/big"
    # What changed a moment ago is copied.
    sleep 2.5
    used() { sync -f "$DST"; df -B1 --output=used "$DST" | tail -1; }
"#;

/// `None`: not possible here, which has been said.
fn on_one_file_system(lab: &Lab, script: &str) -> Option<Done> {
    let suite = "sharing blocks";
    let done = lab.in_namespace(suite, &format!("{MAKE}{script}"))?;
    if done.code == 77 {
        needs::skip(suite, "this machine has no loop devices, no mkfs.xfs or no XFS");
        return None;
    }
    Some(done)
}

/// The last line that begins with `word`, as a number.
fn figure(done: &Done, word: &str) -> u64 {
    let line = done.stdout.lines().rev().find_map(|line| line.strip_prefix(word));
    line.and_then(|rest| rest.trim().parse().ok()).unwrap_or_else(|| panic!("no {word}: {done}"))
}

#[test]
fn blocks_are_shared_and_every_byte_is_proven() {
    let lab = Lab::new();
    let script = r#"
        before=$(used)
        "$EXE" copy "$from" "$to" --headless
        echo "taken $(($(used) - before))"
        diff -r "$from" "$to"
        stat -c 'mode %a' "$to/big"
        echo "holes $(stat -c %b "$to/holes")"
        "$EXE" verify
        # What is shared is not the same file: a change of the source stays there.
        printf changed | dd of="$from/big" bs=1 conv=notrunc status=none
        "$EXE" verify"#;
    let Some(done) = on_one_file_system(&lab, script) else { return };
    done.expect_code(0).expect_words(&["verified 8 of 8 done", "mode 640", "8 verified, 0 mismatched"]);
    assert!(figure(&done, "taken") < 2 << 20, "25 MiB were copied, and blocks were written for them: {done}");
    assert!(figure(&done, "holes") < 1000, "{done}");
}

#[test]
fn a_target_can_be_told_to_share_nothing() {
    let lab = Lab::new();
    let script = r#"
        cat > profile.yaml <<END
version: 1
name: own-blocks
sources: {from: {backend: disk, root: $from}}
targets: {to: {backend: disk, create: true, reflink: false, root: $to}}
routes: [{from: from, to: to}]
peers: {alpha: {slots: 2}, beta: {slots: 2}}
END
        before=$(used)
        "$EXE" run profile.yaml --headless
        echo "taken $(($(used) - before))"
        diff -r "$from" "$to""#;
    let Some(done) = on_one_file_system(&lab, script) else { return };
    done.expect_code(0);
    assert!(figure(&done, "taken") >= 24 << 20, "blocks are shared: {done}");
}
