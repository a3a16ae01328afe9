//! When `balanced` asks: before it is idle, not for nothing, and never never again (protocol.md 4; L2).

use crate::desk::{Desk, not_needed};
use crate::weighed::{MB, MS, mb_per_s};
use std::time::Duration;
use twinhaul_assist::{AskId, Effect, Event, Message, POLL_CAP, Pace};
use twinhaul_units::{Bytes, Moment};

fn asks(desk: &Desk) -> bool {
    desk.ask_sent().is_some()
}

#[test]
fn the_round_trip_is_known_from_the_first_heartbeats() {
    let mut desk = Desk::weighed(1, &[MB], 1);
    assert_eq!(desk.core.round_trip(), Some(Duration::ZERO));
    desk.heard_late(0, 0, Pace::default(), None).tick_after(MS(0));
    let echo = desk.out.iter().find_map(|e| match e {
        Effect::Send(Message::Heartbeat { echo, .. }) => *echo,
        _ => None,
    });
    assert_eq!(echo, Some(desk.now), "who has heard no echo gets one at once");
    let sent = Moment(desk.now.0 - 80_000);
    desk.heard_late(0, 0, Pace::default(), Some(sent));
    assert_eq!(desk.core.round_trip(), Some(MS(10)), "smoothed by eighths");
}

#[test]
fn the_question_is_sent_a_round_trip_before_the_work_ends() {
    let mut desk = Desk::weighed(1, &[10 * MB], 1);
    for _ in 0..60 {
        let sent = Moment(desk.now.0 - 100_000);
        desk.heard_late(50, 500 * MB, mb_per_s(1), Some(sent));
    }
    assert!(desk.core.round_trip().is_some_and(|rtt| rtt > MS(95)));
    desk.reached(&[(0, 0, 9_800_000, 10 * MB)]);
    assert!(!asks(&desk), "0.2 s are left");
    let timer = desk.out.iter().find_map(|e| if let Effect::Timer { at } = e { Some(*at) } else { None });
    let wait = timer.expect("a timer").since(desk.now);
    assert!((MS(70)..MS(90)).contains(&wait), "{wait:?}");
    desk.tick_after(wait);
    assert!(asks(&desk), "1.2 round trips and 2 ms before the end");
}

#[test]
fn nothing_is_asked_when_nothing_worth_moving_is_left_but_not_for_ever() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.heard(0, 10_000, mb_per_s(10));
    assert!(!asks(&desk), "1 ms of work is left there");
    let mut waited = Duration::ZERO;
    while !asks(&desk) && waited < POLL_CAP * 2 {
        desk.tick_after(MS(100));
        waited += MS(100);
        if !asks(&desk) {
            desk.heard(0, 10_000, mb_per_s(10));
        }
    }
    assert!(waited <= POLL_CAP + MS(100), "{waited:?}");
}

#[test]
fn a_heartbeat_that_shows_work_is_reason_to_ask() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.heard(0, 10_000, mb_per_s(10));
    assert!(!asks(&desk));
    desk.heard(100, 100 * MB, mb_per_s(10));
    assert!(asks(&desk));
}

#[test]
fn after_no_the_owner_comes_back_to_it_and_the_asker_waits() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.heard(100, 100 * MB, mb_per_s(10));
    let (ask_id, _) = desk.ask_sent().expect("asked");
    desk.hear(not_needed(1, 0));
    assert!(!asks(desk.heard(100, 100 * MB, mb_per_s(10))));
    let mut late = crate::desk::needed(1, 5, 10);
    if let Message::Needed { ask_id: id, .. } = &mut late {
        *id = ask_id;
    }
    desk.hear(late);
    assert_eq!((desk.loads(), desk.core.last()), (1, twinhaul_assist::Last::IHelpedIt));
}

#[test]
fn an_idle_peer_asks_again_within_the_cap() {
    let mut desk = Desk::weighed(1, &[], 10);
    desk.heard(100, 100 * MB, mb_per_s(10));
    for number in 1..5 {
        desk.hear(not_needed(number, 0));
        let mut waited = Duration::ZERO;
        while !asks(&desk) && waited < POLL_CAP * 2 {
            desk.tick_after(MS(50));
            waited += MS(50);
        }
        assert!(waited <= POLL_CAP + MS(50), "{waited:?}");
        assert_eq!(desk.ask_sent().map(|(id, _)| id), Some(AskId::new(crate::desk::ME, number + 1)));
    }
}

#[test]
fn the_owner_pushes_when_its_prospects_change() {
    let mut desk = Desk::weighed(1, &[MB; 2], 100);
    desk.reached(&[(0, 0, 900_000, MB)]);
    desk.asked_with(1, 0, 0, mb_per_s(100));
    // 11 ms of work, in two transfers: the second moves. What then is left is not worth it.
    desk.assigned();
    desk.asked_with(2, 0, 0, mb_per_s(100));
    assert!(matches!(desk.sent()[..], [Message::NotNeeded { .. }]), "{:?}", desk.sent());
    desk.load_sized(vec![{
        let mut more = crate::weighed::sized(&[MB; 60]);
        more.interval.first.0 += 100;
        more.interval.last.0 += 100;
        more.sizes = twinhaul_assist::Sizes::exact(more.interval.first, &[MB; 60]);
        more
    }]);
    desk.now = desk.now + MS(1);
    desk.feed(Event::Measured { moved: Bytes(100 * MB), parts: vec![] });
    let (ids, _) = desk.moved().expect("the portion follows without another question");
    assert!((25..=31).contains(&ids.len()), "{ids:?}");
    assert!(matches!(desk.assigned().sent()[..], [Message::Needed { .. }]));
}

#[test]
fn own_idle_slots_divide_what_is_in_flight_before_anybody_is_asked() {
    let mut desk = Desk::weighed(4, &[100 * MB], 8);
    let splits = desk.tick_after(MS(0)).splits();
    assert!(splits.is_empty(), "three splits are under way already");
    let mut desk = Desk::weighed(2, &[100 * MB, MB], 8);
    desk.reached(&[(0, 0, 20 * MB, 100 * MB), (1, 0, 0, MB)]);
    let id = desk.core.in_flight()[1].id;
    desk.feed(Event::SlotDone { id, outcome: twinhaul_assist::SlotOutcome::Settling });
    let splits = desk.splits();
    assert_eq!(splits.len(), 1);
    assert!(splits[0].bytes.abs_diff(40 * MB) < MB && !asks(&desk), "{splits:?}");
}
