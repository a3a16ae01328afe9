//! Profiles: YAML in, checked configuration out, with the line of every mistake (architecture.md 6).
//!
//! Knows what a profile may say, not whether it is true: no backend, no network, no run. Reads the profile's own file
//! and, only in [`End::resolve`], the environment and files that `${…}` names. Never keeps or shows a secret.
//! Entry points: [`load`], [`KeysFile`], [`parse`], [`lint`], [`Profile::copy`], [`Profile::to_yaml`], [`Profile::frozen`].

mod check;
mod copy;
mod error;
mod fields;
mod keys;
mod lint;
mod marks;
mod model;
mod node;
mod paths;
mod pattern;
mod read;
mod redact;
mod refs;
mod resolve;
mod secret;
mod timetable;
mod write;

pub use error::{Kind, Place, ProfileError, Report};
pub use fields::nearest;
pub use keys::{KeysFile, KeysLine};
pub use lint::{Lint, lint};
pub use model::{
    Assistance, Coordination, DemoData, DemoStore, Durability, End, INCREMENT_MAX, Learning, OnExists, Order,
    PeerAct, PeerConfig, Policy, Profile, Route, SLOTS_MAX, Side, Split, StoryAct, StoryStep, StoryWhen,
    TargetMustBe, VERSION, Verify,
};
pub use node::{DEPTH_MAX, KEY_TEXT_BYTES_MAX, NODES_MAX};
pub use paths::DEMO_ROOT;
pub use pattern::{PATTERN_BYTES_MAX, Pattern};
pub use read::NAME_BYTES_MAX;
pub use redact::{REDACTED, Redactor};
pub use refs::SECRET_FILE_BYTES_MAX;
pub use timetable::{Bandwidth, Hours};

use error::Fault;
use std::{fs::File, io::Read as _, path::Path};
use twinhaul_units::text::show_bytes;

/// Largest profile.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// The name of the frozen copy in a run's directory (architecture.md 5).
pub const FROZEN_NAME: &str = "profile.yaml";
/// What stands for the file in messages about a profile that `twinhaul copy` made.
pub const COPY_NAME: &str = "(twinhaul copy)";

/// Reads and checks the profile at `path`. Relative paths in it become absolute below the current directory.
///
/// # Errors
/// See [`ProfileError`].
pub fn load(path: &Path) -> Result<Profile, ProfileError> {
    let here = std::env::current_dir().map_err(|cause| ProfileError::Unreadable {
        kind: Kind::Profile,
        file: path.display().to_string(),
        cause,
    })?;
    load_below(path, &here)
}

/// As [`load`], with relative paths below `here`: the directory that a process was started in may be gone.
///
/// # Errors
/// See [`ProfileError`].
pub fn load_below(path: &Path, here: &Path) -> Result<Profile, ProfileError> {
    let (file, text) = text_of(path, Kind::Profile)?;
    parse(&text, &file)?.absolute(here)
}

/// The file's name for messages, and its text.
pub(crate) fn text_of(path: &Path, kind: Kind) -> Result<(String, String), ProfileError> {
    use std::os::unix::ffi::OsStrExt as _;
    let file = path.to_str().map_or_else(|| show_bytes(path.as_os_str().as_bytes()), str::to_owned);
    let unreadable = |cause| ProfileError::Unreadable { kind, file: file.clone(), cause };
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(unreadable)?;
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ProfileError::TooLarge { kind, file });
    }
    let text = String::from_utf8(bytes).map_err(|e| not_utf8(&e, kind, &file))?;
    Ok((file, text))
}

/// Checks a profile given as text; `name` stands for the file in messages. Relative paths stay as they are.
///
/// # Errors
/// See [`ProfileError`].
pub fn parse(text: &str, name: &str) -> Result<Profile, ProfileError> {
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(ProfileError::TooLarge { kind: Kind::Profile, file: name.to_owned() });
    }
    read::profile(text, name).map_err(|fault| fault.report(Kind::Profile, name, text))
}

fn not_utf8(error: &std::string::FromUtf8Error, kind: Kind, file: &str) -> ProfileError {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let lines = good.split(|b| *b == b'\n');
    let column = 1 + lines.clone().next_back().map_or(0, |l| String::from_utf8_lossy(l).chars().count());
    let line = lines.count();
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let place = Place { line: narrow(line), column: narrow(column), len: 1 };
    Fault::at(place, "expected UTF-8 text").report(kind, file, "")
}
