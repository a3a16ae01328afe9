//! Sessions: a run must not end with the terminal, the shell or the login that started it ("quit must not kill my job").
//!
//! The hidden verbs call [`become_session_leader`] as their first act. [`spawn_detached`] is how `twinhaul run` starts
//! `twinhaul supervise`; no parent-death signal is set anywhere: peers outlive their supervisor, and it the console.

use crate::{SupervisorError, client::Client, exit, lock};
use rustix::fs::{Mode, OFlags};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a started supervisor may take until its socket answers.
pub const SUPERVISOR_READY_MAX: Duration = Duration::from_secs(15);
const READY_POLL_MIN: Duration = Duration::from_millis(2);
const READY_POLL_MAX: Duration = Duration::from_millis(20);

/// Makes this process the leader of a new session, without a controlling terminal. `false`: it leads a process group
/// already (started by hand from a shell), so it stays in its session.
pub fn become_session_leader() -> bool {
    rustix::process::setsid().is_ok()
}

/// A supervisor that this process started and does not own.
#[derive(Debug)]
pub struct Detached {
    child: Child,
    log: PathBuf,
    log_from: u64,
    /// What to start instead, when a scope could not be made.
    without_scope: Option<(PathBuf, Vec<OsString>)>,
    /// What the person should know: that a logout would end the run.
    pub note: Option<String>,
}

impl Detached {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, in words with its last lines; `None` while it lives.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        let words = exit::words("the supervisor", exit::Exit::from(status));
        let last = exit::last_words(&self.log, self.log_from);
        Some(if last.is_empty() { words } else { format!("{words}: {last}") })
    }

    /// Waits until the supervisor's socket answers.
    ///
    /// # Errors
    /// [`SupervisorError::DidNotStart`] with its last words, when it ended or said nothing within
    /// [`SUPERVISOR_READY_MAX`].
    pub fn wait_ready(&mut self, run_dir: &Path) -> Result<(), SupervisorError> {
        let deadline = Instant::now() + SUPERVISOR_READY_MAX;
        let mut pause = READY_POLL_MIN;
        loop {
            let Err(error) = Client::connect(run_dir, "supervisor") else { return Ok(()) };
            if let Some(words) = self.ended() {
                let Some((exe, args)) = self.without_scope.take() else {
                    return Err(SupervisorError::DidNotStart(words));
                };
                *self = spawn_plain(&exe, &args, &self.log)?;
            }
            if Instant::now() >= deadline {
                return Err(SupervisorError::DidNotStart(error.to_string()));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(READY_POLL_MAX);
        }
    }
}

/// Starts `exe args…` with no standard input, its output appended to `log`, meant to live on when this process ends. Where a
/// user manager runs it gets a scope of its own, so that the end of this login's session does not end it.
///
/// # Errors
/// When the log cannot be opened or nothing can be started.
pub fn spawn_detached(exe: &Path, args: &[OsString], log: &Path) -> Result<Detached, SupervisorError> {
    if !scope_wanted() {
        return spawn_plain(exe, args, log);
    }
    let scope = ["--user", "--scope", "--quiet", "--collect", "--"].map(OsString::from);
    let whole: Vec<&OsStr> = scope
        .iter()
        .map(OsString::as_os_str)
        .chain([exe.as_os_str()])
        .chain(args.iter().map(OsString::as_os_str))
        .collect();
    match spawn(OsStr::new("systemd-run"), &whole, log) {
        Ok(scoped) => {
            let without_scope = Some((exe.to_owned(), args.to_owned()));
            Ok(Detached { without_scope, note: lingering_note(), ..scoped })
        }
        // Not installed although a manager runs.
        Err(_) => spawn_plain(exe, args, log),
    }
}

fn spawn_plain(exe: &Path, args: &[OsString], log: &Path) -> Result<Detached, SupervisorError> {
    let args: Vec<_> = args.iter().map(OsString::as_os_str).collect();
    spawn(exe.as_os_str(), &args, log)
}

fn spawn(program: &OsStr, args: &[&OsStr], log: &Path) -> Result<Detached, SupervisorError> {
    let out = open_log(log)?;
    let log_from = out.metadata().map_or(0, |m| m.len());
    let err = out.try_clone().map_err(SupervisorError::io("open", log))?;
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map_err(SupervisorError::io("start", program))?;
    Ok(Detached { child, log: log.into(), log_from, without_scope: None, note: None })
}

/// Opens a log for appending: mode 0600, never through a link.
pub(crate) fn open_log(path: &Path) -> Result<File, SupervisorError> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)
        .map(File::from)
        .map_err(|e| SupervisorError::io("open", path)(e.into()))
}

fn scope_wanted() -> bool {
    std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|d| Path::new(&d).join("systemd/private").exists())
}

fn lingering_note() -> Option<String> {
    let user = std::env::var("USER").ok().filter(|u| !u.is_empty() && !u.contains('/'))?;
    let lingers = Path::new("/var/lib/systemd/linger").join(&user).exists();
    (!lingers).then(|| {
        "lingering is off: the last logout ends this run; \"loginctl enable-linger\" keeps it alive"
            .to_owned()
    })
}

/// As many descriptors as this process may have (fault 45): what it begins with is usually less.
pub(crate) fn widen() {
    let now = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let all = rustix::process::Rlimit { current: now.maximum, ..now };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Nofile, all) {
        tracing::warn!(%error, "could not raise the number of descriptors");
    }
}

/// Closes what a supervisor and its children have no use for (threat 21): new privileges and core files.
pub(crate) fn harden() {
    if let Err(error) = rustix::thread::set_no_new_privs(true) {
        tracing::warn!(%error, "could not give up new privileges");
    }
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        tracing::warn!(%error, "could not turn core files off");
    }
}

/// Who sits in the place of `name`, verified by start time.
pub(crate) fn sitting(run_dir: &Path, name: &str) -> Option<lock::Holder> {
    match lock::holder(run_dir, name) {
        Ok(lock::Probe::Held(holder)) => holder,
        Ok(lock::Probe::Free) | Err(_) => None,
    }
}
