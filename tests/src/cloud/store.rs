//! The S3 server that ships with the project, with weather: what a suite may start where nothing else is installed.

use super::{ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY, end};
use crate::needs;
use crate::product::exe;
use crate::workdir::Workdir;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use twinhaul_wire::Weather;

/// Ends when dropped, and when the test dies.
#[derive(Debug)]
pub struct Store {
    child: Child,
    pub address: SocketAddr,
    work: Workdir,
}

impl Store {
    /// A server for `suite`, and a product that can speak to it; `None`: one of them is not built, which is said.
    pub fn or_skip(suite: &str) -> Option<Self> {
        let (program, backend) = (program(), exe().with_file_name("libtwinhaul_cloud.so"));
        if !program.exists() || !backend.exists() {
            let why = "the store or the cloud backend is not built: cargo build -p twinhaul-store -p twinhaul-cloud";
            needs::skip(suite, why);
            return None;
        }
        Some(Self::start())
    }

    /// # Panics
    /// When it is not built, or does not listen.
    pub fn start() -> Self {
        let work = Workdir::new();
        let log = std::fs::File::create(work.path().join("log")).expect("log");
        let mut child = Command::new(program())
            .args(["--port", "0", "--bucket", BUCKET, "--root"])
            .arg(work.path().join("root"))
            .arg("--weather")
            .arg(work.path().join("weather"))
            .env("TWINHAUL_STORE_KEY_ID", ACCESS_KEY_ID)
            .env("TWINHAUL_STORE_SECRET", SECRET_ACCESS_KEY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("twinhaul-store");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its line");
        let address = line.trim_end().strip_prefix("listening ").and_then(|a| a.parse().ok());
        let said = std::fs::read_to_string(work.path().join("log")).unwrap_or_default();
        let address = address.unwrap_or_else(|| panic!("the store does not listen: {line} {said}"));
        Self { child, address, work }
    }

    /// Holds from the next request on.
    pub fn weather(&self, weather: &Weather) {
        let (new, file) = (self.work.path().join("weather.new"), self.work.path().join("weather"));
        std::fs::write(&new, weather.line()).expect("weather");
        std::fs::rename(new, file).expect("weather");
    }

    /// The JSON of a target or a source, for a profile.
    pub fn end(&self, prefix: &str) -> String {
        end(self.address, prefix)
    }

    /// Files that it keeps: one for each object, and for each part of an upload under way.
    pub fn kept(&self) -> usize {
        std::fs::read_dir(self.work.path().join("root")).expect("its root").count()
    }

    /// Its owner goes away without a word: whether it ends by itself.
    pub fn ends_with_its_owner(mut self) -> bool {
        drop(self.child.stdin.take());
        self.child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    exe().with_file_name("twinhaul-store")
}
