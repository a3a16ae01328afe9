//! A disk that records what is asked of it.

use crate::product::{poll, processes};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The program that records.
const PROGRAM: &str = "qemu-storage-daemon";
/// How long the program may take to begin, and to end.
const DAEMON_WAIT_MAX: Duration = Duration::from_secs(30);

/// A file that is recorded: every write and every flush of it goes to a log.
#[derive(Debug)]
pub struct Recorder {
    daemon: Child,
    exported: PathBuf,
    log: PathBuf,
}

impl Recorder {
    /// Begins to record a new file of `bytes` zeros; everything is in `directory`, which must not be a slow place.
    ///
    /// # Errors
    /// In words, where this machine cannot do that.
    pub fn start(directory: &Path, bytes: u64) -> Result<Self, String> {
        let [image, log, exported] = ["recorded", "log", "exported"].map(|name| directory.join(name));
        for path in [&image, &log, &exported] {
            std::fs::write(path, "").map_err(|e| format!("{}: {e}", path.display()))?;
        }
        super::cut::blank(&image, bytes).map_err(|e| e.to_string())?;
        // What a flush means is the log's to say; the files below need not be safe. It goes when this thread does.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", PROGRAM]);
        let file = |node: &str, path: &Path| {
            format!("driver=file,node-name={node},filename={},cache.no-flush=on", path.display())
        };
        command.arg("--blockdev").arg(file("below", &image));
        command.arg("--blockdev").arg(file("log", &log));
        command.arg("--blockdev").arg("driver=blklogwrites,node-name=recorded,file=below,log=log");
        let export = "type=fuse,id=export,node-name=recorded,writable=on,mountpoint=";
        command.arg("--export").arg(format!("{export}{}", exported.display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let daemon = command.spawn().map_err(|e| format!("setpriv: {e}"))?;
        let mut recorder = Self { daemon, exported, log };
        let is_there =
            |recorder: &Self| std::fs::metadata(&recorder.exported).is_ok_and(|meta| meta.len() == bytes);
        let begun = poll(DAEMON_WAIT_MAX, || {
            let ended = recorder.daemon.try_wait().ok().flatten().is_some();
            (ended || is_there(&recorder)).then_some(!ended)
        });
        match begun {
            Some(true) => Ok(recorder),
            Some(false) => {
                let mut said = String::new();
                let stderr = recorder.daemon.stderr.take();
                let _ = stderr.map(|mut pipe| std::io::Read::read_to_string(&mut pipe, &mut said));
                Err(format!("{PROGRAM}: {}", said.trim()))
            }
            None => Err(format!("{PROGRAM} exported nothing within {DAEMON_WAIT_MAX:?}")),
        }
    }

    /// The file; what is written to it is recorded.
    pub fn file(&self) -> &Path {
        &self.exported
    }

    /// How long the log is now: everything that has been answered is in it.
    pub fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.log).expect("the log of writes").len()
    }

    /// Ends the recording, whose file nobody uses any more.
    pub fn end(mut self) -> PathBuf {
        processes::signal(self.daemon.id(), Signal::TERM);
        let ended = poll(DAEMON_WAIT_MAX, || self.daemon.try_wait().expect("the recorder"));
        assert!(ended.is_some_and(|status| status.success()), "the recorder did not end well: {ended:?}");
        std::mem::take(&mut self.log)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
