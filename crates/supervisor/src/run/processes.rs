//! Starting, adopting, losing and restarting the processes of a run.

use super::{Run, wall_ms};
use crate::{
    breaker::Verdict,
    exit::{self, Exit, Meaning},
    link::{Link, Route},
    process::Process,
    seat::{Over, Seat},
    socket::seconds,
    stop::Why,
    story::Story,
};
use rustix::process::Signal;
use std::time::Duration;
use twinhaul_units::Moment;
use twinhaul_wire::{Command, EventKind, RunState};

/// A peer ends with its run. One that does not and says nothing (stopped, hanging) is killed after this.
const OUTLIVES_MAX: Duration = Duration::from_secs(5);
/// How long the last frames of an ended process are waited for.
const LAST_FRAMES_MAX: Duration = Duration::from_millis(500);

impl Run {
    /// Puts somebody into a seat: whoever holds its lock already, or a new process.
    pub(super) fn launch(&mut self, index: usize) {
        let now = self.now();
        let seat = &mut self.seats[index];
        seat.restart_at = None;
        seat.life += 1;
        let process = match Process::adopt(&seat.child.name, &self.about.run_dir, now) {
            Some(process) => Ok(process),
            None => Process::spawn(&seat.child, &self.about.run_dir, now),
        };
        let name = seat.child.name.clone();
        let mut process = match process {
            Ok(process) => process,
            Err(error) => {
                let words = format!("{name} could not be started: failed to {error}");
                return self.lost(index, words, Exit::Code(1));
            }
        };
        process.watch(index, seat.life, self.inputs.clone());
        let (pid, adopted) = (process.pid, process.adopted);
        seat.process = Some(process);
        if seat.is_peer() {
            let route = Route {
                run_dir: self.about.run_dir.clone(),
                peer: name.clone(),
                seat: index,
                life: seat.life,
                hello: self.about.hello.clone(),
            };
            seat.link = Some(Link::open(route, self.inputs.clone()));
        }
        if adopted {
            // The story was under way, and nobody knows how far: told from the beginning it would do everything again.
            self.story = Story::new(Vec::new());
            let text = format!("{name} was running already (pid {pid}); it goes on under a new supervisor");
            self.event(Some(&name), EventKind::Info { text });
        }
    }

    /// A peer's socket has answered hello.
    pub(super) fn up(&mut self, index: usize, now: Moment) {
        let stop = self.stop.as_ref().map(|s| s.drain);
        let seat = &mut self.seats[index];
        seat.linked = true;
        seat.ready = true;
        seat.reached = true;
        seat.heard = now;
        if let Some(drain) = stop {
            seat.tell_stop(drain);
        } else if let (Some(by), Some(link)) = (seat.paused_by.take(), &seat.link) {
            // The answer shows in its next snapshot.
            drop(link.request(&by, Command::Pause));
        }
        self.is_cut_for(&self.seats[index]);
        if self.state == RunState::Starting {
            self.state = RunState::Running;
            if !self.known.run_state.is_some_and(RunState::ended) {
                self.recorder.state(RunState::Running, wall_ms());
            }
        }
    }

    /// The process in a seat has ended. Its last snapshot may still be on its way: see [`Self::settle`].
    pub(super) fn ended(&mut self, index: usize, life: u64) {
        let now = self.now();
        let seat = &mut self.seats[index];
        if seat.life != life || seat.process.is_none() {
            return;
        }
        seat.ending_since = Some(now);
        if !seat.linked {
            self.settle(index);
        }
    }

    /// Draws the consequences of an end.
    pub(super) fn settle(&mut self, index: usize) {
        let seat = &mut self.seats[index];
        let Some(mut process) = seat.process.take() else { return };
        let end = process.exit();
        let mut words = exit::words(&seat.child.name, end);
        if let Some(why) = &seat.killed_for {
            words = format!("{words}: {why}");
        }
        let last = exit::last_words(&process.log, process.log_from);
        if end != Exit::Code(0) && !last.is_empty() {
            words = format!("{words}; its last words: {last}");
        }
        self.lost(index, words, end);
    }

    /// What follows from an end, known in words.
    fn lost(&mut self, index: usize, mut words: String, end: Exit) {
        if !self.seats[index].is_peer() {
            return self.planner_ended(index, words, end);
        }
        let now = self.now();
        let ledger_ended = self.known.run_state.is_some_and(RunState::ended);
        let stopping = self.stop.is_some();
        let seat = &mut self.seats[index];
        let outlived = self.ledger_ended.is_some() && seat.killed_for.is_some();
        let meaning = match end.meaning() {
            // A library that ends its process says 0 as well.
            Meaning::Finished(0) if !(seat.says_ended() || ledger_ended || stopping) => {
                let why = seat.killed_for.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                words = format!("{} ended with code 0 in the middle of the run{why}", seat.child.name);
                Meaning::Again
            }
            Meaning::Ask if seat.says_finished() || ledger_ended => Meaning::Finished(0),
            meaning => meaning,
        };
        let mut restart_in_ms = None;
        match meaning {
            Meaning::Finished(code) => seat.over = Some(Over::Finished(code)),
            Meaning::Fatal(code) => seat.over = Some(Over::Fatal(code)),
            Meaning::Again | Meaning::Ask if stopping || outlived => seat.over = Some(Over::Stopped),
            Meaning::Again | Meaning::Ask => match seat.breaker.died(now, seat.progressed()) {
                Verdict::Restart { after } => {
                    seat.restarts += 1;
                    seat.restart_at = Some(now + after);
                    seat.away = true;
                    restart_in_ms = Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
                    seat.paused_by = paused_by(seat);
                }
                Verdict::GiveUp { restarts } => {
                    seat.over = Some(Over::GaveUp { restarts, reached: seat.reached });
                }
            },
        }
        seat.last_exit = Some(words.clone());
        seat.clear();
        let name = seat.child.name.clone();
        let kind = match meaning {
            Meaning::Finished(0) => EventKind::Info { text: words },
            _ => EventKind::Exited { process: name.clone(), words, restart_in_ms },
        };
        self.event(Some(&name), kind);
        self.end_planner_without_peers();
    }

    /// A planner that found everything is done; without a plan the run cannot go on.
    fn planner_ended(&mut self, index: usize, words: String, end: Exit) {
        let planned = self.known.totals.is_some_and(|t| !t.growing);
        let code = match end {
            Exit::Code(code) => code,
            Exit::Unknown if planned => 0,
            Exit::Signal(_) | Exit::Unknown => 7,
        };
        let seat = &mut self.seats[index];
        seat.last_exit = Some(words.clone());
        seat.over = Some(if code == 0 { Over::Finished(0) } else { Over::Fatal(code) });
        seat.clear();
        if code == 0 {
            return;
        }
        let kind =
            EventKind::Exited { process: self.seats[index].child.name.clone(), words, restart_in_ms: None };
        let EventKind::Exited { words, .. } = &kind else { return };
        if self.stop.is_none() {
            self.broken = Some((words.clone(), code));
            self.event(None, kind);
            self.stop(Why::Broken(code));
        } else {
            self.event(None, kind);
        }
    }

    /// With both peers gone nobody would transfer what a planner still finds.
    fn end_planner_without_peers(&mut self) {
        let peers_over = self.seats.iter().filter(|s| s.is_peer()).all(Seat::done);
        if peers_over && !self.over() && self.stop.is_none() {
            self.stop(Why::Broken(self.ended_code()));
        }
    }

    /// Restarts whose time has come, and processes whose time is over.
    pub(super) fn tick_processes(&mut self, now: Moment) {
        let outlived = self.ledger_ended.is_some_and(|at| now.since(at) >= OUTLIVES_MAX);
        for index in 0..self.seats.len() {
            let seat = &mut self.seats[index];
            if seat.ending_since.is_some_and(|s| now.since(s) >= LAST_FRAMES_MAX) {
                self.settle(index);
            } else if seat.restart_at.is_some_and(|at| at <= now) {
                self.launch(index);
            } else if outlived
                && seat.silent(now, &self.timing)
                && seat.killed_for.is_none()
                && let Some(process) = &seat.process
            {
                process.signal(Signal::KILL);
                seat.killed_for = Some("the run was over and it did not answer".into());
            } else if seat.late(now, &self.timing)
                && seat.killed_for.is_none()
                && let Some(process) = seat.process.as_ref().filter(|p| !p.adopted)
            {
                let limit = seconds(self.timing.ready_max);
                process.signal(Signal::KILL);
                seat.killed_for = Some(format!("its socket did not answer within {limit} of its start"));
            }
        }
    }
}

impl Seat {
    /// Passes a stop on; a peer that is not linked hears it when it is.
    pub(super) fn tell_stop(&self, drain: bool) {
        // Not kept for a link that comes up later: told twice, a peer would think that it is asked to hurry.
        if let Some(link) = self.link.as_ref().filter(|_| self.linked) {
            // Whether it obeys is seen by its end.
            drop(link.request("supervisor", Command::Stop { drain }));
        }
    }
}

fn paused_by(seat: &Seat) -> Option<String> {
    let snapshot = seat.snapshot.as_ref()?;
    let paused = snapshot.state == twinhaul_wire::PeerState::Paused;
    snapshot.paused_by.clone().filter(|_| paused)
}
