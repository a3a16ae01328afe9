//! What a drill does, and how it is taken back.

use crate::state::RunDir;
use crate::status;
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use twinhaul_diagnose::Cause;
use twinhaul_supervisor::Client;
use twinhaul_units::{Dial, Turned};
use twinhaul_wire::Command;

/// What [`Trick::Throttle`] sets, in bytes a second: a slip of the unit.
const SLIP: u64 = 8 * 1024;
/// Ends of one peer that are a loop.
const ENDS: u32 = 3;
/// How long a peer may take to come back.
const BACK_MAX: Duration = Duration::from_secs(15);
/// Between two lines that somebody adds to a file that is being copied.
const WRITE_EVERY: Duration = Duration::from_millis(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trick {
    Freeze,
    KillAgain,
    CrashAgain,
    Throttle,
    Pause,
    Change,
    /// Nothing goes wrong: not to see ghosts is a part of it.
    Nothing,
}

/// A trick that was played.
pub(super) struct Done(Box<dyn FnOnce() + Send>);

impl Done {
    pub(super) fn take_back(self) {
        (self.0)();
    }
}

impl Trick {
    pub(super) const ALL: [Self; 7] = [
        Self::Freeze,
        Self::KillAgain,
        Self::CrashAgain,
        Self::Throttle,
        Self::Pause,
        Self::Change,
        Self::Nothing,
    ];

    /// What happened, told afterwards.
    pub(super) fn words(self, peer: &str) -> String {
        match self {
            Self::Freeze => format!("{peer} was stopped by a signal (SIGSTOP)"),
            Self::KillAgain => format!("{peer} was killed {ENDS} times (SIGKILL)"),
            Self::CrashAgain => format!("{peer} crashed {ENDS} times (SIGABRT)"),
            Self::Throttle => format!("{peer} was given a limit of 8 KiB/s, as by a slip of the unit"),
            Self::Pause => format!("{peer} was paused"),
            Self::Change => "somebody wrote into files while they were copied".to_owned(),
            Self::Nothing => "nothing happened at all".to_owned(),
        }
    }

    /// What the diagnosis should say first; none: nothing.
    pub(super) const fn causes(self) -> &'static [Cause] {
        match self {
            Self::Freeze => &[Cause::PeerFrozen],
            Self::KillAgain => &[Cause::PeerRestarting],
            Self::CrashAgain => &[Cause::BackendCrashing],
            Self::Throttle => &[Cause::ThrottleTooLow],
            Self::Pause => &[Cause::Paused],
            Self::Change => &[Cause::SourceChanging],
            Self::Nothing => &[],
        }
    }

    /// Plays it on `peer`. `is_over`: nobody waits for it any more.
    ///
    /// # Errors
    /// In words, when the run does not let it be done.
    pub(super) fn play(
        self,
        run: &RunDir,
        source: &Path,
        peer: &str,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Done, String> {
        let nothing = || Done(Box::new(|| {}));
        match self {
            Self::Freeze => {
                let (_, process) = held(run, peer).ok_or("its peer has no process")?;
                send(&process, Signal::STOP);
                Ok(Done(Box::new(move || send(&process, Signal::CONT))))
            }
            Self::KillAgain => ended(run, peer, Signal::KILL, is_over).map(|()| nothing()),
            Self::CrashAgain => ended(run, peer, Signal::ABORT, is_over).map(|()| nothing()),
            Self::Throttle => {
                told(run, peer, Command::limit(Some(SLIP)))?;
                Ok(back(run, peer, Command::Turn { dial: Dial::Limit, to: Turned::AsProfiled }))
            }
            Self::Pause => {
                told(run, peer, Command::Pause)?;
                Ok(back(run, peer, Command::Resume))
            }
            Self::Change => Ok(changing(run, source)),
            Self::Nothing => Ok(nothing()),
        }
    }
}

fn pid_of(run: &RunDir, peer: &str) -> Option<u32> {
    status::of(run).ok()?.peers.get(peer)?.pid
}

/// A peer's process, so that what is signalled is that one and no other: a pid is given away again (threat 19).
fn held(run: &RunDir, peer: &str) -> Option<(u32, OwnedFd)> {
    let pid = pid_of(run, peer)?;
    let process = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
    (pid_of(run, peer) == Some(pid)).then_some((pid, process))
}

fn send(process: &OwnedFd, signal: Signal) {
    // One that has gone meanwhile is fine.
    let _ = pidfd_send_signal(process, signal);
}

/// Ends a peer as often as it takes to be a loop, as soon as it is back.
fn ended(run: &RunDir, peer: &str, signal: Signal, is_over: &dyn Fn() -> bool) -> Result<(), String> {
    let mut before = None;
    for _ in 0..ENDS {
        let begun = Instant::now();
        let (pid, process) = loop {
            match held(run, peer) {
                Some((pid, process)) if Some(pid) != before => break (pid, process),
                _ if is_over() || begun.elapsed() >= BACK_MAX => {
                    return Err(format!("{peer} did not come back"));
                }
                _ => std::thread::sleep(WRITE_EVERY),
            }
        };
        send(&process, signal);
        before = Some(pid);
    }
    Ok(())
}

fn told(run: &RunDir, peer: &str, command: Command) -> Result<(), String> {
    let answer = Client::connect(&run.path, peer).and_then(|mut peer| peer.request(command));
    answer.map(|_| ()).map_err(|e| e.to_string())
}

fn back(run: &RunDir, peer: &str, command: Command) -> Done {
    let (run, peer) = (run.clone(), peer.to_owned());
    // A run that has ended has nothing to take back.
    Done(Box::new(move || drop(told(&run, &peer, command))))
}

/// Adds lines to whatever is being copied, until it is taken back.
fn changing(run: &RunDir, source: &Path) -> Done {
    let over = Arc::new(AtomicBool::new(false));
    let (run, source, ends) = (run.clone(), source.to_owned(), Arc::clone(&over));
    let writing = std::thread::spawn(move || {
        while !ends.load(Ordering::Relaxed) {
            let flights =
                status::of(&run).map(|s| s.peers.into_values().flat_map(|p| p.in_flight).collect::<Vec<_>>());
            for flight in flights.unwrap_or_default() {
                let file = std::fs::OpenOptions::new().append(true).open(source.join(&flight.key.key));
                // One that cannot be opened is not ours to write.
                let _ = file.and_then(|mut file| file.write_all(b"one more line\n"));
            }
            std::thread::sleep(WRITE_EVERY);
        }
    });
    Done(Box::new(move || {
        over.store(true, Ordering::Relaxed);
        let _ = writing.join();
    }))
}
