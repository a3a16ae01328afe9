//! Tests that need a small disk of their own get one: a tmpfs in a mount name space that vanishes with the test.
//!
//! They are `#[ignore]`d, so that plain `cargo test` never fills somebody's disk; here they are run by name.

use crate::process::cargo;
use std::path::Path;
use std::process::{Command, Stdio};

/// Each: the test target, the test, the variable that names its disk, the disk's size.
const TESTS: &[(&str, &str, &str, &str)] =
    &[("files", "a_full_disk_leaves_room_for_an_orderly_stop", "TWINHAUL_TEST_SMALL_DISK", "100m")];

/// Root mounts in a name space of its own; others become root in a user name space first.
const HEADS: [&[&str]; 2] = [
    &["unshare", "--mount", "--propagation", "private", "--"],
    &["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--"],
];

/// What to run, with its name; or what is skipped, and why.
pub(super) fn runs(root: &Path, target: &Path) -> Result<Vec<(String, Command)>, String> {
    let place = target.join("small-disk");
    std::fs::create_dir_all(&place).map_err(|e| format!("cannot make {}: {e}", place.display()))?;
    let Some(head) = HEADS.into_iter().find(|head| may_mount(head, &place)) else {
        return Err(
            "tests on a small disk: this machine allows no mount name space (unshare --mount)".to_owned()
        );
    };
    Ok(TESTS
        .iter()
        .map(|test| (format!("{} on a small disk", test.1), command(root, head, &place, test)))
        .collect())
}

/// The whole workspace is named, so that features are those of the build before; one target of it is run.
fn command(root: &Path, head: &[&str], place: &Path, test: &(&str, &str, &str, &str)) -> Command {
    let (target, name, variable, size) = *test;
    let inner = cargo(root, &["test", "--workspace", "--test", target, "--", "--ignored", "--exact", name]);
    let mut command = Command::new(head[0]);
    command.args(&head[1..]).args(["sh", "-ec"]);
    command.arg(format!("mount -t tmpfs -o size={size} tmpfs \"${variable}\"; exec \"$@\"")).arg("sh");
    command.arg(inner.get_program()).args(inner.get_args());
    command.env(variable, place).current_dir(root).stdin(Stdio::null());
    command
}

fn may_mount(head: &[&str], place: &Path) -> bool {
    let mut probe = Command::new(head[0]);
    probe.args(&head[1..]).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(place);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|s| s.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_named_here_exist_and_are_ignored() {
        let root = crate::workspace_root();
        for (target, name, variable, _) in TESTS {
            let found = std::fs::read_dir(root.join("crates")).unwrap().flatten().any(|krate| {
                let file = krate.path().join(format!("tests/{target}.rs"));
                let text = std::fs::read_to_string(file).unwrap_or_default();
                let before = text.split(&format!("fn {name}()")).next().unwrap_or_default();
                text.contains(&format!("fn {name}()"))
                    && before.trim_end().ends_with(']')
                    && before.contains(variable)
            });
            assert!(found, "{target}: {name}");
        }
    }
}
