//! Processes from outside, by `/proc`: state, processor time, where their threads wait. Looked at twice, a moment apart: what
//! is the same at both ends is what they are in, and not what they just passed.

use super::{groups, memory_limit, quota};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use twinhaul_diagnose::{ProcessFacts, THREADS_MAX, ThreadFacts};

/// Between the two looks.
const WATCHED: Duration = Duration::from_millis(400);

/// What two looks told, by pid.
pub(super) type Looked = BTreeMap<u32, ProcessFacts>;

/// Looks at all of them; takes [`WATCHED`].
pub(super) fn look(pids: &[u32]) -> Looked {
    let begun = Instant::now();
    let first: Vec<(u32, Snap)> = pids.iter().map(|pid| (*pid, snap(*pid))).collect();
    std::thread::sleep(WATCHED);
    let watched = begun.elapsed();
    first.into_iter().map(|(pid, before)| (pid, facts(pid, &before, watched))).collect()
}

/// The facts of whoever sits in a peer's place; `None`: nobody does. Pid 0: somebody does and has not said who.
pub(super) fn of(looked: &mut Looked, pid: Option<u32>) -> ProcessFacts {
    match pid {
        Some(0) => ProcessFacts { exists: true, ..ProcessFacts::default() },
        Some(pid) => looked.remove(&pid).unwrap_or_default(),
        None => ProcessFacts::default(),
    }
}

/// One look.
#[derive(Debug, Default)]
struct Snap {
    threads: BTreeMap<u32, Thread>,
    throttled_ns: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Thread {
    facts: ThreadFacts,
    ran_ns: u64,
    waited_ns: u64,
}

fn proc(pid: u32, rest: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{rest}"))
}

fn snap(pid: u32) -> Snap {
    let entries = std::fs::read_dir(proc(pid, "task")).into_iter().flatten().flatten();
    let tids = entries.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let threads = tids.take(THREADS_MAX).filter_map(|tid| Some((tid, thread(pid, tid)?))).collect();
    Snap { threads, throttled_ns: quota::throttled_ns(pid) }
}

fn thread(pid: u32, tid: u32) -> Option<Thread> {
    let read = |file: &str| std::fs::read_to_string(proc(pid, &format!("task/{tid}/{file}"))).ok();
    let stat = read("stat")?;
    let (ran_ns, waited_ns) = read("schedstat").as_deref().and_then(schedstat).unwrap_or_default();
    let wchan = read("wchan").filter(|w| w != "0").unwrap_or_default();
    let syscall = read("syscall").as_deref().map(syscall).unwrap_or_default();
    let name = read("comm")?.trim_end().to_owned();
    Some(Thread { facts: ThreadFacts { name, state: state(&stat), wchan, syscall }, ran_ns, waited_ns })
}

/// The state in a `stat`; the name before it may hold anything, parentheses too.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Nanoseconds on a processor and ready without one.
fn schedstat(text: &str) -> Option<(u64, u64)> {
    let mut words = text.split_whitespace();
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// The call of a `syscall` file in words: those that a backend or the ledger may hang in. "running" and -1 are none.
fn syscall(text: &str) -> String {
    let number = text.split_whitespace().next().unwrap_or_default();
    if number.parse::<i64>().is_ok_and(|n| n >= 0) {
        name_of(number).map_or_else(|| format!("system call {number}"), str::to_owned)
    } else {
        String::new()
    }
}

#[cfg(target_arch = "x86_64")]
fn name_of(number: &str) -> Option<&'static str> {
    Some(match number {
        "0" => "read",
        "1" => "write",
        "3" => "close",
        "7" => "poll",
        "17" => "pread",
        "18" => "pwrite",
        "35" => "nanosleep",
        "45" => "recvfrom",
        "73" => "flock",
        "74" => "fsync",
        "75" => "fdatasync",
        "202" => "futex (waits for another thread)",
        "230" => "clock_nanosleep",
        "232" | "281" => "epoll_wait",
        "257" => "openat",
        "277" => "sync_file_range",
        "285" => "fallocate",
        "306" => "syncfs",
        "316" => "renameat",
        "326" => "copy_file_range",
        "332" => "statx",
        "437" => "openat2",
        _ => return None,
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn name_of(_: &str) -> Option<&'static str> {
    None
}

fn facts(pid: u32, before: &Snap, watched: Duration) -> ProcessFacts {
    let Ok(stat) = std::fs::read_to_string(proc(pid, "stat")) else {
        return ProcessFacts { pid, ..ProcessFacts::default() };
    };
    let after = snap(pid);
    let (mut ran, mut waited) = (0, 0);
    let mut threads = Vec::new();
    for (tid, thread) in &after.threads {
        let Some(old) = before.threads.get(tid) else { continue };
        ran += thread.ran_ns.saturating_sub(old.ran_ns);
        waited += thread.waited_ns.saturating_sub(old.waited_ns);
        if old.facts == thread.facts {
            threads.push(thread.facts.clone());
        }
    }
    let share = |ns: u64| {
        let known = after.threads.values().any(|t| t.ran_ns > 0);
        known.then(|| ns as f64 / watched.as_nanos().max(1) as f64)
    };
    let state = state(&stat);
    let groups = groups::look(pid);
    ProcessFacts {
        pid,
        // One that has ended and waits to be noticed does nothing any more.
        exists: !matches!(state, Some('Z' | 'X') | None),
        state,
        cpu: share(ran),
        cpu_wait: share(waited),
        throttled: before
            .throttled_ns
            .zip(after.throttled_ns)
            .map(|(old, new)| new.saturating_sub(old) as f64 / watched.as_nanos().max(1) as f64),
        watched_ms: u64::try_from(watched.as_millis()).unwrap_or(u64::MAX),
        groups_known: groups.known,
        frozen: groups.frozen,
        memory: memory_limit::of(pid),
        threads,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_writes_is_read() {
        assert_eq!(state("7 (a) (b)) T 1 7 7"), Some('T'));
        assert_eq!(state("nothing"), None);
        assert_eq!(schedstat("154199 1456772 2\n"), Some((154_199, 1_456_772)));
        assert_eq!(syscall("running\n"), "");
        assert_eq!(syscall("-1 0x7ff 0x0\n"), "");
        #[cfg(target_arch = "x86_64")]
        assert_eq!(syscall("74 0x5 0x0\n"), "fsync");
        assert_eq!(syscall("9999 0x5\n"), "system call 9999");
    }

    #[test]
    fn this_process_is_seen_and_one_that_is_not_there_is_not() {
        let own = std::process::id();
        let mut looked = look(&[own]);
        let facts = of(&mut looked, Some(own));
        assert!(facts.exists && facts.state.is_some() && !facts.threads.is_empty(), "{facts:?}");
        assert!(facts.watched_ms >= 400);
        assert!(!of(&mut looked, None).exists);
        assert!(of(&mut looked, Some(0)).exists);
    }
}
