//! A command that has ended, what it said, and how an end is waited for: always with a bound.

use std::fs::File;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a command that has ended left behind.
#[derive(Clone, Debug)]
pub struct Done {
    /// The exit code; a signal is 128 + its number, as a shell says it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// # Panics
    /// When the command ended otherwise.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "expected exit code {code}, got {}\n{self}", self.code);
        self
    }

    /// Whether stderr or stdout holds every fragment, in any case of letters.
    ///
    /// # Panics
    /// When one is missing.
    #[track_caller]
    pub fn expect_words(&self, fragments: &[&str]) -> &Self {
        let said = format!("{}\n{}", self.stderr, self.stdout).to_lowercase();
        for fragment in fragments {
            assert!(said.contains(&fragment.to_lowercase()), "\"{fragment}\" is not in\n{self}");
        }
        self
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// The status of a child that ends in time; after `limit` it is killed and the answer is `None`.
pub(super) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let status = poll(limit, || child.try_wait().expect("child"));
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    status
}

/// Looks until there is an answer or `limit` has passed.
pub fn poll<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if begun.elapsed() > limit {
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

pub(super) fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

pub(super) fn read(mut file: File) -> String {
    use std::io::{Read as _, Seek as _};
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("output file");
    String::from_utf8_lossy(&bytes).into_owned()
}
