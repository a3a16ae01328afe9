//! Other people's programs: hercules (hetmap, hetget, tapemap, hetupd), GNU tar, bsdtar.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// Whether all of them are there. Missing ones are told; in CI they must be there (`apt-get install hercules libarchive-tools`).
pub(crate) fn all(names: &[&str]) -> bool {
    let missing: Vec<_> = names
        .iter()
        .filter(|name| {
            !std::env::var_os("PATH")
                .is_some_and(|p| std::env::split_paths(&p).any(|d| d.join(name).exists()))
        })
        .collect();
    if missing.is_empty() {
        return true;
    }
    let why = format!("{missing:?} not installed (apt-get install hercules libarchive-tools)");
    let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty() && v != "false" && v != "0");
    assert!(!ci, "must not be skipped in CI: {why}");
    println!("not tried: {why}");
    if let Some(file) = std::env::var_os("TWINHAUL_SKIPS") {
        let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(format!("tapes read by others: {why}\n").as_bytes()).unwrap();
    }
    false
}

/// Runs a tool in a directory; its exit code is not judged (`hetget` always answers 0).
pub(crate) fn run(dir: &Path, program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).current_dir(dir).env("LC_ALL", "C.UTF-8").output().unwrap()
}

/// What it prints, on both streams.
pub(crate) fn text(dir: &Path, program: &str, args: &[&str]) -> String {
    let out = run(dir, program, args);
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}
