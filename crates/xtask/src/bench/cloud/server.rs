//! The store that clients send to: a new one for each run.

use super::super::place::remove;
use super::beside::Beside;
use super::wire::{self, Wire};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) const KEY_ID: &str = "bench-key-id";
pub(super) const SECRET: &str = "bench-secret";
pub(super) const BUCKET: &str = "bench";
/// Where objects are in memory; with so many times their size free.
const MEMORY: &str = "/dev/shm";
const MEMORY_FACTOR: u64 = 3;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) endpoint: String,
    root: PathBuf,
    running: Option<Beside>,
}

impl Server {
    /// `bytes`: what will be sent to it.
    pub(super) fn start(program: &Path, dir: &Path, bytes: u64, wire: Option<&Wire>) -> Result<Self, String> {
        let root = root(dir, bytes);
        let mut command = Command::new(program);
        command.args(wire.map(|_| ["--address", wire::FAR]).into_iter().flatten());
        command.args(["--port", "0", "--bucket", BUCKET, "--root"]).arg(&root);
        command.env("TWINHAUL_STORE_KEY_ID", KEY_ID).env("TWINHAUL_STORE_SECRET", SECRET);
        if let Some(wire) = wire {
            command = wire.far(&command);
        }
        let listens = |text: &str| text.lines().find_map(|l| l.strip_prefix("listening ")).map(str::to_owned);
        let (running, address) = Beside::start(&command, &dir.join("store"), listens)?;
        Ok(Self { endpoint: format!("http://{address}"), root, running: Some(running) })
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
        drop(self.running.take());
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
