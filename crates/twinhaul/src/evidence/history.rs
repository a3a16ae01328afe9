//! What the run's own files tell: the history in the ledger, who holds its lock, and the last word of a peer that says
//! nothing any more, from the recording.

use super::later;
use crate::exit::Failure;
use crate::launch::ledger_failure;
use crate::state::RunDir;
use std::collections::BTreeSet;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use twinhaul_diagnose::{EVENTS_MAX, LedgerFacts, Writer};
use twinhaul_ledger::{LedgerError, State, View};
use twinhaul_units::TransferId;
use twinhaul_wire::{AssignWhy, Event, EventKind, Frame, PeerSnapshot, RunState, decode};

/// Newest events that are read; of those, the ones that can be evidence are kept.
const EVENTS_READ_MAX: u64 = 20_000;
const PAGE: usize = 1_000;
/// The end of the recording that is searched for a last word: some minutes of a run.
const RECORDING_TAIL: u64 = 2 << 20;

/// Looks at the ledger's lock, and the time between two.
const LOCK_LOOKS: u32 = 25;
const LOCK_LOOK_EVERY: Duration = Duration::from_millis(16);

/// What the ledger says.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) state: RunState,
    pub(super) events: Vec<Event>,
    /// Of those that the events say were given up, the ones that still are.
    pub(super) given_up: BTreeSet<u64>,
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
        let given_up = still_given_up(&view, &events).map_err(|e| ledger_failure(&e))?;
        Ok(Told { state, events, given_up, took })
    })
}

/// As many looks as events that can be evidence of it.
fn still_given_up(view: &View, events: &[Event]) -> Result<BTreeSet<u64>, LedgerError> {
    let told = events.iter().rev().take(EVENTS_MAX).filter_map(|event| match event.kind {
        EventKind::Failed { id, .. } => Some(id),
        _ => None,
    });
    let ids: BTreeSet<u64> = told.collect();
    let mut still = BTreeSet::new();
    for id in ids {
        if view.transfer(TransferId(id))?.is_some_and(|d| d.state == State::Failed) {
            still.insert(id);
        }
    }
    Ok(still)
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
    let tail = twinhaul_console::history::tail(&run.path.join("recording.jsonl"), RECORDING_TAIL)?;
    tail.split(|b| *b == b'\n').rev().find_map(|line| match decode(line) {
        Ok(Frame::Snapshot(snapshot)) if snapshot.peer == peer => Some(*snapshot),
        _ => None,
    })
}

/// Who holds the ledger's write lock, looked at again and again: whoever has it each time holds it for long, and does not
/// just write much.
pub(super) fn watch_lock(run: &RunDir) -> Receiver<Option<u32>> {
    let path = run.ledger();
    later(move || {
        let holder = || twinhaul_ledger::lock_holder(&path).ok().flatten();
        let first = holder()?;
        for _ in 1..LOCK_LOOKS {
            std::thread::sleep(LOCK_LOOK_EVERY);
            if holder() != Some(first) {
                return None;
            }
        }
        Some(first)
    })
}

/// The ledger from outside; `writer`: what [`watch_lock`] found.
pub(super) fn facts(run: &RunDir, writer: Option<u32>) -> LedgerFacts {
    let writer = writer.map(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        // Engines, supervisor, planner and verbs are one program.
        let ours = program(pid).is_none_or(|theirs| Some(theirs) == program(std::process::id()));
        Writer { pid, name: name.trim_end().to_owned(), ours }
    });
    LedgerFacts { read_ms: None, writer, free_bytes: super::machine::free_bytes(&run.path) }
}

/// The name of the program that a process runs; `None`: not known. One that was replaced since is called "… (deleted)".
fn program(pid: u32) -> Option<String> {
    let file = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = file.file_name()?.to_string_lossy().into_owned();
    Some(name.trim_end_matches(" (deleted)").to_owned())
}
