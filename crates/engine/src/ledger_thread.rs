//! The driver's own connection to the ledger, on a thread: transactions wait for fsync, the driver must not.
//!
//! Jobs are done in order. Their number is bounded by what the driver has outstanding: a load, a poll, a batch of
//! events, and the core's pending assignments.

mod tail;

use crate::clock::wall_ms;
use crate::driver::DriverEvent;
use std::time::Duration;
pub(crate) use tail::Tail;
use tokio::sync::{mpsc, oneshot};
use twinhaul_assist::{Interval, LoadedLot, Sizes};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{
    Assign, AssignOutcome, Counters, FinishedRange, HeldRange, Holding, LedgerError, Lent, LotCursor,
    NewEvent, Owned, PAGE_MAX, RangeCursor, RangeEnd, RangeRow, Remembered, Reopen, Row, RunRow, State,
    Stopped, Store, TakeOver, TakeOverOutcome, Totals,
};
use twinhaul_units::{Amount, Bytes, Dial, Epoch, Incarnation, PeerId, TransferId, Turned};
use twinhaul_wire::RunState;

/// Jobs that may wait; see the module.
pub(crate) const JOBS_MAX: usize = 256;
/// Rows shown as "next up".
pub(crate) const NEXT_UP_ROWS: usize = 12;

/// Given-up transfers that are queued again.
#[derive(Debug)]
pub(crate) struct Reopened {
    pub(crate) count: u64,
    /// Of the only one.
    pub(crate) key: Option<Vec<u8>>,
}

/// What the driver asks.
#[derive(Debug)]
pub(crate) enum Job {
    /// 0 intervals: ranges alone.
    Load {
        limit: usize,
    },
    Assign(Assign),
    Events(Vec<NewEvent>),
    Remember(Remembered),
    /// An operator turned it.
    KeepDial(Dial, Turned),
    Poll {
        head: Option<(TransferId, TransferId)>,
        /// Transfers of which something is lent.
        lending: Vec<TransferId>,
        /// Something is lent to this peer.
        holding: bool,
    },
    /// Bytes of lent ranges are durable.
    FinishRanges(Vec<FinishedRange>),
    /// The end of a lent range is for another slot here.
    SplitRange(HeldRange),
    /// Lent ranges go back to their home.
    ReturnRanges(Vec<HeldRange>),
    /// The bytes of these ranges are here already.
    DeclineRanges(Vec<HeldRange>),
    /// A transfer of this peer is redone: its ranges are moot.
    RecallRanges(TransferId, Epoch),
    /// What of `queue` is to go, from its tail, so that `keep` of its bytes and `others` together stays.
    Tail {
        queue: Vec<Interval>,
        keep: f64,
        others: Bytes,
        answer: oneshot::Sender<Tail>,
    },
    /// What these hold, as planned.
    Weigh {
        intervals: Vec<Interval>,
        answer: oneshot::Sender<Bytes>,
    },
    Reopen {
        which: Reopen,
        answer: oneshot::Sender<Reopened>,
    },
    ClaimFinishing,
    TakeOver(TakeOver),
    EndRun {
        state: RunState,
    },
    /// Everything before it is durable.
    Flush(oneshot::Sender<()>),
}

/// What comes back.
#[derive(Debug)]
pub(crate) enum Answer {
    Loaded {
        lots: Vec<LoadedLot>,
        pinned: Vec<LoadedLot>,
        ranges: Vec<Lent>,
        /// In the lots, as planned.
        bytes: u64,
        all_planned: bool,
    },
    /// Ranges alone were looked for.
    LoadedRanges(Vec<Lent>),
    FinishedRanges(Vec<(HeldRange, RangeEnd)>),
    /// Whether this is a range of its own now.
    SplitRange(HeldRange, bool),
    /// No wave is planned yet: asking the other peer for work would come before the initial division (claims 1.1, 1.2).
    LoadLater {
        limit: usize,
    },
    Assigned {
        op: u64,
        outcome: AssignOutcome,
    },
    Polled(Box<Polled>, RangesSeen),
    Claimed(bool),
    Taken {
        op: u64,
        outcome: TakeOverOutcome,
    },
    /// To write at all, a stopped process had to be killed.
    Cured(Stopped),
}

/// What the ledger says of ranges.
#[derive(Debug, Default)]
pub(crate) struct RangesSeen {
    pub lent: Vec<(TransferId, Vec<RangeRow>)>,
    /// `None`: not asked.
    pub held: Option<Vec<Holding>>,
}

/// Of each target: whether only this peer reaches it, and whether both can write one object there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TargetFacts {
    pub pinned: bool,
    pub shared_ranges: bool,
}

/// The ledger's view of the run, a fraction of a second old.
#[derive(Debug, Default)]
pub(crate) struct Polled {
    pub totals: Totals,
    pub counters: Counters,
    pub run: RunRow,
    pub next_up: Vec<Row>,
}

impl Polled {
    /// Nothing is left to do, in both peers.
    pub(crate) fn all_settled(&self) -> bool {
        !self.totals.growing && self.counters.remaining().transfers == 0
    }

    /// Planned and authorised transfers of a peer: its queue and what it has in flight.
    pub(crate) fn remaining_of(&self, peer: PeerId) -> Amount {
        self.counters.at(peer, State::Planned) + self.counters.at(peer, State::Authorised)
    }
}

/// Runs until the driver is gone. A ledger error is fatal for the peer and is told once.
pub(crate) fn run(
    store: &Store,
    me: PeerId,
    incarnation: Incarnation,
    targets: &[TargetFacts],
    jobs: &crossbeam_channel::Receiver<Job>,
    driver: &mpsc::Sender<DriverEvent>,
) {
    let mut place = Place {
        me,
        incarnation,
        targets,
        cursor: LotCursor::default(),
        range_cursor: RangeCursor::default(),
    };
    for job in jobs {
        let answer = carry_out(store, &mut place, job);
        for stopped in store.take_stopped() {
            if driver.blocking_send(DriverEvent::Ledger(Answer::Cured(stopped))).is_err() {
                return;
            }
        }
        let answer = match answer {
            Ok(None) => continue,
            Ok(Some(answer)) => DriverEvent::Ledger(answer),
            Err(e) => DriverEvent::Fatal(e.into()),
        };
        let fatal = matches!(answer, DriverEvent::Fatal(_));
        if driver.blocking_send(answer).is_err() {
            return;
        }
        if fatal {
            // The driver may ask for more before it reads why this ended: it must not take that for the reason.
            jobs.iter().for_each(drop);
            return;
        }
    }
}

/// Who asks, and how far its lots were read.
struct Place<'a> {
    me: PeerId,
    incarnation: Incarnation,
    targets: &'a [TargetFacts],
    cursor: LotCursor,
    range_cursor: RangeCursor,
}

fn carry_out(store: &Store, place: &mut Place<'_>, job: Job) -> twinhaul_ledger::Result<Option<Answer>> {
    let (me, incarnation) = (place.me, place.incarnation);
    Ok(match job {
        Job::Load { limit: 0 } => Some(Answer::LoadedRanges(load_ranges(store, place)?)),
        Job::Load { limit } => Some(load(store, place, limit)?),
        Job::Assign(assign) => {
            let lends = !assign.cuts.is_empty();
            hit(if lends { Point::RangeLending } else { Point::Assigning });
            let outcome = store.assign(&assign)?;
            hit(if lends { Point::RangeLent } else { Point::Assigned });
            Some(Answer::Assigned { op: assign.op, outcome })
        }
        Job::TakeOver(take) => {
            hit(Point::TakingOver);
            let outcome = store.take_over(&take)?;
            hit(Point::TakenOver);
            Some(Answer::Taken { op: take.op, outcome })
        }
        Job::Events(events) => {
            store.append_events(&events)?;
            None
        }
        Job::Remember(memory) => {
            store.remember(me, incarnation, &memory)?;
            None
        }
        Job::KeepDial(dial, to) => {
            store.turn(me, incarnation, &dial, to)?;
            None
        }
        Job::Poll { head, lending, holding } => {
            let next_up = match head {
                Some((first, last)) => store.rows(first, last, NEXT_UP_ROWS)?,
                None => Vec::new(),
            };
            // Who was fenced learns it here at the latest, also when it has nothing to write.
            let current = store.peers()?.map(|peer| peer.incarnation)[me.index()];
            if current != incarnation {
                return Err(LedgerError::Fenced { peer: me, mine: incarnation, current });
            }
            let rows = |id: TransferId| Ok((id, store.ranges(id)?));
            let held = holding.then(|| store.holdings(me, incarnation, PAGE_MAX)).transpose()?;
            let lent = lending.into_iter().map(rows).collect::<twinhaul_ledger::Result<_>>()?;
            let polled = Polled { next_up, ..look(store)? };
            Some(Answer::Polled(Box::new(polled), RangesSeen { lent, held }))
        }
        Job::Tail { queue, keep, others, answer } => {
            // Who asked may have gone; then nobody needs to know.
            let _ = answer.send(Tail::of(store, &queue, keep, others)?);
            None
        }
        Job::Weigh { intervals, answer } => {
            let _ = answer.send(Bytes(store.interval_bytes(&intervals)?));
            None
        }
        Job::Reopen { which, answer } => {
            let count = store.reopen_failed(&which)?;
            let key = match &which {
                Reopen::Some(ids) if count == 1 && ids.len() == 1 => {
                    store.rows(ids[0], ids[0], 1)?.pop().map(|row| row.key)
                }
                _ => None,
            };
            let _ = answer.send(Reopened { count, key });
            None
        }
        Job::FinishRanges(finished) => {
            let ends = store.finish_ranges(me, incarnation, &finished)?;
            hit(Point::RangeRecorded);
            let held = finished.into_iter().map(|f| f.held);
            Some(Answer::FinishedRanges(held.zip(ends).collect()))
        }
        Job::SplitRange(tail) => {
            hit(Point::RangeDividing);
            let made = store.split_range(me, incarnation, &tail)?;
            hit(Point::RangeDivided);
            Some(Answer::SplitRange(tail, made))
        }
        Job::ReturnRanges(ranges) => {
            store.return_ranges(me, incarnation, &ranges)?;
            None
        }
        Job::DeclineRanges(ranges) => {
            store.decline_ranges(me, incarnation, &ranges)?;
            None
        }
        Job::RecallRanges(id, epoch) => {
            hit(Point::RangeRecalling);
            store.recall_ranges(me, incarnation, &[(id, epoch)])?;
            hit(Point::RangeRecalled);
            None
        }
        Job::ClaimFinishing => {
            hit(Point::Claiming);
            Some(Answer::Claimed(store.claim_finishing(me, incarnation)?))
        }
        Job::EndRun { state } => {
            hit(Point::Finished);
            store.set_run_state(state, wall_ms())?;
            None
        }
        Job::Flush(done) => {
            let _ = done.send(());
            None
        }
    })
}

/// The run as the ledger has it now; without "next up".
pub(crate) fn look(store: &Store) -> twinhaul_ledger::Result<Polled> {
    let (totals, counters, run) = (store.totals()?, store.counters()?, store.run()?);
    Ok(Polled { totals, counters, run, next_up: Vec::new() })
}

/// New lots and ranges since the last load, with their sizes; those whose target the other peer cannot reach are pinned.
fn load(store: &Store, place: &mut Place<'_>, limit: usize) -> twinhaul_ledger::Result<Answer> {
    let totals = store.totals()?;
    if totals.growing && totals.waves == 0 {
        return Ok(Answer::LoadLater { limit });
    }
    let loaded = store.lots_since(place.me, place.incarnation, place.cursor, limit)?;
    place.cursor = loaded.next;
    let (mut lots, mut pinned, mut bytes) = (Vec::new(), Vec::new(), 0);
    for Owned { interval, target } in loaded.owned {
        let points = store.sizes(&interval)?;
        bytes += points.last().map_or(0, |(_, below)| below.0);
        let facts = place.targets.get(usize::from(target)).copied().unwrap_or_default();
        let (sizes, shared_ranges) = (Sizes::from_points(points), facts.shared_ranges);
        let lot = LoadedLot { interval, target, sizes, shared_ranges };
        if facts.pinned { &mut pinned } else { &mut lots }.push(lot);
    }
    let ranges = load_ranges(store, place)?;
    Ok(Answer::Loaded { lots, pinned, ranges, bytes, all_planned: loaded.complete && !loaded.growing })
}

/// Ranges lent to this peer, or come back to it, since the last load.
fn load_ranges(store: &Store, place: &mut Place<'_>) -> twinhaul_ledger::Result<Vec<Lent>> {
    let mut ranges = Vec::new();
    loop {
        let loaded = store.ranges_since(place.me, place.incarnation, place.range_cursor, PAGE_MAX)?;
        place.range_cursor = loaded.next;
        ranges.extend(loaded.ranges);
        if loaded.complete || ranges.len() >= RANGES_LOADED_MAX {
            return Ok(ranges);
        }
    }
}

/// Ranges in one load; the next one brings the others.
const RANGES_LOADED_MAX: usize = 4096;

/// How often the ledger is looked at: often while idle, so that the end is seen at once.
pub(crate) const POLL_IDLE: Duration = Duration::from_millis(100);
/// … and less often while working.
pub(crate) const POLL_BUSY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_ledger::{NewRun, Process};

    #[test]
    fn who_was_fenced_hears_that_and_not_that_the_thread_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let run_row = NewRun {
            id: "r-1".into(),
            name: "r".into(),
            profile_hash: "00".into(),
            policy: "balanced".into(),
            names: ["alpha".into(), "beta".into()],
            created_at_ms: 1,
        };
        let store = Store::create(&dir.path().join("ledger.sqlite"), &run_row).unwrap();
        let process = Process { pid: 1, pid_start: 1, boot_id: "b".into(), host: "h".into() };
        let me = PeerId::First;
        let mine = store.join(me, &process, 1).unwrap().incarnation;
        // Another process has this place by now.
        store.join(me, &process, 2).unwrap();
        let (to_thread, jobs) = crossbeam_channel::bounded(JOBS_MAX);
        let (driver, mut answers) = mpsc::channel(8);
        let thread = std::thread::spawn(move || run(&store, me, mine, &[], &jobs, &driver));
        let poll = || Job::Poll { head: None, lending: Vec::new(), holding: false };
        to_thread.send(poll()).unwrap();
        let told = answers.blocking_recv();
        let Some(DriverEvent::Fatal(why)) = told else { panic!("{told:?}") };
        assert!(why.is_fenced(), "{why}");
        // What a driver asks before it has read that is accepted, and comes to nothing.
        for _ in 0..2 * JOBS_MAX {
            to_thread.send(poll()).unwrap();
        }
        drop(to_thread);
        thread.join().unwrap();
        assert!(answers.blocking_recv().is_none());
    }
}
