//! The object store of a demonstration: a program beside this one, on loopback, that ends with it.

use crate::demo::{fair, weather_file};
use crate::exit::Failure;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use twinhaul_profile::DemoStore;

const PROGRAM: &str = "twinhaul-store";
const BACKEND: &str = "libtwinhaul_cloud.so";
/// Its credentials, as the store and the story's profile read them.
const KEY_ID: &str = "TWINHAUL_STORE_KEY_ID";
const SECRET: &str = "TWINHAUL_STORE_SECRET";
/// In the profile too.
const BUCKET: &str = "archive";
/// Its line is short.
const LINE_BYTES_MAX: u64 = 256;

/// Ends when dropped; when this process dies, too, because its standard input ends then.
#[derive(Debug)]
pub(super) struct Store {
    child: Child,
    pub(super) address: SocketAddr,
}

/// The store's program, and that the backend is there which can speak to it.
pub(super) fn find() -> Result<PathBuf, Failure> {
    let exe = std::env::current_exe().map_err(|e| Failure::other("finding this program", e))?;
    for name in [PROGRAM, BACKEND] {
        if !exe.with_file_name(name).exists() {
            return Err(Failure::usage(format!(
                "this story needs {name} beside twinhaul. Try: cargo xtask demo cloud, which builds it"
            )));
        }
    }
    Ok(exe.with_file_name(PROGRAM))
}

/// Goes on in this process anew with credentials of the demonstration's own, once: they are in the environment of every process
/// of the run, and nowhere else.
pub(super) fn draw_keys() -> Result<(), Failure> {
    if [KEY_ID, SECRET].iter().all(|name| std::env::var_os(name).is_some()) {
        return Ok(());
    }
    let exe = std::env::current_exe().map_err(|e| Failure::other("finding this program", e))?;
    let mut drawn = [0; 32];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut drawn));
    read.map_err(|e| Failure::other("drawing credentials", e))?;
    let secret = blake3::hash(&drawn).to_hex().to_string();
    let mut again = Command::new(exe);
    again.args(std::env::args_os().skip(1)).env(KEY_ID, "demo").env(SECRET, secret);
    Err(Failure::other("going on with credentials", again.exec()))
}

impl Store {
    /// Begins with nothing, in fair weather.
    pub(super) fn start(program: &Path, place: &Path, about: &DemoStore) -> Result<Self, Failure> {
        let fail = |e: std::io::Error| Failure::other("starting the store", e);
        let (root, weather) = (place.join("store"), weather_file(place));
        std::fs::write(&weather, fair(about).line()).map_err(fail)?;
        let log = place.join("store.log");
        let mut command = Command::new(program);
        command.args(["--port", "0", "--bucket", BUCKET, "--root"]).arg(root).arg("--weather").arg(weather);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(std::fs::File::create(&log).map_err(fail)?);
        // Ctrl-C is for the run, which needs its store until it has ended.
        let mut child = command.process_group(0).spawn().map_err(fail)?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out.take(LINE_BYTES_MAX)).read_line(&mut line).map_err(fail)?;
        }
        let Some(address) = line.trim_end().strip_prefix("listening ").and_then(|a| a.parse().ok()) else {
            let _ = child.wait();
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let said = twinhaul_units::text::show(said.trim_end()).into_owned();
            return Err(Failure::other("starting the store", std::io::Error::other(said)));
        };
        Ok(Self { child, address })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // It holds nothing that matters.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
