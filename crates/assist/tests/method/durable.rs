//! What the core may rely on the ledger for, and on nothing else: assignments are durable before they are told, loads
//! make up for lost messages, and neither is lost or counted twice (protocol.md 4, 5).

use crate::desk::{Desk, ME, OTHER, lot, needed, settings};
use std::time::Duration;
use twinhaul_assist::{
    ASSIGNS_PENDING_MAX, Control, Core, Effect, Episode, Event, INTERVALS_MAX, Interval, LOAD_EVERY,
    LOAD_TIMEOUT, Last, Memory, Message, Refusal, Report,
};
use twinhaul_units::{Bytes, Epoch, Moment, PeerId, Ratio};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn needed_is_never_sent_before_the_assignment_is_durable() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.asked(1, 1);
    let (op, intervals, _) = desk.assignment().expect("an assignment");
    for _ in 0..5 {
        assert!(
            desk.asked(1, 1).sent().is_empty() && desk.assignment().is_none(),
            "asked again: still pending"
        );
        assert!(desk.tick_after(MS(100)).sent().is_empty());
        assert_eq!(desk.core.last(), Last::None);
    }
    desk.feed(Event::Assigned { op, lots: intervals, ranges: vec![], bytes: Bytes(5) });
    assert!(matches!(desk.sent()[..], [Message::Needed { count: 5, bytes: Bytes(5), .. }]));
}

#[test]
fn refused_brings_the_transfers_back_and_the_question_stays_open() {
    let mut desk = Desk::helped(PeerId::First, settings(0.5, 0, 1), 11);
    desk.asked(1, 1);
    let (op, _, _) = desk.assignment().expect("an assignment");
    assert_eq!((desk.core.queued(), desk.core.reserved()), (5, 5));
    desk.feed(Event::Refused { op, why: Refusal::ReceiverNotCurrent });
    assert_eq!((desk.core.queued(), desk.core.reserved()), (10, 0));
    assert_eq!(desk.core.queue().copied().collect::<Vec<_>>(), [lot(1, 1, 10)], "one interval again");
    assert!(desk.sent().is_empty());
    assert_eq!(desk.core.last(), Last::ItHelpedMe, "as before");
    assert_eq!(desk.asked(1, 1).move_of_ratio(), None, "decided again, learned once");
    let (second, _, _) = desk.assignment().expect("another assignment");
    assert_ne!(op, second);
    desk.feed(Event::Refused { op, why: Refusal::Unavailable });
    assert_eq!(desk.core.reserved(), 5, "a doubled refusal of the first changes nothing");
}

#[test]
fn what_is_refused_while_a_slot_is_idle_is_started() {
    let mut desk = Desk::new(PeerId::First, settings(0.95, 0, 1), 2);
    desk.asked(1, 1);
    let (op, _, _) = desk.assignment().expect("an assignment");
    assert!(desk.complete(1).started().is_empty());
    assert_eq!(desk.feed(Event::Refused { op, why: Refusal::ReceiverNotCurrent }).started(), [1]);
}

#[test]
fn an_assignment_without_an_outcome_is_asked_for_again_under_its_number() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.asked(1, 1);
    let first = desk.assignment().expect("an assignment");
    assert_eq!(desk.tick_after(MS(1999)).assignment(), None);
    assert_eq!(desk.tick_after(MS(1)).assignment().as_ref(), Some(&first));
    assert_eq!(desk.tick_after(MS(3999)).assignment(), None);
    assert_eq!(desk.tick_after(MS(1)).assignment().as_ref(), Some(&first));
    assert_eq!(desk.core.reserved(), 5);
}

#[test]
fn a_doubled_assigned_takes_nothing_that_came_back_since() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.asked(1, 1);
    let (op, intervals, _) = desk.assignment().expect("an assignment");
    desk.assigned();
    desk.load(vec![Interval { epoch: Epoch(3), ..lot(8, 8, 10) }]);
    assert_eq!(desk.core.queued(), 8);
    let lots = intervals.iter().map(|part| Interval { epoch: Epoch(2), ..*part }).collect();
    desk.feed(Event::Assigned { op, lots, ranges: vec![], bytes: Bytes(1) });
    assert_eq!((desk.core.queued(), desk.sent().len()), (8, 0));
}

#[test]
fn a_lot_loaded_twice_is_owned_once() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.asked(1, 1);
    desk.load(vec![lot(1, 0, 10)]);
    assert_eq!((desk.core.queued(), desk.core.reserved(), desk.core.in_flight().len()), (5, 5, 1));
}

#[test]
fn what_came_back_before_its_assignment_was_confirmed_is_owned() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.asked(1, 1); // 6 to 10 are on their way out, but nobody has told
    let (op, intervals, _) = desk.assignment().expect("an assignment");
    desk.load(vec![Interval { epoch: Epoch(3), ..lot(8, 8, 10) }]);
    assert_eq!((desk.core.queued(), desk.core.reserved()), (8, 5));
    let lots = intervals.iter().map(|part| Interval { epoch: Epoch(2), ..*part }).collect();
    desk.feed(Event::Assigned { op, lots, ranges: vec![], bytes: Bytes(1) });
    assert_eq!((desk.core.queued(), desk.core.reserved()), (8, 0));
}

#[test]
fn a_lost_needed_is_made_up_for_by_the_poll_of_the_ledger() {
    let mut desk = Desk::helped(PeerId::First, settings(0.5, 0, 1), 0);
    assert_eq!(desk.core.ratio().to_string(), "0.45");
    desk.tick_after(LOAD_EVERY);
    assert_eq!(desk.loads(), 1);
    assert_eq!(desk.load(vec![lot(9, 5, 5)]).started(), [5]);
    assert_eq!(desk.core.last(), Last::IHelpedIt, "what was asked for is here");
    assert_eq!(desk.tick_after(MS(2000)).ask_sent(), None, "the old question is not sent again");
    desk.complete(1);
    assert!(desk.ask_sent().is_some_and(|(id, ep)| id.number() == 2 && ep == Episode(2)));
    assert_eq!(desk.core.ratio().to_string(), "0.45", "one assistance is not learned from twice");
}

#[test]
fn nothing_is_asked_before_the_first_load() {
    let mut core = Core::new(PeerId::First, ME, settings(0.5, 0, 1), Memory::fresh(Ratio::default()));
    let mut out = Vec::new();
    core.handle(Moment::ZERO, Event::PeerJoined { incarnation: OTHER }, &mut out);
    core.handle(Moment::ZERO, Event::Started, &mut out);
    core.handle(Moment(1_000_000), Event::Tick, &mut out);
    assert!(!out.iter().any(|e| matches!(e, Effect::Send(Message::Ask { .. }))));
    assert_eq!(core.episode(), None);
}

#[test]
fn a_load_without_an_answer_is_asked_for_again() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    desk.hear(needed(1, 2, 4));
    assert_eq!(desk.loads(), 1);
    assert_eq!(desk.tick_after(LOAD_TIMEOUT - MS(1)).loads(), 0);
    assert_eq!(desk.tick_after(MS(1)).loads(), 1);
}

#[test]
fn a_needed_during_a_load_looks_once_more() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    desk.tick_after(LOAD_EVERY);
    assert_eq!(desk.loads(), 1);
    assert_eq!(desk.hear(needed(1, 2, 4)).loads(), 0, "one look at a time");
    assert_eq!(desk.load(vec![]).loads(), 1, "the first look may have been too early");
    assert_eq!(desk.ask_sent(), None);
    assert_eq!(desk.load(vec![lot(9, 3, 4)]).started(), [3]);
}

#[test]
fn needed_with_nothing_to_load_waits_before_it_asks_again() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    desk.hear(needed(1, 2, 4));
    assert_eq!(desk.load(vec![]).ask_sent(), None);
    assert!(desk.tick_after(MS(250)).ask_sent().is_some());
}

#[test]
fn without_a_link_nothing_is_asked_and_the_ledger_is_looked_at() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 2);
    desk.feed(Event::PeerLost);
    assert_eq!(desk.tick_after(LOAD_EVERY).loads(), 1, "although there is work");
    desk.load(vec![]);
    assert_eq!(desk.complete(2).ask_sent(), None);
    assert_eq!(desk.core.episode(), Some(Episode(1)));
    assert!(desk.feed(Event::PeerJoined { incarnation: OTHER }).ask_sent().is_some());
}

#[test]
fn with_work_and_a_link_the_ledger_is_left_alone() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 20);
    assert_eq!((0..10).map(|_| desk.tick_after(LOAD_EVERY).loads()).sum::<usize>(), 0);
    desk.feed(Event::LotsLoaded { lots: vec![], pinned: vec![], ranges: vec![], all_planned: false });
    assert_eq!((0..10).map(|_| desk.tick_after(LOAD_EVERY).load_if_asked()).sum::<usize>(), 10);
}

#[test]
fn assignments_under_way_are_bounded() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 1000);
    for _ in 0..ASSIGNS_PENDING_MAX {
        assert!(desk.feed(Event::Control(Control::Give { count: 1 })).assignment().is_some());
    }
    desk.feed(Event::Control(Control::Give { count: 1 }));
    assert!(desk.reports().iter().any(|r| matches!(r, Report::ControlRefused { .. })));
    desk.asked(1, 1);
    assert!(desk.sent().is_empty() && desk.assignment().is_none(), "no room: it will ask again");
}

#[test]
fn intervals_are_bounded_by_what_is_asked_for() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    let gaps = (0..=INTERVALS_MAX as u64).map(|n| lot(n, 2 * n, 2 * n)).collect();
    desk.tick_after(LOAD_EVERY).load(gaps).tick_after(LOAD_EVERY);
    assert!(desk.out.contains(&Effect::LoadLots { limit: 1 }), "one at a time, as long as there is no room");
    desk.load(vec![]).complete(100).tick_after(LOAD_EVERY);
    assert_eq!(desk.loads(), 0, "that was all");
}

impl Desk {
    /// Answers a load with nothing while the plan grows; whether there was one.
    fn load_if_asked(&mut self) -> usize {
        let loads = self.loads();
        if loads > 0 {
            self.feed(Event::LotsLoaded { lots: vec![], pinned: vec![], ranges: vec![], all_planned: false });
        }
        loads
    }
}
