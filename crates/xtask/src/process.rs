//! Starting cargo and reading what it says. Every child gets the workspace root as its directory and no stdin.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

/// Whether this run is the one that must not skip anything.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|v| !v.is_empty() && v != "false" && v != "0")
}

/// `cargo` as it called us, in `root`; `--locked` in CI, where a changed lock file would be a surprise.
pub(crate) fn cargo(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let (head, rest) = args.split_at(locked_at(args));
    command.args(head);
    if in_ci() && args.first() != Some(&"fmt") {
        command.arg("--locked");
    }
    command.args(rest).current_dir(root).stdin(Stdio::null());
    command
}

/// `--locked` goes before a lone `--`: what follows belongs to clippy or to the test binary.
fn locked_at(args: &[&str]) -> usize {
    args.iter().position(|a| *a == "--").unwrap_or(args.len())
}

/// Whether `cargo <sub>` is installed.
pub(crate) fn has_cargo(root: &Path, sub: &str) -> bool {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args([sub, "--version"]).current_dir(root);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

/// Whether a program of this name stands on the path.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Builds the product's `packages` with the whole-program tests, in one build so that all of it is of the same sources, and runs an
/// example of theirs, which stands beside the product it starts. False when the build or the example failed.
pub(crate) fn example(root: &Path, packages: &[&str], name: &str, args: &[String]) -> Result<bool, String> {
    let packages = packages.iter().chain(&["twinhaul-tests"]).flat_map(|package| ["-p", package]);
    let words: Vec<&str> = ["build", "--quiet"].into_iter().chain(packages).collect();
    if !pass(cargo(root, &[&words[..], &["--lib", "--bins", "--examples"]].concat()))? {
        return Ok(false);
    }
    let here = std::env::current_exe().map_err(|e| format!("cannot tell where cargo builds: {e}"))?;
    let mut example = Command::new(here.with_file_name("examples").join(name));
    example.args(args).current_dir(root).stdin(Stdio::null());
    pass(example)
}

/// Runs to the end with our own stdout and stderr; true when it succeeded.
pub(crate) fn pass(mut command: Command) -> Result<bool, String> {
    let status = command.status().map_err(|e| format!("cannot start {command:?}: {e}"))?;
    Ok(status.success())
}

/// Runs to the end and gives back stdout; stderr goes to ours.
pub(crate) fn output(mut command: Command) -> Result<String, String> {
    let done =
        command.stderr(Stdio::inherit()).output().map_err(|e| format!("cannot start {command:?}: {e}"))?;
    if !done.status.success() {
        return Err(format!("{command:?} ended with {}", done.status));
    }
    String::from_utf8(done.stdout).map_err(|e| format!("{command:?} printed what is not UTF-8: {e}"))
}

/// Runs to the end, shows every line as it comes (all on stderr, in the order of arrival) and gives each to `see`.
pub(crate) fn watch(mut command: Command, mut see: impl FnMut(&str)) -> Result<bool, String> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot start {command:?}: {e}"))?;
    for line in lines(&mut child) {
        eprintln!("{line}");
        see(&line);
    }
    child.wait().map(|s| s.success()).map_err(|e| format!("cannot wait for {command:?}: {e}"))
}

/// The lines of both streams; ends when both are closed. Bounded, so that a flood waits for us.
fn lines(child: &mut Child) -> mpsc::IntoIter<String> {
    const LINES_MAX: usize = 256;
    let (send, receive) = mpsc::sync_channel(LINES_MAX);
    let streams: [Option<Box<dyn Read + Send>>; 2] =
        [child.stdout.take().map(|s| Box::new(s) as _), child.stderr.take().map(|s| Box::new(s) as _)];
    for stream in streams.into_iter().flatten() {
        let send = send.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
    }
    receive.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_stays_on_cargos_side() {
        assert_eq!(locked_at(&["clippy", "--workspace", "--", "-D", "warnings"]), 2);
        assert_eq!(locked_at(&["build"]), 1);
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(on_path("sh") && !on_path("no-such-program-anywhere"));
    }

    #[test]
    fn both_streams_are_seen_and_the_end_is_told() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo one; echo two >&2; exit 3"]);
        let mut seen = Vec::new();
        assert_eq!(watch(shell, |l| seen.push(l.to_owned())), Ok(false));
        seen.sort();
        assert_eq!(seen, ["one", "two"]);
    }
}
