//! When a data set closes: a barrier is asked for, and waits a while for company.
//!
//! The host asks for durability in groups of about a second; a tape wants data sets of 64 MiB or 30 s, because each costs a filemark and there
//! are 9,999 of them (backends.md 3). So the barrier lingers while bytes keep coming, and ends the wait as soon as none do.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use twinhaul_backend_abi::{Batch, Op, Result, WaitReason};

use super::{POLL, Settling, Stream};
use crate::catalogue::attempts::gone;
use crate::library::deck::Want;

/// No writer is open for so long: nothing more is to come.
const NOBODY: Duration = Duration::from_millis(20);
/// Writers are open, and for so long no byte came.
const QUIET: Duration = Duration::from_millis(250);

impl Stream {
    /// Makes sealed objects durable, one answer for each; no refs: everything sealed so far.
    pub(crate) fn seal_sync(self: &Arc<Self>, op: &Op<'_>, refs: &[&[u8]]) -> Batch<()> {
        op.check()?;
        let ids: Vec<String> = refs.iter().map(|r| String::from_utf8_lossy(r).into_owned()).collect();
        if ids.is_empty() {
            // Everything includes what happened to names: they go to tape now.
            let mut turn = self.take(op)?;
            turn.close(op)?;
            turn.flush_names(op, Want::Append)?;
            return Ok(Vec::new());
        }
        self.lock().pressing += 1;
        let waited = self.linger(op, &ids);
        self.lock().pressing -= 1;
        waited?;
        Ok(ids.iter().map(|id| self.answer(id)).collect())
    }

    fn answer(&self, id: &str) -> Result<()> {
        if let Some(Settling::Failed(e)) = self.lock().settling.remove(id) {
            return Err(e);
        }
        if self.deck.library.catalogue.is_durable(id)? { Ok(()) } else { Err(gone("sync", id)) }
    }

    /// Waits for the data set of these objects, and closes it when it is time.
    fn linger(self: &Arc<Self>, op: &Op<'_>, ids: &[String]) -> Result<()> {
        let mut told = false;
        loop {
            let is_open = {
                let state = self.lock();
                ids.iter().any(|id| matches!(state.settling.get(id), Some(Settling::Open)))
            };
            if !is_open {
                if told {
                    op.wait(None, "");
                }
                return Ok(());
            }
            op.check()?;
            if self.is_time() {
                let mut turn = self.take(op)?;
                // Its objects are asked one by one afterwards.
                let _ = turn.close(op);
                continue;
            }
            if !told {
                op.wait(Some(WaitReason::Io), "the data set fills up");
                told = true;
            }
            let state = self.lock();
            drop(self.changed.wait_timeout(state, POLL).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Whether the open data set should close now.
    pub(crate) fn is_time(&self) -> bool {
        let (barcode, due, rests) = {
            let state = self.lock();
            let Some(set) = &state.set else { return false };
            let now = Instant::now();
            let nobody = state.writers == 0 && now.duration_since(state.none_since) >= NOBODY;
            let quiet = now.duration_since(state.active) >= QUIET;
            let due = set.is_broken()
                || set.total() >= self.close_bytes
                || set.opened.elapsed() >= self.close_age
                || (state.pressing > 0 && (nobody || quiet));
            (set.barcode().to_owned(), due, nobody && quiet)
        };
        // Nobody has asked for its durability yet, nothing is on its way to it, and others wait for the drive.
        due || self.deck.must_yield(&barcode) || (rests && self.deck.pressure(&barcode) > 0)
    }

    /// What the target does beside its calls: closes data sets that are old or in the way, unmounts what idles.
    pub(crate) fn tidy(self: &Arc<Self>, op: &Op<'_>) {
        if self.is_time()
            && let Some(mut turn) = self.try_take()
        {
            // Whoever waits for its objects is told by them.
            let _ = turn.close(op);
        }
        let idle = {
            let mut state = self.lock();
            let wanted = |seat: &crate::library::deck::Seat| self.deck.pressure(&seat.loaded.barcode) > 0;
            let long = state.active.elapsed() >= QUIET;
            if !state.taken && (long || state.seat.as_ref().is_some_and(wanted)) {
                state.seat.take()
            } else {
                None
            }
        };
        drop(idle);
        self.deck.tidy(op);
    }
}
