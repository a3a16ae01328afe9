//! The machine around a run: pressure, and room at the targets that have a file system.

use super::later;
use crate::state::RunDir;
use crate::verbs::run::load_frozen;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use twinhaul_diagnose::{Pressure, Probes, Space};

/// How long a file system may take to say how much room it has; one whose server is gone never does.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// What the kernel says of shortage.
pub(super) fn probes() -> Probes {
    let of = |what: &str| pressure(&std::fs::read_to_string(format!("/proc/pressure/{what}")).ok()?);
    Probes { cpu: of("cpu"), io: of("io"), memory: of("memory"), ..Probes::default() }
}

/// "some avg10=26.41 avg60=34.51 …", and the same with "full".
fn pressure(text: &str) -> Option<Pressure> {
    let of = |head: &str| {
        let line = text.lines().find(|line| line.starts_with(head))?;
        line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
    };
    Some(Pressure { some: of("some")?, full: of("full").unwrap_or(0.0) })
}

/// A question to a file system that may never be answered.
#[derive(Debug)]
pub(super) struct Asked {
    space: Space,
    answer: Receiver<Option<(Space, Duration)>>,
}

/// Asks the file system of each target that has one.
pub(super) fn spaces(run: &RunDir) -> Vec<Asked> {
    // A profile whose references do not resolve here any more says nothing.
    let Ok(profile) = load_frozen(run) else { return Vec::new() };
    let place = |end: &twinhaul_profile::End| {
        // A tape library has room in cartridges, whatever the disk below it has.
        let root = (end.backend == "disk").then(|| end.config.get("root")?.as_str()).flatten()?;
        let path = PathBuf::from(root);
        let space = Space { target: end.name.clone(), path: crate::state::shown(&path), ..Space::default() };
        let asked = space.clone();
        Some(Asked { space, answer: later(move || ask(&path, asked)) })
    };
    profile.targets.iter().filter_map(place).collect()
}

/// What came back in time.
pub(super) fn collect(asked: Vec<Asked>) -> Vec<Space> {
    let until = Instant::now() + ANSWER_MAX;
    let one = |asked: Asked| match super::received(&asked.answer, until) {
        Some(Some((space, took))) => {
            Some(Space { answered_ms: Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)), ..space })
        }
        // It answered with an error: nothing is known of its room.
        Some(None) => None,
        None => Some(asked.space),
    };
    asked.into_iter().filter_map(one).collect()
}

fn ask(path: &Path, space: Space) -> Option<(Space, Duration)> {
    let begun = Instant::now();
    let room = rustix::fs::statvfs(path).ok()?;
    let inodes = (room.f_files > 0).then_some(room.f_favail);
    let bytes = |blocks: u64| Some(blocks.saturating_mul(room.f_frsize));
    let space = Space {
        free_bytes: bytes(room.f_bavail),
        total_bytes: bytes(room.f_blocks),
        free_inodes: inodes,
        ..space
    };
    Some((space, begun.elapsed()))
}

pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    rustix::fs::statvfs(path).ok().map(|room| room.f_bavail.saturating_mul(room.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_read() {
        let text = "some avg10=26.41 avg60=34.51 avg300=16.66 total=1\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(pressure(text), Some(Pressure { some: 26.41, full: 0.5 }));
        assert_eq!(pressure("some avg10=1.00 avg60=0 avg300=0 total=1\n").map(|p| p.full), Some(0.0));
        assert_eq!(pressure("nothing"), None);
    }
}
