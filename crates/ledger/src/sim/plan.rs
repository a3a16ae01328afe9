//! What the planner writes: waves with their lots, and directories.

use super::Sim;
use super::lots::Lot;
use super::rows::Line;
use crate::rules::{self, bad};
use crate::{BATCH_MAX, DirectoryRow, LedgerError, NewLot, NewRun, Planned, PlannedDirectory, Result, State};
use std::sync::Arc;
use twinhaul_units::TransferId;

/// What no peer changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) run: NewRun,
    /// In id order.
    pub(super) transfers: Vec<Planned>,
    pub(super) bytes: u64,
    pub(super) directories: Vec<DirectoryRow>,
    pub(super) growing: bool,
    pub(super) waves: u64,
    pub(super) last_wave: Option<u64>,
}

impl Plan {
    pub(super) const fn new(run: NewRun) -> Self {
        Self {
            run,
            transfers: Vec::new(),
            bytes: 0,
            directories: Vec::new(),
            growing: true,
            waves: 0,
            last_wave: None,
        }
    }

    /// The id after the last one.
    pub(super) fn next(&self) -> TransferId {
        TransferId(self.transfers.last().map_or(0, |t| t.id.0 + 1))
    }

    /// The place of the first transfer whose id is `id` or greater.
    pub(super) fn lower(&self, id: u64) -> usize {
        let Some(first) = self.transfers.first() else { return 0 };
        let guess = usize::try_from(id.saturating_sub(first.id.0)).unwrap_or(usize::MAX);
        if self.transfers.get(guess).is_some_and(|t| t.id.0 == id) {
            return guess;
        }
        self.transfers.partition_point(|t| t.id.0 < id)
    }
}

impl Sim {
    /// Where a transfer is in the plan and in the lines.
    pub(super) fn place(&self, id: u64) -> Option<usize> {
        let at = self.plan.0.lower(id);
        (self.plan.0.transfers.get(at)?.id.0 == id).then_some(at)
    }

    /// The places of the transfers `first..=last`.
    pub(super) fn places(&self, first: u64, last: u64) -> std::ops::Range<usize> {
        let from = self.plan.0.lower(first);
        if first > last { from..from } else { from..self.plan.0.lower(last.saturating_add(1)).max(from) }
    }

    pub(super) fn size(&self, at: usize) -> u64 {
        self.plan.0.transfers[at].size
    }

    /// See [`crate::Store::add_wave`].
    pub fn add_wave(&mut self, wave: u64, transfers: &[Planned], new: &[NewLot]) -> Result<()> {
        let (first, _) = rules::check_wave(transfers, new)?;
        let plan = &self.plan.0;
        if !plan.growing {
            return bad("the walk has ended");
        }
        if let Some(last) = plan.last_wave.filter(|last| wave <= *last) {
            return bad(format!("wave {wave} comes after wave {last}"));
        }
        if first < plan.next().0 {
            return bad(format!("id {first} comes after id {}", plan.next().0 - 1));
        }
        let plan = Arc::make_mut(&mut self.plan.0);
        plan.transfers.extend_from_slice(transfers);
        plan.bytes += transfers.iter().map(|t| t.size).sum::<u64>();
        (plan.waves, plan.last_wave) = (plan.waves + 1, Some(wave));
        self.lines.extend(transfers.iter().map(|t| Line::new(t.mtime_ns)));
        for lot in new {
            let id = self.take_number();
            let planned = lot.last.0 - lot.first.0 + 1;
            let bytes = self.places(lot.first.0, lot.last.0).map(|at| self.size(at)).sum();
            self.lots.push(Lot {
                id,
                born: id,
                wave,
                target: lot.target,
                first: lot.first.0,
                last: lot.last.0,
                low: lot.first.0,
                owner: lot.owner,
                epoch: 1,
                planned,
                authorised: 0,
            });
            self.tally.add(lot.owner, lot.target, State::Planned, planned, bytes);
        }
        self.lots_changed();
        Ok(())
    }

    /// See [`crate::Store::add_directories`].
    pub fn add_directories(&mut self, directories: &[PlannedDirectory]) -> Result<()> {
        if directories.len() > BATCH_MAX {
            return Err(LedgerError::TooMany { what: "directories in a batch", max: BATCH_MAX as u64 });
        }
        let plan = Arc::make_mut(&mut self.plan.0);
        for d in directories {
            plan.directories.push(DirectoryRow {
                id: plan.directories.len() as u64 + 1,
                source: d.source,
                source_key: d.source_key.clone(),
                target: d.target,
                key: d.key.clone(),
                depth: d.depth,
                attrs_json: d.attrs_json.clone(),
            });
        }
        self.committed();
        Ok(())
    }

    /// See [`crate::Store::plan_finished`].
    pub fn plan_finished(&mut self) -> Result<()> {
        Arc::make_mut(&mut self.plan.0).growing = false;
        self.committed();
        Ok(())
    }
}
