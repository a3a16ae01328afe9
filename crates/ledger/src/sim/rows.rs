//! Single transfers: what changes in them, and how readers see them.

use super::{Aside, Sim};
use crate::{Detail, FIND_SCAN_MAX, Found, NodeKind, ROWS_MAX, Result, Row, State, Unsettled};
use std::sync::Arc;
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

/// The changing part of a row of `transfer`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Line {
    pub(super) state: State,
    pub(super) attempts: u32,
    pub(super) mtime_ns: i64,
    pub(super) by: Option<PeerId>,
    pub(super) incarnation: Option<Incarnation>,
    pub(super) epoch: Option<Epoch>,
    pub(super) reference: Option<Arc<[u8]>>,
    pub(super) blake3: Option<[u8; 32]>,
    pub(super) actual_size: Option<u64>,
    pub(super) end: Option<Arc<End>>,
    /// For the report alone: no decision looks at it.
    pub(super) tried: Aside<Tried>,
}

/// What is kept of earlier attempts.
#[derive(Clone, Debug, Default)]
pub(super) struct Tried {
    pub(super) started_at_ms: Option<u64>,
    pub(super) before: u32,
    pub(super) first_error: Option<Arc<str>>,
}

/// What settling adds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct End {
    pub(super) etag: Option<String>,
    pub(super) verified: bool,
    pub(super) lost: u32,
    pub(super) error: Option<String>,
    pub(super) class: Option<String>,
    pub(super) settled_at_ms: u64,
}

impl Line {
    pub(super) const fn new(mtime_ns: i64) -> Self {
        Self {
            state: State::Planned,
            attempts: 0,
            mtime_ns,
            by: None,
            incarnation: None,
            epoch: None,
            reference: None,
            blake3: None,
            actual_size: None,
            end: None,
            tried: Aside(Tried { started_at_ms: None, before: 0, first_error: None }),
        }
    }
}

/// Ids start at 0: "after nothing" is below them.
fn above(after: Option<TransferId>) -> u64 {
    after.map_or(0, |id| id.0.saturating_add(1))
}

impl Sim {
    pub(super) fn row(&self, at: usize) -> Row {
        let (plan, line) = (&self.plan.0.transfers[at], &self.lines[at]);
        Row {
            id: plan.id,
            key: plan.key.clone(),
            source_key: if plan.source_key.is_empty() { &plan.key } else { &plan.source_key }.clone(),
            source: plan.source,
            target: plan.target,
            kind: plan.kind,
            size: plan.size,
            mtime_ns: line.mtime_ns,
            attempts: line.attempts,
            written: line.by.is_some(),
            names: if plan.kind == NodeKind::HardLinkGroup { plan.names.clone() } else { Vec::new() },
            state: line.state,
        }
    }

    fn detail(&self, at: usize) -> Detail {
        let (row, line) = (self.row(at), &self.lines[at]);
        let end = line.end.as_deref();
        Detail {
            id: row.id,
            key: row.key,
            source_key: row.source_key,
            source: row.source,
            target: row.target,
            kind: row.kind,
            size: row.size,
            mtime_ns: row.mtime_ns,
            state: row.state,
            attempts: row.attempts,
            names: row.names,
            by: line.by,
            incarnation: line.incarnation,
            epoch: line.epoch,
            blake3: line.blake3,
            etag: end.and_then(|e| e.etag.clone()),
            actual_size: line.actual_size,
            verified: end.is_some_and(|e| e.verified),
            lost: end.map_or(0, |e| e.lost),
            error: end.and_then(|e| e.error.clone()),
            class: end.and_then(|e| e.class.clone()),
            settled_at_ms: end.map(|e| e.settled_at_ms),
            started_at_ms: line.tried.0.started_at_ms,
            tried_before: line.tried.0.before,
            first_error: line.tried.0.first_error.as_deref().map(str::to_owned),
        }
    }

    pub(crate) fn rows(&self, first: TransferId, last: TransferId, limit: usize) -> Result<Vec<Row>> {
        Ok(self.places(first.0, last.0).take(limit.min(ROWS_MAX)).map(|at| self.row(at)).collect())
    }

    /// See [`crate::View::unsettled`].
    pub fn unsettled(&self, peer: PeerId) -> Result<Vec<Unsettled>> {
        let mut unsettled = Vec::new();
        for lot in self.lots.iter().filter(|lot| lot.owner == peer && lot.authorised > 0) {
            for at in self.places(lot.first, lot.last) {
                let line = &self.lines[at];
                let (Some(epoch), Some(incarnation)) = (line.epoch, line.incarnation) else { continue };
                if line.state == State::Authorised {
                    unsettled.push(Unsettled {
                        row: self.row(at),
                        epoch: Epoch(lot.epoch),
                        authorised_epoch: epoch,
                        authorised_incarnation: incarnation,
                        reference: line.reference.as_deref().unwrap_or_default().to_vec(),
                        blake3: line.blake3.unwrap_or_default(),
                        size: line.actual_size.unwrap_or_default(),
                    });
                }
            }
        }
        Ok(unsettled)
    }

    /// See [`crate::View::transfer`].
    pub fn transfer(&self, id: TransferId) -> Result<Option<Detail>> {
        Ok(self.place(id.0).map(|at| self.detail(at)))
    }

    pub(crate) fn find(&self, text: &[u8], after: Option<TransferId>, limit: usize) -> Result<Found> {
        let first = above(after);
        let last = first.saturating_add(FIND_SCAN_MAX - 1);
        let holds = |at: &usize| {
            let key = &self.plan.0.transfers[*at].key;
            text.is_empty() || key.windows(text.len()).any(|part| part == text)
        };
        let rows: Vec<Detail> =
            self.places(first, last).filter(holds).take(limit).map(|at| self.detail(at)).collect();
        let seen = if rows.len() >= limit { rows.last().map_or(last, |r| r.id.0) } else { last };
        let more = self.plan.0.next().0 > seen.saturating_add(1);
        Ok(Found { rows, next: more.then_some(TransferId(seen)) })
    }

    pub(crate) fn failed_page(&self, after: Option<TransferId>, limit: usize) -> Result<Vec<Detail>> {
        let failed = |at: &usize| self.lines[*at].state == State::Failed;
        let all = self.places(above(after), u64::MAX - 1);
        Ok(all.filter(failed).take(limit).map(|at| self.detail(at)).collect())
    }

    pub(crate) fn done_after_retries(&self) -> Result<u64> {
        let again = |line: &&Line| line.state == State::Done && line.attempts + line.tried.0.before > 1;
        Ok(self.lines.iter().filter(again).count() as u64)
    }

    pub(crate) fn manifest_page(&self, after: Option<TransferId>, limit: usize) -> Result<Vec<Detail>> {
        Ok(self.places(above(after), u64::MAX - 1).take(limit).map(|at| self.detail(at)).collect())
    }
}
