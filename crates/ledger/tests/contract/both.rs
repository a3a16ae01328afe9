//! The ledger in memory against SQLite: any sequence of operations, right and wrong ones, gets the same answers and the
//! same errors from both, and leaves the same rows in both.

use crate::support::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use twinhaul_ledger::{
    Assign, Authorise, Chain, Checkpoint, FinishedRange, Holding, Interval, LotCursor, NewCheckpoint,
    Outcome, QueueAt, RangeCursor, RangeCut, Remembered, Reopen, Settled, Store, TakeOver,
};
use twinhaul_units::{Epoch, Incarnation, LotId, PeerId, TransferId};

/// One call, with its numbers as drawn: many are wrong, so that refusals are compared too.
#[derive(Clone, Debug)]
enum Call {
    Wave { n: u64, cut: u64, gap: u64 },
    Finished,
    Join(PeerId),
    Remember(PeerId, u64),
    Assign { op: u64, from: PeerId, stale: (u64, u64), parts: Vec<Part> },
    Take { op: u64, by: PeerId, stale: (u64, u64) },
    Authorise { peer: PeerId, stale: u64, ids: Vec<Part> },
    Settle { peer: PeerId, stale: u64, ids: Vec<Part>, how: u8 },
    Release { peer: PeerId, stale: u64, ids: Vec<Part> },
    Reopen(Option<Vec<u64>>),
    Load { peer: PeerId, limit: usize },
    Claim(PeerId, bool),
    Cut { op: u64, from: PeerId, stale: (u64, u64), cuts: Vec<Piece> },
    Ranges { peer: PeerId, stale: u64, piece: Piece, how: u8 },
    LoadRanges { peer: PeerId, limit: usize },
}

/// Leaves of one of the first few transfers, of one of two attempts; or, where it helps, what `peer` really holds.
#[derive(Clone, Copy, Debug)]
struct Piece {
    id: u64,
    wrong: u64,
    first: u64,
    n: u64,
    hedge: bool,
    second_try: bool,
    /// Picks one that is held instead; a part of it from its end, if `n` is odd.
    held: Option<u64>,
}

/// Transfers from `first` on, at most `n`, as far as they are in one lot; the epoch is the lot's plus `wrong`.
#[derive(Clone, Copy, Debug)]
struct Part {
    first: u64,
    n: u64,
    wrong: u64,
}

fn piece() -> impl Strategy<Value = Piece> {
    let second = prop::bool::weighted(0.1);
    (0u64..6, rarely(), 0u64..17, 1u64..6, prop::bool::weighted(0.2), second, prop::option::of(0u64..9))
        .prop_map(|(id, wrong, first, n, hedge, second_try, held)| Piece {
            id: id * 4,
            wrong,
            first,
            n,
            hedge,
            second_try,
            held,
        })
}

/// Mostly 0.
fn rarely() -> impl Strategy<Value = u64> {
    prop_oneof![12 => Just(0u64), 1 => Just(1u64)]
}

fn peer() -> impl Strategy<Value = PeerId> {
    prop_oneof![Just(First), Just(Second)]
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = (0u64..60, 1u64..9, rarely()).prop_map(|(first, n, wrong)| Part { first, n, wrong });
    prop::collection::vec(part, 1..4)
}

fn call() -> impl Strategy<Value = Call> {
    let stale = || (rarely(), rarely());
    prop_oneof![
        1 => (1u64..20, 0u64..20, rarely()).prop_map(|(n, cut, gap)| Call::Wave { n, cut, gap }),
        1 => Just(Call::Finished),
        1 => peer().prop_map(Call::Join),
        1 => (peer(), rarely()).prop_map(|(p, s)| Call::Remember(p, s)),
        6 => (0u64..12, peer(), stale(), parts())
            .prop_map(|(op, from, stale, parts)| Call::Assign { op, from, stale, parts }),
        2 => (0u64..12, peer(), stale()).prop_map(|(op, by, stale)| Call::Take { op, by, stale }),
        5 => (peer(), rarely(), parts()).prop_map(|(peer, stale, ids)| Call::Authorise { peer, stale, ids }),
        6 => (peer(), rarely(), parts(), 0u8..4)
            .prop_map(|(peer, stale, ids, how)| Call::Settle { peer, stale, ids, how }),
        2 => (peer(), rarely(), parts()).prop_map(|(peer, stale, ids)| Call::Release { peer, stale, ids }),
        2 => prop::option::of(prop::collection::vec(0u64..60, 0..9)).prop_map(Call::Reopen),
        4 => (peer(), 1usize..5).prop_map(|(peer, limit)| Call::Load { peer, limit }),
        1 => (peer(), any::<bool>()).prop_map(|(p, done)| Call::Claim(p, done)),
        10 => (100u64..130, peer(), stale(), prop::collection::vec(piece(), 1..3))
            .prop_map(|(op, from, stale, cuts)| Call::Cut { op, from, stale, cuts }),
        8 => (peer(), rarely(), piece(), 0u8..8)
            .prop_map(|(peer, stale, piece, how)| Call::Ranges { peer, stale, piece, how }),
        3 => (peer(), 1usize..4).prop_map(|(peer, limit)| Call::LoadRanges { peer, limit }),
    ]
}

/// One store with what its callers hold.
struct Side {
    store: Store,
    cursors: [LotCursor; 2],
    ranges: [RangeCursor; 2],
    wave: u64,
}

impl Side {
    fn incarnation(&self, peer: PeerId, stale: u64) -> Incarnation {
        Incarnation(self.store.peers().unwrap()[peer.index()].incarnation.0.saturating_sub(stale))
    }

    /// The intervals that `parts` name; where no lot is, one that nobody owns.
    fn intervals(&self, parts: &[Part]) -> Vec<Interval> {
        let lots = self.store.lots(None, 1000).unwrap();
        let find = |part: &Part| {
            let lot = lots.iter().find(|l| l.first.0 <= part.first && part.first <= l.last.0);
            let (lot, epoch, last) = lot.map_or((LotId(999), Epoch(1), part.first + part.n), |l| {
                (l.id, l.epoch, l.last.0.min(part.first + part.n - 1))
            });
            let epoch = Epoch(epoch.0 + part.wrong);
            Interval { lot, epoch, first: TransferId(part.first), last: TransferId(last) }
        };
        parts.iter().map(find).collect()
    }

    fn singles(&self, parts: &[Part]) -> Vec<(TransferId, Epoch)> {
        let ids = |i: Interval| (i.first.0..=i.last.0).map(move |id| (TransferId(id), i.epoch));
        self.intervals(parts).into_iter().flat_map(ids).collect()
    }

    /// The answer in words: errors too.
    fn call(&mut self, call: &Call) -> String {
        match call {
            Call::Wave { n, cut, gap } => self.wave(*n, *cut, *gap),
            Call::Finished => format!("{:?}", self.store.plan_finished()),
            Call::Join(peer) => {
                self.cursors[peer.index()] = LotCursor::default();
                self.ranges[peer.index()] = RangeCursor::default();
                join(&self.store, *peer).to_string()
            }
            Call::Remember(peer, stale) => {
                let mine = self.incarnation(*peer, *stale);
                let memory = Remembered { ratio: 0.65, live_ratio: 0.7, last: "helped".into() };
                let remembered = self.store.remember(*peer, mine, &memory).map_err(|e| e.to_string());
                let limited = self
                    .store
                    .turn(*peer, mine, &twinhaul_units::Dial::Limit, twinhaul_units::Turned::Set(7))
                    .map_err(|e| e.to_string());
                format!("{remembered:?} {limited:?}")
            }
            Call::Assign { op, from, stale, parts } => {
                let to = from.other();
                let assign = Assign {
                    to_incarnation: self.incarnation(to, stale.1),
                    ..assign_from(
                        *op,
                        (*from, self.incarnation(*from, stale.0)),
                        (to, Incarnation(0)),
                        &self.intervals(parts),
                    )
                };
                format!("{:?}", self.store.assign(&assign).map_err(|e| e.to_string()))
            }
            Call::Take { op, by, stale } => {
                let take = TakeOver {
                    op: *op,
                    by: *by,
                    by_incarnation: self.incarnation(*by, stale.0),
                    dead_incarnation: self.incarnation(by.other(), stale.1),
                };
                format!("{:?}", self.store.take_over(&take).map_err(|e| e.to_string()))
            }
            Call::Authorise { peer, stale, ids } => {
                let group: Vec<Authorise> =
                    self.singles(ids).iter().flat_map(|(id, e)| authorise([id.0], e.0)).collect();
                let mine = self.incarnation(*peer, *stale);
                format!("{:?}", self.store.authorise(*peer, mine, &group).map_err(|e| e.to_string()))
            }
            Call::Settle { peer, stale, ids, how } => self.settle(*peer, *stale, ids, *how),
            Call::Release { peer, stale, ids } => {
                let (mine, group) = (self.incarnation(*peer, *stale), self.singles(ids));
                format!("{:?}", self.store.release(*peer, mine, &group).map_err(|e| e.to_string()))
            }
            Call::Reopen(ids) => {
                let which = ids
                    .as_ref()
                    .map_or(Reopen::All, |ids| Reopen::Some(ids.iter().map(|id| TransferId(*id)).collect()));
                format!("{:?}", self.store.reopen_failed(&which).map_err(|e| e.to_string()))
            }
            Call::Load { peer, limit } => self.load(*peer, *limit),
            Call::Cut { op, from, stale, cuts } => {
                let to = from.other();
                let (mine, theirs) = (self.incarnation(*from, stale.0), self.incarnation(to, stale.1));
                let cuts = cuts.iter().map(|piece| self.piece(*from, piece)).collect();
                let assign = Assign { cuts, ..assign_from(*op, (*from, mine), (to, theirs), &[]) };
                format!("{:?}", self.store.assign(&assign).map_err(|e| e.to_string()))
            }
            Call::Ranges { peer, stale, piece, how } => self.end_range(*peer, *stale, piece, *how),
            Call::LoadRanges { peer, limit } => {
                let (mine, at) = (self.incarnation(*peer, 0), peer.index());
                let loaded = self.store.ranges_since(*peer, mine, self.ranges[at], *limit).unwrap();
                self.ranges[at] = loaded.next;
                format!("{loaded:?}")
            }
            Call::Claim(peer, done) => {
                let mine = self.incarnation(*peer, 0);
                if *done {
                    format!("{:?}", self.store.finishing_done(*peer, mine).map_err(|e| e.to_string()))
                } else {
                    format!("{:?}", self.store.claim_finishing(*peer, mine).map_err(|e| e.to_string()))
                }
            }
        }
    }

    /// What `piece` names, at the epoch that the transfer has.
    fn piece(&self, peer: PeerId, piece: &Piece) -> RangeCut {
        let mine = self.incarnation(peer, 0);
        let holdings = self.store.holdings(peer, mine, 100).unwrap();
        let held = piece.held.and_then(|at| holdings.get((at % (holdings.len().max(1) as u64)) as usize));
        if let Some(Holding { held, .. }) = held {
            let from = if piece.n % 2 == 1 && held.to - held.from > leaf(1) {
                held.to.div_ceil(leaf(1)) * leaf(1) - leaf(1)
            } else {
                held.from
            };
            let hedge = held.hedge || piece.hedge;
            let object = object(&held.attempt);
            return RangeCut { id: held.id, epoch: held.epoch, from, to: held.to, hedge, object };
        }
        let lots = self.store.lots(None, 1000).unwrap();
        let epoch =
            lots.iter().find(|l| l.first.0 <= piece.id && piece.id <= l.last.0).map_or(1, |l| l.epoch.0);
        let attempt = if piece.second_try { "two" } else { "one" };
        let cut = cut(piece.id, epoch + piece.wrong, piece.first, piece.first + piece.n, attempt);
        RangeCut { hedge: piece.hedge, ..cut }
    }

    fn end_range(&self, peer: PeerId, stale: u64, piece: &Piece, how: u8) -> String {
        let (mine, held) = (self.incarnation(peer, stale), held(&self.piece(peer, piece)));
        let chains = vec![Chain { at: held.from, len: piece.n, value: [7; 32] }];
        match how {
            0 => format!("{:?}", self.store.return_ranges(peer, mine, &[held]).map_err(|e| e.to_string())),
            1 => {
                let other = peer.other();
                let theirs = self.incarnation(other, stale);
                format!("{:?}", self.store.decline_ranges(other, theirs, &[held]).map_err(|e| e.to_string()))
            }
            2 => {
                let group = [(held.id, held.epoch)];
                format!("{:?}", self.store.recall_ranges(peer, mine, &group).map_err(|e| e.to_string()))
            }
            4 => format!("{:?}", self.store.split_range(peer, mine, &held).map_err(|e| e.to_string())),
            3 => {
                let checkpoint = Checkpoint { object: object(&held.attempt), chains };
                let new = NewCheckpoint { id: held.id, epoch: held.epoch, checkpoint };
                format!("{:?}", self.store.keep_checkpoints(peer, mine, &[new]).map_err(|e| e.to_string()))
            }
            _ => {
                let finished = FinishedRange { held, chains };
                let said = self.store.finish_ranges(peer, mine, &[finished]);
                format!("{:?}", said.map_err(|e| e.to_string()))
            }
        }
    }

    fn wave(&mut self, n: u64, cut: u64, gap: u64) -> String {
        let first = self.store.totals().unwrap().next.0 + 3 * gap;
        let cut = cut.min(n);
        let lots = [lot(first, cut, First, 0), lot(first + cut, n - cut, Second, 0)];
        let lots: Vec<_> = lots.into_iter().filter(|l| l.first <= l.last).collect();
        self.wave += 1;
        let added = self.store.add_wave(self.wave, &transfers(first, n, 0), &lots);
        format!("{:?}", added.map_err(|e| e.to_string()))
    }

    fn settle(&self, peer: PeerId, stale: u64, ids: &[Part], how: u8) -> String {
        let group: Vec<Settled> = self
            .singles(ids)
            .iter()
            .flat_map(|(id, e)| match how {
                0 => failed([id.0], e.0),
                1 => vec![settled(id.0, e.0, Outcome::Skipped)],
                _ => done([id.0], e.0),
            })
            .collect();
        let mine = self.incarnation(peer, stale);
        format!("{:?}", self.store.settle(peer, mine, &group).map_err(|e| e.to_string()))
    }

    fn load(&mut self, peer: PeerId, limit: usize) -> String {
        let mine = self.incarnation(peer, 0);
        let loaded = self.store.lots_since(peer, mine, self.cursors[peer.index()], limit).unwrap();
        self.cursors[peer.index()] = loaded.next;
        format!("{loaded:?}")
    }

    /// Everything that readers can see.
    fn rows(&self) -> Vec<String> {
        let s = &self.store;
        let mut seen = vec![
            format!("{:?}", s.lots(None, 1000).unwrap()),
            format!("{:?}", s.manifest().collect::<Result<Vec<_>, _>>().unwrap()),
            format!("{:?}", s.counters().unwrap()),
            format!("{:?}", s.totals().unwrap()),
            format!("{:?}", s.peers().unwrap()),
            format!("{:?}", s.run().unwrap()),
            format!("{:?}", s.failed_page(Some(TransferId(3)), 5).unwrap()),
            format!("{:?}", s.lots_version().unwrap()),
            format!("{:?}", s.find(b"file-0000001", None, 4).unwrap()),
            format!("{:?}", s.rows(TransferId(4), TransferId(30), 9).unwrap()),
        ];
        for id in 0..24 {
            seen.push(format!("{:?}", s.ranges(TransferId(id)).unwrap()));
            seen.push(format!("{:?}", s.checkpoint(TransferId(id)).unwrap()));
        }
        for lot in s.lots(None, 1000).unwrap() {
            let interval = Interval { lot: lot.id, epoch: lot.epoch, first: lot.first, last: lot.last };
            seen.push(format!("{:?}", s.sizes(&interval).unwrap()));
        }
        for peer in PeerId::BOTH {
            seen.push(format!("{:?}", s.holdings(peer, self.incarnation(peer, 0), 100).unwrap()));
            seen.push(format!("{:?}", s.unsettled(peer).unwrap()));
            seen.push(format!("{:?}", s.queue_len(peer).unwrap()));
            for bytes in [0, 700, 3000, 1 << 40] {
                seen.push(format!("{:?}", s.tail_for_bytes(peer, bytes).unwrap()));
            }
            for at in [QueueAt::Offset(0), QueueAt::Offset(3), QueueAt::After(TransferId(7))] {
                seen.push(format!("{:?}", s.queue_page(peer, at, 6).unwrap()));
            }
            for id in [0, 3, 7, 23] {
                seen.push(format!("{:?}", s.queue_place(peer, TransferId(id)).unwrap()));
            }
        }
        seen
    }
}

#[test]
fn the_ledger_in_memory_answers_as_sqlite_does() {
    // PROPTEST_CASES asks for more; half of a case is a file with its fsyncs.
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(48);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    proptest!(config, |(n in 8u64..40, calls in prop::collection::vec(call(), 1..60))| {
        let (file, memory) = (Sqlite::default(), InMemory::default());
        let mut sides = [file.create(), memory.create()].map(|store| {
            plan_halves(&store, n);
            join(&store, First);
            join(&store, Second);
            Side { store, cursors: Default::default(), ranges: Default::default(), wave: 0 }
        });
        for call in &calls {
            let [sqlite, sim] = sides.each_mut().map(|side| side.call(call));
            prop_assert_eq!(sqlite, sim, "{:?}", call);
        }
        let [sqlite, sim] = sides.each_ref().map(Side::rows);
        for (sqlite, sim) in sqlite.iter().zip(&sim) {
            prop_assert_eq!(sqlite, sim);
        }
        sound(&sides[0].store);
        sound(&sides[1].store);
    });
}

/// The numbers above are worth something only if the calls are not all refused alike.
#[test]
fn the_drawn_calls_are_right_and_wrong() {
    let mut answers = std::collections::BTreeMap::<&str, u32>::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..800 {
        let strategy = prop::collection::vec(call(), 1..60);
        let calls = strategy.new_tree(&mut runner).unwrap().current();
        let memory = InMemory::default();
        let store = memory.create();
        plan_halves(&store, 30);
        join(&store, First);
        join(&store, Second);
        let mut side = Side { store, cursors: Default::default(), ranges: Default::default(), wave: 0 };
        for call in &calls {
            let said = side.call(call);
            for word in [
                "Assigned(",
                "Refused(",
                "Taken(",
                "NotOwned",
                "NotPlanned",
                "StaleHelper",
                "is already",
                "ByteRange",
                "hedge: true",
                "RangeNotHeld",
                "[Done]",
                "[Moot]",
                "Lent {",
            ] {
                *answers.entry(word).or_default() += u32::from(said.contains(word));
            }
        }
    }
    assert!(answers.len() == 13 && answers.values().all(|n| *n > 20), "{answers:?}");
}
