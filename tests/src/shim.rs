//! A library before the C library, for what cannot be had otherwise on a machine that others use: another time of day, and two living
//! peers that cannot reach each other.
//!
//! Entry points: [`give`] for a lab before its run begins, then [`set_clock`] and [`cut`].

use crate::product::Lab;
use rustix::net::{Shutdown, shutdown, sockopt::socket_peercred};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where in the file the seconds stand, and where whether the link is cut: eight bytes each.
const CLOCK: u64 = 0;
const CUT: u64 = 8;

fn said(lab: &Lab) -> PathBuf {
    lab.path("shim.said")
}

/// Every process of the lab gets it from now on; it does nothing yet.
///
/// # Panics
/// Without a C compiler.
pub fn give(lab: &mut Lab) {
    let library = lab.path("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shim.c");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"]);
    let done = cc.arg(&library).arg(source).output().expect("a C compiler is needed for the tests");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::write(said(lab), [0; 16]).expect("what the shim is told");
    lab.set_env("TWINHAUL_SHIM", said(lab));
    lab.set_env("LD_PRELOAD", library);
}

fn tell(lab: &Lab, at: u64, value: i64) {
    let file = OpenOptions::new().write(true).open(said(lab)).expect("what the shim is told");
    file.write_all_at(&value.to_ne_bytes(), at).expect("what the shim is told");
}

/// The clock of all processes of the lab goes so many seconds ahead of the machine's, or behind it.
pub fn set_clock(lab: &Lab, seconds: i64) {
    tell(lab, CLOCK, seconds);
}

/// From now on neither peer reaches the other; both are reached by everybody else. `None`: this machine does not let us.
pub fn cut(lab: &Lab, peers: [u32; 2]) -> Option<()> {
    tell(lab, CUT, 1);
    let [a, b] = peers;
    hang_up(a, b)?;
    hang_up(b, a)
}

/// Ends every connection of `pid` with `other`.
fn hang_up(pid: u32, other: u32) -> Option<()> {
    let raw = |pid: u32| Pid::from_raw(i32::try_from(pid).ok()?);
    let process = pidfd_open(raw(pid)?, PidfdFlags::empty()).ok()?;
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten() {
        let is_socket =
            std::fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"));
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok()).filter(|_| is_socket);
        let Some(number) = number else { continue };
        let Ok(socket) = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) else { continue };
        if socket_peercred(&socket).is_ok_and(|of| Some(of.pid) == raw(other)) {
            // One that has gone meanwhile is fine.
            let _ = shutdown(&socket, Shutdown::Both);
        }
    }
    Some(())
}
