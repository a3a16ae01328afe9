//! The portion of `balanced`: both finish together (protocol.md 4), in bytes and at range boundaries.

use crate::desk::Desk;
use crate::weighed::{MB, mb_per_s};
use proptest::prelude::*;
use twinhaul_assist::{AnswerFigures, ByteRange, Event, Memory, Message, Pace, Report, Settings};
use twinhaul_units::{Bytes, Epoch, LotId, PeerId, TransferId};

const GRAIN: u64 = 256 * 1024;

#[test]
fn the_faster_asker_gets_its_share_of_the_bytes() {
    let mut desk = Desk::weighed(1, &[MB; 101], 1);
    let (ids, cuts) = desk.asked_with(1, 0, 0, mb_per_s(4)).moved().expect("assistance");
    assert_eq!(ids, (0..80).collect::<Vec<_>>(), "from the head, where the largest are");
    assert_eq!(cuts.len(), 1, "what whole transfers leave is cut off the one in flight");
    let figures = desk.core.would_answer(None).figures;
    assert_eq!(figures.queued, 20, "the others stay reserved until the ledger has moved them");
}

#[test]
fn what_the_asker_has_left_counts() {
    let mut idle = Desk::weighed(1, &[MB; 101], 1);
    let mut busy = Desk::weighed(1, &[MB; 101], 1);
    let more = idle.asked_with(1, 0, 0, mb_per_s(1)).moved().expect("half").0.len();
    let less = busy.asked_with(1, 20, 20 * MB, mb_per_s(1)).moved().expect("half of what is more").0.len();
    assert_eq!((more, less), (50, 40));
}

#[test]
fn the_minimum_is_compared_with_what_would_move() {
    let mut desk = Desk::weighed(1, &[MB; 9], 1);
    desk.feed(Event::Control(twinhaul_assist::Control::Minimum(5)));
    let (_, minimum, queued, count) = desk.asked_with(1, 0, 0, mb_per_s(1)).answer().expect("an answer");
    assert_eq!((minimum, queued, count), (5, 8, 0), "4 transfers and a range are not more than 5");
    desk.feed(Event::Control(twinhaul_assist::Control::Minimum(4)));
    assert!(desk.asked_with(2, 0, 0, mb_per_s(1)).moved().is_some());
}

#[test]
fn the_figures_say_bytes_and_the_claims_product() {
    // Sizes that differ: a share of the bytes is not a share of the number.
    let sizes: Vec<u64> = (1..=101).rev().map(|n| n * MB / 50).collect();
    let desk = Desk::weighed(1, &sizes, 1);
    let figures = desk.core.would_answer(None).figures;
    let AnswerFigures { ratio, portion, queued, portion_bytes, remaining_bytes, .. } = figures;
    assert_eq!((remaining_bytes, queued), (Bytes(sizes.iter().sum()), 100));
    assert!(portion_bytes.0 > 0 && portion_bytes < remaining_bytes);
    assert!(
        (ratio.get() * queued as f64 - portion.get()).abs() < 1e-3,
        "claim 4.2: portion = ratio x queued"
    );
    assert_eq!(desk.core.gives(), (ratio, portion), "what is shown is what would be answered");
    let mut desk = Desk::weighed(1, &[MB; 101], 1);
    desk.asked_with(1, 0, 0, mb_per_s(4)).assigned();
    assert!((desk.core.ratio().get() - 0.8).abs() < 0.02, "the ratio shown is the one that was determined");
    assert!(
        desk.sent().iter().any(|m| matches!(m, Message::Needed { portion_bytes, .. } if portion_bytes.0 > 0))
    );
}

/// Eight slots may each have an eighth of the link: a range for one of them goes eight times slower than the pace says.
#[test]
fn a_range_too_small_to_divide_is_not_lent_where_one_slot_would_make_the_end_later() {
    // 50 MB at 100 MB/s. A peer forty times slower that begins 0.2 s later would get 0.7 MB of it: 0.3 s with all
    // slots, 2.2 s with one.
    let late = |slots: u32| {
        let mut desk = Desk::weighed(slots, &[50 * MB], 100);
        desk.asked_with(1, 0, 500_000, Pace::from_rate(2_500_000)).moved()
    };
    assert!(late(8).is_none(), "{:?}", late(8));
    let (_, cuts) = late(1).expect("one slot is what was measured");
    assert!((400_000..1_000_000).contains(&cuts[0].bytes), "{cuts:?}");
    let mut desk = Desk::weighed(8, &[500 * MB], 100);
    assert!(desk.asked_with(1, 0, 0, mb_per_s(100)).moved().is_some(), "what can be divided is lent");
}

#[test]
fn in_flight_the_longest_are_cut_to_one_level() {
    let mut desk = Desk::weighed(2, &[100 * MB, 60 * MB], 8);
    let (ids, cuts) = desk.asked_with(1, 0, 0, mb_per_s(8)).moved().expect("ranges");
    assert_eq!((ids.len(), cuts.len()), (0, 2));
    let left = [100 * MB - cuts[0].bytes, 60 * MB - cuts[1].bytes];
    assert!(left[0].abs_diff(left[1]) <= 2, "{left:?}");
    assert!((cuts[0].bytes + cuts[1].bytes).abs_diff(80 * MB) < GRAIN);
}

#[test]
fn what_could_not_be_cut_is_no_assistance() {
    let mut desk = Desk::weighed(1, &[100 * MB], 8);
    desk.asked_with(1, 0, 0, mb_per_s(8));
    let (op, ..) = desk.assignment().expect("a cut");
    desk.feed(Event::Assigned { op, lots: vec![], ranges: vec![], bytes: Bytes(0) });
    assert!(matches!(desk.sent()[..], [Message::NotNeeded { .. }]));
    assert!(desk.asked_with(2, 0, 0, mb_per_s(8)).moved().is_none(), "not again before it is measured again");
}

#[test]
fn a_cut_is_gone_from_its_part_at_once() {
    let mut desk = Desk::weighed(1, &[100 * MB], 8);
    let (_, cuts) = desk.asked_with(1, 0, 0, mb_per_s(8)).moved().expect("a cut");
    let before = desk.core.would_answer(None).figures.remaining_bytes;
    assert_eq!(before, Bytes(100 * MB - cuts[0].bytes), "reserved");
    let (op, ..) = desk.assignment().expect("a cut");
    let from = 51 * MB / GRAIN * GRAIN;
    let range = ByteRange {
        id: TransferId(0),
        lot: LotId(1),
        epoch: Epoch(1),
        home: PeerId::First,
        target: 0,
        from,
        to: 100 * MB,
        hedge: false,
    };
    desk.feed(Event::Assigned { op, lots: vec![], ranges: vec![range], bytes: Bytes(range.len()) });
    assert!(matches!(desk.sent()[..], [Message::Needed { count: 0, ranges: 1, .. }]));
    assert_eq!(desk.core.would_answer(None).figures.remaining_bytes, Bytes(from));
}

#[test]
fn a_part_that_can_not_be_cut_is_done_twice_by_a_much_faster_peer() {
    let mut desk = Desk::weighed(1, &[100 * MB], 1);
    // 200 kB are left: 0.2 s here, 2 ms there.
    desk.reached(&[(0, 0, 99_800_000, 100 * MB)]);
    let (ids, cuts) = desk.asked_with(1, 0, 0, mb_per_s(100)).moved().expect("a hedge");
    assert!(ids.is_empty() && cuts.len() == 1 && cuts[0].hedge, "{cuts:?}");
    assert!(cuts[0].bytes >= 200_000, "from the boundary before what is reached");
    let mut desk = Desk::weighed(1, &[100 * MB], 1);
    desk.reached(&[(0, 0, 99_800_000, 100 * MB)]);
    assert!(desk.asked_with(1, 0, 0, mb_per_s(1)).moved().is_none(), "not by one that is not faster");
}

#[test]
fn the_slower_peer_gets_the_small_ones_where_setting_up_costs() {
    let sizes: Vec<u64> = (0..100).map(|i| (100 - i) * 100_000).collect();
    let memory = Memory::fresh(Settings::default().ratio);
    let mut desk = Desk::unmeasured(PeerId::First, memory, 1, &sizes);
    // Set-up of 50 ms each: at 100 MB/s worth 5 MB, at 10 MB/s 0.5 MB.
    let (mine, slow) = (50_000_000, Pace { per_transfer_ns: 50_000_000, ..mb_per_s(10) });
    price(&mut desk, mine);
    let (ids, _) = desk.asked_with(1, 0, 0, slow).moved().expect("assistance");
    assert!(ids.iter().all(|id| *id >= 50) && ids.contains(&95), "the tail holds the smallest: {ids:?}");
}

/// Lets the core learn from completed transfers what setting up costs, in nanoseconds each, at 100 MB/s. The smallest
/// come first, whatever the order will be.
fn price(desk: &mut Desk, each_ns: u64) {
    let mut moved = 0;
    desk.feed(Event::Measured { moved: Bytes(0), parts: vec![] });
    for _ in 0..8 {
        let unit = desk.core.in_flight()[0];
        let size = (100 - unit.id.0) * 100_000;
        desk.now.0 += each_ns / 1000 + size / 100;
        moved += size;
        desk.feed(Event::Measured { moved: Bytes(moved), parts: vec![] });
        desk.complete(1);
    }
    // Worth so many bytes; how fast the peer is at the moment is another question.
    let Pace { per_byte_ps, per_transfer_ns } = desk.core.pace();
    let (worth, expected) = (per_transfer_ns * 1000 / per_byte_ps, each_ns / 10);
    assert!(worth.abs_diff(expected) < expected / 10, "{worth} {expected}");
}

#[test]
fn the_correction_learns_by_small_steps_and_has_limits() {
    let mut desk = Desk::weighed(1, &[MB; 1001], 1);
    let mut counts = Vec::new();
    for number in 1..=6 {
        desk.asked_with(number, 0, 0, mb_per_s(1));
        counts.push(desk.assigned_count().expect("assistance"));
        desk.assigned();
        let moves = desk.reports().into_iter().filter(|r| matches!(r, Report::RatioMoved { .. })).count();
        assert_eq!(moves, 0, "rules fire when asked, not when assigned");
    }
    // Half of what is left each time; back first each time, so 5 % more each time, but never more than 40 %.
    let (mut left, mut correction) = (1000.0, 1.0f64);
    for (n, count) in counts.iter().enumerate() {
        let expected = (f64::midpoint(left, 1.0) * correction).floor();
        assert!((*count as f64 - expected).abs() <= 2.0, "{n}: {count} for {expected}");
        left -= *count as f64;
        correction = (correction + 0.05).min(1.4);
    }
}

proptest! {
    /// Whatever the paces, sizes and what is in flight: no more moves than there is, and the sums hold.
    #[test]
    fn a_portion_never_exceeds_what_remains(
        sizes in proptest::collection::vec(0u64..50_000_000, 0..40),
        slots in 1u32..4, mine in 1u64..200, theirs in 0u64..200, set_up in 0u64..100_000_000,
        left in 0u64..500_000_000, queued in 0u64..50,
    ) {
        let mut sizes = sizes;
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let mut desk = Desk::weighed(slots, &sizes, mine);
        let remaining = desk.core.would_answer(None).figures.remaining_bytes;
        let before = desk.core.queued();
        let pace = Pace { per_transfer_ns: set_up, ..mb_per_s(theirs) };
        desk.asked_with(1, queued, left, pace);
        if let Some((ids, cuts)) = desk.moved() {
            let whole: u64 = ids.iter().map(|id| sizes[*id as usize]).sum();
            let cut: u64 = cuts.iter().filter(|c| !c.hedge).map(|c| c.bytes).sum();
            prop_assert!(whole + cut <= remaining.0);
            prop_assert_eq!(desk.core.queued() + desk.core.reserved(), before);
            prop_assert_eq!(desk.core.reserved(), ids.len() as u64);
            desk.assigned();
            prop_assert!((0.05..=0.95).contains(&desk.core.ratio().get()));
        } else {
            prop_assert!(desk.answer().is_some(), "every question is answered");
        }
    }
}
