//! Whom `balanced` takes over, and when (protocol.md 4): never a peer that speaks, at once one that is gone.

use crate::desk::{Desk, ME, OTHER};
use crate::weighed::{MB, MS, mb_per_s};
use std::time::Duration;
use twinhaul_assist::{
    AskId, Effect, Event, FenceWhy, FencedFigures, Interval, LEASE, Message, OpId, Policy, Refusal, Report,
    Settings,
};
use twinhaul_units::{Bytes, Incarnation, Moment, PeerId};

fn fence(desk: &Desk) -> Option<(OpId, Incarnation)> {
    desk.out.iter().find_map(|e| match e {
        Effect::Fence { op, incarnation } => Some((*op, *incarnation)),
        _ => None,
    })
}

/// Ticks until a take-over is asked for, or for so long.
fn wait_for_fence(desk: &mut Desk, most: Duration) -> Option<Duration> {
    wait_for(desk, most, |desk| fence(desk).is_some())
}

fn wait_for(desk: &mut Desk, most: Duration, is_there: impl Fn(&Desk) -> bool) -> Option<Duration> {
    let mut waited = Duration::ZERO;
    while waited < most {
        if is_there(desk) {
            return Some(waited);
        }
        if desk.loads() > 0 {
            desk.load_sized(vec![]);
            continue;
        }
        desk.tick_after(MS(100));
        waited += MS(100);
    }
    None
}

#[test]
fn one_that_is_gone_for_certain_is_taken_over_as_soon_as_there_is_nothing_else_to_do() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.feed(Event::PeerDead { incarnation: OTHER });
    assert_eq!(fence(&desk).map(|(_, whom)| whom), Some(OTHER));
    let mut desk = Desk::weighed(1, &[MB; 3], 10);
    desk.feed(Event::PeerDead { incarnation: OTHER });
    assert_eq!(fence(&desk), None, "own work first");
    assert!(fence(desk.complete(3)).is_some());
}

#[test]
fn a_silent_one_is_taken_over_only_by_who_has_nothing_to_do() {
    let mut idle = Desk::weighed(1, &[], 10);
    idle.heard(10, 100 * MB, mb_per_s(10));
    let waited = wait_for_fence(&mut idle, LEASE * 2).expect("taken over");
    assert!((MS(1400)..MS(1700)).contains(&waited), "a beat and a half, and no answer: {waited:?}");
    let mut busy = Desk::weighed(1, &[MB; 3], 10);
    let waited = wait_for_fence(&mut busy, LEASE * 2).expect("taken over");
    assert!((LEASE - MS(200)..LEASE + MS(200)).contains(&waited), "at the end of its lease: {waited:?}");
}

#[test]
fn one_that_speaks_is_not_suspected() {
    let mut desk = Desk::weighed(1, &[], 10);
    for _ in 0..100 {
        desk.tick_after(MS(500));
        assert_eq!(fence(&desk), None);
        desk.heard(10, 100 * MB, mb_per_s(10));
        assert_eq!(fence(&desk), None);
    }
}

/// It lives, and the link does not reach it: nobody takes it over, however long that lasts. When the sign ends, its lease begins.
#[test]
fn one_that_is_seen_to_live_is_not_taken_over_though_the_link_is_cut() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.heard(10, 100 * MB, mb_per_s(10));
    desk.feed(Event::PeerLost);
    for _ in 0..100 {
        desk.feed(Event::PeerSeen { incarnation: OTHER });
        assert_eq!(wait_for_fence(&mut desk, MS(600)), None);
    }
    let another = Incarnation(OTHER.0 + 1);
    let waited = wait_for(&mut desk, LEASE * 2, |desk| fence(desk).is_some()).expect("taken over");
    assert!(waited < LEASE, "silent and unseen: {waited:?}");
    // What lives in its place is another one.
    let mut desk = Desk::weighed(1, &[], 10);
    desk.heard(10, 100 * MB, mb_per_s(10));
    let taken = (0..100).any(|_| {
        desk.feed(Event::PeerSeen { incarnation: another });
        wait_for_fence(&mut desk, MS(600)).is_some()
    });
    assert!(taken, "a sign of another life keeps nobody alive");
    // Who is dead for certain does not live again by it.
    let mut desk = Desk::weighed(1, &[MB; 3], 10);
    desk.feed(Event::PeerDead { incarnation: OTHER });
    desk.feed(Event::PeerSeen { incarnation: OTHER });
    assert!(fence(desk.complete(3)).is_some());
}

/// On a loaded machine both peers stand still; whoever wakes first has heard nothing for as long as it could hear nothing.
#[test]
fn who_stood_still_does_not_hold_that_against_the_other() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.heard(10, 100 * MB, mb_per_s(10));
    for _ in 0..4 {
        desk.tick_after(MS(5000));
        // It looks for work first; nothing more keeps it from taking over.
        desk.load_sized(vec![]);
        assert_eq!(fence(&desk), None, "silent for as long as nobody listened");
        assert_eq!(fence(desk.tick_after(MS(200))), None, "what was said meanwhile has yet to be read");
        desk.heard(10, 100 * MB, mb_per_s(10));
    }
    let waited = wait_for_fence(&mut desk, LEASE * 2).expect("taken over");
    assert!((MS(1400)..LEASE).contains(&waited), "from then on it counts again: {waited:?}");
}

/// What it had when it spoke last was not worth a question; that the next heartbeat does not come is.
#[test]
fn an_overdue_heartbeat_is_reason_to_ask_and_then_to_take_over() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.heard(0, 10_000, mb_per_s(10));
    let asked = wait_for(&mut desk, LEASE, |desk| desk.ask_sent().is_some()).expect("asked");
    assert!((MS(1200)..MS(1400)).contains(&asked), "a heartbeat and a quarter: {asked:?}");
    let more = wait_for_fence(&mut desk, LEASE * 2).expect("taken over");
    assert!((MS(1400)..MS(1700)).contains(&(asked + more)), "a heartbeat and a half: {asked:?} {more:?}");
}

/// On a long way the answer may be late for longer; without its answer for one round trip, and with two heartbeats missing,
/// there is as much reason.
#[test]
fn two_missing_heartbeats_need_less_of_a_late_answer() {
    let mut desk = Desk::weighed(1, &[], 10);
    for _ in 0..20 {
        desk.now = desk.now + MS(100);
        let echo = Some(Moment(desk.now.0 - 1_000_000)); // a round trip of a second
        desk.heard_late(0, 10_000, mb_per_s(10), echo);
    }
    let asked = wait_for(&mut desk, LEASE, |desk| desk.ask_sent().is_some()).expect("asked");
    let more = wait_for_fence(&mut desk, LEASE * 2).expect("taken over");
    assert!((MS(1000)..MS(1300)).contains(&more), "a round trip after {asked:?}: {more:?}");
    assert!((MS(2200)..MS(2600)).contains(&(asked + more)), "two heartbeats: {asked:?} {more:?}");
}

#[test]
fn a_slow_peer_is_patient_with_a_fast_one() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.heard(10, 1000 * MB, mb_per_s(100));
    let waited = wait_for_fence(&mut desk, LEASE * 2).expect("taken over");
    assert!((MS(7500)..MS(9500)).contains(&waited), "nine times slower, nine seconds idle: {waited:?}");
}

#[test]
fn what_a_take_over_brings_is_loaded_and_told() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.feed(Event::PeerDead { incarnation: OTHER });
    let (op, _) = fence(&desk).expect("taken over");
    let figures = FencedFigures { incarnation: Incarnation(OTHER.0 + 1), count: 7, bytes: Bytes(70) };
    desk.feed(Event::Fenced { op, outcome: Ok(figures) });
    assert_eq!(desk.loads(), 1);
    let why = FenceWhy::Dead;
    assert!(desk.reports().contains(&Report::TookOver { from: OTHER, figures, why }));
    assert!(matches!(desk.sent()[..], [Message::Taken { count: 7, .. }]));
    let old = Event::Message { from_incarnation: OTHER, msg: crate::desk::ask(1, 1) };
    assert!(desk.feed(old).sent().is_empty(), "the old process is not answered any more (S7)");
    desk.load_sized(vec![]);
    assert_eq!(wait_for_fence(&mut desk, LEASE * 3), None, "nobody is there to be taken over again");
    desk.feed(Event::PeerJoined { incarnation: Incarnation(OTHER.0 + 2) });
    assert_eq!(desk.core.peer(), (Some(Incarnation(OTHER.0 + 2)), true));
}

#[test]
fn a_take_over_without_an_outcome_is_asked_for_under_the_same_number() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.feed(Event::PeerDead { incarnation: OTHER });
    let first = fence(&desk);
    let again = (0..30).find_map(|_| fence(desk.tick_after(MS(100))));
    assert_eq!(again, first);
    let (op, _) = first.expect("taken over");
    desk.load_sized(vec![]);
    desk.feed(Event::Fenced { op, outcome: Err(Refusal::Unavailable) });
    assert!(wait_for_fence(&mut desk, MS(5000)).is_some());
    let second = fence(&desk);
    assert!(second.is_some_and(|(second, _)| second > op), "refused: another try, under another number");
}

#[test]
fn who_was_taken_over_starts_nothing_more() {
    let mut desk = Desk::weighed(1, &[MB; 5], 10);
    let taken = Message::Taken { old: ME, new: Incarnation(ME.0 + 1), count: 5, bytes: Bytes(5) };
    desk.hear(taken);
    assert_eq!(desk.complete(1).started(), [] as [u64; 0]);
}

/// A run whose peer never comes back must end, under every policy; only a comparison leaves that out.
#[test]
fn every_policy_takes_over_unless_it_is_compared_without() {
    for policy in [Policy::None, Policy::Learning, Policy::Balanced] {
        for take_over in [true, false] {
            let settings = Settings { policy, take_over, ..Settings::default() };
            let mut desk = Desk::new(PeerId::First, settings, 0);
            desk.feed(Event::PeerDead { incarnation: OTHER });
            let fenced = wait_for_fence(&mut desk, LEASE * 2);
            assert_eq!(fenced.is_some(), take_over, "{policy:?}");
        }
    }
}

/// Two that live and do not hear each other, for the `lives`-th time.
fn silence_before_a_fence(lives: u64) -> Duration {
    let settings = crate::weighed::balanced(1);
    let memory = twinhaul_assist::Memory::fresh(settings.ratio);
    let mut out = Vec::new();
    let mut core = twinhaul_assist::Core::new(PeerId::First, Incarnation(1), settings, memory);
    let mut now = Moment::ZERO;
    for event in [Event::PeerJoined { incarnation: Incarnation(lives) }, Event::Started] {
        core.handle(now, event, &mut out);
    }
    while !out.iter().any(|e| matches!(e, Effect::Fence { .. })) {
        out.clear();
        core.handle(now, crate::desk::loaded(vec![]), &mut out);
        now = now + MS(100);
        core.handle(now, Event::Tick, &mut out);
    }
    now.since(Moment::ZERO)
}

#[test]
fn whoever_was_lost_before_is_given_more_time_each_time() {
    let waits: Vec<_> = [2, 3, 4, 5].map(silence_before_a_fence).into();
    assert!(waits[0] <= MS(3200), "{waits:?}");
    assert!(waits.windows(2).all(|w| w[1] > w[0] * 3 / 2), "{waits:?}");
    assert!(silence_before_a_fence(100) <= LEASE * 64, "but not for ever (L1)");
}

#[test]
fn a_number_that_is_not_current_is_not_tried_again() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.feed(Event::PeerDead { incarnation: OTHER });
    let (op, _) = fence(&desk).expect("a take-over");
    desk.out.clear();
    // Its place has a new process, which this peer has not heard of.
    desk.feed(Event::Fenced { op, outcome: Err(Refusal::ReceiverNotCurrent) });
    assert_eq!(wait_for_fence(&mut desk, LEASE * 2), None);
    // That one is gone too.
    let next = Incarnation(OTHER.0 + 1);
    desk.feed(Event::PeerDead { incarnation: next });
    assert_eq!(fence(&desk).map(|(_, whom)| whom), Some(next));
}

#[test]
fn a_refusal_about_a_former_number_says_nothing_about_the_next() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.feed(Event::PeerDead { incarnation: OTHER });
    let (op, _) = fence(&desk).expect("a take-over");
    let next = Incarnation(OTHER.0 + 1);
    desk.feed(Event::PeerDead { incarnation: next });
    desk.out.clear();
    desk.feed(Event::Fenced { op, outcome: Err(Refusal::ReceiverNotCurrent) });
    assert!(wait_for_fence(&mut desk, LEASE).is_some());
}

/// A take-over takes as long as its discards. Who came meanwhile, and died, is gone under another number than the one that
/// was taken over, and the host says so only once.
#[test]
fn a_death_that_is_heard_of_during_a_take_over_is_not_forgotten() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.feed(Event::PeerDead { incarnation: OTHER });
    let (op, _) = fence(&desk).expect("a take-over");
    let (taken, next) = (Incarnation(OTHER.0 + 1), Incarnation(OTHER.0 + 2));
    desk.feed(Event::PeerDead { incarnation: next });
    desk.out.clear();
    let figures = FencedFigures { incarnation: taken, count: 0, bytes: Bytes(0) };
    desk.feed(Event::Fenced { op, outcome: Ok(figures) });
    assert_eq!(desk.core.peer(), (Some(next), false), "the one that came later");
    assert!(wait_for_fence(&mut desk, LEASE).is_some());
    assert_eq!(fence(&desk).map(|(_, whom)| whom), Some(next));
}

/// Number of transfers that the latest event assigned to the process `to`.
fn given_to(desk: &Desk, to: Incarnation) -> Option<u64> {
    desk.out.iter().find_map(|e| match e {
        Effect::Assign { asker_incarnation, intervals, .. } if *asker_incarnation == to => {
            Some(intervals.iter().map(Interval::count).sum())
        }
        _ => None,
    })
}

/// What was taken over, and a new process in that place: it has nothing, so it is given its portion before it asks.
#[test]
fn who_joins_where_all_was_taken_gets_its_portion_unasked_and_once() {
    let joined = Incarnation(OTHER.0 + 2);
    let join = Event::PeerJoined { incarnation: joined };
    let mut desk = Desk::weighed(1, &[10 * MB; 20], 10);
    desk.feed(join.clone());
    assert_eq!(given_to(&desk, joined), None, "its place was not taken over: it has its own");
    let mut desk = Desk::weighed(1, &[10 * MB; 20], 10);
    wait_for_fence(&mut desk, LEASE * 2).expect("taken over");
    let (op, _) = fence(&desk).expect("taken over");
    let figures = FencedFigures { incarnation: Incarnation(OTHER.0 + 1), count: 0, bytes: Bytes(0) };
    desk.feed(Event::Fenced { op, outcome: Ok(figures) });
    desk.load_sized(vec![]);
    desk.feed(join);
    let count = given_to(&desk, joined).expect("a portion, unasked");
    assert!((9..=11).contains(&count), "about half: {count}");
    let mut asks = |number| {
        let mut msg = crate::desk::ask(number, number);
        if let Message::Ask { ask_id, .. } = &mut msg {
            *ask_id = AskId::new(joined, number);
        }
        desk.feed(Event::Message { from_incarnation: joined, msg });
        let given = given_to(&desk, joined);
        desk.now = desk.now + MS(100);
        given
    };
    assert_eq!(asks(1), None, "asked before it could know what it has");
    assert!(asks(1).is_some(), "asked again after that");
}
