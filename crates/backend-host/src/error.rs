//! What can be wrong with a library ([`HostError`]), and what a call of a backend answers ([`BackendError`]).
//!
//! Messages say what, where, why and the next command (architecture.md 6); text of a backend goes through the sanitiser.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use twinhaul_backend_abi::{Code, raw};
use twinhaul_units::text::show;

/// Why a library is not used.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(
        "no backend \"{}\": looked for {file} in {}. Build it (cargo build -p twinhaul-{}), or name its directory: TWINHAUL_BACKENDS=DIR twinhaul backends list",
        show(.name), shown_list(.looked), show(.name)
    )]
    NotFound { name: String, file: String, looked: Vec<PathBuf> },
    #[error("no library at {}. Check the path, or see what is there: twinhaul backends list", shown(.path))]
    Missing { path: PathBuf },
    #[error("cannot read library {}: {source}. Check who may read it: ls -l {}", shown(.path), shown(.path))]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("library {} is {what}, not a regular file. Name the file itself", shown(.path))]
    NotRegular { path: PathBuf, what: &'static str },
    #[error(
        "library {} is not loaded: {} is writable by others (mode {mode:04o}), who could put their code into it. Repair it: chmod go-w {}",
        shown(.path), shown(.at), shown(.at)
    )]
    WritableByOthers { path: PathBuf, at: PathBuf, mode: u32 },
    #[error(
        "library {} is not loaded: {} belongs to user {uid}, neither to root nor to you. Copy it to a directory of your own",
        shown(.path), shown(.at)
    )]
    ForeignOwner { path: PathBuf, at: PathBuf, uid: u32 },
    #[error("\"{}\" is not a pin: expected blake3: and 64 hexadecimal digits, as b3sum prints", show(.pin))]
    BadPin { pin: String },
    #[error(
        "library {} is not loaded: its BLAKE3 is {found}, the profile pins {wanted}. If the new file is yours, write the new pin into the profile",
        shown(.path)
    )]
    PinMismatch { path: PathBuf, wanted: String, found: String },
    #[error(
        "{} is not a shared library ({}). Name a file that `file` calls a shared object",
        shown(.path), show(.reason)
    )]
    NotALibrary { path: PathBuf, reason: String },
    #[error(
        "{} is a shared library but not a backend: it does not export {symbol}. See plugins/README.md for what a backend exports",
        shown(.path)
    )]
    NotABackend { path: PathBuf, symbol: String },
    #[error(
        "backend {} speaks interface {major}.{minor}, this program {}.{}. Build it against this version's twinhaul_backend.h",
        shown(.path), raw::ABI_MAJOR, raw::ABI_MINOR
    )]
    OtherAbi { path: PathBuf, major: u16, minor: u16 },
    #[error("backend {} describes itself wrongly: {}. Tell its author", shown(.path), show(.reason))]
    BadModule { path: PathBuf, reason: String },
    #[error(
        "backend {} crashed when probed (signal {signal}{}). It was not loaded; nothing else is affected. Try it alone: twinhaul backends check {}",
        shown(.path), signal_name(*.signal), shown(.path)
    )]
    Crashed { path: PathBuf, signal: i32 },
    #[error(
        "backend {} ended the probe without an answer ({}). It was not loaded. Try it alone: twinhaul backends check {}",
        shown(.path), show(.how), shown(.path)
    )]
    NoAnswer { path: PathBuf, how: String },
    #[error(
        "backend {} did not answer within {} s when probed. It was not loaded. Try it alone: twinhaul backends check {}",
        shown(.path), .limit.as_secs(), shown(.path)
    )]
    ProbeTimeout { path: PathBuf, limit: Duration },
    #[error("cannot start the probe of {}: {source}", shown(.path))]
    ProbeStart { path: PathBuf, source: std::io::Error },
    #[error("library {} changed while it was probed. Wait until its build has finished, then try again", shown(.path))]
    Changed { path: PathBuf },
    #[error("backend {} refused to start: {error}", shown(.path))]
    Init { path: PathBuf, error: BackendError },
}

fn shown(path: &std::path::Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    twinhaul_units::text::show_bytes(path.as_os_str().as_bytes())
}

fn shown_list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "no directory".to_owned();
    }
    paths.iter().map(|p| shown(p)).collect::<Vec<_>>().join(", ")
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => ", illegal instruction",
        6 => ", aborted",
        7 => ", bus error",
        8 => ", arithmetic",
        9 => ", killed",
        11 => ", segmentation fault",
        _ => "",
    }
}

/// What a call answered instead of success. Decide by the three questions, show it by `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendError {
    /// "disk".
    pub backend: Arc<str>,
    /// The call, by its name in the header: `publish_batch`.
    pub op: &'static str,
    /// Code, flags, error number, wait and message.
    pub error: twinhaul_backend_abi::Error,
}

impl BackendError {
    pub fn code(&self) -> Code {
        self.error.code
    }

    /// The same call may be repeated unchanged, after [`Self::retry_after`].
    pub fn retryable(&self) -> bool {
        self.error.is_retryable() && !self.poisoned()
    }

    /// This writer or reader is dead: only abort and drop.
    pub fn poisoned(&self) -> bool {
        self.error.is_poisoned()
    }

    /// The effect may have happened: stat before repeating.
    pub fn uncertain(&self) -> bool {
        self.error.is_uncertain()
    }

    pub fn retry_after(&self) -> Option<Duration> {
        self.error.retry_after
    }

    /// 0 = none.
    pub fn errno(&self) -> i32 {
        self.error.errno
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", show(&self.backend), self.op, self.error)
    }
}

impl std::error::Error for BackendError {}
