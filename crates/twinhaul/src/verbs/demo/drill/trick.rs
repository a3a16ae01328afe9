//! What a drill does, and how it is taken back.

use crate::state::RunDir;
use crate::status;
use std::time::{Duration, Instant};
use twinhaul_diagnose::Cause;
use twinhaul_supervisor::Client;
use twinhaul_units::{Dial, Turned};
use twinhaul_wire::{Chaos, Command, CommandResult};

/// What [`Trick::Throttle`] sets, in bytes a second: a slip of the unit.
const SLIP: u64 = 8 * 1024;
/// Ends of one peer that are a loop.
const ENDS: u32 = 3;
/// How long a peer may take to come back.
const BACK_MAX: Duration = Duration::from_secs(15);
/// Between two looks whether it is back.
const LOOK_EVERY: Duration = Duration::from_millis(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trick {
    Freeze,
    KillAgain,
    CrashAgain,
    Throttle,
    Pause,
    Change,
    Cut,
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
    pub(super) const ALL: [Self; 8] = [
        Self::Freeze,
        Self::KillAgain,
        Self::CrashAgain,
        Self::Throttle,
        Self::Pause,
        Self::Change,
        Self::Cut,
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
            Self::Cut => "the link between the peers was cut".to_owned(),
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
            Self::Cut => &[Cause::LinkDown],
            Self::Nothing => &[],
        }
    }

    /// Plays it on `peer`. `is_over`: nobody waits for it any more.
    ///
    /// # Errors
    /// In words, when the run does not let it be done.
    pub(super) fn play(self, run: &RunDir, peer: &str, is_over: &dyn Fn() -> bool) -> Result<Done, String> {
        let nothing = || Done(Box::new(|| {}));
        match self {
            Self::Freeze => broken(run, peer, Chaos::Freeze),
            Self::Cut => broken(run, peer, Chaos::Cut),
            Self::Change => broken(run, peer, Chaos::Write),
            Self::KillAgain => ended(run, peer, Chaos::Kill, is_over).map(|()| nothing()),
            Self::CrashAgain => ended(run, peer, Chaos::Crash, is_over).map(|()| nothing()),
            Self::Throttle => {
                told(run, peer, Command::limit(Some(SLIP)))?;
                Ok(back(run, peer, Command::Turn { dial: Dial::Limit, to: Turned::AsProfiled }))
            }
            Self::Pause => {
                told(run, peer, Command::Pause)?;
                Ok(back(run, peer, Command::Resume))
            }
            Self::Nothing => Ok(nothing()),
        }
    }
}

/// What goes wrong, goes wrong as from the chaos menu; the history does not tell.
fn breaks(run: &RunDir, peer: &str, what: Chaos) -> Result<(), String> {
    let mut supervisor = Client::connect(&run.path, "supervisor").map_err(|e| e.to_string())?;
    supervisor.call_it("drill");
    match supervisor.request(Command::Chaos { peer: peer.to_owned(), what }) {
        Ok(CommandResult::Refused(refusal)) => Err(refusal.why),
        Ok(_) => Ok(()),
        Err(e) => Err(e.to_string()),
    }
}

fn broken(run: &RunDir, peer: &str, what: Chaos) -> Result<Done, String> {
    breaks(run, peer, what)?;
    let (run, peer) = (run.clone(), peer.to_owned());
    Ok(Done(Box::new(move || {
        if let Some(undo) = what.undo() {
            // A run that has ended has nothing to take back.
            drop(breaks(&run, &peer, undo));
        }
    })))
}

fn pid_of(run: &RunDir, peer: &str) -> Option<u32> {
    status::of(run).ok()?.peers.get(peer)?.pid
}

/// Ends a peer as often as it takes to be a loop, as soon as it is back.
fn ended(run: &RunDir, peer: &str, what: Chaos, is_over: &dyn Fn() -> bool) -> Result<(), String> {
    let mut before = None;
    for _ in 0..ENDS {
        let begun = Instant::now();
        loop {
            match pid_of(run, peer) {
                Some(pid) if Some(pid) != before => {
                    breaks(run, peer, what)?;
                    before = Some(pid);
                    break;
                }
                _ if is_over() || begun.elapsed() >= BACK_MAX => {
                    return Err(format!("{peer} did not come back"));
                }
                _ => std::thread::sleep(LOOK_EVERY),
            }
        }
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
