//! What the run's own files tell: the history in the ledger, who holds its lock, and the last word of a peer that says
//! nothing any more, from the recording.

use super::later;
use crate::exit::Failure;
use crate::launch::ledger_failure;
use crate::state::RunDir;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use twinhaul_diagnose::{LedgerFacts, Writer};
use twinhaul_ledger::View;
use twinhaul_wire::{AssignWhy, Event, EventKind, Frame, PeerSnapshot, RunState, decode};

/// Newest events that are read; of those, the ones that can be evidence are kept.
const EVENTS_READ_MAX: u64 = 20_000;
const PAGE: usize = 1_000;
/// The end of the recording that is searched for a last word: some minutes of a run.
const RECORDING_TAIL: u64 = 2 << 20;
/// Where `SQLite` locks a WAL for writing: the byte of the shared-memory file.
const WAL_WRITE_LOCK: u64 = 120;

/// What the ledger says.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) state: RunState,
    pub(super) events: Vec<Event>,
    /// How long one read transaction took.
    pub(super) took: Duration,
}

/// Reads the ledger, without waiting for it here.
pub(super) fn read(run: &RunDir) -> Receiver<Result<Told, Failure>> {
    let path = run.ledger();
    later(move || {
        let begun = Instant::now();
        let view = View::open(&path).map_err(|e| ledger_failure(&e))?;
        let state = view.run().map_err(|e| ledger_failure(&e))?.state;
        let took = begun.elapsed();
        let last = view.last_seq().map_err(|e| ledger_failure(&e))?;
        let mut seq = last.saturating_sub(EVENTS_READ_MAX);
        let mut events = Vec::new();
        loop {
            let page = view.events_since(seq, PAGE).map_err(|e| ledger_failure(&e))?;
            let Some(newest) = page.last() else { break };
            seq = newest.seq;
            events.extend(page.into_iter().filter(|event| tells(&event.kind)));
        }
        Ok(Told { state, events, took })
    })
}

/// Reads the state of the run anew.
pub(super) fn reader(run: &RunDir) -> impl FnOnce() -> Option<RunState> + Send + 'static {
    let path = run.ledger();
    move || Some(View::open(&path).ok()?.run().ok()?.state)
}

/// The routine of the method fills most of a history and is evidence of nothing.
const fn tells(kind: &EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Ask { .. }
            | EventKind::Needed { .. }
            | EventKind::NotNeeded { .. }
            | EventKind::Ratio { .. }
            | EventKind::Assigned { why: AssignWhy::Assistance, .. }
            | EventKind::RangesLent { .. }
            | EventKind::RangesHome { .. }
            | EventKind::Planned { .. }
    )
}

/// What a peer said last, as the supervisor recorded it.
pub(super) fn last_word(run: &RunDir, peer: &str) -> Option<PeerSnapshot> {
    let mut file = File::open(run.path.join("recording.jsonl")).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(RECORDING_TAIL))).ok()?;
    let mut tail = Vec::new();
    file.take(RECORDING_TAIL).read_to_end(&mut tail).ok()?;
    tail.split(|b| *b == b'\n').rev().find_map(|line| match decode(line) {
        Ok(Frame::Snapshot(snapshot)) if snapshot.peer == peer => Some(*snapshot),
        _ => None,
    })
}

/// Who held the ledger's write lock when the look began.
#[derive(Debug)]
pub(super) struct LockWatch {
    shared_memory: PathBuf,
    first: Option<u32>,
}

impl LockWatch {
    pub(super) fn begin(run: &RunDir) -> Self {
        let shared_memory = run.path.join("ledger.sqlite-shm");
        let first = writer(&shared_memory);
        Self { shared_memory, first }
    }
}

/// The ledger from outside, at the end of the look. A lock that is held at both ends is held for long.
pub(super) fn facts(run: &RunDir, watch: &LockWatch) -> LedgerFacts {
    let pid = watch.first.filter(|pid| writer(&watch.shared_memory) == Some(*pid));
    let writer = pid.map(|pid| {
        let name =
            std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned();
        // Engines, supervisor, planner and verbs are one program.
        Writer {
            pid,
            ours: program(pid).is_none_or(|theirs| Some(theirs) == program(std::process::id())),
            name,
        }
    });
    LedgerFacts { read_ms: None, writer, free_bytes: super::machine::free_bytes(&run.path) }
}

/// The name of the program that a process runs; `None`: not known. One that was replaced since is called "… (deleted)".
fn program(pid: u32) -> Option<String> {
    let file = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = file.file_name()?.to_string_lossy().into_owned();
    Some(name.trim_end_matches(" (deleted)").to_owned())
}

/// From `/proc/locks`: the process with a lock for writing on that byte.
fn writer(shared_memory: &Path) -> Option<u32> {
    let inode = std::fs::metadata(shared_memory).ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| writer_in(line, inode))
}

/// "5: POSIX  ADVISORY  WRITE 1234 fe:00:5668866 120 120".
fn writer_in(line: &str, inode: u64) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // A line with "->" is one that waits.
    let [_, "POSIX" | "OFDLCK", _, "WRITE", pid, file, from, to] = words[..] else { return None };
    let mine = file.rsplit(':').next()?.parse() == Ok(inode);
    let to: u64 = if to == "EOF" { u64::MAX } else { to.parse().ok()? };
    let holds = (from.parse::<u64>().ok()?..=to).contains(&WAL_WRITE_LOCK);
    (mine && holds).then(|| pid.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_is_found_among_the_locks() {
        let locks = "1: FLOCK  ADVISORY  WRITE 10 fe:00:77 0 EOF\n\
                     2: POSIX  ADVISORY  READ 11 fe:00:77 124 124\n\
                     3: -> POSIX  ADVISORY  WRITE 12 fe:00:77 120 120\n\
                     4: POSIX  ADVISORY  WRITE 13 fe:00:78 120 120\n\
                     5: POSIX  ADVISORY  WRITE 14 fe:00:77 120 120\n";
        let found: Vec<u32> = locks.lines().filter_map(|line| writer_in(line, 77)).collect();
        assert_eq!(found, [14]);
    }
}
