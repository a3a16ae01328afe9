//! Builds libraries, and makes loaders whose probe runs in another process: this test program itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use twinhaul_backend_host::{Loader, Search, Target};

const FILE: &str = "TWINHAUL_TEST_PROBE";

/// A directory that passes the checks: below the build directory, only this user's.
pub(crate) fn dir() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Builds `tests/c/<source>` with further flags into `dir`.
pub(crate) fn build(dir: &TempDir, source: &str, flags: &[&str]) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = Path::new(source).file_stem().unwrap().to_str().unwrap();
    let out = dir.path().join(format!("libtwinhaul_{name}.so"));
    let done = Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-O1",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
        ])
        .args(flags)
        .arg("-I")
        .arg(here.join("../backend-abi/include"))
        .arg(here.join("tests/c").join(source))
        .arg("-o")
        .arg(&out)
        .arg("-lpthread")
        .output()
        .expect("a C compiler is needed for the tests");
    assert!(done.status.success(), "{source} {flags:?}: {}", String::from_utf8_lossy(&done.stderr));
    out
}

/// The command that probes a file: this program, asked for one ignored test.
pub(crate) fn probe_command(file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "support::probe_child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FILE, file);
    command
}

pub(crate) fn loader() -> Loader {
    Loader::new(Search::default(), probe_command)
}

/// A target of the example backend, its objects shared by all that name the same store.
pub(crate) fn mem(library: &Path, store: &str) -> Target {
    let library = loader().load_file(library, None).unwrap();
    library.open(&format!("{{\"store\":\"{store}\"}}"), &twinhaul_backend_host::OpContext::new()).unwrap()
}

#[test]
#[ignore = "the child's side of a probe, run by the others"]
fn probe_child() {
    use std::io::Write as _;
    let Some(file) = std::env::var_os(FILE) else { return };
    let (line, ok) = twinhaul_backend_host::answer_in_child(Path::new(&file));
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    assert!(ok, "refused, and told so above");
}
