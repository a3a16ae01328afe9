//! Who owns a run and who sits in a peer's place: `flock` on `supervisor.lock` and `<name>.lock`.
//!
//! The kernel frees a lock when its holder dies, however it dies (faults 1, 10). The file says pid and start time, so
//! that nobody watches or signals a process that merely got the same pid later (threat 19). Lock files are never
//! removed: removing one would let two processes hold "the" lock. Entry points: [`lock`], [`hold_peer_lock`],
//! [`is_supervised`], [`peer_lock_holder`].

use crate::{Held, SupervisorError, socket};
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

/// How long a taken lock is tried again: a probe by [`is_supervised`] holds it for microseconds, a holder that has just
/// started needs a moment to write its pid.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(200);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// The right to supervise a run; freed when dropped or when the process ends.
#[derive(Debug)]
pub struct SupervisorLock(#[expect(dead_code, reason = "held, not used: dropping it frees the lock")] File);

/// The right to be a peer (or the planner) of a run; freed when dropped or when the process ends.
#[derive(Debug)]
pub struct PeerLock(#[expect(dead_code, reason = "held, not used: dropping it frees the lock")] File);

/// A living process that holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    /// Clock ticks since boot at which it started (`/proc/<pid>/stat`, field 22).
    pub(crate) started: u64,
}

/// Takes the run for this process.
///
/// # Errors
/// [`SupervisorError::Held`] (exit code 11) when another supervisor has it.
pub fn lock(run_dir: &Path) -> Result<SupervisorLock, SupervisorError> {
    let held = |pid| Held { what: "the run".into(), kind: "supervisor", pid };
    hold(run_dir, "supervisor", held).map(SupervisorLock)
}

/// Takes the place of `name` in the run for this process; a peer (and the planner) does this first of all.
///
/// # Errors
/// [`SupervisorError::Held`] (exit code 11) when another process sits there.
pub fn hold_peer_lock(run_dir: &Path, name: &str) -> Result<PeerLock, SupervisorError> {
    let held = |pid| Held { what: format!("the place of {name}"), kind: "process", pid };
    hold(run_dir, name, held).map(PeerLock)
}

/// The pid of the supervisor of this run, if one lives. Pid 0: it lives and has not said its pid.
pub fn is_supervised(run_dir: &Path) -> Option<u32> {
    pid_of(run_dir, "supervisor")
}

/// The pid of the process in the place of `name`, if one lives. Pid 0: it lives and has not said its pid.
pub fn peer_lock_holder(run_dir: &Path, name: &str) -> Option<u32> {
    pid_of(run_dir, name)
}

fn pid_of(run_dir: &Path, name: &str) -> Option<u32> {
    match holder(run_dir, name) {
        Ok(Probe::Free) | Err(_) => None,
        Ok(Probe::Held(holder)) => Some(holder.map_or(0, |h| h.pid)),
    }
}

/// What a look at a lock found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Free,
    /// Held; by whom, if the file says it and that process is alive.
    Held(Option<Holder>),
}

/// Looks at a lock without taking it for longer than the look.
pub(crate) fn holder(run_dir: &Path, name: &str) -> Result<Probe, SupervisorError> {
    socket::check_name(run_dir, name)?;
    let path = run_dir.join(format!("{name}.lock"));
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = match rustix::fs::open(&path, flags, Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(rustix::io::Errno::NOENT) => return Ok(Probe::Free),
        Err(e) => return Err(SupervisorError::io("look at", path)(e.into())),
    };
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Ok(Probe::Free),
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(e) => return Err(SupervisorError::io("look at", path)(e.into())),
        }
        let found = read_holder(&mut file).filter(|h| started(h.pid) == Some(h.started));
        if found.is_some() || Instant::now() >= deadline {
            return Ok(Probe::Held(found));
        }
        std::thread::sleep(LOCK_POLL);
    }
}

fn hold(run_dir: &Path, name: &str, held: impl Fn(Option<u32>) -> Held) -> Result<File, SupervisorError> {
    socket::check_name(run_dir, name)?;
    let path = run_dir.join(format!("{name}.lock"));
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|e| SupervisorError::io("open", &path)(e.into()))?;
    let mut file = File::from(fd);
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => std::thread::sleep(LOCK_POLL),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(held(read_holder(&mut file).map(|h| h.pid)).into());
            }
            Err(e) => return Err(SupervisorError::io("lock", path)(e.into())),
        }
    }
    let pid = std::process::id();
    let line = format!("{pid} {}\n", started(pid).unwrap_or_default());
    write_line(&mut file, &line).map_err(SupervisorError::io("write", path))?;
    Ok(file)
}

fn write_line(file: &mut File, line: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(line.as_bytes())
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(64).read_to_string(&mut text).ok()?;
    let (pid, started) = text.strip_suffix('\n')?.split_once(' ')?;
    Some(Holder { pid: pid.parse().ok()?, started: started.parse().ok()? })
}

/// When process `pid` started, in clock ticks since boot; `None` if there is no such process.
pub(crate) fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name may hold spaces and brackets; fields are counted after its last bracket.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_the_second_learns_who() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(is_supervised(dir.path()), None);
        let first = lock(dir.path()).unwrap();
        assert_eq!(is_supervised(dir.path()), Some(std::process::id()));
        let error = lock(dir.path()).unwrap_err();
        assert_eq!(error.exit_code(), 11);
        let words = format!("the run is held by another supervisor (pid {})", std::process::id());
        assert!(error.to_string().ends_with(&words), "{error}");
        drop(first);
        assert_eq!(is_supervised(dir.path()), None);
        lock(dir.path()).unwrap();
    }

    #[test]
    fn peers_have_places_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let _alpha = hold_peer_lock(dir.path(), "alpha").unwrap();
        assert_eq!(peer_lock_holder(dir.path(), "alpha"), Some(std::process::id()));
        assert_eq!(peer_lock_holder(dir.path(), "beta"), None);
        let _beta = hold_peer_lock(dir.path(), "beta").unwrap();
        assert!(hold_peer_lock(dir.path(), "alpha").is_err());
    }

    #[test]
    fn a_reused_pid_is_not_taken_for_the_holder() {
        let dir = tempfile::tempdir().unwrap();
        let _lock = hold_peer_lock(dir.path(), "alpha").unwrap();
        // The pid of this process with another start time: what a later process with the same pid looks like.
        let path = dir.path().join("alpha.lock");
        std::fs::write(path, format!("{} 1\n", std::process::id())).unwrap();
        assert_eq!(holder(dir.path(), "alpha").unwrap(), Probe::Held(None));
    }

    #[test]
    fn a_lock_that_is_a_link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("elsewhere"), "").unwrap();
        std::os::unix::fs::symlink("elsewhere", dir.path().join("alpha.lock")).unwrap();
        assert!(hold_peer_lock(dir.path(), "alpha").is_err());
        assert!(hold_peer_lock(dir.path(), "../alpha").is_err());
    }
}
