//! Where the blows fall: the processes of one run, those that are frozen, and the console that somebody has open.

use super::{Blow, HEARTBEAT_MS, Tally};
use crate::product::processes::{self, Process};
use crate::product::run::Run;
use crate::product::{exe, poll};
use crate::seed::Rng;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use twinhaul_testkit::pty::{PtyCommand, PtySession};

const LEASE_MS: u64 = 15 * HEARTBEAT_MS;
/// Nobody is left frozen for longer: time for the other to run out of work, take over and do it all again.
const FROZEN_MS: u64 = 8 * LEASE_MS;
/// A killed process is gone within this.
const DIES_WITHIN: Duration = Duration::from_secs(10);
/// A console that was opened counts as one when its screen is up, or after this.
const CONSOLE_OPENS_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Field<'a> {
    run: &'a Run<'a>,
    /// Until when.
    frozen: Vec<(u32, Instant)>,
    /// Durable steps at which somebody was hit, by the file that says so.
    steps: BTreeSet<OsString>,
    pub(super) tally: Tally,
}

impl<'a> Field<'a> {
    pub(super) fn new(run: &'a Run<'a>) -> Self {
        Self { run, frozen: Vec::new(), steps: BTreeSet::new(), tally: Tally::default() }
    }

    fn processes(&self) -> Vec<Process> {
        processes::of(self.run.lab().state())
    }

    /// Whether there is something to hit: without a supervisor the run has ended.
    pub(super) fn goes_on(&self) -> bool {
        self.processes().iter().any(|p| p.kind() == "supervise")
    }

    /// Lets time pass, and wakes whose time has come.
    pub(super) fn pass(&mut self, time: Duration) {
        const STEP: Duration = Duration::from_millis(20);
        let until = Instant::now() + time;
        loop {
            self.look_at_steps();
            let now = Instant::now();
            self.wake(|due| due <= now);
            if now >= until {
                return;
            }
            std::thread::sleep(STEP.min(until - now));
        }
    }

    /// Counts who came by a durable step that was armed; who froze there is woken later.
    fn look_at_steps(&mut self) {
        let marks = std::fs::read_dir(self.run.lab().path("marks")).into_iter().flatten().flatten();
        for mark in marks {
            // Made first, written a moment later: then the next look finds it whole.
            let pid = std::fs::read_to_string(mark.path()).ok().and_then(|text| text.parse().ok());
            if let Some(pid) = pid
                && self.steps.insert(mark.file_name())
            {
                self.count(Blow::Step);
                if mark.file_name().to_string_lossy().contains(".freeze.") {
                    self.frozen.push((pid, Instant::now() + Duration::from_millis(FROZEN_MS)));
                }
            }
        }
    }

    pub(super) fn has_frozen(&self) -> bool {
        !self.frozen.is_empty()
    }

    pub(super) fn target(&self) -> PathBuf {
        self.run.lab().target()
    }

    pub(super) fn wake_all(&mut self) {
        self.wake(|_| true);
    }

    fn wake(&mut self, is_due: impl Fn(Instant) -> bool) {
        let (due, later) = std::mem::take(&mut self.frozen).into_iter().partition(|(_, at)| is_due(*at));
        self.frozen = later;
        let due: Vec<(u32, Instant)> = due;
        if due.is_empty() {
            return;
        }
        // Who was killed meanwhile is not there any more, and its number may be somebody else's.
        for process in self.processes().iter().filter(|p| due.iter().any(|(pid, _)| *pid == p.pid)) {
            processes::signal(process.pid, Signal::CONT);
        }
    }

    pub(super) fn strike(&mut self, blow: Blow, rng: &mut Rng) {
        let all = self.processes();
        let peers: Vec<u32> = all.iter().filter(|p| p.kind().starts_with("peer ")).map(|p| p.pid).collect();
        let supervisor = all.iter().find(|p| p.kind() == "supervise").map(|p| p.pid);
        let mut one = || peers.get(rng_index(rng, peers.len())).copied();
        match blow {
            Blow::Kill => self.hit(blow, one()),
            Blow::Both => self.hit(blow, peers),
            Blow::Freeze | Blow::Doze => {
                let long = blow == Blow::Freeze;
                let Some(pid) = one() else { return };
                let (least, more) = if long { (LEASE_MS * 5 / 4, 3 * LEASE_MS) } else { (50, LEASE_MS / 2) };
                let until = Instant::now() + Duration::from_millis(least + rng.below(more));
                if signal(pid, Signal::STOP) {
                    self.frozen.push((pid, until));
                    self.count(blow);
                }
            }
            Blow::Supervisor | Blow::Everything => {
                let Some(supervisor) = supervisor else { return };
                self.hit(blow, [supervisor]);
                if blow == Blow::Everything {
                    self.hit(blow, peers);
                }
                gone(self.run, supervisor);
                // Sometimes so long that whoever is left takes over what is not its own, or finishes.
                let away_ms = if rng.below(4) == 0 { 8000 } else { 1500 };
                self.pass(Duration::from_millis(rng.below(away_ms)));
                resume(self.run);
                self.tally.resumed += 1;
            }
            Blow::Console => self.strike_console(rng),
            // It falls by itself.
            Blow::Step => {}
        }
    }

    fn hit(&mut self, blow: Blow, pids: impl IntoIterator<Item = u32>) {
        for pid in pids {
            if signal(pid, Signal::KILL) {
                self.count(blow);
            }
        }
    }

    fn count(&mut self, blow: Blow) {
        *self.tally.hit.entry(blow).or_default() += 1;
    }

    /// Somebody opens a console, looks, and loses it.
    fn strike_console(&mut self, rng: &mut Rng) {
        let lab = self.run.lab();
        let text = |path: &std::path::Path| path.to_str().expect("a lab's path").to_owned();
        let command = PtyCommand::new(exe()).arg("attach").arg(&self.run.id);
        let command = command
            .env("TWINHAUL_STATE", &text(lab.state()))
            .env("HOME", &text(&lab.path("")))
            .env(twinhaul_failpoint::HEARTBEAT_MS, &HEARTBEAT_MS.to_string());
        let session = PtySession::spawn(command, 30, 100).expect("a console in a terminal");
        // A run that ends meanwhile closes it again; then there is nothing to kill.
        let _ = session.wait_until("its screen", CONSOLE_OPENS_WITHIN, PtySession::alternate_screen);
        self.pass(Duration::from_millis(rng.below(400)));
        let is_there = session.pid().filter(|pid| self.processes().iter().any(|p| p.pid == *pid));
        if let Some(pid) = is_there {
            if rng.below(2) == 0 {
                self.hit(Blow::Console, [pid]);
            } else {
                self.count(Blow::Console);
            }
        }
        // Its terminal closes.
        drop(session);
    }
}

fn rng_index(rng: &mut Rng, len: usize) -> usize {
    rng.below(len as u64) as usize
}

fn signal(pid: u32, signal: Signal) -> bool {
    let pid = i32::try_from(pid).ok().filter(|p| *p > 1).and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
}

fn gone(run: &Run<'_>, pid: u32) {
    let is_gone = || processes::of(run.lab().state()).iter().all(|p| p.pid != pid).then_some(());
    assert!(poll(DIES_WITHIN, is_gone).is_some(), "process {pid} outlives SIGKILL");
}

/// `run --resume`: it goes on, it is complete, or somebody else (a console) was quicker.
pub(super) fn resume(run: &Run<'_>) {
    const TRIES_MAX: usize = 20;
    let mut last = None;
    for _ in 0..TRIES_MAX {
        let done = run.lab().run(["run", "--resume", &run.id, "--detach"]);
        if done.code == 0 || processes::of(run.lab().state()).iter().any(|p| p.kind() == "supervise") {
            return;
        }
        last = Some(done);
        // Not planned to its end yet: the planner goes on.
        std::thread::sleep(Duration::from_millis(250));
    }
    panic!("cannot be resumed: {}", last.map_or_else(String::new, |done| done.to_string()));
}
