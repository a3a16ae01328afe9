//! The store that clients send to: a new one for each run.
//!
//! It is started by a shell that ends at once, so that it is nobody's child here: [`crate::bench::measure`] counts and waits for all that are.
//! It ends when its standard input does, which is ours.

use super::super::place::remove;
use super::wire::{self, BESIDE, Wire};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(super) const KEY_ID: &str = "bench-key-id";
pub(super) const SECRET: &str = "bench-secret";
pub(super) const BUCKET: &str = "bench";
/// Where objects are in memory; with so many times their size free.
const MEMORY: &str = "/dev/shm";
const MEMORY_FACTOR: u64 = 3;
const LISTENS_MAX: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Server {
    pub(super) endpoint: String,
    root: PathBuf,
    input: Option<ChildStdin>,
}

impl Server {
    /// `bytes`: what will be sent to it.
    pub(super) fn start(program: &Path, dir: &Path, bytes: u64, wire: Option<&Wire>) -> Result<Self, String> {
        let root = root(dir, bytes);
        let said = dir.join("store");
        let out = File::create(&said).map_err(|e| format!("cannot make {}: {e}", said.display()))?;
        let mut shell = Command::new("sh");
        shell.args(["-c", BESIDE, "sh"]).args(wire.map(Wire::far).into_iter().flatten()).arg(program);
        shell.args(wire.map(|_| ["--address", wire::FAR]).into_iter().flatten());
        shell.args(["--port", "0", "--bucket", BUCKET, "--root"]).arg(&root);
        shell.env("TWINHAUL_STORE_KEY_ID", KEY_ID).env("TWINHAUL_STORE_SECRET", SECRET);
        let err = out.try_clone().map_err(|e| format!("the store: {e}"))?;
        let mut shell = shell
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|e| format!("the store cannot be started: {e}"))?;
        let input = shell.stdin.take();
        shell.wait().map_err(|e| format!("the store cannot be started: {e}"))?;
        let began = Instant::now();
        loop {
            let text = std::fs::read_to_string(&said).unwrap_or_default();
            if let Some(address) = text.lines().find_map(|l| l.strip_prefix("listening ")) {
                return Ok(Self { endpoint: format!("http://{address}"), root, input });
            }
            if began.elapsed() > LISTENS_MAX {
                return Err(format!("the store does not listen: {}", text.escape_debug()));
            }
            sleep(LOOK);
        }
    }

    /// Its files are its objects.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn end(mut self) -> Result<(), String> {
        self.stop();
        remove(&self.root)
    }

    fn stop(&mut self) {
        drop(self.input.take());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        // Already gone when all went well.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

fn root(dir: &Path, bytes: u64) -> PathBuf {
    let free = rustix::fs::statvfs(MEMORY).map_or(0, |s| s.f_bavail * s.f_frsize);
    if free >= bytes * MEMORY_FACTOR {
        Path::new(MEMORY).join(format!("twinhaul-bench-{}", std::process::id()))
    } else {
        dir.join("objects")
    }
}
