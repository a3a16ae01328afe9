//! Writes `report/manifest.jsonl` and `report/failed.jsonl` of a run, in one walk through the ledger.
//!
//! Each replaces what was there only when it is whole: whoever reads one meanwhile, or a full disk, never sees a half one.

use super::chain::Chain;
use super::lines::{Header, Kind, Names, Summary, Sums, VERSION, belongs, lost_words};
use crate::exit::Failure;
use crate::launch::ledger_failure;
use crate::state::RunDir;
use crate::status;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use twinhaul_ledger::{RunRow, View};

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) directory: PathBuf,
    /// Of the manifest.
    pub(super) head: String,
    pub(super) failed_head: String,
    /// What the targets could not keep, by the number of transfers.
    pub(super) lost: BTreeMap<&'static str, u64>,
}

pub(super) fn write(run: &RunDir) -> Result<Written, Failure> {
    let directory = directory(run);
    std::fs::create_dir_all(&directory).map_err(fail)?;
    let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let row = view.run().map_err(|e| ledger_failure(&e))?;
    let names = Names::new(run, crate::verbs::run::load_frozen(run).ok().as_ref());
    let mut manifest = List::begin(&directory, Kind::Manifest, &row)?;
    let mut failed = List::begin(&directory, Kind::Failed, &row)?;
    let mut lost = BTreeMap::new();
    for transfer in view.manifest() {
        let transfer = transfer.map_err(|e| ledger_failure(&e))?;
        for what in lost_words(transfer.lost) {
            *lost.entry(what).or_default() += 1;
        }
        let body = names.body(&transfer).map_err(|e| Failure::other("writing the report", e))?;
        for list in [&mut manifest, &mut failed] {
            if belongs(list.kind, transfer.state) {
                list.sums.add(transfer.state.words(), transfer.size);
                list.line(&body)?;
            }
        }
    }
    let failed_head = failed.end(None)?;
    let head = manifest.end(Some(failed_head.clone()))?;
    Ok(Written { directory, head, failed_head, lost })
}

pub(super) fn directory(run: &RunDir) -> PathBuf {
    run.path.join("report")
}

/// The header of a run's file.
pub(super) fn header(kind: Kind, row: &RunRow) -> Header {
    Header {
        format: kind,
        version: VERSION,
        run: row.id.clone(),
        profile: row.name.clone(),
        profile_hash: row.profile_hash.clone(),
        created_at: status::timestamp(row.created_at_ms),
    }
}

fn fail(e: std::io::Error) -> Failure {
    Failure::other("writing the report", e)
}

/// One of the two files, while it is written.
struct List {
    kind: Kind,
    out: BufWriter<File>,
    unfinished: PathBuf,
    path: PathBuf,
    chain: Chain,
    sums: Sums,
}

impl List {
    fn begin(directory: &Path, kind: Kind, row: &RunRow) -> Result<Self, Failure> {
        let path = directory.join(kind.file());
        let unfinished = directory.join(format!("{}.new", kind.file()));
        let out = BufWriter::new(File::create(&unfinished).map_err(fail)?);
        let mut list = Self { kind, out, unfinished, path, chain: Chain::default(), sums: Sums::default() };
        list.value(&header(kind, row))?;
        Ok(list)
    }

    fn value(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let body = serde_json::to_string(value).map_err(|e| Failure::other("writing the report", e))?;
        self.line(&body)
    }

    fn line(&mut self, body: &str) -> Result<(), Failure> {
        writeln!(self.out, "{}", self.chain.link(body)).map_err(fail)
    }

    /// The summary, and the file in its place. Returns the head.
    fn end(mut self, failed_list: Option<String>) -> Result<String, Failure> {
        let lines = self.sums.discovered.transfers;
        self.value(&Summary { is_last: true, lines, sums: self.sums, failed_list })?;
        let file = self.out.into_inner().map_err(|e| fail(e.into_error()))?;
        file.sync_all().and_then(|()| std::fs::rename(&self.unfinished, &self.path)).map_err(fail)?;
        Ok(self.chain.head().to_owned())
    }
}
