//! After a take-over in the ledger: what the dead incarnation left half-way is dealt with before anything of it is redone.
//!
//! On a thread of its own, with its own ledger connection: targets are asked, objects are read. The driver loads no
//! lots meanwhile, so that no transfer is missed that is planned again here. Entry point: [`run`].

use crate::error::Result;
use crate::place::{self, Fenced, Whereabouts};
use crate::recover::{self, Recovered};
use crate::storage::Storage;
use crate::tag::PeerTag;
use std::path::PathBuf;
use std::sync::Arc;
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{Store, TakenOver};
use twinhaul_profile::Verify;

/// The work.
#[derive(Debug)]
pub(crate) struct Fencing {
    pub ledger: PathBuf,
    pub storage: Arc<Storage>,
    pub tag: PeerTag,
    pub verify: Verify,
    /// It held ranges of objects in flight here, and may still write into them.
    pub lent: bool,
    /// Whose place was taken.
    pub fenced: Whereabouts,
    /// The operation's number, and what the ledger says came of it.
    pub op: u64,
    pub taken: TakenOver,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct FencingReport {
    pub op: u64,
    pub taken: TakenOver,
    pub recovered: Recovered,
    /// What became of the process, if it had to be gone before something could be redone.
    pub process: Option<Fenced>,
}

/// Deals with what the fenced incarnation left.
///
/// # Errors
/// The ledger's, or a target that cannot be asked: the peer ends, and its next life begins with the same.
pub(crate) fn run(work: &Fencing) -> Result<FencingReport> {
    let store = Store::open(&work.ledger)?;
    let left = recover::taken(&store, &work.tag)?;
    let process = if work.lent || left.iter().any(|row| recover::needs_its_process_gone(&work.storage, row)) {
        Some(place::end_fenced(&store, &work.fenced)?)
    } else {
        None
    };
    let recovered = recover::take_in(&store, &work.storage, &work.tag, work.verify, &left)?;
    hit(Point::TakeOverSettled);
    Ok(FencingReport { op: work.op, taken: work.taken, recovered, process })
}
