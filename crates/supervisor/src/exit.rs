//! How a process ended: in words a person reads, and what follows from it (architecture.md 7).

use std::{
    fmt::Write as _,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::ExitStatus,
};

/// Last lines of a process's standard error that its exit reason quotes: lines, and bytes of them.
const LAST_LINES_MAX: usize = 5;
const LAST_BYTES_MAX: u64 = 600;

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// It was not this process's child, so the kernel does not tell.
    Unknown,
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Unknown,
        }
    }
}

/// What the end of a peer means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It did what it was there for; the ledger says what that came to.
    Finished(i32),
    /// Starting it again would end the same way.
    Fatal(i32),
    /// Worth another start.
    Again,
    /// Adopted: the ledger or its last snapshot must tell.
    Ask,
}

impl Exit {
    /// Codes 0, 3 and 6 are ends of a whole run; 2, 4, 28 and 74 do not go away by themselves; 75 (fenced) rejoins.
    pub const fn meaning(self) -> Meaning {
        match self {
            Self::Code(code @ (0 | 3 | 6)) => Meaning::Finished(code),
            Self::Code(code @ (2 | 4 | 28 | 74)) => Meaning::Fatal(code),
            Self::Code(_) | Self::Signal(_) => Meaning::Again,
            Self::Unknown => Meaning::Ask,
        }
    }
}

/// "alpha was killed by signal 9 (KILL)", "alpha ended with code 74: ledger I/O error".
pub fn words(name: &str, exit: Exit) -> String {
    match exit {
        Exit::Signal(signal) => match signal_name(signal) {
            Some(known) => format!("{name} was killed by signal {signal} ({known})"),
            None => format!("{name} was killed by signal {signal}"),
        },
        Exit::Code(0) => format!("{name} ended with code 0: finished or drained"),
        Exit::Code(code) => match code_words(code) {
            Some(known) => format!("{name} ended with code {code}: {known}"),
            None => format!("{name} ended with code {code}"),
        },
        Exit::Unknown => format!("{name} ended; it had been adopted, so how is not known"),
    }
}

const fn code_words(code: i32) -> Option<&'static str> {
    Some(match code {
        1 => "an error",
        2 => "usage or profile",
        3 => "finished with failed transfers",
        4 => "source or target not found",
        5 => "temporary, try again",
        6 => "verification mismatch",
        7 => "fatal",
        10 => "time limit",
        11 => "its place is held by another process",
        12 => "a peer could not be reached",
        28 => "no space for the ledger",
        74 => "ledger I/O error",
        75 => "fenced: the other peer had taken over",
        101 => "a panic",
        130 => "interrupted",
        143 => "ended on request",
        _ => return None,
    })
}

const fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        5 => "TRAP",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        10 => "USR1",
        11 => "SEGV",
        12 => "USR2",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        _ => return None,
    })
}

/// The last lines that were written to `log` from offset `from` on, joined by " | " and made safe to show; may be empty.
pub(crate) fn last_words(log: &Path, from: u64) -> String {
    let tail = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(end.saturating_sub(LAST_BYTES_MAX))))?;
        let mut bytes = Vec::new();
        file.take(LAST_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = tail().unwrap_or_default();
    let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty()).collect();
    let mut out = String::new();
    for line in &lines[lines.len().saturating_sub(LAST_LINES_MAX)..] {
        let separator = if out.is_empty() { "" } else { " | " };
        let _ = write!(out, "{separator}{}", twinhaul_units::text::show_bytes(line.trim_ascii()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_in_words() {
        for (exit, expected) in [
            (Exit::Signal(9), "alpha was killed by signal 9 (KILL)"),
            (Exit::Signal(11), "alpha was killed by signal 11 (SEGV)"),
            (Exit::Signal(40), "alpha was killed by signal 40"),
            (Exit::Code(74), "alpha ended with code 74: ledger I/O error"),
            (Exit::Code(28), "alpha ended with code 28: no space for the ledger"),
            (Exit::Code(0), "alpha ended with code 0: finished or drained"),
            (Exit::Code(99), "alpha ended with code 99"),
            (Exit::Unknown, "alpha ended; it had been adopted, so how is not known"),
        ] {
            assert_eq!(words("alpha", exit), expected);
        }
    }

    #[test]
    fn what_does_not_go_away_is_not_restarted() {
        for code in [2, 4, 28, 74] {
            assert_eq!(Exit::Code(code).meaning(), Meaning::Fatal(code));
        }
        for exit in [Exit::Code(1), Exit::Code(75), Exit::Code(101), Exit::Signal(9), Exit::Signal(11)] {
            assert_eq!(exit.meaning(), Meaning::Again);
        }
        assert_eq!(Exit::Code(0).meaning(), Meaning::Finished(0));
    }

    #[test]
    fn last_words_are_the_last_and_harmless() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("alpha.err");
        let old = "from an earlier life\n";
        std::fs::write(&log, format!("{old}1\n2\n3\n4\n\n5\n\x1b[2J6\n")).unwrap();
        assert_eq!(last_words(&log, old.len() as u64), "2 | 3 | 4 | 5 | \\x1b[2J6");
        assert_eq!(last_words(&log, 1000), "");
        assert_eq!(last_words(&dir.path().join("none"), 0), "");
    }
}
