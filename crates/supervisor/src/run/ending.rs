//! The end of a run: what its state and exit code are, and telling everybody before the process goes.

use super::{Input, Run, wall_ms};
use crate::seat::{Over, Seat};
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};
use twinhaul_wire::{Frame, QueueSize, RunState};

/// How long the ledger is waited for at the end.
const SETTLE_MAX: Duration = Duration::from_secs(10);
/// How long clients may take to read the last frames.
const LINGER_MAX: Duration = Duration::from_secs(1);

impl Run {
    /// The exit code of a run that the ledger does not call ended and nobody stopped.
    pub(super) fn ended_code(&self) -> i32 {
        ended_code(&self.seats.iter().filter_map(|s| s.over).collect::<Vec<_>>())
    }

    /// Asks the ledger how the run ended, tells everybody, and returns the exit code.
    pub(super) async fn conclude(mut self, todo: &mut mpsc::Receiver<Input>) -> i32 {
        self.end_trouble();
        let asked = self.recorder.settle();
        let ledger = timeout(SETTLE_MAX, asked).await.ok().and_then(Result::ok).flatten();
        let overs: Vec<Over> = self.seats.iter().filter_map(|s| s.over).collect();
        let (state, code) = verdict(ledger, self.stop.as_ref().map(|s| s.why.exit_code()), &overs);
        self.state = state;
        let ended_at_ms = wall_ms();
        if state == RunState::Stopped {
            self.recorder.state(state, ended_at_ms);
        }
        let count =
            |of: fn(&Seat) -> Option<QueueSize>| self.seats.iter().filter_map(of).map(|q| q.transfers).sum();
        let done = count(|s| s.snapshot.as_ref().map(|p| p.done));
        let verified: u64 = count(|s| s.snapshot.as_ref().map(|p| p.verified));
        if state == RunState::Complete {
            let total = self.known.totals.map_or(done, |t| t.transfers);
            let took = Duration::from_millis(ended_at_ms.saturating_sub(self.about.started_at_ms));
            self.telling.complete(done, total, verified >= done, took);
            self.caption_now();
        }
        let kept = self.recorder.settle();
        let _ = timeout(SETTLE_MAX, kept).await;
        while let Ok(input) = todo.try_recv() {
            if let Input::Recorded(event) = input {
                self.server.publish(&Frame::Event(event));
            }
        }
        self.find_problems(self.now());
        let mut last = self.picture(self.now());
        last.ended_at_ms = Some(ended_at_ms);
        last.exit = Some(code);
        let last = Frame::Run(Box::new(last));
        self.server.publish(&last);
        self.recorder.line(ended_at_ms, last);
        let kept = self.recorder.settle();
        self.server.close(LINGER_MAX).await;
        let _ = timeout(SETTLE_MAX, kept).await;
        code
    }
}

/// State and exit code (architecture.md 7). What the ledger says is done is done; otherwise interrupted never looks like
/// success, and neither does a run whose peers have all gone.
fn verdict(ledger: Option<RunState>, stopped: Option<i32>, overs: &[Over]) -> (RunState, i32) {
    match (ledger, stopped) {
        (Some(RunState::Complete), _) => (RunState::Complete, 0),
        (Some(RunState::Failed), _) => {
            let mismatch = overs.contains(&Over::Finished(6));
            (RunState::Failed, if mismatch { 6 } else { 3 })
        }
        (_, Some(code)) => (RunState::Stopped, code),
        (_, None) => (RunState::Stopped, ended_code(overs)),
    }
}

fn ended_code(overs: &[Over]) -> i32 {
    let fatal = overs.iter().find_map(|o| if let Over::Fatal(code) = o { Some(*code) } else { None });
    let gave_up =
        overs.iter().find_map(|o| if let Over::GaveUp { reached, .. } = o { Some(*reached) } else { None });
    match (fatal, gave_up) {
        (Some(code), _) => code,
        (None, Some(true)) => 7,
        (None, Some(false)) => 12,
        (None, None) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_ends() {
        let finished = [Over::Finished(0); 2];
        let gave_up = |reached| Over::GaveUp { restarts: 5, reached };
        let complete = Some(RunState::Complete);
        let failed = Some(RunState::Failed);
        let running = Some(RunState::Running);
        for (ledger, stopped, overs, expected) in [
            (complete, None, finished, (RunState::Complete, 0)),
            (complete, Some(143), finished, (RunState::Complete, 0)),
            (complete, None, [gave_up(true), Over::Finished(0)], (RunState::Complete, 0)),
            (failed, None, finished, (RunState::Failed, 3)),
            (failed, None, [Over::Finished(0), Over::Finished(6)], (RunState::Failed, 6)),
            (running, Some(143), finished, (RunState::Stopped, 143)),
            (running, Some(130), [Over::Stopped; 2], (RunState::Stopped, 130)),
            (running, None, finished, (RunState::Stopped, 1)),
            (None, None, finished, (RunState::Stopped, 1)),
            (running, None, [Over::Fatal(28), Over::Finished(0)], (RunState::Stopped, 28)),
            (running, None, [gave_up(true), gave_up(true)], (RunState::Stopped, 7)),
            (running, None, [gave_up(false), Over::Finished(0)], (RunState::Stopped, 12)),
        ] {
            assert_eq!(verdict(ledger, stopped, &overs), expected, "{ledger:?} {stopped:?} {overs:?}");
        }
    }
}
