//! One run that goes on in the background, looked at and steered through the verbs.

use super::{Done, Lab, poll};
use std::path::Path;
use std::time::Duration;
use twinhaul_diagnose::Diagnosis;
use twinhaul_wire::{Event, EventKind, status::Status};

/// How long a test waits for something to become so. Not an expectation: only an end.
pub const CONDITION_WAIT_MAX: Duration = Duration::from_secs(90);

/// A run, by its id.
#[derive(Debug)]
pub struct Run<'a> {
    lab: &'a Lab,
    pub id: String,
}

impl<'a> Run<'a> {
    /// `run PROFILE --detach`: the run's id is what it prints.
    pub fn start(lab: &'a Lab, profile: &Path) -> Self {
        let done = lab.run(["run".as_ref(), profile.as_os_str(), "--detach".as_ref()]);
        done.expect_code(0);
        let id = done.stdout.trim().to_owned();
        assert!(
            !id.is_empty() && !id.contains(char::is_whitespace),
            "--detach prints the run's id alone\n{done}"
        );
        Self { lab, id }
    }

    /// A run that was started some other way.
    pub fn named(lab: &'a Lab, id: &str) -> Self {
        Self { lab, id: id.to_owned() }
    }

    /// A verb on this run, with more arguments: `pause`, `--peer alpha`.
    pub fn verb(&self, verb: &str, more: &[&str]) -> Done {
        self.lab.run([&[verb, &self.id][..], more].concat())
    }

    /// `status --json`.
    pub fn status(&self) -> Status {
        let done = self.verb("status", &["--json"]);
        done.expect_code(0);
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("status --json: {e}\n{done}"))
    }

    /// `diagnose --json`, now. A finding is no failure of the command.
    pub fn diagnosis(&self) -> Diagnosis {
        let done = self.verb("diagnose", &["--json"]);
        done.expect_code(0);
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("diagnose --json: {e}\n{done}"))
    }

    /// The first status for which `is_so` holds.
    ///
    /// # Panics
    /// When it does not come to hold; the last status is shown.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        let mut last = None;
        let found = poll(CONDITION_WAIT_MAX, || {
            let status = self.status();
            let good = is_so(&status);
            last = Some(status);
            good.then(|| last.clone()).flatten()
        });
        found.unwrap_or_else(|| panic!("not within {CONDITION_WAIT_MAX:?}: {what}\n{last:#?}"))
    }

    /// Until something has been copied and something is left, so that there is a run to act on.
    pub fn until_under_way(&self) -> Status {
        self.until("the run is under way", |s| {
            s.done.transfers > 0 && !s.totals.growing && s.remaining.transfers > 0
        })
    }

    /// `events --json`, every line of it.
    pub fn events(&self) -> Vec<Event> {
        let done = self.verb("events", &["--json"]);
        done.expect_code(0);
        let parse = |l: &str| serde_json::from_str(l).unwrap_or_else(|e| panic!("events --json: {e}\n{l}"));
        done.stdout.lines().map(parse).collect()
    }

    /// What happened, without who and when.
    pub fn kinds(&self) -> Vec<EventKind> {
        self.events().into_iter().map(|e| e.kind).collect()
    }

    /// The first event for which `is_it` holds.
    ///
    /// # Panics
    /// When it does not happen; all events are shown.
    #[track_caller]
    pub fn until_event(&self, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
        poll(CONDITION_WAIT_MAX, || self.events().into_iter().find(&is_it))
            .unwrap_or_else(|| panic!("not within {CONDITION_WAIT_MAX:?}: {what}\n{:#?}", self.events()))
    }

    /// `report --json`.
    pub fn report(&self) -> serde_json::Value {
        let done = self.verb("report", &["--json"]);
        done.expect_code(0);
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("report --json: {e}\n{done}"))
    }

    /// Waits for the end; the run's exit code is in the answer.
    pub fn wait(&self) -> Done {
        self.verb("wait", &["--timeout", "120s"])
    }

    /// The process of a peer, now; `None` while there is none.
    pub fn pid(&self, peer: &str) -> Option<u32> {
        self.status().peers.get(peer)?.pid
    }

    /// Stops a process of it, at a moment when it does not hold the ledger's write lock.
    pub fn freeze(&self, pid: u32) {
        super::processes::freeze(pid, &self.lab.state().join("runs").join(&self.id).join("ledger.sqlite"));
    }

    pub fn lab(&self) -> &Lab {
        self.lab
    }
}

/// The law of architecture.md 7, in transfers and in bytes.
///
/// # Panics
/// When it does not hold.
#[track_caller]
pub fn assert_conserved(s: &Status) {
    for (what, total, parts) in [
        ("transfers", s.totals.transfers, [s.done, s.skipped, s.failed, s.remaining].map(|q| q.transfers)),
        ("bytes", s.totals.bytes, [s.done, s.skipped, s.failed, s.remaining].map(|q| q.bytes)),
    ] {
        assert_eq!(
            total,
            parts.iter().sum::<u64>(),
            "{what}: discovered is not done + skipped + failed + remaining: {s:#?}"
        );
    }
}
