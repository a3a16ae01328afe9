//! What a debug build does at a point.

use crate::{DIRECTORY, Point, SPECS};
use rustix::process::{Signal, getpid, kill_process};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A signal to oneself may reach the calling thread a moment later: it must not get on meanwhile.
const SIGNAL_ARRIVES: Duration = Duration::from_secs(1);
/// How long `sleep` holds a process back: in heartbeats of a test, else in seconds.
const SLEEP: u32 = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Kill,
    Freeze,
    Sleep,
}

/// One wish: `who/point:action:nth`.
#[derive(Debug)]
struct Spec {
    point: &'static str,
    action: Action,
    nth: u32,
    passed: AtomicU32,
    /// Exists when it has fired.
    mark: PathBuf,
}

static ARMED: OnceLock<Vec<Spec>> = OnceLock::new();

pub(crate) fn arm(who: &str) {
    let (Ok(specs), Some(directory)) = (std::env::var(SPECS), std::env::var_os(DIRECTORY)) else { return };
    let directory = PathBuf::from(directory);
    // Armed once: a process is one peer.
    let _ = ARMED.set(specs.split(',').filter_map(|spec| parse(spec, who, &directory)).collect());
}

fn parse(spec: &str, who: &str, directory: &std::path::Path) -> Option<Spec> {
    let (name, rest) = spec.split_once('/')?;
    let mut parts = rest.split(':');
    let (point, action, nth) = (parts.next()?, parts.next()?, parts.next()?);
    let point = Point::ALL.iter().find(|p| p.name() == point)?.name();
    let action = match action {
        "kill" => Action::Kill,
        "freeze" => Action::Freeze,
        "sleep" => Action::Sleep,
        _ => return None,
    };
    let mark = directory.join(spec.replace(['/', ':'], "."));
    let nth = nth.parse().ok()?;
    (name == who).then_some(Spec { point, action, nth, passed: AtomicU32::new(0), mark })
}

fn of(point: Point) -> impl Iterator<Item = &'static Spec> {
    ARMED.get().into_iter().flatten().filter(move |s| s.point == point.name())
}

pub(crate) fn waits(point: Point) -> bool {
    of(point).any(|spec| !spec.mark.exists())
}

pub(crate) fn hit(point: Point) {
    for spec in of(point) {
        if spec.passed.fetch_add(1, Ordering::Relaxed) + 1 == spec.nth && spec.is_first() {
            spec.act();
        }
    }
}

impl Spec {
    /// Whether no earlier life did it; notes that this process does it now.
    fn is_first(&self) -> bool {
        let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&self.mark);
        made.and_then(|mut mark| write!(mark, "{}", std::process::id())).is_ok()
    }

    fn act(&self) {
        let signal = match self.action {
            Action::Kill => Signal::KILL,
            Action::Freeze => Signal::STOP,
            Action::Sleep => {
                return std::thread::sleep(crate::heartbeat().unwrap_or(Duration::from_secs(1)) * SLEEP);
            }
        };
        // A process may always signal itself.
        let _ = kill_process(getpid(), signal);
        std::thread::sleep(SIGNAL_ARRIVES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_read_and_belongs_to_one_process() {
        let directory = tempfile::tempdir().unwrap();
        let read = |who| parse("alpha/authorised:freeze:2", who, directory.path());
        let spec = read("alpha").unwrap();
        assert_eq!((spec.point, spec.action, spec.nth), ("authorised", Action::Freeze, 2));
        assert!(read("beta").is_none());
        for wrong in
            ["alpha/nowhere:kill:1", "alpha/opened:maim:1", "alpha/opened:kill:x", "opened:kill:1", ""]
        {
            assert!(parse(wrong, "alpha", directory.path()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn it_fires_once_in_all_lives() {
        let directory = tempfile::tempdir().unwrap();
        let spec = || parse("alpha/opened:kill:1", "alpha", directory.path()).unwrap();
        assert!(spec().is_first());
        assert!(!spec().is_first(), "the next life sees the mark");
    }
}
