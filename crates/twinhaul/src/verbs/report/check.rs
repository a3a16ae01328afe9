//! `report --check`: reads a manifest or a failed list again, line by line, and tells what does not fit.
//!
//! What each line says is compared with the line before it (its chain value), with the summary, and with the ledger where
//! the run is on this machine. A line at a time is in memory. It never mends anything.

mod reader;

use super::against::Ledger;
use super::lines::{Header, Kind, VERSION};
use crate::exit::{self, Failure};
use crate::state::shown;
use reader::Reader;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

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

/// Reads `path`. `ledger` finds the ledger that the file's header names, or says why there is none.
///
/// # Errors
/// When it cannot be read, or is none of ours.
pub(super) fn check(
    path: &Path,
    ledger: impl FnOnce(&Header) -> Result<Ledger, String>,
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
                match find(&header) {
                    Ok(found) => {
                        whys.extend(found.header(body.as_deref().unwrap_or(text)));
                        ours = Some(found);
                    }
                    Err(why) => reader.alone = Some(why),
                }
            }
            reader.find(number, None, &whys);
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
