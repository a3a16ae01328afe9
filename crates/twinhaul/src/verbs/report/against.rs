//! A manifest's or a failed list's lines beside the ledger's rows, both in the order of the transfers, each read once.

use super::lines::{Kind, Names, belongs};
use super::write;
use crate::exit::Failure;
use crate::launch::ledger_failure;
use crate::state::RunDir;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use twinhaul_ledger::{Detail, PAGE_MAX, RunRow, View};
use twinhaul_units::TransferId;
use twinhaul_units::text::{show, show_bytes};

/// Transfers that are named when many are missing at once.
const NAMED_MAX: usize = 3;
/// Characters of a value that are shown.
const VALUE_CHARS: usize = 120;

/// See the module.
#[derive(Debug)]
pub(super) struct Ledger {
    view: View,
    run: RunRow,
    names: Names,
    kind: Kind,
    page: VecDeque<Detail>,
    after: Option<TransferId>,
    ended: bool,
}

impl Ledger {
    pub(super) fn open(run: &RunDir, kind: Kind) -> Result<Self, Failure> {
        let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
        let row = view.run().map_err(|e| ledger_failure(&e))?;
        let names = Names::new(run, crate::verbs::run::load_frozen(run).ok().as_ref());
        Ok(Self { view, run: row, names, kind, page: VecDeque::new(), after: None, ended: false })
    }

    /// Whether a header is of this ledger's run: a name may be taken again after its run was removed.
    pub(super) fn is_of(&self, header: &super::lines::Header) -> bool {
        let own = write::header(header.format, &self.run);
        (own.run, own.profile_hash, own.created_at)
            == (header.run.clone(), header.profile_hash.clone(), header.created_at.clone())
    }

    /// What does not fit in the first line.
    pub(super) fn header(&self, body: &[u8]) -> Vec<String> {
        let own = serde_json::to_string(&write::header(self.kind, &self.run)).unwrap_or_default();
        differences(body, own.as_bytes())
    }

    /// What does not fit in the line of a transfer, and rows that should have had a line before it.
    pub(super) fn line(&mut self, id: u64, in_order: bool, body: &[u8]) -> Result<Vec<String>, Failure> {
        let mut whys = Vec::new();
        let row = if in_order {
            let mut passed = Missing::default();
            while let Some(row) = self.peek()?.filter(|row| row.id.0 < id) {
                passed.add(row);
                self.page.pop_front();
            }
            whys.extend(passed.words("before it"));
            let found = self.peek()?.is_some_and(|row| row.id.0 == id);
            if found { self.page.pop_front() } else { None }
        } else {
            self.view.transfer(TransferId(id)).map_err(|e| ledger_failure(&e))?
        };
        match row.filter(|row| belongs(self.kind, row.state)) {
            Some(row) => {
                let own = self.names.body(&row).map_err(|e| Failure::other("reading the ledger", e))?;
                whys.extend(differences(body, own.as_bytes()));
            }
            None if self.kind == Kind::Failed => {
                whys.push("in the ledger this transfer has not failed".into());
            }
            None => whys.push("the ledger has no such transfer".into()),
        }
        Ok(whys)
    }

    /// Rows that should have had a line, after the last one.
    pub(super) fn rest(mut self) -> Result<Vec<String>, Failure> {
        let mut passed = Missing::default();
        while let Some(row) = self.peek()? {
            passed.add(row);
            self.page.pop_front();
        }
        Ok(passed.words("").into_iter().collect())
    }

    /// The next row that should have a line.
    fn peek(&mut self) -> Result<Option<&Detail>, Failure> {
        if self.page.is_empty() && !self.ended {
            let page = match self.kind {
                Kind::Manifest => self.view.manifest_page(self.after, PAGE_MAX),
                Kind::Failed => self.view.failed_page(self.after, PAGE_MAX),
            };
            let page = page.map_err(|e| ledger_failure(&e))?;
            self.ended = page.len() < PAGE_MAX;
            self.after = page.last().map(|row| row.id).or(self.after);
            self.page = page.into();
        }
        Ok(self.page.front())
    }
}

/// Rows without a line.
#[derive(Debug, Default)]
struct Missing {
    named: Vec<String>,
    n: u64,
}

impl Missing {
    fn add(&mut self, row: &Detail) {
        if self.named.len() < NAMED_MAX {
            self.named.push(format!("{} (transfer {})", show_bytes(&row.key), row.id));
        }
        self.n += 1;
    }

    fn words(self, place: &str) -> Option<String> {
        let more = match self.n - self.named.len() as u64 {
            _ if self.n == 0 => return None,
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (space, named) = (if place.is_empty() { "" } else { " " }, self.named.join(", "));
        Some(format!("in the ledger, and not in the file{space}{place}: {named}{more}"))
    }
}

/// Fields of a line that say something else than the ledger. A field that the ledger's own line has and this one has not is
/// one of a later version; that none was taken out, the chain says.
fn differences(body: &[u8], own: &[u8]) -> Vec<String> {
    if body == own {
        return Vec::new();
    }
    let parse = |text: &[u8]| serde_json::from_slice::<Map<String, Value>>(text).unwrap_or_default();
    let (here, own) = (parse(body), parse(own));
    let word = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(value) => {
            let text = value.to_string();
            let cut: String = text.chars().take(VALUE_CHARS).collect();
            format!("{}{}", show(&cut), if cut.len() < text.len() { "…" } else { "" })
        }
    };
    let differs = here.iter().filter(|(name, value)| *name != "chain" && own.get(*name) != Some(*value));
    differs
        .map(|(name, value)| {
            format!("{} is {} here, and {} in the ledger", show(name), word(Some(value)), word(own.get(name)))
        })
        .collect()
}
