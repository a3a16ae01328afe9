//! What has been read of a file so far, and what of the next line does not fit it.

use super::{Checked, Finding};
use crate::exit::{self, Failure};
use crate::state::shown;
use crate::verbs::report::against::Ledger;
use crate::verbs::report::chain::{split, value_after};
use crate::verbs::report::lines::{Kind, Summary, Sums};
use serde::Deserialize;
use std::path::Path;
use twinhaul_units::text::{show, show_bytes};
use twinhaul_wire::KeyText;

/// Findings that are kept; the rest is counted.
const FINDINGS_MAX: usize = 100;

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

/// What has been read so far.
pub(super) struct Reader {
    pub(super) kind: Kind,
    /// The chain value of the line before.
    before: String,
    /// … of the last line that fitted: what comes after added lines fits onto that.
    fitted: String,
    last_id: u64,
    sums: Sums,
    summary: Option<Summary>,
    pub(super) alone: Option<String>,
    whole: bool,
    differs: bool,
    findings: Vec<Finding>,
    more: u64,
}

impl Reader {
    pub(super) fn new() -> Self {
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
    pub(super) fn follow(&mut self, text: &[u8]) -> (Vec<String>, Option<Vec<u8>>) {
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
    pub(super) fn line(
        &mut self,
        number: u64,
        body: &[u8],
        mut whys: Vec<String>,
        ledger: Option<&mut Ledger>,
    ) -> Result<(), Failure> {
        if self.summary.is_some() {
            self.whole = false;
            whys.push("it comes after the summary: it was added".into());
            self.find(number, None, &whys);
            return Ok(());
        }
        if let Ok(summary) = serde_json::from_slice::<Summary>(body) {
            whys.extend(self.sums_of(&summary));
            self.summary = Some(summary);
            self.find(number, None, &whys);
            return Ok(());
        }
        let Ok(seen) = serde_json::from_slice::<Seen>(body) else {
            whys.push("it is no transfer's line".into());
            self.find(number, None, &whys);
            return Ok(());
        };
        self.sums.add(&seen.state, seen.planned_size.unwrap_or(seen.size));
        let in_order = seen.id > self.last_id;
        if !in_order {
            whys.push(format!("transfer {} comes after transfer {}", seen.id, self.last_id));
        } else if self.kind == Kind::Manifest
            && seen.id > self.last_id + 1
            && ledger.is_none()
            && !whys.is_empty()
        {
            whys.push(missing(self.last_id + 1, seen.id - 1));
        }
        self.last_id = self.last_id.max(seen.id);
        if let Some(ledger) = ledger {
            let differences = ledger.line(seen.id, in_order, body)?;
            self.differs |= !differences.is_empty();
            whys.extend(differences);
        }
        self.find(number, Some(&seen.key), &whys);
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

    pub(super) fn find(&mut self, line: u64, key: Option<&KeyText>, whys: &[String]) {
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

    pub(super) fn end(mut self, path: &Path, lines: u64, ledger: Option<Ledger>) -> Result<Checked, Failure> {
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
        self.find(lines + 1, None, &whys);
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
