//! `report --check`: reads a manifest or a failed list again, line by line, and tells what does not fit.
//!
//! What each line says is compared with the line before it (its chain value), with the summary, and with the ledger where
//! the run is on this machine. A line at a time is in memory. It never mends anything.

use super::against::Ledger;
use super::chain::{split, value_after};
use super::lines::{Header, Kind, Summary, Sums, VERSION};
use crate::exit::{self, Failure};
use crate::state::shown;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use twinhaul_units::text::{show, show_bytes};
use twinhaul_wire::KeyText;

/// Findings that are kept; the rest is counted.
const FINDINGS_MAX: usize = 100;
/// A hard-link group has all its names in one line.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// What is wrong with one line.
#[derive(Debug, serde::Serialize)]
pub(super) struct Finding {
    /// From 1; one more than there are when something is missing at the end.
    pub(super) line: u64,
    /// Of the line's transfer, as it is shown.
    pub(super) key: Option<String>,
    /// Shown as it is.
    pub(super) why: String,
}

/// What one file turned out to be.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) kind: Kind,
    pub(super) transfers: u64,
    /// Of its last line, if that is a summary.
    pub(super) head: Option<String>,
    /// What its summary says of the other file.
    pub(super) failed_list: Option<String>,
    /// `None`: compared with the ledger; else why not.
    pub(super) alone: Option<String>,
    pub(super) findings: Vec<Finding>,
    /// Beyond those.
    pub(super) more: u64,
    /// Whether every line fits onto the one before, and nothing is missing.
    pub(super) whole: bool,
    /// Whether the ledger says something else.
    pub(super) differs: bool,
}

/// The parts of a transfer's line that are looked at by themselves.
#[derive(Deserialize)]
struct Seen {
    id: u64,
    #[serde(flatten)]
    key: KeyText,
    size: u64,
    planned_size: Option<u64>,
    state: String,
}

/// Reads `path`. `ledger` finds the ledger that the file's header names, or says why there is none.
///
/// # Errors
/// When it cannot be read, or is none of ours.
pub(super) fn check(
    path: &Path,
    ledger: impl FnOnce(&Header) -> Result<Result<Ledger, String>, Failure>,
) -> Result<Checked, Failure> {
    let file = File::open(path).map_err(|e| {
        let code = if e.kind() == std::io::ErrorKind::NotFound { exit::NOT_FOUND } else { exit::OTHER };
        Failure::new(code, format!("cannot read {}: {e}", shown(path)))
    })?;
    let mut lines = Lines { input: BufReader::new(file), number: 0, text: Vec::new() };
    let read = |e: std::io::Error| Failure::other(&format!("reading {}", shown(path)), e);
    let mut reader = Reader::new();
    let mut ledger = Some(ledger);
    let mut ours: Option<Ledger> = None;
    while lines.next().map_err(read)? {
        let (number, text) = (lines.number, lines.text.as_slice());
        let (mut whys, body) = reader.follow(text);
        if number == 1 {
            let header = header(path, body.as_deref().unwrap_or(text))?;
            reader.kind = header.format;
            if let Some(find) = ledger.take() {
                match find(&header)? {
                    Ok(mut found) => {
                        whys.extend(found.header(header.format, body.as_deref().unwrap_or(text)));
                        ours = Some(found);
                    }
                    Err(why) => reader.alone = Some(why),
                }
            }
            reader.find(number, None, whys);
            continue;
        }
        reader.line(number, body.as_deref().unwrap_or(text), whys, ours.as_mut())?;
    }
    reader.end(path, lines.number, ours)
}

/// The first line; what does not even begin like a file of ours is not checked further.
fn header(path: &Path, body: &[u8]) -> Result<Header, Failure> {
    let header: Header = serde_json::from_slice(body).map_err(|_| {
        let text = format!(
            "{} line 1: it is no header of a manifest or a failed list: it was removed or edited, or this is another file",
            shown(path)
        );
        Failure::new(exit::MISMATCH, text)
    })?;
    if header.version > VERSION {
        let text = format!("{}: written by a newer twinhaul; check it with that one", shown(path));
        return Err(Failure::usage(text));
    }
    Ok(header)
}

/// Lines with their numbers, of bounded length.
struct Lines {
    input: BufReader<File>,
    number: u64,
    text: Vec<u8>,
}

impl Lines {
    fn next(&mut self) -> std::io::Result<bool> {
        self.text.clear();
        if (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.text)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.text.last() == Some(&b'\n') {
            self.text.pop();
        }
        Ok(true)
    }
}

/// What has been read so far.
struct Reader {
    kind: Kind,
    /// The chain value of the line before.
    before: String,
    /// … of the last line that fitted: what comes after added lines fits onto that.
    fitted: String,
    last_id: u64,
    sums: Sums,
    summary: Option<Summary>,
    alone: Option<String>,
    whole: bool,
    differs: bool,
    findings: Vec<Finding>,
    more: u64,
}

impl Reader {
    fn new() -> Self {
        Self {
            kind: Kind::Manifest,
            before: String::new(),
            fitted: String::new(),
            last_id: 0,
            sums: Sums::default(),
            summary: None,
            alone: None,
            whole: true,
            differs: false,
            findings: Vec::new(),
            more: 0,
        }
    }

    /// Whether a line fits onto the one before; its body, if it has one.
    fn follow(&mut self, text: &[u8]) -> (Vec<String>, Option<Vec<u8>>) {
        let Some((body, value)) = split(text) else {
            self.whole = false;
            return (vec!["it has no chain value: it was cut, or not written by report".into()], None);
        };
        let fits = [&self.before, &self.fitted].into_iter().any(|before| value_after(before, &body) == value);
        if fits {
            value.clone_into(&mut self.fitted);
        } else {
            self.whole = false;
        }
        value.clone_into(&mut self.before);
        let why =
            "its chain value does not fit: it was edited, or lines before it were removed, added or moved";
        (if fits { Vec::new() } else { vec![why.into()] }, Some(body))
    }

    /// Any line but the first.
    fn line(
        &mut self,
        number: u64,
        body: &[u8],
        mut whys: Vec<String>,
        ledger: Option<&mut Ledger>,
    ) -> Result<(), Failure> {
        if self.summary.is_some() {
            self.whole = false;
            whys.push("it comes after the summary: it was added".into());
            self.find(number, None, whys);
            return Ok(());
        }
        if let Ok(summary) = serde_json::from_slice::<Summary>(body) {
            whys.extend(self.sums_of(&summary));
            self.summary = Some(summary);
            self.find(number, None, whys);
            return Ok(());
        }
        let Ok(seen) = serde_json::from_slice::<Seen>(body) else {
            whys.push("it is no transfer's line".into());
            self.find(number, None, whys);
            return Ok(());
        };
        self.sums.add(&seen.state, seen.planned_size.unwrap_or(seen.size));
        let in_order = seen.id > self.last_id;
        if !in_order {
            whys.push(format!("transfer {} comes after transfer {}", seen.id, self.last_id));
        } else if self.kind == Kind::Manifest && seen.id > self.last_id + 1 && ledger.is_none() {
            whys.push(missing(self.last_id + 1, seen.id - 1));
        }
        self.last_id = self.last_id.max(seen.id);
        if let Some(ledger) = ledger {
            let differences = ledger.line(seen.id, in_order, body)?;
            self.differs |= !differences.is_empty();
            whys.extend(differences);
        }
        self.find(number, Some(&seen.key), whys);
        Ok(())
    }

    /// What of the summary does not fit the lines before it.
    fn sums_of(&self, summary: &Summary) -> Vec<String> {
        let mut whys = Vec::new();
        if summary.lines != self.sums.discovered.transfers {
            let here = self.sums.discovered.transfers;
            whys.push(format!("it counts {} transfers, and there are {here}", summary.lines));
        }
        for ((name, said), (_, found)) in summary.sums.named().into_iter().zip(self.sums.named()) {
            if said != found {
                whys.push(format!(
                    "{name} is {} transfers, {} bytes, and the lines hold {} transfers, {} bytes",
                    said.transfers, said.bytes, found.transfers, found.bytes
                ));
            }
        }
        whys
    }

    fn find(&mut self, line: u64, key: Option<&KeyText>, whys: Vec<String>) {
        if whys.is_empty() {
            return;
        }
        if self.findings.len() >= FINDINGS_MAX {
            self.more += 1;
            return;
        }
        let key = key.map(|key| show_bytes(&key.to_bytes()));
        self.findings.push(Finding { line, key, why: show(&whys.join("; ")).into_owned() });
    }

    fn end(mut self, path: &Path, lines: u64, ledger: Option<Ledger>) -> Result<Checked, Failure> {
        if lines == 0 {
            return Err(Failure::new(exit::MISMATCH, format!("{} is empty: it was cut", shown(path))));
        }
        let mut whys = Vec::new();
        if self.summary.is_none() {
            self.whole = false;
            whys.push("the file ends without its summary: its end was cut off".into());
        }
        if let Some(ledger) = ledger {
            let differences = ledger.rest()?;
            self.differs |= !differences.is_empty();
            whys.extend(differences);
        }
        self.find(lines + 1, None, whys);
        let head = self.summary.is_some().then_some(self.before);
        Ok(Checked {
            kind: self.kind,
            transfers: self.sums.discovered.transfers,
            head,
            failed_list: self.summary.and_then(|s| s.failed_list),
            alone: self.alone,
            findings: self.findings,
            more: self.more,
            whole: self.whole,
            differs: self.differs,
        })
    }
}

/// In words: transfers whose lines are not there.
fn missing(first: u64, last: u64) -> String {
    if first == last {
        format!("the line of transfer {first} is missing before it")
    } else {
        format!("the lines of transfers {first} to {last} are missing before it")
    }
}
