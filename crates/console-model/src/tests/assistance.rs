//! What a moment of the assistance moved, and that choosing it marks that.

use crate::board::StoredRow;
use crate::sample::{self, drive, tell};
use crate::ui::{Layer, Subject};
use crate::{Clean, Effect, Model, Msg, Replay};
use std::time::Duration;
use twinhaul_wire::{AssignWhy, Event, EventKind, LotIds, QueueRow, RangeName};

fn take(model: &mut Model, event: &Event) {
    tell(model, Msg::Event(Clean::new(event.clone()).unwrap()));
}

fn needed(seq: u64, at_s: f64, op: u64, count: u64) -> Event {
    let (ratio, portion, minimum, queued, rtt_us) = (0.5, 2.0, 1, 4, 900);
    let kind = EventKind::Needed { ask_id: 7, op, count, bytes: 1, ratio, portion, minimum, queued, rtt_us };
    sample::event(seq, at_s, Some("alpha"), kind)
}

fn assigned(seq: u64, at_s: f64, op: u64, first: u64, last: u64) -> Event {
    let (to, why) = ("alpha".into(), AssignWhy::Assistance);
    let lots = vec![LotIds { first, last }];
    let kind = EventKind::Assigned { op, to, count: last - first + 1, bytes: 1, why, lots };
    sample::event(seq, at_s, Some("beta"), kind)
}

#[test]
fn the_ask_and_its_answer_name_what_was_assigned() {
    let mut model = sample::mid_run();
    assert_eq!(model.chosen_moment(), None, "the end of the list is followed, and nobody's choice");
    drive(&mut model, "4kkk");
    let chosen = model.chosen_moment().unwrap();
    assert!(matches!(chosen.kind, EventKind::Needed { ask_id: 118, .. }));
    let handed = model.chosen_handed().unwrap();
    assert_eq!((handed.transfers, handed.unnamed(), handed.lots.len()), (48, 0, 2));
    assert!(handed.holds(48_241) && handed.holds(50_035) && !handed.holds(48_256));
    drive(&mut model, "kk");
    assert!(matches!(model.chosen_moment().unwrap().kind, EventKind::Ask { .. }));
    assert_eq!(model.chosen_handed().as_ref(), Some(&handed));
    drive(&mut model, "3");
    assert_eq!(model.chosen_handed(), Some(handed), "it stays chosen while others are looked at");
    drive(&mut model, "<esc>");
    assert_eq!(model.chosen_moment(), None);
    drive(&mut model, "4");
    assert!(matches!(model.chosen_moment().unwrap().kind, EventKind::Control { .. }), "the end has the keys");
    drive(&mut model, "k");
    assert!(matches!(model.chosen_moment().unwrap().kind, EventKind::NotNeeded { .. }));
    assert_eq!(model.chosen_handed(), None, "nothing was handed over");
}

#[test]
fn an_operation_of_a_later_incarnation_is_another_one() {
    let mut model = sample::model();
    for event in [
        assigned(1, -60.0, 1, 10, 19),
        needed(2, -59.9, 1, 10),
        assigned(3, -5.0, 1, 30, 31),
        needed(4, -4.9, 1, 2),
    ] {
        take(&mut model, &event);
    }
    let of = |at_s: f64, count| model.live.handed(&needed(9, at_s, 1, count)).unwrap().lots;
    assert_eq!(of(-59.9, 10), [LotIds { first: 10, last: 19 }]);
    assert_eq!(of(-4.9, 2), [LotIds { first: 30, last: 31 }]);
}

#[test]
fn ranges_belong_to_it_and_what_is_not_recorded_is_not_known() {
    let mut model = sample::model();
    let ranges = vec![RangeName { id: 48_241, from: 1 << 20, to: 2 << 20 }];
    let lent = EventKind::RangesLent { op: 5, to: "alpha".into(), count: 1, bytes: 1 << 20, ranges };
    take(&mut model, &sample::event(1, -3.0, Some("beta"), lent));
    let handed = model.live.handed(&needed(2, -2.9, 5, 0)).unwrap();
    assert!(handed.holds(48_241) && handed.lots.is_empty());
    assert_eq!((handed.transfers, handed.ranges), (0, 1));
    let old = model.live.handed(&needed(3, -2.8, 0, 12)).unwrap();
    assert_eq!((old.transfers, old.unnamed()), (12, 12));
    assert!(!old.holds(48_241));
}

#[test]
fn its_window_asks_the_ledger_for_its_transfers_and_a_replay_does_not() {
    let mut model = sample::mid_run();
    let effects = drive(&mut model, "4kkk<enter>");
    let [Effect::PullTransfers { beat, lots }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(lots.len(), 2);
    assert_eq!(tell(&mut model, Msg::Tick), effects, "what becomes of them is told while it is open");
    let row =
        StoredRow { row: QueueRow { id: 48_250, ..QueueRow::default() }, state: "done".into(), attempts: 1 };
    tell(&mut model, Msg::Transfers { beat: *beat, rows: vec![Clean::new(row).unwrap()] });
    assert_eq!(model.ui.stored.as_ref().map(|(of, rows)| (*of, rows.len())), Some((*beat, 1)));
    let mut replay = sample::mid_run();
    replay.replay = Some(Replay::new(Duration::from_mins(1)));
    assert!(drive(&mut replay, "4kkk<enter>").is_empty());
    assert!(matches!(replay.ui.top(), Some(Layer::Detail { subject: Subject::Beat(_), .. })));
    assert!(replay.chosen_handed().unwrap().holds(48_241));
}
