//! Programs that run beside a measurement, not below it: [`crate::bench::measure`] counts and waits for everything that is this process's child.
//!
//! A shell starts one and ends at once. It lives as long as its standard input is open, and that is ours.

use std::fs::File;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a shell starts in the background has no input of its own, unless it is told.
const START: &str = "exec 3<&0; \"$@\" <&3 3<&- &";
/// Until it has said what is waited for.
const THERE_MAX: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(5);

/// Ends when dropped.
#[derive(Debug)]
pub(super) struct Beside(#[expect(dead_code, reason = "held open")] Option<ChildStdin>);

impl Beside {
    /// Starts `command`, of which program, arguments and environment count; `said` gets what it prints, until `is_there` finds in it
    /// what it is waited for.
    pub(super) fn start<T>(
        command: &Command,
        said: &Path,
        is_there: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T), String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let told = |e: std::io::Error| format!("{name} cannot be started: {e}");
        let out = File::create(said).map_err(told)?;
        let err = out.try_clone().map_err(told)?;
        let mut shell = Command::new("sh");
        shell.args(["-c", START, "sh"]).arg(command.get_program()).args(command.get_args());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut shell = shell.stdin(Stdio::piped()).stdout(out).stderr(err).spawn().map_err(told)?;
        let input = shell.stdin.take();
        shell.wait().map_err(told)?;
        let began = Instant::now();
        loop {
            let text = std::fs::read_to_string(said).unwrap_or_default();
            if let Some(found) = is_there(&text) {
                return Ok((Self(input), found));
            }
            if began.elapsed() > THERE_MAX {
                return Err(format!("{name} is not there: {}", text.trim().escape_debug()));
            }
            sleep(LOOK);
        }
    }
}
