//! Finishing (store.md 3): directories get their attributes, deepest first, after everything else; then the sweep.
//! One peer does it, under the ledger's claim; it counts in no portion.

use crate::error::{EngineError, Result};
use crate::place::{self, Fenced, Whereabouts};
use crate::storage::Storage;
use crate::tag::PeerTag;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use twinhaul_backend_host::{Attrs, Caps, Code, Kind, OpContext, Put};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{DirectoryRow, Store};
use twinhaul_units::{Incarnation, Key, PeerId};

/// Directories read at a time.
const PAGE: usize = 1000;
/// Warnings passed on; the rest is counted.
const WARNINGS_MAX: usize = 100;

/// The work.
#[derive(Debug)]
pub(crate) struct Finishing {
    pub ledger: PathBuf,
    pub storage: Arc<Storage>,
    pub run: String,
    pub me: PeerId,
    pub incarnation: Incarnation,
    /// Whose process must be gone if it was fenced.
    pub fenced: Whereabouts,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct FinishReport {
    /// What became of a fenced process.
    pub fenced: Fenced,
    pub directories: u64,
    pub failed_directories: u64,
    pub warnings: Vec<String>,
}

/// Does it all; may be done again from the start by whoever takes the claim over.
///
/// # Errors
/// The ledger's. A directory that cannot be finished is a warning and makes the run end with failures.
pub(crate) fn run(work: &Finishing) -> Result<FinishReport> {
    let store = Store::open(&work.ledger)?;
    hit(Point::Claimed);
    // A frozen process that woke later would find the run over and its private directory swept, and could make it again.
    let fenced = place::end_fenced(&store, &work.fenced)?;
    let mut report = FinishReport { fenced, directories: 0, failed_directories: 0, warnings: Vec::new() };
    let mut after = None;
    let mut not_kept = BTreeMap::new();
    loop {
        let page = store.directories(after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        for row in &page {
            report.directories += 1;
            if let Some(target) = work.storage.target(row.target)
                && !target.limits.caps.contains(Caps::DIRECTORIES)
            {
                *not_kept.entry(target.name.as_str()).or_insert(0u64) += 1;
                continue;
            }
            if let Err(text) = directory(&work.storage, row) {
                report.failed_directories += 1;
                if report.warnings.len() < WARNINGS_MAX {
                    report.warnings.push(text);
                }
            }
            hit(Point::FinishedOne);
        }
    }
    for (target, n) in not_kept {
        report.warnings.push(format!(
            "target {target} keeps no directories: {n} are only parts of keys there, without times and modes, and empty ones are not there"
        ));
    }
    hit(Point::FinishedAll);
    sweep(work, &mut report)?;
    hit(Point::Swept);
    store.finishing_done(work.me, work.incarnation)?;
    Ok(report)
}

/// Makes one directory if it is missing, and gives it its source's attributes.
fn directory(storage: &Storage, row: &DirectoryRow) -> std::result::Result<(), String> {
    let shown = twinhaul_units::text::show_bytes(&row.key);
    let key = Key::new(row.key.clone()).map_err(|e| format!("directory {shown}: its key {e}"))?;
    let source_key =
        Key::new(row.source_key.clone()).map_err(|e| format!("directory {shown}: its source key {e}"))?;
    // What this peer cannot reach, the other one's claim would; a target nobody reaches is refused at the start.
    let Some(target) = storage.target(row.target) else {
        return Err(format!(
            "directory {shown}: target {} is not open at this peer",
            storage.target_name(row.target)
        ));
    };
    let source =
        storage.source(row.source).ok_or_else(|| format!("directory {shown}: its source is not open"))?;
    let op = OpContext::new();
    let wanted = source
        .target
        .get_attrs(&op, Some(&source_key))
        .map_err(|e| format!("directory {shown}: read from {}: {e}", source.name))?;
    let fail =
        |e: twinhaul_backend_host::BackendError| format!("directory {shown}: write to {}: {e}", target.name);
    match target.target.get_attrs(&op, Some(&key)) {
        Ok(there) if there.kind == Kind::Directory && same(&there, &wanted) => return Ok(()),
        Ok(there) if there.kind == Kind::Directory => {}
        Ok(_) => {
            return Err(format!("directory {shown}: target {} has something else of this name", target.name));
        }
        Err(e) if e.code() == Code::NotFound => {
            let mut put = Put::new(key.clone(), String::new());
            put.attrs = Some(wanted.clone());
            target.target.put_node(&op, &put, None).map_err(fail)?;
        }
        Err(e) => return Err(fail(e)),
    }
    target.target.set_attrs(&op, Some(&key), &wanted).map_err(fail)?;
    Ok(())
}

/// Nothing to write: a second run leaves even change times alone.
fn same(there: &Attrs, wanted: &Attrs) -> bool {
    (there.mode, there.uid, there.gid, there.mtime_ns)
        == (wanted.mode, wanted.uid, wanted.gid, wanted.mtime_ns)
        && there.xattrs == wanted.xattrs
}

/// Removes what any attempt of this run left (invariant S9, L4), and makes the directories' attributes durable.
fn sweep(work: &Finishing, report: &mut FinishReport) -> Result<()> {
    for target in work.storage.reached() {
        let fail = |source| EngineError::Backend { target: target.name.clone(), source };
        let op = OpContext::new();
        let left = target.target.sweep(&op, &PeerTag::run_prefix(&work.run), true).map_err(fail)?.len();
        if left > 0 {
            report.warnings.push(format!(
                "target {}: {left} private objects of dead attempts were removed",
                target.name
            ));
        }
        target.target.publish_sync(&op).map_err(fail)?;
    }
    Ok(())
}
