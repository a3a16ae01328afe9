//! The terminal console: a client that comes and goes. Closing it never changes a run unless its user chose so.
//!
//! Entry point: [`run`]. The state and every decision are in `twinhaul-console-model`; here are the loop, the sockets,
//! the ledger's reading face, the terminal and the drawing. Never imports engine, assist or backends, and never writes
//! a ledger. After any exit (q, error, panic, TERM, HUP) the shell is usable.

mod cast;
mod frame_time;
pub mod history;
mod input;
mod link;
mod locale;
mod plain;
mod replay;
mod runtime;
pub mod skin;
mod still;
mod take_out;
mod terminal;
pub mod view;

pub use plain::{Screen, Telling};
pub use replay::RECORDING_BYTES_MAX;
pub use still::still;
pub use twinhaul_console_model::ui::Theme;
pub use twinhaul_console_model::{Keys, Left};

use history::{History, Ledger};
use std::fmt;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use twinhaul_diagnose::Diagnosis;

/// With this variable set, a thread of the console panics: for the test of the terminal contract.
pub(crate) const CRASH_AFTER: &str = "TWINHAUL_CONSOLE_CRASH";

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Unless `NO_COLOR` or `TERM=dumb` say otherwise.
    #[default]
    Auto,
    Always,
    Never,
}

/// How the console looks.
#[derive(Clone, Debug, Default)]
pub struct Face {
    /// ASCII glyphs; `None`: as locale and terminal suggest.
    pub ascii: Option<bool>,
    pub color: Color,
    pub theme: Theme,
    /// Take the mouse: wheel and clicks. Else it stays the terminal's.
    pub mouse: bool,
    /// Keep what the terminal is sent in this file, as an asciinema cast.
    pub record: Option<PathBuf>,
    /// The keys in force.
    pub keys: Keys,
}

/// Looks at everything that tells what is wrong with the run; it may take a second.
#[derive(Clone)]
pub struct Looker(pub Arc<dyn Fn() -> Result<Diagnosis, String> + Send + Sync>);

impl fmt::Debug for Looker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looker")
    }
}

/// Makes a bundle of the run, beside whoever looks; it takes some seconds. Tells where it is.
#[derive(Clone)]
pub struct Bundler(pub Arc<dyn Fn() -> Result<String, String> + Send + Sync>);

impl fmt::Debug for Bundler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bundler")
    }
}

/// What the console is opened on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Holds the sockets `<peer>.sock` and `supervisor.sock`, and `ledger.sqlite`.
    pub run_dir: PathBuf,
    /// The run's id.
    pub run: String,
    /// The first and the second peer's names.
    pub names: [String; 2],
    /// Names of the targets in the profile's order; a queue's rows name theirs by its place in it.
    pub targets: Vec<String>,
    /// `None`: a diagnosis is made of what the screen knows.
    pub looker: Option<Looker>,
    /// `None`: none can be made.
    pub bundler: Option<Bundler>,
    /// Controls are off.
    pub read_only: bool,
    pub face: Face,
    /// Leave by itself when the run has ended; otherwise the summary stays until a key.
    pub exit_when_done: bool,
}

/// Why the console could not go on. The run is not affected by any of them.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error("stdout is not a terminal; use --headless, --plain or --json instead")]
    NotATerminal,
    #[error("stdout is not a terminal; use --plain or --once instead")]
    ReplayWithoutTerminal,
    #[error("the cast cannot be kept in {0}: {1}")]
    Cast(String, #[source] io::Error),
    #[error("{path}: {why}")]
    Recording { path: String, why: String },
    #[error("the terminal failed: {0}")]
    Terminal(#[source] io::Error),
    #[error("a thread could not be started: {0}")]
    Threads(#[source] io::Error),
    #[error("interrupted by signal {signal}; the run goes on without this console")]
    Interrupted { signal: i32 },
    #[error("the console's thread \"{thread}\" panicked; the run goes on without this console")]
    Crashed { thread: String },
}

impl ConsoleError {
    /// The exit code that fits (architecture.md 7): 128 + signal for an interruption, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted { signal } => u8::try_from(128 + signal).unwrap_or(1),
            Self::NotATerminal | Self::ReplayWithoutTerminal | Self::Recording { .. } | Self::Cast(..) => 2,
            _ => 1,
        }
    }
}

/// Whether the terminal shows ASCII only, as `wanted`, or as locale and terminal suggest.
pub fn ascii(wanted: Option<bool>) -> bool {
    locale::ascii(wanted, |name| std::env::var(name).ok())
}

/// Columns and rows of the terminal, 80 and 24 where they are not known.
pub fn size() -> (u16, u16) {
    crossterm::terminal::size().unwrap_or((80, 24))
}

/// Shows the run until it is left.
///
/// # Errors
/// [`ConsoleError`]; the terminal has been given back in every case.
#[allow(clippy::needless_pass_by_value, reason = "the options are for this one call")]
pub fn run(options: Options) -> Result<Left, ConsoleError> {
    run_with(&options, Box::new(ledger(&options)))
}

/// Tells the run as lines of text on `out`, without a terminal.
///
/// # Errors
/// As [`run`]; [`ConsoleError::Terminal`] when `out` cannot be written.
pub fn tell(options: &Options, telling: Telling, out: &mut dyn io::Write) -> Result<Left, ConsoleError> {
    plain::tell(options, Box::new(ledger(options)), telling, out)
}

fn ledger(options: &Options) -> Ledger {
    Ledger::new(options.run_dir.join("ledger.sqlite"))
        .with_targets(options.targets.clone())
        .with_names(&options.names)
        .with_recording(options.run_dir.join("recording.jsonl"))
}

/// What a run recorded, and where it is.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Of the file; what is saved while it is shown goes beside it.
    pub path: PathBuf,
    /// The recording when the file only holds it, as a bundle does; `None`: the file is the recording.
    pub bytes: Option<Vec<u8>>,
}

/// Shows a recording: the run as its console would have seen it, at any time of it; `from` this time on.
///
/// # Errors
/// [`ConsoleError::Recording`] when the file is none; else as [`run`].
pub fn replay(
    recording: Recording,
    face: &Face,
    speed: u32,
    from: Option<Duration>,
) -> Result<Left, ConsoleError> {
    if !io::stdout().is_terminal() {
        return Err(ConsoleError::ReplayWithoutTerminal);
    }
    runtime::replay(recording, face, speed, from)
}

/// Tells a recording as lines of text on `out`, without a terminal and without waiting: all of it, or how it stood, at its
/// end or so long after its beginning.
///
/// # Errors
/// [`ConsoleError::Recording`] when the file is none; [`ConsoleError::Terminal`] when `out` cannot be written.
pub fn tell_recording(
    recording: Recording,
    telling: Telling,
    until: Option<Duration>,
    out: &mut dyn io::Write,
) -> Result<Left, ConsoleError> {
    plain::tell_recording(recording, telling, until, out)
}

/// As [`run`], with another source of events and queue pages.
///
/// # Errors
/// As [`run`].
pub fn run_with(options: &Options, history: Box<dyn History>) -> Result<Left, ConsoleError> {
    if !io::stdout().is_terminal() {
        return Err(ConsoleError::NotATerminal);
    }
    runtime::run(options, history)
}
