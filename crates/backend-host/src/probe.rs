//! Loading a library for the first time happens in a throw-away child: a constructor that crashes or hangs takes only that
//! child with it (faults.md, threat 8). The child prints one marked JSON line; the parent reads it within a time limit.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use serde_json::{Value, json};

use crate::error::HostError;
use crate::library;
use crate::module::ModuleInfo;
use crate::trust::{self, Checked};

/// How long a probe may take.
pub const PROBE_TIME_MAX: Duration = Duration::from_secs(10);
/// How much a probe may print before its answer.
pub const PROBE_BYTES_MAX: usize = 2 << 20;
/// Tells the child which file was checked: another one that lies there by now is not loaded, not even there (threat 7).
const CHECKED_ENV: &str = "TWINHAUL_PROBE_CHECKED";
/// What the answer's line holds before the JSON: a library may print, too.
const MARK: &str = "twinhaul-probe ";

/// Runs `command` (the program's own `backends check --in-child FILE`) for a checked file and reads its answer.
pub(crate) fn probe(
    checked: &Checked,
    asked: &Path,
    mut command: Command,
    limit: Duration,
) -> Result<ModuleInfo, HostError> {
    let path = || asked.to_owned();
    let mut child = command
        .env(CHECKED_ENV, checked.id.token())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| HostError::ProbeStart { path: path(), source })?;
    let deadline = Instant::now() + limit;
    let line = read_answer(&mut child, deadline);
    let status = wait_until(&mut child, deadline);
    let Some(status) = status else {
        return Err(HostError::ProbeTimeout { path: path(), limit });
    };
    // A crash after the answer (in a destructor) is a crash.
    if let Some(signal) = status.signal() {
        return Err(HostError::Crashed { path: path(), signal });
    }
    let how = || match status.code() {
        Some(code) => format!("exit {code}"),
        None => "unknown exit".to_owned(),
    };
    let answer: Value = line
        .and_then(|l| serde_json::from_str(&l).ok())
        .ok_or_else(|| HostError::NoAnswer { path: path(), how: how() })?;
    if let Some(error) = answer.get("error") {
        return Err(refusal(asked, error));
    }
    if answer.get("file").and_then(Value::as_str) != Some(checked.id.token().as_str()) {
        return Err(HostError::Changed { path: path() });
    }
    answer
        .get("module")
        .and_then(ModuleInfo::from_json)
        .ok_or_else(|| HostError::NoAnswer { path: path(), how: "its answer is not understood".to_owned() })
}

/// The text after the mark, if its line comes before the deadline.
fn read_answer(child: &mut Child, deadline: Instant) -> Option<String> {
    let mut stdout = child.stdout.take()?;
    let mut seen: Vec<u8> = Vec::new();
    let mut buf = [0u8; 8192];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = Timespec::try_from(left).ok()?;
        let mut fds = [PollFd::new(&stdout, PollFlags::IN)];
        match rustix::event::poll(&mut fds, Some(&limit)) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        match stdout.read(&mut buf) {
            Ok(n) if n > 0 && seen.len() + n <= PROBE_BYTES_MAX => seen.extend_from_slice(&buf[..n]),
            _ => return None,
        }
        let text = String::from_utf8_lossy(&seen);
        if let Some((_, rest)) = text.split_once(MARK)
            && let Some((line, _)) = rest.split_once('\n')
        {
            return Some(line.to_owned());
        }
    }
}

/// How it ended; `None`: not by the deadline, and then it is killed.
fn wait_until(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    const LOOK: Duration = Duration::from_millis(2);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK),
            _ => {
                // Our own child, by handle; it has not been waited for, so its pid is still its own.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

/// The child's side: checks, loads and describes `file`, as JSON.
///
/// # Errors
/// As [`crate::Loader::load`].
pub fn probe_in_child(file: &Path) -> Result<Value, HostError> {
    // A crash here is expected now and then: no core file for it.
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    let checked = trust::check(file, None)?;
    let file = checked.id.token();
    if std::env::var(CHECKED_ENV).is_ok_and(|wanted| wanted != file) {
        return Err(HostError::Changed { path: checked.path });
    }
    let library = library::load(checked)?;
    Ok(json!({ "module": library.info().to_json(), "file": file }))
}

/// The one line that `backends check --in-child FILE` prints on standard output, newline included, and whether it went well.
pub fn answer_in_child(file: &Path) -> (String, bool) {
    let (json, ok) = match probe_in_child(file) {
        Ok(json) => (json, true),
        Err(e) => (json!({ "error": describe(&e) }), false),
    };
    (format!("\n{MARK}{json}\n"), ok)
}

fn describe(e: &HostError) -> Value {
    match e {
        HostError::NotALibrary { reason, .. } => json!({ "kind": "not-a-library", "reason": reason }),
        HostError::NotABackend { symbol, .. } => json!({ "kind": "not-a-backend", "symbol": symbol }),
        HostError::OtherAbi { major, minor, .. } => {
            json!({ "kind": "other-abi", "major": major, "minor": minor })
        }
        HostError::BadModule { reason, .. } => json!({ "kind": "bad-module", "reason": reason }),
        HostError::Changed { .. } => json!({ "kind": "changed" }),
        other => json!({ "kind": "other", "reason": other.to_string() }),
    }
}

/// The child's refusal as the parent's own error.
fn refusal(asked: &Path, e: &Value) -> HostError {
    let path = asked.to_owned();
    let text = |key: &str| e.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number =
        |key: &str| e.get(key).and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
    match text("kind").as_str() {
        "not-a-library" => HostError::NotALibrary { path, reason: text("reason") },
        "not-a-backend" => HostError::NotABackend { path, symbol: text("symbol") },
        "other-abi" => HostError::OtherAbi { path, major: number("major"), minor: number("minor") },
        "bad-module" => HostError::BadModule { path, reason: text("reason") },
        "changed" => HostError::Changed { path },
        _ => HostError::NoAnswer { path, how: text("reason") },
    }
}
