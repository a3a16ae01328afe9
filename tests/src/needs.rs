//! Suites that need what not every machine gives (a name space, a mount) say so, on screen and to `cargo xtask test`.
//! With `CI=true` a missing need is a failure: there, nothing is skipped in silence.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Records that `suite` is skipped because of `why`.
///
/// # Panics
/// With `CI` set.
pub fn skip(suite: &str, why: &str) {
    let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty() && v != "false" && v != "0");
    assert!(!ci, "{suite} must not be skipped in CI: {why}");
    eprintln!("skipped: {suite}: {why}");
    if let Some(file) = std::env::var_os("TWINHAUL_SKIPS") {
        let mut file =
            std::fs::OpenOptions::new().create(true).append(true).open(file).expect("TWINHAUL_SKIPS");
        file.write_all(format!("{suite}: {why}\n").as_bytes()).expect("TWINHAUL_SKIPS");
    }
}

/// The head of a command line that runs the rest in a mount name space of its own, where it may mount; `None` when this
/// machine does not allow it. Root needs no user name space, and keeps its files' owners without one.
pub fn mount_namespace() -> Option<Vec<&'static str>> {
    let plain = vec!["unshare", "--mount", "--propagation", "private", "--"];
    let mapped = vec!["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--"];
    [plain, mapped].into_iter().find(|head| {
        let mut probe = Command::new(head[0]);
        probe.args(&head[1..]).args(["sh", "-c", "mount -t tmpfs tmpfs /mnt"]);
        probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|s| s.success())
    })
}

/// Whether this test may mount: it is in a mount name space of its own. If not, it is begun again in one, `test` being its name
/// as the test binary lists it, and all that is left to do is to return. Where that is not possible, it is skipped.
///
/// # Panics
/// When the test fails there.
pub fn may_mount(suite: &str, test: &str) -> bool {
    const INSIDE: &str = "TWINHAUL_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let Some(head) = mount_namespace() else {
        skip(suite, "this machine allows no mount name space (unshare --mount)");
        return false;
    };
    let mut command = Command::new(head[0]);
    command.args(&head[1..]).arg(std::env::current_exe().expect("own executable"));
    command.args(["--exact", test, "--nocapture", "--include-ignored"]).env(INSIDE, "1").stdin(Stdio::null());
    let done = command.output().expect("the test cannot be begun again");
    // What it says is this test's to say.
    eprint!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let ran = String::from_utf8_lossy(&done.stdout).contains("1 passed");
    assert!(done.status.success() && ran, "{test} failed in its mount name space: {}", done.status);
    false
}
