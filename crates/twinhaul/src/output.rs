//! Where words go: results on stdout, messages and progress on stderr. A reader that has gone is no error.

use crate::exit::Failure;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use twinhaul_console_model::fit;
use twinhaul_units::text::counted;

/// Whoever read our results has closed the pipe (`twinhaul events --follow | head`).
static READER_GONE: AtomicBool = AtomicBool::new(false);

/// A result line.
pub(crate) fn line(text: &str) {
    // Closing early is the reader's right, and no error of ours.
    if writeln!(std::io::stdout(), "{text}").is_err() {
        READER_GONE.store(true, Ordering::Relaxed);
    }
}

/// Whether results go to a terminal on which they can take each other's place.
pub(crate) fn is_screen() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    std::io::stdout().is_terminal() && !dumb
}

/// A result in the place of all that the terminal shows, as much of it as fits: what scrolled could not be replaced. Each line
/// ends what it takes the place of; nothing is cleared first, so that nothing flickers. The `last` one stays, whole.
pub(crate) fn in_place(text: &str, last: bool) {
    let lines = if last {
        text.lines().map(str::to_owned).collect()
    } else {
        fitting(text, twinhaul_console::size())
    };
    let end = if last { "\n" } else { "" };
    let frame = format!("\x1b[H{}\x1b[K\x1b[J{end}", lines.join("\x1b[K\n"));
    let mut out = std::io::stdout();
    if out.write_all(frame.as_bytes()).and_then(|()| out.flush()).is_err() {
        READER_GONE.store(true, Ordering::Relaxed);
    }
}

/// The lines of `text` in `rows` of `columns`; the last one tells of those that are left out.
fn fitting(text: &str, (columns, rows): (u16, u16)) -> Vec<String> {
    let lines = text.lines().map(str::to_owned).collect();
    let lines = fit::rows(lines, usize::from(rows), |more| format!("{} more", counted(more as u64, "line")));
    lines.iter().map(|line| fit::cut_right(line, usize::from(columns), "..")).collect()
}

/// Whether anybody still reads results; verbs that go on for ever ask.
pub(crate) fn is_read() -> bool {
    !READER_GONE.load(Ordering::Relaxed)
}

/// A message for the person at the terminal.
pub(crate) fn say(text: &str) {
    tell(&format!("{text}\n"));
}

pub(crate) fn error(text: &str) {
    tell(&format!("error: {text}\n"));
}

/// A terminal that is gone must end nothing: what is still to be done is done without it.
fn tell(text: &str) {
    let mut err = std::io::stderr();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}

/// Progress that replaces itself on a terminal and is a line elsewhere.
pub(crate) fn progress(text: &str, on_terminal: bool) {
    if on_terminal {
        // A line that wraps could not be replaced.
        let (columns, _) = twinhaul_console::size();
        let text: String = text.chars().take(usize::from(columns.max(2)) - 1).collect();
        tell(&format!("\r\x1b[K{text}"));
    } else {
        say(text);
    }
}

/// Ends a line that [`progress`] left open.
pub(crate) fn progress_end(on_terminal: bool) {
    if on_terminal {
        tell("\r\x1b[K");
    }
}

/// A value as JSON on stdout.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string_pretty(value).map_err(|e| Failure::other("writing JSON", e))?);
    Ok(())
}

/// A value as one line of JSON on stdout.
pub(crate) fn json_line(value: &impl serde::Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string(value).map_err(|e| Failure::other("writing JSON", e))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_a_place_fits_it() {
        let text = "run a-1  running\n  12.0 %  of very much\n  alpha\n  beta";
        assert_eq!(fitting(text, (80, 4)).join("\n"), text);
        assert_eq!(fitting(text, (12, 3)), ["run a-1  r..", "  12.0 %  ..", "2 lines more"]);
        assert_eq!(fitting(text, (80, 1)), ["4 lines more"]);
    }
}
