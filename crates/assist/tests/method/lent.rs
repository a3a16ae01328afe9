//! Ranges in a peer's slots: lent ones, own ones, copies; and what is said when they end.

use crate::desk::{Desk, OTHER};
use crate::weighed::{MB, mb_per_s};
use twinhaul_assist::{ByteRange, Effect, Event, Message, RangeOutcome, SlotOutcome};
use twinhaul_units::{Bytes, Epoch, LotId, PeerId, TransferId};

fn range(id: u64, home: PeerId, from: u64, to: u64) -> ByteRange {
    let (id, lot, epoch) = (TransferId(id), LotId(5), Epoch(2));
    ByteRange { id, lot, epoch, home, target: 0, from: from * MB, to: to * MB, hedge: false }
}

fn lent(desk: &mut Desk, ranges: Vec<ByteRange>) {
    desk.feed(Event::LotsLoaded { lots: vec![], pinned: vec![], ranges, all_planned: true });
}

fn range_started(desk: &Desk) -> Option<ByteRange> {
    desk.out.iter().find_map(|e| if let Effect::StartRange(r) = e { Some(*r) } else { None })
}

#[test]
fn a_lent_range_is_work_in_a_slot_and_its_home_is_told_of_its_end() {
    let mut desk = Desk::weighed(1, &[], 10);
    let theirs = range(9, PeerId::Second, 8, 16);
    lent(&mut desk, vec![theirs]);
    assert_eq!(range_started(&desk), Some(theirs));
    assert_eq!((desk.core.ranges_in_flight(), desk.core.is_idle()), (&[theirs][..], false));
    lent(&mut desk, vec![theirs]);
    assert_eq!(range_started(&desk), None, "loaded twice, done once");
    desk.feed(Event::RangeDone { range: theirs, outcome: RangeOutcome::Done });
    let told = Message::RangeDone { id: TransferId(9), from: 8 * MB, to: 16 * MB };
    assert!(desk.sent().contains(&&told));
    assert!(desk.core.ranges_in_flight().is_empty());
}

#[test]
fn what_is_moot_or_failed_frees_its_slot_and_says_nothing() {
    for outcome in [RangeOutcome::Moot, RangeOutcome::Failed] {
        let mut desk = Desk::weighed(1, &[], 10);
        let (a, b) = (range(9, PeerId::Second, 8, 16), range(9, PeerId::Second, 16, 20));
        lent(&mut desk, vec![a, b]);
        desk.feed(Event::RangeDone { range: a, outcome });
        assert_eq!(range_started(&desk), Some(b));
        assert!(!desk.sent().iter().any(|m| matches!(m, Message::RangeDone { .. })));
    }
}

#[test]
fn ranges_come_before_the_queue() {
    let mut desk = Desk::weighed(1, &[MB; 5], 10);
    lent(&mut desk, vec![range(9, PeerId::Second, 8, 16)]);
    assert_eq!(desk.complete(1).started(), [] as [u64; 0]);
    assert!(range_started(&desk).is_some());
}

#[test]
fn the_copy_of_what_is_done_is_abandoned_on_both_sides() {
    // The helper has the copy; its home is done with it.
    let mut desk = Desk::weighed(1, &[], 10);
    let copy = ByteRange { hedge: true, ..range(9, PeerId::Second, 8, 16) };
    lent(&mut desk, vec![copy]);
    desk.hear(Message::RangeDone { id: TransferId(9), from: 0, to: 20 * MB });
    assert!(desk.out.contains(&Effect::Abandon { range: copy }));
    assert!(desk.core.ranges_in_flight().is_empty(), "no answer will come");
    // The home has the original; the helper is done with the copy.
    let mut desk = Desk::weighed(1, &[100 * MB], 1);
    desk.reached(&[(0, 0, 99_800_000, 100 * MB)]);
    desk.asked_with(1, 0, 0, mb_per_s(100));
    let (op, ..) = desk.assignment().expect("a hedge");
    let copy = ByteRange {
        id: TransferId(0),
        lot: LotId(1),
        epoch: Epoch(1),
        home: PeerId::First,
        target: 0,
        from: 99_614_720,
        to: 100 * MB,
        hedge: true,
    };
    desk.feed(Event::Assigned { op, lots: vec![], ranges: vec![copy], bytes: Bytes(copy.len()) });
    desk.hear(Message::RangeDone { id: TransferId(0), from: copy.from, to: copy.to });
    assert!(desk.out.contains(&Effect::Abandon { range: copy }));
    assert_eq!(desk.core.in_flight().len(), 1, "it is brought to its end here");
}

#[test]
fn a_transfer_that_waits_for_its_ranges_holds_no_slot_and_is_not_over() {
    let mut desk = Desk::weighed(1, &[MB; 2], 10);
    let id = desk.core.in_flight()[0].id;
    desk.feed(Event::SlotDone { id, outcome: SlotOutcome::AwaitingRanges });
    assert_eq!(desk.started(), [1]);
    desk.complete(1);
    assert!(!desk.core.is_idle() && desk.core.awaiting().len() == 1);
    desk.feed(Event::RangesHome { id });
    assert!(desk.core.is_idle());
}

#[test]
fn what_comes_home_is_done_here() {
    let mut desk = Desk::weighed(1, &[MB], 10);
    let id = desk.core.in_flight()[0].id;
    desk.feed(Event::SlotDone { id, outcome: SlotOutcome::AwaitingRanges });
    let mine = range(0, PeerId::First, 0, 1);
    lent(&mut desk, vec![mine]);
    assert_eq!(range_started(&desk), Some(mine));
    desk.feed(Event::RangeDone { range: mine, outcome: RangeOutcome::Done });
    assert!(!desk.sent().iter().any(|m| matches!(m, Message::RangeDone { .. })), "nobody else needs to know");
}

#[test]
fn a_split_is_a_second_part_for_an_own_slot() {
    let mut desk = Desk::weighed(2, &[100 * MB], 8);
    desk.reached(&[(0, 0, 0, 100 * MB)]);
    let splitting = desk.core.clone();
    let cut = twinhaul_assist::Cut { id: TransferId(0), from: 0, bytes: 50 * MB, hedge: false };
    let half = ByteRange { lot: LotId(1), epoch: Epoch(1), ..range(0, PeerId::First, 50, 100) };
    desk.feed(Event::Split { cut, range: Some(half) });
    assert_eq!(range_started(&desk), Some(half));
    assert_eq!(desk.core.would_answer(None).figures.remaining_bytes, Bytes(100 * MB));
    desk.core = splitting;
    desk.feed(Event::Split { cut, range: None });
    assert!(range_started(&desk).is_none() && desk.splits().is_empty(), "not tried again at once");
}

/// Where each slot has its own limit, all of them waited for what two claims were not divided among two of them.
#[test]
fn what_is_two_claims_is_divided_among_own_slots() {
    let mut desk = Desk::weighed(8, &[2 * MB; 8], 100);
    let cuts: Vec<u64> = desk.complete(1).splits().iter().map(|cut| cut.bytes).collect();
    assert_eq!(cuts, [MB], "a claim is three grains, 786,432 bytes");
    let mut desk = Desk::weighed(8, &[2 * MB; 8], 100);
    let halves: Vec<_> = (0..8).map(|id| (id, 0, MB, 2 * MB)).collect();
    assert_eq!(desk.reached(&halves).complete(1).splits(), [], "one is not divided");
}

#[test]
fn ranges_of_a_peer_that_was_taken_over_are_of_no_use() {
    let mut desk = Desk::weighed(1, &[], 10);
    let (a, b) = (range(9, PeerId::Second, 8, 16), range(9, PeerId::Second, 16, 20));
    lent(&mut desk, vec![a, b]);
    desk.feed(Event::PeerDead { incarnation: OTHER });
    desk.feed(Event::RangeDone { range: a, outcome: RangeOutcome::Done });
    desk.feed(Event::RangeDone { range: b, outcome: RangeOutcome::Done });
    let op = desk.out.iter().find_map(|e| if let Effect::Fence { op, .. } = e { Some(*op) } else { None });
    assert!(op.is_some(), "idle, and it is gone for certain");
}

/// Found by killing a borrower that had given its home a copy of its last bytes: the rest was nobody's, and the run
/// never ended.
#[test]
fn a_range_that_comes_home_is_more_than_a_copy_of_its_end() {
    let mut desk = Desk::weighed(1, &[], 10);
    let copy = ByteRange { hedge: true, ..range(9, PeerId::First, 15, 16) };
    let home = range(9, PeerId::First, 8, 16);
    lent(&mut desk, vec![copy]);
    assert_eq!(range_started(&desk), Some(copy));
    lent(&mut desk, vec![home]);
    desk.feed(Event::RangeDone { range: copy, outcome: RangeOutcome::Done });
    assert_eq!(range_started(&desk), Some(home), "bytes 8 to 15 are nobody else's");
    lent(&mut desk, vec![copy]);
    desk.feed(Event::RangeDone { range: home, outcome: RangeOutcome::Done });
    assert_eq!(range_started(&desk), None, "a copy of what is done here is not wanted");
}
