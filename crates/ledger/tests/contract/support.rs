//! What every contract needs: a fresh ledger, a small plan, and short words for batches.

use twinhaul_ledger::{
    Assign, AssignOutcome, AssignWhy, Authorise, HeldRange, Interval, LotCursor, NewLot, NewRun, NodeKind,
    Outcome, Planned, Process, RANGE_ALIGN, RangeCut, Settled, SharedObject, Sim, SimStore, Store, TakeOver,
    Version, View,
};
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

pub(crate) use PeerId::{First, Second};

/// A place where one kind of store keeps one ledger. Dropped with everything in it.
pub(crate) trait Factory: Default {
    /// The new run's ledger.
    fn create(&self) -> Store;
    /// One more connection to it.
    fn open(&self) -> Store;
    /// One more reader of it.
    fn view(&self) -> View;
}

/// One SQLite file in a temporary directory.
pub(crate) struct Sqlite(tempfile::TempDir);

impl Default for Sqlite {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Sqlite {
    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.0.path().join("ledger.sqlite")
    }
}

impl Factory for Sqlite {
    fn create(&self) -> Store {
        Store::create(&self.path(), &new_run()).unwrap()
    }

    fn open(&self) -> Store {
        Store::open(&self.path()).unwrap()
    }

    fn view(&self) -> View {
        View::open(&self.path()).unwrap()
    }
}

/// One ledger in memory.
pub(crate) struct InMemory(SimStore);

impl Default for InMemory {
    fn default() -> Self {
        Self(SimStore::new(Sim::new(&new_run())))
    }
}

impl Factory for InMemory {
    fn create(&self) -> Store {
        self.open()
    }

    fn open(&self) -> Store {
        self.0.another().into()
    }

    fn view(&self) -> View {
        self.0.reader()
    }
}

pub(crate) fn new_run() -> NewRun {
    NewRun {
        id: "docs-to-vault-1".to_owned(),
        name: "docs-to-vault".to_owned(),
        profile_hash: "00ff".to_owned(),
        policy: "learning".to_owned(),
        names: ["alpha".to_owned(), "beta".to_owned()],
        created_at_ms: 1_700_000_000_000,
    }
}

/// The size that transfer `id` has in every plan here: all different near each other, some 0.
pub(crate) const fn size(id: u64) -> u64 {
    (id * 7919) % 1000
}

/// Transfers `first..first + n` to `target`.
pub(crate) fn transfers(first: u64, n: u64, target: u16) -> Vec<Planned> {
    (first..first + n)
        .map(|id| Planned {
            id: TransferId(id),
            key: format!("dir-{:03}/file-{id:08}.dat", id % 997).into_bytes(),
            target,
            size: size(id),
            mtime_ns: 1_600_000_000_000_000_000 + id.cast_signed(),
            kind: NodeKind::File,
            ..Planned::default()
        })
        .collect()
}

pub(crate) const fn lot(first: u64, n: u64, owner: PeerId, target: u16) -> NewLot {
    NewLot { target, first: TransferId(first), last: TransferId(first + n - 1), owner }
}

/// One wave of `n` transfers to target 0: the first half is the first peer's.
pub(crate) fn plan_halves(store: &Store, n: u64) {
    let half = n / 2;
    store
        .add_wave(0, &transfers(0, n, 0), &[lot(0, half, First, 0), lot(half, n - half, Second, 0)])
        .unwrap();
}

pub(crate) fn join(store: &Store, peer: PeerId) -> Incarnation {
    let process = Process { pid: 42, pid_start: 7, boot_id: "b".to_owned(), host: "h".to_owned() };
    store.join(peer, &process, 1).unwrap().incarnation
}

/// Everything `peer` owns and has not started.
pub(crate) fn owned(store: &View, peer: PeerId, incarnation: Incarnation) -> Vec<Interval> {
    let loaded = store.lots_since(peer, incarnation, LotCursor::default(), usize::MAX).unwrap();
    assert!(loaded.complete);
    loaded.owned.into_iter().map(|o| o.interval).collect()
}

/// First and last ids, for comparing.
pub(crate) fn bounds(intervals: &[Interval]) -> Vec<(u64, u64)> {
    intervals.iter().map(|i| (i.first.0, i.last.0)).collect()
}

/// The part `first..=last` of an interval.
pub(crate) fn part(interval: Interval, first: u64, last: u64) -> Interval {
    assert!(interval.first.0 <= first && last <= interval.last.0);
    Interval { first: TransferId(first), last: TransferId(last), ..interval }
}

pub(crate) fn assign_from(
    op: u64,
    from: (PeerId, Incarnation),
    to: (PeerId, Incarnation),
    intervals: &[Interval],
) -> Assign {
    Assign {
        op,
        from: from.0,
        from_incarnation: from.1,
        to: to.0,
        to_incarnation: to.1,
        intervals: intervals.to_vec(),
        cuts: Vec::new(),
        why: AssignWhy::Assistance,
    }
}

pub(crate) fn assigned(outcome: AssignOutcome) -> twinhaul_ledger::Assigned {
    match outcome {
        AssignOutcome::Assigned(assigned) => assigned,
        AssignOutcome::Refused(why) => panic!("refused: {why}"),
    }
}

pub(crate) const fn take_over(op: u64, by: (PeerId, Incarnation), dead_incarnation: Incarnation) -> TakeOver {
    TakeOver { op, by: by.0, by_incarnation: by.1, dead_incarnation }
}

pub(crate) fn digest(id: u64) -> [u8; 32] {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&id.to_le_bytes());
    digest
}

pub(crate) fn authorise(ids: impl IntoIterator<Item = u64>, epoch: u64) -> Vec<Authorise> {
    ids.into_iter()
        .map(|id| Authorise {
            id: TransferId(id),
            epoch: Epoch(epoch),
            reference: format!(".twinhaul/attempt-{id}").into_bytes(),
            blake3: digest(id),
            size: size(id),
            mtime_ns: 5,
        })
        .collect()
}

pub(crate) fn done(ids: impl IntoIterator<Item = u64>, epoch: u64) -> Vec<Settled> {
    ids.into_iter()
        .map(|id| {
            let outcome =
                Outcome::Done { verified: true, etag: None, lost: 0, blake3: digest(id), size: size(id) };
            settled(id, epoch, outcome)
        })
        .collect()
}

pub(crate) fn failed(ids: impl IntoIterator<Item = u64>, epoch: u64) -> Vec<Settled> {
    ids.into_iter()
        .map(|id| {
            let outcome =
                Outcome::Failed { error: "permission denied".to_owned(), class: "denied".to_owned() };
            settled(id, epoch, outcome)
        })
        .collect()
}

pub(crate) const fn settled(id: u64, epoch: u64, outcome: Outcome) -> Settled {
    Settled {
        id: TransferId(id),
        epoch: Epoch(epoch),
        outcome,
        attempts: 2,
        at_ms: 9,
        started_at_ms: Some(7),
        first_error: None,
    }
}

/// S4 and S11, recounted.
pub(crate) fn sound(store: &Store) {
    assert_eq!(store.check_invariants().unwrap(), Vec::<String>::new());
    let (totals, counters) = (store.totals().unwrap(), store.counters().unwrap());
    let discovered = counters.discovered();
    assert_eq!((totals.transfers, totals.bytes), (discovered.transfers, discovered.bytes.0));
}

/// Bytes of every object that is cut here: 16 leaves and a bit.
pub(crate) const SHARED_SIZE: u64 = 16 * RANGE_ALIGN + 5;

/// Where leaf `n` of such an object begins; the 17th is its end.
pub(crate) const fn leaf(n: u64) -> u64 {
    if n >= 17 { SHARED_SIZE } else { n * RANGE_ALIGN }
}

pub(crate) fn object(attempt: &str) -> SharedObject {
    let version =
        Version { size: SHARED_SIZE, mtime_ns: Some(-5), ctime_ns: Some(6), dev: Some(u64::MAX), ino: None };
    SharedObject { reference: attempt.as_bytes().to_vec(), attempt: attempt.to_owned(), version }
}

/// Leaves `first..beyond` of a transfer.
pub(crate) fn cut(id: u64, epoch: u64, first: u64, beyond: u64, attempt: &str) -> RangeCut {
    RangeCut {
        id: TransferId(id),
        epoch: Epoch(epoch),
        from: leaf(first),
        to: leaf(beyond),
        hedge: false,
        object: object(attempt),
    }
}

pub(crate) fn held(cut: &RangeCut) -> HeldRange {
    HeldRange {
        id: cut.id,
        epoch: cut.epoch,
        from: cut.from,
        to: cut.to,
        hedge: cut.hedge,
        attempt: cut.object.attempt.clone(),
    }
}
