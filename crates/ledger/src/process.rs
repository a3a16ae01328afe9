//! Which process is meant, and ending exactly that one (faults.md 24, threat 19).
//!
//! A pid is given away again; pid, start time and boot together are not. Nothing here signals by pid: the process is
//! held by a pidfd, looked at again, and only then signalled. Entry points: [`is_alive`], [`end`].

use crate::Process;
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::unix::fs::MetadataExt as _;

/// Whether the process that took a peer's place lives on this host; `false` also for one of another boot.
pub fn is_alive(process: &Process) -> bool {
    process.boot_id == boot_id()
        && stat(process.pid).is_some_and(|s| s.started == process.pid_start && !s.is_dead())
}

/// Kills the process that took a peer's place, if it is provably that one and runs this program. Whether it was
/// signalled.
pub fn end(process: &Process) -> bool {
    is_alive(process) && end_if(process.pid, || is_alive(process) && is_this_program(process.pid))
}

/// Kills `pid` if `is_it` still says so when the process can no longer be another one.
pub(crate) fn end_if(pid: u32, is_it: impl Fn() -> bool) -> bool {
    let Some(pidfd) = open(pid) else { return false };
    is_it() && pidfd_send_signal(&pidfd, Signal::KILL).is_ok()
}

fn open(pid: u32) -> Option<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// What `/proc/<pid>/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `R`, `S`, `T`, ….
    pub(crate) state: char,
    /// Field 22: clock ticks since boot.
    pub(crate) started: u64,
}

impl Stat {
    /// Stopped by a signal or by a debugger.
    pub(crate) const fn is_stopped(self) -> bool {
        matches!(self.state, 'T' | 't')
    }

    /// Ended, and only waiting for its parent to hear of it.
    const fn is_dead(self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

pub(crate) fn stat(pid: u32) -> Option<Stat> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name may hold spaces and brackets; fields are counted after its last bracket.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some(Stat { state, started: fields.nth(18)?.parse().ok()? })
}

/// Whether the process runs the file that this one runs.
pub(crate) fn is_this_program(pid: u32) -> bool {
    let file = |path: String| std::fs::metadata(path).map(|m| (m.dev(), m.ino())).ok();
    let own = file("/proc/self/exe".into());
    own.is_some() && own == file(format!("/proc/{pid}/exe"))
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command, Stdio};

    fn process(pid: u32) -> Process {
        let pid_start = stat(pid).unwrap().started;
        Process { pid, pid_start, boot_id: boot_id(), host: String::new() }
    }

    /// This test binary itself, so that it runs the same file.
    fn twin() -> Child {
        let exe = std::env::current_exe().unwrap();
        let args = ["--ignored", "--exact", "process::tests::waits_for_its_parent"];
        Command::new(exe).args(args).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    #[ignore = "a child of the other tests"]
    fn waits_for_its_parent() {
        let _ = std::io::stdin().read_line(&mut String::new());
    }

    #[test]
    fn this_process_is_itself_and_runs() {
        let own = process(std::process::id());
        assert!(is_alive(&own) && is_this_program(own.pid));
        assert!(!stat(own.pid).unwrap().is_stopped());
        assert_eq!(stat(u32::MAX), None);
    }

    #[test]
    fn only_the_very_process_is_ended() {
        let mut child = twin();
        let real = process(child.id());
        for other in [
            Process { pid_start: real.pid_start + 1, ..real.clone() },
            Process { boot_id: "another boot".into(), ..real.clone() },
            Process { pid: 0, ..real.clone() },
        ] {
            assert!(!is_alive(&other) && !end(&other), "{other:?}");
        }
        assert!(child.try_wait().unwrap().is_none(), "it lives");
        assert!(end(&real));
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(!is_alive(&real) && !end(&real));
    }

    #[test]
    fn another_program_is_left_alone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!end(&process(child.id())));
        assert!(child.try_wait().unwrap().is_none(), "it lives");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
