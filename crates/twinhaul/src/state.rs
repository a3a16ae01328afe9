//! Where runs live (architecture.md 5): `$TWINHAUL_STATE`, else `$XDG_STATE_HOME/twinhaul`, else
//! `~/.local/state/twinhaul`; one directory per run, 0700, named so that it can be spoken.

use crate::exit::{Failure, NOT_FOUND, OTHER, USAGE};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use twinhaul_units::text::show;
use twinhaul_wire::KeyText;

/// Runs of one profile kept apart by number; more than this and somebody should tidy up.
const RUN_NUMBER_MAX: u32 = 100_000;

/// What a run's directory says of it without opening the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunFile {
    pub(crate) run: String,
    pub(crate) name: String,
    pub(crate) policy: String,
    pub(crate) demo: bool,
    pub(crate) created_at_ms: u64,
    /// The first and the second peer.
    pub(crate) order: [String; 2],
    /// What the last run of this profile learned.
    #[serde(default)]
    pub(crate) ratios: [Option<f64>; 2],
    /// Where it writes, so that another run can see that without opening anything.
    #[serde(default)]
    pub(crate) places: Vec<Place>,
    /// Targets that held nothing when it was made, by name.
    #[serde(default)]
    pub(crate) vacant: Vec<String>,
}

/// A target's place, as its backend names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) backend: String,
    /// Exact, whatever bytes it has.
    #[serde(flatten)]
    pub(crate) location: KeyText,
}

/// A run's directory.
#[derive(Clone, Debug)]
pub(crate) struct RunDir {
    pub(crate) path: PathBuf,
    pub(crate) file: RunFile,
}

impl RunDir {
    pub(crate) fn ledger(&self) -> PathBuf {
        self.path.join("ledger.sqlite")
    }

    pub(crate) fn profile(&self) -> PathBuf {
        self.path.join("profile.yaml")
    }

    /// Reads a run's directory.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path.join("run.json")).map_err(|e| {
            Failure::new(
                NOT_FOUND,
                format!("{} is not a run's directory: {e}. See: twinhaul ls", shown(path)),
            )
        })?;
        let file = serde_json::from_str(&text)
            .map_err(|e| Failure::other(&format!("{}/run.json", shown(path)), e))?;
        Ok(Self { path: path.to_owned(), file })
    }
}

pub(crate) fn shown(path: &Path) -> String {
    twinhaul_units::text::show_bytes(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))
}

/// The directory of all runs; made if missing.
pub(crate) fn runs_dir() -> Result<PathBuf, Failure> {
    let base = std::env::var_os("TWINHAUL_STATE")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("XDG_STATE_HOME").map(|d| PathBuf::from(d).join("twinhaul")))
        .or_else(|| std::env::var_os("HOME").map(|d| PathBuf::from(d).join(".local/state/twinhaul")))
        .ok_or_else(|| Failure::usage("no place for runs: set TWINHAUL_STATE or HOME"))?;
    let base = std::path::absolute(&base).map_err(|e| Failure::other("state directory", e))?;
    let runs = base.join("runs");
    make_private(&runs).map_err(|e| {
        Failure::new(
            ledger_code(&e),
            format!(
                "state directory {}: {e}. Set TWINHAUL_STATE to a directory you can write to.",
                shown(&runs)
            ),
        )
    })?;
    Ok(runs)
}

/// The exit code for a state directory that cannot be written: full is 28, the rest 74.
pub(crate) fn ledger_code(e: &std::io::Error) -> u8 {
    if e.kind() == std::io::ErrorKind::StorageFull { 28 } else { 74 }
}

/// Makes a directory 0700 with its parents; refuses one that another user owns (threat 2).
fn make_private(path: &Path) -> std::io::Result<()> {
    // Making what is there waits for a disk that does not answer, and whoever asks why must not wait with it.
    let there = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_dir);
    let owner = if let Some(there) = there {
        there.uid()
    } else {
        let old = path.ancestors().position(|p| std::fs::symlink_metadata(p).is_ok()).unwrap_or(0);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        for parent in path.ancestors().skip(1).take(old) {
            std::fs::File::open(parent)?.sync_all()?;
        }
        std::fs::symlink_metadata(path)?.uid()
    };
    let own = rustix::process::getuid().as_raw();
    if owner == own {
        Ok(())
    } else {
        Err(std::io::Error::other(format!("it belongs to user {owner}, not to you")))
    }
}

/// Makes the next free directory for a profile's name: `projects-to-vault-3`.
pub(crate) fn create(name: &str) -> Result<(String, PathBuf), Failure> {
    let runs = runs_dir()?;
    let base: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c.to_ascii_lowercase() } else { '-' })
        .take(48)
        .collect();
    let base = base.trim_matches('-');
    let base = if base.is_empty() { "run" } else { base };
    let highest = list_names(&runs)
        .iter()
        .filter_map(|n| n.strip_prefix(base)?.strip_prefix('-')?.parse::<u32>().ok())
        .max()
        .unwrap_or(0);
    for number in highest + 1..RUN_NUMBER_MAX {
        let run = format!("{base}-{number}");
        let path = runs.join(&run);
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {
                sync_names(&runs)?;
                return Ok((run, path));
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => {
                let text = format!(
                    "cannot make {}: {e}. Set TWINHAUL_STATE to a directory with space.",
                    shown(&path)
                );
                return Err(Failure::new(ledger_code(&e), text));
            }
        }
    }
    Err(Failure::new(
        OTHER,
        format!("{} runs of {base}: remove old ones from {}", RUN_NUMBER_MAX, shown(&runs)),
    ))
}

/// The names in a directory survive a power cut from here on.
pub(crate) fn sync_names(directory: &Path) -> Result<(), Failure> {
    std::fs::File::open(directory).and_then(|d| d.sync_all()).map_err(|e| {
        let text = format!("cannot make {} safe: {e}. Set TWINHAUL_STATE.", shown(directory));
        Failure::new(ledger_code(&e), text)
    })
}

fn list_names(runs: &Path) -> Vec<String> {
    std::fs::read_dir(runs)
        .map(|entries| entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect())
        .unwrap_or_default()
}

/// All runs, newest first.
pub(crate) fn all() -> Result<Vec<RunDir>, Failure> {
    let runs = runs_dir()?;
    let mut found: Vec<RunDir> =
        list_names(&runs).iter().filter_map(|name| RunDir::open(&runs.join(name)).ok()).collect();
    found.sort_by(|a, b| (b.file.created_at_ms, &b.file.run).cmp(&(a.file.created_at_ms, &a.file.run)));
    Ok(found)
}

/// The run of that name, or the newest.
pub(crate) fn find(run: Option<&str>) -> Result<RunDir, Failure> {
    match run {
        Some(name) if name.contains('/') || name.starts_with('.') => {
            Err(Failure::new(USAGE, format!("\"{}\" is not a run's name. See: twinhaul ls", show(name))))
        }
        Some(name) => {
            let path = runs_dir()?.join(name);
            if path.is_dir() {
                RunDir::open(&path)
            } else {
                let runs = runs_dir()?;
                let text =
                    format!("there is no run \"{}\" in {}. See: twinhaul ls", show(name), shown(&runs));
                Err(Failure::new(NOT_FOUND, text))
            }
        }
        None => {
            let runs = runs_dir()?;
            let none =
                || Failure::new(NOT_FOUND, format!("no runs in {}. Start one: twinhaul demo", shown(&runs)));
            all()?.into_iter().next().ok_or_else(none)
        }
    }
}
