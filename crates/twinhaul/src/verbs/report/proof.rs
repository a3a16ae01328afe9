//! The verb's side of `report --check`: which files, which ledger, and the findings in words or as JSON.

use super::against::Ledger;
use super::check::{Checked, Finding, check as check_file};
use super::lines::{Header, Kind};
use super::write;
use crate::cli::ReportArgs;
use crate::exit::{self, Failure};
use crate::output;
use crate::state::{self, RunDir, shown};
use std::path::{Path, PathBuf};
use twinhaul_units::text::show;

/// Where a checked file was, and what it turned out to be.
struct File {
    path: PathBuf,
    checked: Checked,
}

pub(super) fn check(args: &ReportArgs) -> Result<u8, Failure> {
    let elsewhere = args.run.as_deref().filter(|name| is_path(name)).map(Path::new);
    let mut kept = false;
    let mut files = match elsewhere {
        Some(path) => vec![File { path: path.to_owned(), checked: check_file(path, its_ledger)? }],
        None => of_run(&state::find(args.run.as_deref())?)?,
    };
    if let [manifest, failed] = files.as_mut_slice() {
        belong_together(&manifest.checked, &mut failed.checked);
    }
    if let (Some(head), Some(first)) = (&args.head, files.first_mut()) {
        compare_head(head, &mut first.checked);
        kept = true;
    }
    let wrong = files.iter().any(|file| !file.checked.findings.is_empty());
    if args.json.json {
        as_json(&files, wrong)?;
    } else {
        as_words(&files, kept);
    }
    Ok(if wrong { exit::MISMATCH } else { exit::COMPLETE })
}

/// A run has a plain name; what is a path, or looks like one of the files, is a file.
fn is_path(name: &str) -> bool {
    name.contains('/')
        || Path::new(name).extension().is_some_and(|e| e == "jsonl")
        || Path::new(name).is_file()
}

/// Both files of a run, against its ledger.
fn of_run(run: &RunDir) -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    for kind in [Kind::Manifest, Kind::Failed] {
        let path = write::directory(run).join(kind.file());
        if !path.exists() {
            let text = format!("there is no {}. Write it: twinhaul report {}", shown(&path), run.file.run);
            return Err(Failure::new(exit::NOT_FOUND, text));
        }
        let ledger = Ledger::open(run, kind)?;
        let checked = check_file(&path, |_| Ok(ledger))?;
        files.push(File { path, checked });
    }
    Ok(files)
}

/// The ledger that a file from elsewhere is of, if its run is on this machine.
fn its_ledger(header: &Header) -> Result<Ledger, String> {
    let run = state::find(Some(&header.run))
        .map_err(|_| format!("run {} is not on this machine", show(&header.run)))?;
    // The file is elsewhere because ledgers are lost too: that is no reason not to check it.
    let ledger = Ledger::open(&run, header.format).map_err(|failure| failure.text)?;
    if ledger.is_of(header) {
        return Ok(ledger);
    }
    Err(format!("run {} on this machine is another one than the file says", show(&header.run)))
}

/// The manifest tells the head of the failed list that was written with it: one head proves both.
fn belong_together(manifest: &Checked, failed: &mut Checked) {
    if let (Some(said), Some(head)) = (&manifest.failed_list, &failed.head)
        && said != head
    {
        let why = "it is not the list that was written with this manifest".to_owned();
        failed.findings.push(Finding { line: failed.transfers + 2, key: None, why });
    }
}

fn compare_head(kept: &str, checked: &mut Checked) {
    let Some(head) = &checked.head else { return };
    if !kept.eq_ignore_ascii_case(head) {
        let why = format!(
            "the head is {head}, and not the one that was kept: the file was changed, or written anew after the run went on"
        );
        checked.findings.push(Finding { line: checked.transfers + 2, key: None, why });
    }
}

/// `kept`: the first one's head was compared with one from elsewhere.
fn as_words(files: &[File], kept: bool) {
    for (at, File { path, checked }) in files.iter().enumerate() {
        let name = checked.kind.file();
        for Finding { line, key, why } in &checked.findings {
            let key = key.as_deref().map_or_else(String::new, |key| format!(", {key}"));
            output::line(&format!("{name} line {line}{key}: {why}"));
        }
        if checked.more > 0 {
            output::line(&format!("{name}: and {} more lines that do not fit", checked.more));
        }
        let compared = match &checked.alone {
            None => "compared with the ledger".to_owned(),
            Some(why) => format!("not compared with a ledger: {why}"),
        };
        let transfers = if checked.transfers == 1 { "transfer" } else { "transfers" };
        let found = checked.findings.len() as u64 + checked.more;
        let verdict = match found {
            // A chain without a ledger or a head that was kept says nothing of who wrote all of it.
            0 if checked.alone.is_some() && !(kept && at == 0) => {
                "its lines hold each other (that not all of them were written anew, only a head that was kept can tell: --head)".to_owned()
            }
            0 => "nothing was changed".to_owned(),
            1 => "1 LINE DOES NOT FIT".to_owned(),
            n => format!("{n} LINES DO NOT FIT"),
        };
        output::line(&format!("{name}: {} {transfers}, {verdict}; {compared}", checked.transfers));
        if checked.differs && checked.whole {
            output::line(
                "  its lines hold each other: if the run went on after the report, write it anew; else somebody wrote all of it",
            );
        }
        match &checked.head {
            Some(head) if found == 0 => output::line(&format!("  head {head}")),
            _ => output::line(&format!("  in {}", shown(path))),
        }
    }
}

fn as_json(files: &[File], wrong: bool) -> Result<(), Failure> {
    let files: Vec<_> = files
        .iter()
        .map(|File { path, checked }| {
            serde_json::json!({
                "file": shown(path),
                "kind": checked.kind,
                "transfers": checked.transfers,
                "head": checked.head,
                "chain_whole": checked.whole,
                "compared_with_ledger": checked.alone.is_none(),
                "findings": checked.findings,
                "findings_more": checked.more,
            })
        })
        .collect();
    output::json(&serde_json::json!({ "ok": !wrong, "files": files }))
}
