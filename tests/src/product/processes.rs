//! The processes of one lab, seen from outside: who they are, and how much memory they took.

use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A process with the lab's state directory in its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// The words after the program's name: `peer /state/runs/x-1 --name alpha`.
    pub arguments: String,
    /// The most memory it ever had, in KiB; 0 when it has gone.
    pub peak_kib: u64,
}

/// Every living process of the lab with this state directory.
pub fn of(state: &Path) -> Vec<Process> {
    let mark = [b"TWINHAUL_STATE=", state.as_os_str().as_bytes()].concat();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id()).filter_map(|pid| look(pid, &mark)).collect()
}

fn look(pid: u32, mark: &[u8]) -> Option<Process> {
    let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).ok();
    if !read("environ")?.split(|b| *b == 0).any(|v| v == mark) {
        return None;
    }
    let words = read("cmdline")?;
    let words: Vec<String> =
        words.split(|b| *b == 0).skip(1).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    let status = String::from_utf8_lossy(&read("status")?).into_owned();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let peak_kib = peak.and_then(|p| p.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    Some(Process { pid, arguments: words.join(" ").trim().to_owned(), peak_kib })
}

/// The most memory of each kind of process, looked at again and again while a run goes on.
#[derive(Clone, Debug, Default)]
pub struct Peaks(pub BTreeMap<String, u64>);

impl Peaks {
    pub fn look(&mut self, state: &Path) {
        for process in of(state) {
            let peak = self.0.entry(process.kind()).or_default();
            *peak = process.peak_kib.max(*peak);
        }
    }
}

impl Process {
    /// The verb, and the name of a peer: `supervise`, `planner`, `peer alpha`.
    pub fn kind(&self) -> String {
        let mut words = self.arguments.split(' ');
        let verb = words.next().unwrap_or_default();
        let name = words.skip_while(|w| *w != "--name").nth(1);
        name.map_or_else(|| verb.to_owned(), |name| format!("{verb} {name}"))
    }
}

/// Ends every process of the lab; supervisors first, so that none is started again.
pub fn end_all(state: &Path) {
    const ROUNDS_MAX: usize = 50;
    for _ in 0..ROUNDS_MAX {
        let mut living: Vec<Process> = of(state).into_iter().filter(|p| !is_dead(p.pid)).collect();
        if living.is_empty() {
            return;
        }
        living.sort_by_key(|p| !p.arguments.starts_with("supervise"));
        for process in living {
            kill(process.pid);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Ended, and only waiting for its parent to hear of it.
fn is_dead(pid: u32) -> bool {
    matches!(state(pid), None | Some('Z' | 'X'))
}

/// SIGKILL to one process; one that has gone is fine.
pub fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// Any signal to one process; one that has gone is fine.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().filter(|p| *p > 1).and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Stops a process at a moment when it does not hold the ledger's write lock, as most moments are: one that is stopped inside a
/// transaction is killed for that by the other peer (store.md 4.2), which is a story of its own.
pub(super) fn freeze(pid: u32, ledger: &Path) {
    const TRIES_MAX: usize = 1000;
    for _ in 0..TRIES_MAX {
        signal(pid, Signal::STOP);
        while state(pid) != Some('T') && !is_dead(pid) {
            std::thread::yield_now();
        }
        if twinhaul_ledger::lock_holder(ledger).expect("the lock can be looked at") != Some(pid) {
            return;
        }
        signal(pid, Signal::CONT);
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    panic!("process {pid} was never seen without the lock");
}

/// `R` running, `S` sleeping, `T` stopped, …
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_from_the_command_line() {
        let kind = |arguments: &str| Process { pid: 1, arguments: arguments.to_owned(), peak_kib: 0 }.kind();
        assert_eq!(kind("peer /s/runs/x-1 --name alpha"), "peer alpha");
        assert_eq!(kind("supervise /s/runs/x-1"), "supervise");
        assert_eq!(kind(""), "");
    }
}
