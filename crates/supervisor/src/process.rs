//! One process of the run: started here or adopted, watched and signalled through its pidfd only (threat 19).
//!
//! A pidfd means this process and no later one with its pid. A started child is not reaped before its pidfd is open; an adopted
//! one is checked by its lock and start time after that. No parent-death signal: it outlives this supervisor.
//! Entry points: [`Process::spawn`], [`Process::adopt`].

use crate::{Child, SupervisorError, exit::Exit, run::Input, session};
use rustix::{
    fd::OwnedFd,
    process::{Pid, PidfdFlags, Signal},
};
use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::mpsc,
    task::AbortHandle,
};
use twinhaul_units::Moment;

/// A process's standard error is put aside when it is longer than this at its start.
const ERR_BYTES_MAX: u64 = 4 << 20;
/// Added to a child's badness for the OOM killer (fault 46): a peer goes before its supervisor and the console.
const OOM_SCORE_ADJ: &str = "300";

/// A process that may be alive.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) since: Moment,
    pub(crate) adopted: bool,
    /// Its standard error, and where this life's part begins.
    pub(crate) log: PathBuf,
    pub(crate) log_from: u64,
    child: Option<std::process::Child>,
    pidfd: Arc<AsyncFd<OwnedFd>>,
    watch: Option<AbortHandle>,
}

impl Process {
    /// Starts `child`: no standard input, output appended to `<run_dir>/<name>.err`. It makes its own session as its first act.
    pub(crate) fn spawn(child: &Child, run_dir: &Path, now: Moment) -> Result<Self, SupervisorError> {
        let log = run_dir.join(format!("{}.err", child.name));
        put_aside(&log);
        let err = session::open_log(&log)?;
        let log_from = err.metadata().map_or(0, |m| m.len());
        let out = err.try_clone().map_err(SupervisorError::io("open", &log))?;
        let (program, args) = child.argv.split_first().ok_or_else(|| SupervisorError::Untrusted {
            path: run_dir.into(),
            why: format!("there is no command for {}", child.name),
        })?;
        let process = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(SupervisorError::io("start", program))?;
        let pid = process.id();
        let pidfd = open(pid).map_err(SupervisorError::io("watch", program))?;
        // Only a preference: where /proc does not allow it, nothing else changes.
        let _ = std::fs::write(format!("/proc/{pid}/oom_score_adj"), OOM_SCORE_ADJ);
        Ok(Self { pid, since: now, adopted: false, log, log_from, child: Some(process), pidfd, watch: None })
    }

    /// The process that holds the lock of `name`, if one does: no second copy is started.
    pub(crate) fn adopt(name: &str, run_dir: &Path, now: Moment) -> Option<Self> {
        let holder = session::sitting(run_dir, name)?;
        let pidfd = open(holder.pid).ok()?;
        // Between the look and the pidfd it may have died and its pid been given away: look again.
        if session::sitting(run_dir, name) != Some(holder) {
            return None;
        }
        let log = run_dir.join(format!("{name}.err"));
        let log_from = std::fs::metadata(&log).map_or(0, |m| m.len());
        Some(Self {
            pid: holder.pid,
            since: now,
            adopted: true,
            log,
            log_from,
            child: None,
            pidfd,
            watch: None,
        })
    }

    /// Tells `inputs` once, when the process has ended.
    pub(crate) fn watch(&mut self, seat: usize, life: u64, inputs: mpsc::Sender<Input>) {
        let pidfd = Arc::clone(&self.pidfd);
        let task = tokio::spawn(async move {
            let ended = pidfd.readable().await;
            drop(ended);
            let _ = inputs.send(Input::Ended { seat, life }).await;
        });
        self.watch = Some(task.abort_handle());
    }

    /// Signals this process and no other.
    pub(crate) fn signal(&self, signal: Signal) {
        match rustix::process::pidfd_send_signal(self.pidfd.get_ref(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::warn!(pid = self.pid, %error, "could not signal"),
        }
    }

    /// How it ended; only after its end was told.
    pub(crate) fn exit(&mut self) -> Exit {
        match self.child.as_mut().map(std::process::Child::wait) {
            Some(Ok(status)) => Exit::from(status),
            Some(Err(_)) | None => Exit::Unknown,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

fn open(pid: u32) -> io::Result<Arc<AsyncFd<OwnedFd>>> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    let fd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    #[expect(
        deprecated,
        reason = "its replacement is unsafe because a descriptor might be closed or replaced under it; an OwnedFd that \
                  nobody takes out again cannot be"
    )]
    let watched = AsyncFd::with_interest(fd, Interest::READABLE)?;
    Ok(Arc::new(watched))
}

fn put_aside(log: &Path) {
    if std::fs::symlink_metadata(log).is_ok_and(|m| m.is_file() && m.len() > ERR_BYTES_MAX) {
        // If it cannot be renamed, it is appended to; nothing is lost.
        let _ = std::fs::rename(log, log.with_extension("err.old"));
    }
}
