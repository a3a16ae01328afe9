//! Running the product as a user does: the built binary, a state directory of its own, and every wait with a bound.
//!
//! A [`Lab`] ends whatever it started when it is dropped, also when a test fails: it finds its processes by the state
//! directory in their environment, so it can only ever end its own. Entry points: [`Lab`], [`profile::Profile`], [`run::Run`].

use crate::workdir::Workdir;
use crate::{needs, tree};
use done::{code, read, wait};
use rustix::thread::CapabilitySet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

mod done;
pub mod end;
pub mod processes;
pub mod profile;
pub mod run;

pub use done::{Done, poll};
pub use profile::Profile;
pub use run::Run;

/// How long one command may take before the test says that it hangs. Not an expectation: only an end.
pub const COMMAND_WAIT_MAX: Duration = Duration::from_mins(5);

/// The binary under test: `TWINHAUL_EXE`, else the one beside the tests' own directory.
///
/// # Panics
/// When it has not been built.
pub fn exe() -> PathBuf {
    let given = std::env::var_os("TWINHAUL_EXE").map(PathBuf::from);
    let exe = given.unwrap_or_else(|| {
        let own = std::env::current_exe().expect("own executable");
        own.ancestors().nth(2).expect("target directory").join("twinhaul")
    });
    assert!(
        exe.exists(),
        "{} is not built; `cargo xtask test` builds it, or: cargo build -p twinhaul -p twinhaul-disk",
        exe.display()
    );
    exe
}

/// A directory with a source, a target and a state of its own.
#[derive(Debug)]
pub struct Lab {
    work: Workdir,
    state: PathBuf,
    target: PathBuf,
    /// More of the surroundings of every command.
    env: Vec<(String, OsString)>,
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Lab {
    pub fn new() -> Self {
        let work = Workdir::new();
        let [state, target] = ["state", "target"].map(|name| work.path().join(name));
        Self { work, state, target, env: Vec::new() }
    }

    /// Gives every command, and so every process of its run, one more environment variable.
    pub fn set_env(&mut self, name: &str, value: impl Into<OsString>) {
        self.env.push((name.to_owned(), value.into()));
    }

    /// A place in the lab.
    pub fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// The tree to copy from.
    pub fn source(&self) -> PathBuf {
        self.path("source")
    }

    /// The tree to copy into; not made beforehand.
    pub fn target(&self) -> PathBuf {
        self.target.clone()
    }

    /// Has the copies elsewhere, for tests that make a disk of their own.
    pub fn set_target(&mut self, target: PathBuf) {
        self.target = target;
    }

    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Puts the runs elsewhere, for tests about a bad place.
    pub fn set_state(&mut self, state: PathBuf) {
        self.state = state;
    }

    /// `twinhaul` with this lab's state, no backends from elsewhere, no terminal, no stdin.
    pub fn command(&self) -> Command {
        self.dress(Command::new(exe()))
    }

    /// As [`Self::command`], started by another program: `head` and its arguments come first.
    pub fn command_under(&self, head: &[&str]) -> Command {
        let mut command = Command::new(head[0]);
        command.args(&head[1..]).arg(exe());
        self.dress(command)
    }

    /// Any command, with the lab's surroundings.
    pub fn dress(&self, mut command: Command) -> Command {
        command
            .current_dir(self.work.path())
            .env("TWINHAUL_STATE", &self.state)
            .env("HOME", self.work.path());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        for name in [
            "TWINHAUL_BACKENDS",
            "TWINHAUL_KEYS",
            "XDG_STATE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_RUNTIME_DIR",
            "TERM",
        ] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs a verb to its end.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Done {
        let mut command = self.command();
        command.args(args);
        self.finish(command)
    }

    /// Runs a dressed command to its end.
    ///
    /// # Panics
    /// When it does not end within [`COMMAND_WAIT_MAX`].
    pub fn finish(&self, mut command: Command) -> Done {
        let [out, err] = ["stdout", "stderr"].map(|n| tempfile::tempfile_in(self.work.path()).expect(n));
        let clone = |f: &File| Stdio::from(f.try_clone().expect("output file"));
        let mut child =
            command.stdout(clone(&out)).stderr(clone(&err)).spawn().expect("cannot start the product");
        let status = wait(&mut child, COMMAND_WAIT_MAX);
        let done = Done { code: status.map_or(-1, code), stdout: read(out), stderr: read(err) };
        assert!(status.is_some(), "{command:?} did not end within {COMMAND_WAIT_MAX:?}: {done:?}");
        done
    }

    /// Runs a shell script in a mount name space of its own, as root in it: `$EXE` is the product, `$SRC` and `$DST` are the
    /// lab's two trees. `None` where that is not possible, which is said for `suite`.
    pub fn in_namespace(&self, suite: &str, script: &str) -> Option<Done> {
        let Some(head) = needs::mount_namespace() else {
            needs::skip(suite, "this machine allows no mount name space (unshare --mount)");
            return None;
        };
        let mut command = Command::new(head[0]);
        command.args(&head[1..]).args(["sh", "-ec", script]);
        command.env("EXE", exe()).env("SRC", self.source()).env("DST", self.target());
        Some(self.finish(self.dress(command)))
    }

    /// Runs 96 files of 64 KiB under a limit onto a file system that is frozen when some are there: calls hang in the kernel then,
    /// as they do on a disk that does not answer. `meanwhile` knows the `$run` and writes the file `said`, which is what is on
    /// the answer's standard output; then the file system thaws, and the run goes on to its end. `None` where that is not
    /// possible, which is said for `suite`.
    pub fn while_frozen(&self, suite: &str, name: &str, meanwhile: &str) -> Option<Done> {
        tree::small_files(&self.source(), 96, 64 * 1024, 1);
        std::fs::create_dir(self.target()).expect("the target");
        let profile = Profile::new(name, &self.source(), &self.target()).limits("512 KiB/s", "512 KiB/s");
        self.write_profile(&profile);
        let script = format!(
            r#"
            truncate -s 200M image
            mkfs.ext4 -q -F image && mount -o loop image "$DST" || exit 77
            run=$("$EXE" run profile.yaml --detach)
            until [ "$(find "$DST" -name 'f0*' | wc -l)" -gt 4 ]; do sleep 0.1; done
            fsfreeze -f "$DST"
            trap 'fsfreeze -u "$DST" 2>/dev/null || true' EXIT
            {meanwhile}
            fsfreeze -u "$DST"
            "$EXE" limit "$run" none > limited
            "$EXE" wait "$run" --timeout 120s > waited
            cat said"#
        );
        let done = self.in_namespace(suite, &script)?;
        if done.code == 77 {
            needs::skip(suite, "no file system in a file can be mounted here (mkfs.ext4, a loop device)");
            return None;
        }
        Some(done)
    }

    /// Runs a dressed command to its end without the power to pass over permissions, so that root meets them too.
    pub fn finish_without_override(&self, command: Command) -> Done {
        std::thread::scope(|scope| {
            let unprivileged = scope.spawn(|| {
                if rustix::process::geteuid().is_root() {
                    // The bounding set belongs to this thread alone, and its children inherit it.
                    for power in
                        [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH, CapabilitySet::FOWNER]
                    {
                        rustix::thread::remove_capability_from_bounding_set(power).expect("bounding set");
                    }
                }
                self.finish(command)
            });
            unprivileged.join().expect("unprivileged run")
        })
    }

    /// `copy SOURCE TARGET --headless` with this lab's trees.
    pub fn copy(&self) -> Done {
        self.finish(self.copy_command(&[]))
    }

    /// The command of [`Self::copy`], with more arguments.
    pub fn copy_command(&self, more: &[&OsStr]) -> Command {
        let mut command = self.command();
        command.arg("copy").arg(self.source()).arg(self.target()).arg("--headless").args(more);
        command
    }

    /// `run PROFILE --headless`.
    pub fn run_profile(&self, path: &Path) -> Done {
        self.run(["run".as_ref(), path.as_os_str(), "--headless".as_ref()])
    }

    /// `status --json` of the newest run.
    pub fn newest_status(&self) -> twinhaul_wire::status::Status {
        let done = self.run(["status", "--json"]);
        done.expect_code(0);
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("status --json: {e}\n{done}"))
    }

    /// Writes a profile and gives its path.
    pub fn write_profile(&self, profile: &Profile) -> PathBuf {
        self.write("profile.yaml", &profile.yaml())
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("file in the lab");
        path
    }

    /// Starts a profile in the background.
    pub fn start(&self, profile: &Profile) -> Run<'_> {
        Run::start(self, &self.write_profile(profile))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        processes::end_all(&self.state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(lab: &Lab, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        lab.dress(command)
    }

    #[test]
    fn outputs_and_codes_come_back() {
        let lab = Lab::new();
        let done = lab.finish(shell(&lab, "echo out; echo ERR >&2; exit 3"));
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("out\n", "ERR\n"));
        done.expect_code(3).expect_words(&["err", "out"]);
        assert_eq!(lab.finish(shell(&lab, "kill -9 $$")).code, 137);
    }

    #[test]
    fn root_meets_permissions_too() {
        use std::os::unix::fs::PermissionsExt as _;
        let lab = Lab::new();
        let path = lab.write("secret", "x");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        let done = lab.finish_without_override(shell(&lab, "cat secret"));
        assert_ne!(done.code, 0);
        done.expect_words(&["permission denied"]);
    }

    #[test]
    fn a_lab_ends_what_it_started() {
        let lab = Lab::new();
        let child = shell(&lab, "sleep 600").spawn().unwrap();
        let pid = child.id();
        let found = poll(Duration::from_secs(10), || {
            processes::of(lab.state()).iter().any(|p| p.pid == pid).then_some(())
        });
        assert!(found.is_some());
        drop(lab);
        let mut child = child;
        assert_eq!(code(wait(&mut child, Duration::from_secs(10)).unwrap()), 137);
    }
}
