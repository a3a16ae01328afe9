//! A run directory, scripts for its peers, and real processes over it; everything that is left is ended with the stage.

use rustix::process::{Pid, PidfdFlags, Signal};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use twinhaul_supervisor::{Client, is_supervised, peer_lock_holder};
use twinhaul_wire::{Event, EventKind, Frame, RunSnapshot, decode};

/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Stage {
    dir: tempfile::TempDir,
    pub(crate) supervisor: Option<Child>,
}

/// Beside the tests, in `examples`; cargo builds it with them.
pub(crate) fn fake_peer() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples/fake_peer");
    assert!(path.exists(), "{} is missing: cargo test --examples builds it", path.display());
    path
}

impl Stage {
    /// Scripts: one line for each start of the peer.
    pub(crate) fn set(alpha: &[&str], beta: &[&str], wishes: &serde_json::Value) -> Self {
        let mut builder = tempfile::Builder::new();
        let dir = builder.permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap();
        fs::write(dir.path().join("alpha.script"), alpha.join("\n")).unwrap();
        fs::write(dir.path().join("beta.script"), beta.join("\n")).unwrap();
        fs::write(dir.path().join("supervise.json"), wishes.to_string()).unwrap();
        Self { dir, supervisor: None }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn start(mut self) -> Self {
        self.start_again();
        self
    }

    pub(crate) fn start_again(&mut self) {
        let err = fs::File::create(self.path().join("supervise.err")).unwrap();
        let child = Command::new(fake_peer())
            .args(["supervise".as_ref(), self.path().as_os_str()])
            .stdin(Stdio::null())
            .stderr(err)
            .spawn();
        self.supervisor = Some(child.unwrap());
    }

    /// Waits for something to become true.
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            let said = self.read("supervise.err");
            assert!(Instant::now() < deadline, "never: {what}\nevents: {:#?}\nsaid: {said}", self.events());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the supervisor's end.
    pub(crate) fn end(&mut self) -> i32 {
        let mut child = self.supervisor.take().unwrap();
        let status = self.until("the supervisor's end", || child.try_wait().unwrap());
        status.code().unwrap_or(-1)
    }

    /// Waits for a state of the run, as a console sees it.
    pub(crate) fn see(&self, what: &str, fits: impl Fn(&RunSnapshot) -> bool) -> RunSnapshot {
        self.until(what, || self.client().run_snapshot().ok().filter(|run| fits(run)))
    }

    pub(crate) fn client(&self) -> Client {
        self.until("the supervisor's socket", || Client::connect(self.path(), "supervisor").ok())
    }

    pub(crate) fn running(&self) -> RunSnapshot {
        self.see("both running", |run| run.peers.values().all(|p| p.state == "running"))
    }

    pub(crate) fn signal_supervisor(&self, signal: Signal) {
        kill(self.supervisor.as_ref().unwrap().id(), signal);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.read("events.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    /// Words and time to restart of each exit of `name`.
    pub(crate) fn exits(&self, name: &str) -> Vec<(String, Option<u64>)> {
        let exit = |e: Event| match e.kind {
            EventKind::Exited { process, words, restart_in_ms } if process == name => {
                Some((words, restart_in_ms))
            }
            _ => None,
        };
        self.events().into_iter().filter_map(exit).collect()
    }

    pub(crate) fn starts(&self, name: &str) -> usize {
        self.read(&format!("{name}.starts")).lines().count()
    }

    /// What a peer was told, one JSON line each.
    pub(crate) fn heard(&self, name: &str) -> String {
        self.read(&format!("{name}.heard"))
    }

    pub(crate) fn recording(&self) -> Vec<Frame> {
        let text = self.read("recording.jsonl");
        text.lines().map(|l| decode(l.as_bytes()).unwrap()).collect()
    }

    /// The last state of the run that the recording holds.
    pub(crate) fn last_run(&self) -> RunSnapshot {
        let last = self.recording().into_iter().rev().find_map(|f| match f {
            Frame::Run(run) => Some(*run),
            _ => None,
        });
        last.unwrap()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let places = ["alpha", "beta", "planner"].map(|name| peer_lock_holder(self.path(), name));
        let all = places.into_iter().chain([is_supervised(self.path())]).flatten().filter(|pid| *pid > 0);
        for pid in all {
            kill(pid, Signal::KILL);
        }
        if let Some(mut child) = self.supervisor.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    if let Ok(fd) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        let _ = rustix::process::pidfd_send_signal(fd, signal);
    }
}
