//! `cargo xtask test`: sets up and passes all tests, cheapest check first.
//!
//! It must never turn a suite that could not run into a silent pass: what was skipped is printed with its reason,
//! and with `CI=true` it is a failure.

mod faults;
mod servers;
mod small_disk;
mod tools;

use crate::process::{self, cargo, in_ci, pass, watch};
use crate::tidy;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Tests that lack something (a mount, a C compiler) say so in this file, one line each.
const SKIPS: &str = "TWINHAUL_SKIPS";

/// What the runners counted.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: u64,
    failed: u64,
}

/// Runs every step; false when one of them failed.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    let quick = match args {
        [] => false,
        [one] if one == "--quick" => true,
        other => return Err(format!("test takes only --quick, not {other:?}")),
    };
    let begun = Instant::now();
    faults::check(root)?;
    let mut skipped = Vec::new();
    if !static_checks(root, quick, &mut skipped)? {
        return Ok(false);
    }
    let skips_file = target_dir(root).join("skipped-suites.txt");
    let _ = std::fs::remove_file(&skips_file);
    if !build(root, quick)? {
        return Ok(false);
    }
    if !quick {
        install(root);
    }
    let mut counts = Counts::default();
    let mut seen = faults::Seen::default();
    let mut passed = tests(root, quick, &skips_file, |line| {
        counts.add(line);
        seen.add(line);
    })?;
    passed &= on_small_disks(root, quick, &mut counts, &mut skipped)?;
    skipped.extend(std::fs::read_to_string(&skips_file).unwrap_or_default().lines().map(str::to_owned));
    if !quick && skipped.is_empty() {
        for wrong in faults::renew(root, &seen)? {
            eprintln!("xtask: {wrong}");
            passed = false;
        }
    } else if !quick {
        eprintln!("xtask: with suites skipped, the table of faults stays as it is");
    }
    let whole = skipped.is_empty() || !in_ci();
    report(&skipped, whole);
    let seconds = begun.elapsed().as_secs();
    println!(
        "{}: {} passed, {} failed, {} skipped, in {}:{:02} min",
        if passed && whole { "ok" } else { "FAILED" },
        counts.passed,
        counts.failed,
        skipped.len(),
        seconds / 60,
        seconds % 60
    );
    Ok(passed && whole)
}

fn static_checks(root: &Path, quick: bool, skipped: &mut Vec<String>) -> Result<bool, String> {
    if process::has_cargo(root, "fmt") {
        step("format: cargo fmt --all --check");
        if !pass(cargo(root, &["fmt", "--all", "--check"]))? {
            eprintln!("xtask: not formatted; `cargo fmt --all` mends it");
            return Ok(false);
        }
    } else {
        skipped.push("format: rustfmt is not installed (rustup component add rustfmt)".to_owned());
    }
    step("tidy: the rules of the house");
    if !tidy::run(root, &[])? {
        return Ok(false);
    }
    if quick {
        return Ok(true);
    }
    if !process::has_cargo(root, "clippy") {
        skipped.push("clippy: it is not installed (rustup component add clippy)".to_owned());
        return Ok(true);
    }
    step("clippy: warnings are errors");
    pass(cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The product and the tests in one build: features are then resolved once, and nothing is compiled twice.
fn build(root: &Path, quick: bool) -> Result<bool, String> {
    step("build: the product and its tests");
    let mut args = vec!["build", "--workspace", "--all-targets"];
    if quick {
        args.extend(["--exclude", "twinhaul-tests"]);
    }
    pass(cargo(root, &args))
}

/// Runs all tests; `see` hears every line without colours.
fn tests(root: &Path, quick: bool, skips_file: &Path, mut see: impl FnMut(&str)) -> Result<bool, String> {
    let exclude: &[&str] = if quick { &["--exclude", "twinhaul-tests"] } else { &[] };
    let nextest = process::has_cargo(root, "nextest");
    let mut runs: Vec<(&str, Vec<&str>)> = Vec::new();
    if nextest {
        let profile = if in_ci() { "ci" } else { "default" };
        // Every test is told: the table of faults is read from it.
        let args = vec!["nextest", "run", "--workspace", "--profile", profile, "--status-level", "pass"];
        runs.push(("tests, with nextest", args));
        runs.push(("doc tests", vec!["test", "--workspace", "--doc"]));
    } else {
        runs.push((
            "tests and doc tests (cargo-nextest is not installed)",
            vec!["test", "--workspace", "--no-fail-fast"],
        ));
    }
    let mut good = true;
    for (name, mut args) in runs {
        step(name);
        args.extend(exclude);
        let mut command = cargo(root, &args);
        command.env(SKIPS, skips_file).env_remove("TWINHAUL_BACKENDS").env_remove("TWINHAUL_STATE");
        good &= watch(command, |line| see(&without_colours(line)))?;
    }
    Ok(good)
}

fn on_small_disks(
    root: &Path,
    quick: bool,
    counts: &mut Counts,
    skipped: &mut Vec<String>,
) -> Result<bool, String> {
    if quick {
        return Ok(true);
    }
    let runs = match small_disk::runs(root, &target_dir(root)) {
        Ok(runs) => runs,
        Err(why) => {
            skipped.push(why);
            return Ok(true);
        }
    };
    let mut good = true;
    for (name, command) in runs {
        step(&name);
        let before = counts.passed;
        good &= watch(command, |line| counts.add(&without_colours(line)))?;
        if good && counts.passed == before {
            return Err(format!("{name}: no such test was run"));
        }
    }
    Ok(good)
}

impl Counts {
    /// Reads the closing lines of both runners, without colours. What a failing test printed is indented, and so never counted.
    fn add(&mut self, line: &str) {
        let nextest = line.trim_start().starts_with("Summary [") && line.contains(" run: ");
        let summary = match line.strip_prefix("test result: ") {
            Some(rest) => rest,
            None if nextest => line,
            None => return,
        };
        self.passed += number_before(summary, " passed");
        self.failed += number_before(summary, " failed") + number_before(summary, " timed out");
    }
}

fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            out.push(c);
        }
    }
    out
}

fn number_before(text: &str, word: &str) -> u64 {
    let Some(end) = text.find(word) else { return 0 };
    let digits = text[..end].rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

fn report(skipped: &[String], whole: bool) {
    if skipped.is_empty() {
        return;
    }
    println!("skipped:");
    for line in skipped {
        println!("  {line}");
    }
    if !whole {
        println!("in CI nothing may be skipped: give this machine what is missing");
    }
}

fn step(name: &str) {
    eprintln!("\nxtask: {name}");
}

/// Other people's programs that whole-program tests need. What is missing is only told: who needs it records that.
pub(crate) fn install(root: &Path) {
    step("tools: programs of others that read our tapes");
    for line in tools::install() {
        eprintln!("xtask: {line}");
    }
    step("servers: real ones for the cloud tests");
    for line in servers::install(&target_dir(root)) {
        eprintln!("xtask: {line}");
    }
}

/// Where cargo builds: this executable stands in `<target>/debug/`.
fn target_dir(root: &Path) -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|exe| exe.ancestors().nth(2).map(Path::to_path_buf))
        .filter(|dir| dir.is_dir())
        .unwrap_or_else(|| root.join("target"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_both_runners_are_counted() {
        let mut counts = Counts::default();
        counts.add(
            "test result: ok. 41 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        );
        counts.add(
            "     Summary [   3.012s] 12 tests run: 10 passed (1 slow), 1 failed, 1 timed out, 4 skipped",
        );
        counts.add(&without_colours(
            "\x1b[32;1m     Summary\x1b[0m [   0.012s] \x1b[1m1\x1b[0m test run: \x1b[1m1\x1b[0m \x1b[32;1mpassed\x1b[0m",
        ));
        counts.add("a test that prints 7 passed changes nothing");
        counts.add("    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(counts, Counts { passed: 52, failed: 2 });
    }

    #[test]
    fn only_quick_is_taken() {
        assert!(run(Path::new("/nonexistent"), &["--fast".to_owned()]).is_err());
    }
}
