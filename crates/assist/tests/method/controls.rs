//! Policies, operators' wishes, retries, and what only one peer can reach.

use crate::desk::{Desk, OTHER, lot, lots, needed, settings};
use std::time::Duration;
use twinhaul_assist::{
    AssignWhy, Control, ControlRefusal, Effect, Event, Last, Message, OpId, Policy, RETRIES_MAX, Refusal,
    Report, Rule, Settings, SlotOutcome, Timing, Unit,
};
use twinhaul_units::{Bytes, Epoch, Incarnation, LotId, PeerId, Ratio, TransferId};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn refused(desk: &Desk) -> Option<ControlRefusal> {
    desk.reports().into_iter().find_map(|r| match r {
        Report::ControlRefused { why, .. } => Some(why),
        _ => None,
    })
}

#[test]
fn policy_none_neither_asks_nor_gives() {
    let none = Settings { policy: Policy::None, ..settings(0.5, 0, 1) };
    let mut desk = Desk::helped(PeerId::First, none, 10);
    desk.asked(1, 1);
    assert!(matches!(desk.sent()[..], [Message::NotNeeded { .. }]));
    assert_eq!(desk.move_of_ratio(), None);
    desk.complete(10);
    for _ in 0..10 {
        assert_eq!(desk.tick_after(MS(1000)).ask_sent(), None);
    }
    assert!(desk.core.is_idle() && desk.core.episode().is_none());
}

#[test]
fn paused_starts_and_asks_nothing_but_answers() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.feed(Event::Control(Control::Pause));
    assert!(desk.complete(1).started().is_empty());
    assert_eq!(desk.asked(1, 1).assigned_count(), Some(5), "0.5 x 10");
    assert!(matches!(desk.assigned().sent()[..], [Message::Needed { .. }]));
    assert_eq!(desk.feed(Event::Control(Control::Resume)).started(), [1]);

    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 1);
    desk.feed(Event::Control(Control::Pause));
    assert_eq!((desk.complete(1).ask_sent(), desk.core.episode()), (None, None));
    assert_eq!(desk.tick_after(MS(9000)).ask_sent(), None);
    assert!(desk.feed(Event::Control(Control::Resume)).ask_sent().is_some());
    desk.feed(Event::Control(Control::Pause));
    assert_eq!(desk.tick_after(MS(9000)).ask_sent(), None, "nor is a question sent again");
}

#[test]
fn give_hands_over_exactly_so_many_and_leaves_ratio_and_memory_alone() {
    let mut desk = Desk::new(PeerId::Second, settings(0.5, 0, 1), 101);
    assert_eq!(desk.core.would_give(7), [lot(1, 94, 100)]);
    desk.feed(Event::Control(Control::Give { count: 7 }));
    let (op, intervals, why) = desk.assignment().expect("an assignment");
    assert_eq!((intervals, why), (vec![lot(1, 94, 100)], AssignWhy::Rebalance));
    assert!(desk.sent().is_empty(), "no word before the ledger has it");
    desk.assigned();
    assert!(matches!(desk.sent()[..], [Message::Given { count: 7, .. }]));
    assert!(desk.reports().contains(&Report::Gave { op, count: 7, bytes: Bytes(1), why }));
    assert_eq!(desk.core.last(), Last::None);
    assert_eq!(desk.asked(1, 1).move_of_ratio(), None);
}

#[test]
fn named_transfers_are_handed_over_from_the_middle_of_the_queue_and_started_ones_stay() {
    let mut desk = Desk::new(PeerId::Second, settings(0.5, 0, 1), 101);
    let ids: Vec<TransferId> = [0, 12, 40, 11, 12, 500].map(TransferId).to_vec();
    assert_eq!(desk.core.would_hand_over(&ids), [lot(1, 11, 12), lot(1, 40, 40)], "0 is in a slot");
    desk.feed(Event::HandOver { ids: ids.clone() });
    let (op, intervals, why) = desk.assignment().expect("an assignment");
    assert_eq!((intervals, why), (vec![lot(1, 11, 12), lot(1, 40, 40)], AssignWhy::Rebalance));
    assert_eq!(desk.core.queued(), 97, "reserved");
    assert!(desk.sent().is_empty(), "no word before the ledger has it");
    desk.feed(Event::Refused { op, why: Refusal::Unavailable });
    assert_eq!(desk.core.queued(), 100, "they come back where they were");
    desk.feed(Event::HandOver { ids: ids.clone() });
    desk.assigned();
    assert!(matches!(desk.sent()[..], [Message::Given { count: 3, .. }]));
    assert_eq!(desk.core.last(), Last::None, "the memory of who assisted whom is left alone");
    assert_eq!(refused(desk.feed(Event::HandOver { ids })), Some(ControlRefusal::NothingQueued));
    desk.feed(Event::PeerLost);
    let ids = vec![TransferId(50)];
    assert_eq!(refused(desk.feed(Event::HandOver { ids })), Some(ControlRefusal::NoPeer));
}

#[test]
fn given_brings_work_and_leaves_the_memory_alone() {
    let mut desk = Desk::helped(PeerId::First, settings(0.5, 0, 1), 0);
    assert_eq!(desk.core.last(), Last::ItHelpedMe);
    let given = Message::Given { op: OpId(1), lots: vec![LotId(9)], count: 2, bytes: Bytes(1) };
    assert_eq!(desk.hear(given).loads(), 1);
    assert_eq!(desk.load(vec![lot(9, 3, 4)]).started(), [3]);
    assert_eq!(desk.core.last(), Last::ItHelpedMe);
    assert_eq!(desk.core.episode(), None);
    // Its own question was overtaken; the answer still counts when it comes.
    desk.hear(needed(1, 2, 4));
    assert_eq!(desk.core.last(), Last::IHelpedIt);
}

#[test]
fn give_and_drain_need_somebody_to_give_to() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 5);
    desk.feed(Event::PeerLost);
    assert_eq!(refused(desk.feed(Event::Control(Control::Give { count: 2 }))), Some(ControlRefusal::NoPeer));
    assert_eq!(refused(desk.feed(Event::Control(Control::Drain))), Some(ControlRefusal::NoPeer));
    assert_eq!((desk.core.queued(), desk.core.is_draining()), (4, false));
    desk.feed(Event::PeerJoined { incarnation: OTHER });
    assert_eq!(
        refused(desk.feed(Event::Control(Control::Give { count: 0 }))),
        Some(ControlRefusal::NothingQueued)
    );
}

#[test]
fn drained_gives_everything_and_takes_no_work() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.feed(Event::Control(Control::Drain));
    let (_, intervals, why) = desk.assignment().expect("an assignment");
    assert_eq!((intervals, why), (vec![lot(1, 1, 10)], AssignWhy::Drain));
    assert!(matches!(desk.assigned().sent()[..], [Message::Given { count: 10, .. }]));
    assert_eq!(desk.complete(1).ask_sent(), None, "asks no more");
    assert!(matches!(desk.asked(1, 1).sent()[..], [Message::NotNeeded { queued: 0, .. }]));
    assert_eq!(desk.load(vec![lot(2, 20, 24)]).assigned_count(), Some(5), "a later wave goes the same way");
    assert!(desk.started().is_empty());
    desk.assigned();
    assert!(desk.feed(Event::Control(Control::Resume)).ask_sent().is_some());
}

#[test]
fn a_refused_drain_goes_on_later_and_an_ask_is_answered_with_all_of_it() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.feed(Event::Control(Control::Drain));
    let (op, _, _) = desk.assignment().expect("an assignment");
    desk.feed(Event::Refused { op, why: Refusal::Unavailable });
    assert_eq!((desk.assignment(), desk.started().len(), desk.core.queued()), (None, 0, 10), "not at once");
    assert_eq!(desk.asked(1, 1).assigned_count(), Some(10));
    let (op, _, _) = desk.assignment().expect("an assignment");
    desk.feed(Event::Refused { op, why: Refusal::Unavailable });
    assert_eq!(desk.tick_after(MS(250)).assigned_count(), Some(10));
    desk.feed(Event::PeerLost);
    desk.feed(Event::PeerJoined { incarnation: Incarnation(OTHER.0 + 1) });
    assert_eq!(desk.core.reserved(), 10, "still pending with the ledger");
}

#[test]
fn the_same_ask_to_a_drained_peer_gets_the_same_answer() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.feed(Event::Control(Control::Drain));
    let (op, _, _) = desk.assignment().expect("an assignment");
    desk.feed(Event::Refused { op, why: Refusal::Unavailable });
    desk.asked(1, 1).assigned();
    let given = desk.sent()[0].clone();
    assert!(matches!(given, Message::Given { .. }), "a drain is no part of the method");
    assert_eq!(desk.asked(1, 1).sent(), [&given]);
    assert_eq!(desk.core.last(), Last::None);
}

#[test]
fn an_operator_sets_the_ratio_for_now_and_later() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.feed(Event::Control(Control::Ratio(Ratio::clamped(0.8))));
    assert_eq!(desk.move_of_ratio(), Some(("0.80".into(), Rule::Operator)));
    assert_eq!(desk.core.memory().ratio.to_string(), "0.80");
    let preview = desk.core.would_answer(Some(Ratio::clamped(0.3)));
    assert_eq!((preview.count, preview.figures.queued), (3, 10));
    assert_eq!(desk.core.would_answer(None).count, 8);
}

#[test]
fn more_slots_start_more() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    assert_eq!(desk.feed(Event::Control(Control::Slots(3))).started(), [1, 2]);
    desk.feed(Event::Control(Control::Slots(1)));
    assert!(desk.complete(2).started().is_empty());
    assert_eq!(desk.complete(1).started(), [3]);
}

#[test]
fn a_retry_stays_here_and_goes_first() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 3);
    desk.feed(Event::SlotDone { id: TransferId(0), outcome: SlotOutcome::RetryLater });
    assert_eq!(desk.started(), [1]);
    let unit = Unit { id: TransferId(0), lot: LotId(1), epoch: Epoch(1) };
    assert!(desk.feed(Event::RetryDue(unit)).started().is_empty());
    assert!(desk.feed(Event::RetryDue(unit)).started().is_empty());
    assert_eq!(desk.core.queued(), 1, "outside the queue, in no portion");
    assert_eq!(desk.complete(1).started(), [0]);
    assert_eq!(desk.complete(1).started(), [2], "once only");
}

#[test]
fn retries_are_bounded() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 1);
    let due = |n| Event::RetryDue(Unit { id: TransferId(n), lot: LotId(1), epoch: Epoch(1) });
    for n in 0..RETRIES_MAX as u64 {
        assert!(desk.feed(due(100 + n)).reports().is_empty());
    }
    assert_eq!(desk.feed(due(9)).reports(), [Report::RetryDeferred { id: TransferId(9) }]);
}

#[test]
fn what_only_this_peer_reaches_goes_first_and_is_never_handed_over() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    let (intervals, pinned) = (vec![lot(2, 10, 19)], vec![lot(3, 20, 22)]);
    desk.feed(Event::LotsLoaded {
        lots: lots(intervals),
        pinned: lots(pinned),
        ranges: vec![],
        all_planned: true,
    });
    assert_eq!((desk.started(), desk.core.queued(), desk.core.pinned()), (vec![20], 10, 2));
    assert_eq!(desk.asked(1, 1).assigned_count(), Some(5));
    desk.assigned();
    desk.feed(Event::Control(Control::Drain));
    assert_eq!(desk.assigned_count(), Some(5));
    desk.assigned();
    assert_eq!((desk.core.queued(), desk.core.pinned()), (0, 2));
    desk.feed(Event::Control(Control::Resume));
    assert_eq!(desk.complete(1).started(), [21]);
    assert_eq!(desk.complete(2).ask_sent().map(|(_, ep)| ep.0), Some(2));
}

#[test]
fn heartbeats_go_every_second_while_linked() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 5);
    let mut beats = 0;
    for _ in 0..100 {
        desk.tick_after(MS(100));
        beats += desk.out.iter().filter(|e| matches!(e, Effect::Send(Message::Heartbeat { .. }))).count();
    }
    assert_eq!(beats, 10);
    desk.feed(Event::PeerLost).tick_after(MS(5000));
    assert!(!desk.out.iter().any(|e| matches!(e, Effect::Send(_))));
}

#[test]
fn the_timer_never_fires_for_nothing() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 2), 40);
    let mut at = desk.now;
    for round in 0..400 {
        let timer =
            desk.out.iter().rev().find_map(|e| if let Effect::Timer { at } = e { Some(*at) } else { None });
        at = timer.unwrap_or(at);
        assert!(at >= desk.now);
        desk.now = at;
        desk.feed(Event::Tick);
        assert!(desk.out.len() > 1, "tick {round} at {at:?} does something and sets the next timer");
    }
}

#[test]
fn without_timing_a_tick_makes_everything_due() {
    let untimed = Settings { timing: Timing::untimed(), ..settings(0.5, 0, 1) };
    let mut desk = Desk::new(PeerId::First, untimed, 0);
    let first = desk.ask_sent();
    assert_eq!(desk.feed(Event::Tick).ask_sent(), first, "resent");
    desk.hear(crate::desk::not_needed(1, 0));
    assert_eq!(desk.ask_sent(), None, "not before a tick");
    assert!(desk.feed(Event::Tick).ask_sent().is_some_and(|(id, _)| id.number() == 2));
}
