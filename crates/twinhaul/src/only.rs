//! The list of `--only FILE`, on its way into a run: read and checked before anything is made, kept in the run's directory,
//! read again by the planner.

use crate::exit::{Failure, NOT_FOUND};
use crate::state::{self, RunDir, shown};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use twinhaul_planner::Only;
use twinhaul_profile::Profile;

/// In a run's directory.
const NAME: &str = "only.jsonl";

/// The list as its user gave it; `-` is stdin.
pub(crate) fn load(path: &Path, profile: &Profile) -> Result<Only, Failure> {
    if path.as_os_str() == "-" {
        return Only::read(&mut std::io::stdin().lock(), profile)
            .map_err(|e| Failure::usage(format!("the list on stdin: {e}")));
    }
    let file = File::open(path)
        .map_err(|e| Failure::new(NOT_FOUND, format!("cannot read the list {}: {e}", shown(path))))?;
    Only::read(&mut BufReader::new(file), profile)
        .map_err(|e| Failure::usage(format!("the list {}: {e}", shown(path))))
}

/// Where a run keeps its list.
pub(crate) fn path(run: &RunDir) -> PathBuf {
    run.path.join(NAME)
}

/// Gives a new run its list.
pub(crate) fn keep(run: &RunDir, profile: &Profile, only: &Only) -> Result<(), Failure> {
    let mut open = std::fs::OpenOptions::new();
    open.write(true).create_new(true).mode(0o600);
    let written = open.open(path(run)).map(BufWriter::new).and_then(|mut out| {
        only.write(profile, &mut out)?;
        out.flush()
    });
    written.map_err(|e| {
        let text = format!("cannot write {}: {e}. Make room, or set TWINHAUL_STATE.", shown(&path(run)));
        Failure::new(state::ledger_code(&e), text)
    })
}

/// The list of a run that has one.
pub(crate) fn kept(run: &RunDir, profile: &Profile) -> Result<Option<Only>, Failure> {
    let path = path(run);
    if path.exists() { load(&path, profile).map(Some) } else { Ok(None) }
}
