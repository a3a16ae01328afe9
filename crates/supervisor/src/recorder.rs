//! The thread that keeps the durable history: events and states into the ledger (through [`Record`]), frames into the
//! recording. A slow disk or a locked ledger holds up this thread only; the control socket goes on answering.

use crate::{Record, SupervisorError, recording::Recording, run::Input};
use std::{
    path::Path,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
};
use tokio::sync::{mpsc, oneshot};
use twinhaul_wire::{Event, EventKind, Frame, RunState, Totals};

/// Jobs that wait for the thread; more are dropped and counted.
pub(crate) const RECORD_QUEUE_MAX: usize = 1024;

/// Events read from the history at once.
const EVENTS_PAGE: usize = 500;

enum Job {
    Event {
        at_ms: u64,
        peer: Option<String>,
        kind: EventKind,
    },
    State {
        state: RunState,
        at_ms: u64,
    },
    Look,
    Snapshot {
        index: usize,
        at_ms: u64,
        frame: Frame,
    },
    Line {
        at_ms: u64,
        frame: Frame,
    },
    /// All before this is kept; the answer is what the ledger says of the run.
    Settle(oneshot::Sender<Option<RunState>>),
}

/// What the ledger said at the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    pub(crate) totals: Option<Totals>,
    pub(crate) run_state: Option<RunState>,
}

/// The way to the thread.
#[derive(Debug)]
pub(crate) struct Recorder {
    jobs: SyncSender<Job>,
    /// A look was asked for and not answered.
    pub(crate) looking: bool,
    pub(crate) dropped: u64,
}

impl Recorder {
    /// Starts the thread; what it learns and numbers goes to `inputs`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(
        run_dir: &Path,
        record: Box<dyn Record>,
        inputs: mpsc::Sender<Input>,
    ) -> Result<Self, SupervisorError> {
        let recording = Recording::open(&run_dir.join("recording.jsonl"));
        let (jobs, todo) = sync_channel(RECORD_QUEUE_MAX);
        thread::Builder::new()
            .name("recorder".into())
            .spawn(move || work(&todo, record, recording, &inputs))
            .map_err(SupervisorError::io("start a thread for", run_dir))?;
        Ok(Self { jobs, looking: false, dropped: 0 })
    }

    pub(crate) fn event(&mut self, at_ms: u64, peer: Option<&str>, kind: EventKind) {
        self.push(Job::Event { at_ms, peer: peer.map(str::to_owned), kind });
    }

    pub(crate) fn state(&mut self, state: RunState, at_ms: u64) {
        self.push(Job::State { state, at_ms });
    }

    pub(crate) fn look(&mut self) {
        self.looking = true;
        self.push(Job::Look);
    }

    pub(crate) fn snapshot(&mut self, index: usize, at_ms: u64, frame: Frame) {
        self.push(Job::Snapshot { index, at_ms, frame });
    }

    pub(crate) fn line(&mut self, at_ms: u64, frame: Frame) {
        self.push(Job::Line { at_ms, frame });
    }

    /// Waits until all before is kept; what the ledger says of the run, `None` also when the thread is stuck.
    pub(crate) fn settle(&mut self) -> oneshot::Receiver<Option<RunState>> {
        let (answer, settled) = oneshot::channel();
        self.push(Job::Settle(answer));
        settled
    }

    fn push(&mut self, job: Job) {
        match self.jobs.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.dropped += 1,
        }
    }
}

fn work(
    todo: &Receiver<Job>,
    mut record: Box<dyn Record>,
    mut recording: Recording,
    inputs: &mpsc::Sender<Input>,
) {
    // `try_send` everywhere: the loop may be waiting for this thread, and must then not be waited for.
    while let Ok(job) = todo.recv() {
        match job {
            Job::Event { at_ms, peer, kind } => {
                let seq = record.event(at_ms, peer.as_deref(), &kind);
                let event = Event { seq: seq.unwrap_or_default(), at_ms, peer, incarnation: 0, kind };
                if seq.is_none() {
                    recording.line(&Frame::Event(event.clone()), at_ms);
                }
                let _ = inputs.try_send(Input::Recorded(event));
                catch_up(&mut *record, &mut recording, inputs);
            }
            Job::State { state, at_ms } => record.set_run_state(state, at_ms),
            Job::Look => {
                catch_up(&mut *record, &mut recording, inputs);
                let known = Known { totals: record.totals(), run_state: record.run_state() };
                let _ = inputs.try_send(Input::Looked(known));
            }
            Job::Snapshot { index, at_ms, frame } => recording.snapshot(index, at_ms, &frame),
            Job::Line { at_ms, frame } => recording.line(&frame, at_ms),
            Job::Settle(answer) => {
                catch_up(&mut *record, &mut recording, inputs);
                let _ = answer.send(record.run_state());
            }
        }
    }
}

/// What the loop hears of what others wrote: the end of the run, and what a story waits for.
const fn is_told(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::RunEnded { .. }
            | EventKind::Joined { .. }
            | EventKind::RangesLent { .. }
            | EventKind::TakenOver { .. }
            | EventKind::ProblemBegan { .. }
    )
}

/// Records what the history has gained: what the peers and the planner wrote too.
fn catch_up(record: &mut dyn Record, recording: &mut Recording, inputs: &mpsc::Sender<Input>) {
    loop {
        let page = record.events(recording.last_seq(), EVENTS_PAGE).unwrap_or_default();
        let whole = page.len() >= EVENTS_PAGE;
        for event in page {
            if is_told(&event.kind) {
                let _ = inputs.try_send(Input::Recorded(event.clone()));
            }
            recording.event(event);
        }
        if !whole {
            return;
        }
    }
}
