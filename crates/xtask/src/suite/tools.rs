//! Other people's programs that tests read our files with, and make disks with. What is missing is installed where that needs no asking (root, with
//! Debian's package manager); elsewhere it is told, and the suites that need it say that they were skipped.

use crate::process::on_path;
use std::process::{Command, Stdio};

/// Each: a program, and the Debian package that has it.
const TOOLS: &[(&str, &str)] = &[
    ("hetget", "hercules"),
    ("hetmap", "hercules"),
    ("hetupd", "hercules"),
    ("tapemap", "hercules"),
    ("bsdtar", "libarchive-tools"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mkfs.xfs", "xfsprogs"),
    ("qemu-storage-daemon", "qemu-utils"),
];

/// Installs what is missing; what is still missing then, in words.
pub(super) fn install() -> Vec<String> {
    let packages = missing();
    if packages.is_empty() {
        return Vec::new();
    }
    eprintln!("xtask: installing {}", packages.join(" "));
    if is_root() && on_path("apt-get") {
        // Lists may be old or absent: then the first attempt fails, and the second one has fresh ones.
        let _ = apt(&["install", "--yes", "--no-install-recommends"], &packages)
            || (apt(&["update"], &[]) && apt(&["install", "--yes", "--no-install-recommends"], &packages));
    }
    let left = missing();
    left.iter().map(|p| format!("{p}: not installed; as root: apt-get install {p}")).collect()
}

fn missing() -> Vec<&'static str> {
    let mut packages: Vec<&str> = TOOLS.iter().filter(|(tool, _)| !on_path(tool)).map(|(_, p)| *p).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// Whether this process may install anything: its own `/proc` entry is root's.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

fn apt(verb: &[&str], packages: &[&str]) -> bool {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").args(verb).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}
