//! The rules that keep the method safe and from learning what did not happen (protocol.md 2, 4, 5, 6).

use crate::desk::{Desk, ME, OTHER, ask, lot, needed, not_needed, settings};
use std::time::Duration;
use twinhaul_assist::{ASK_RESEND_CAP, AskId, Core, Episode, Event, Last, Message, Pace, Rule};
use twinhaul_units::{Bytes, Incarnation, Moment, PeerId, Rate};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn a_repoll_in_the_same_episode_does_not_learn() {
    let mut desk = Desk::helped(PeerId::Second, settings(0.5, 1000, 1), 101);
    assert_eq!(desk.asked(1, 5).move_of_ratio(), Some(("0.55".into(), Rule::Claim6_1)));
    for number in 2..500 {
        assert_eq!(desk.asked(number, 5).move_of_ratio(), None);
    }
    assert_eq!(desk.core.ratio().to_string(), "0.55");
}

#[test]
fn a_repoll_does_not_learn_even_if_assistance_came_between() {
    let mut desk = Desk::new(PeerId::Second, settings(0.5, 0, 1), 101);
    desk.asked(1, 5).assigned();
    assert_eq!(desk.core.last(), Last::ItHelpedMe);
    assert_eq!(desk.asked(2, 5).move_of_ratio(), None, "the same episode");
    desk.assigned();
    assert!(desk.asked(3, 6).move_of_ratio().is_some(), "the next one");
}

#[test]
fn running_dry_is_learned_once_an_episode() {
    let mut desk = Desk::helped(PeerId::First, settings(0.5, 0, 1), 0);
    assert_eq!(desk.core.ratio().to_string(), "0.45");
    desk.tick_after(MS(60));
    assert!(desk.ask_sent().is_some(), "resent");
    assert_eq!(desk.core.ratio().to_string(), "0.45");
    desk.hear(not_needed(1, 0)).tick_after(MS(300));
    assert!(desk.ask_sent().is_some(), "asked again");
    assert_eq!(desk.core.ratio().to_string(), "0.45");
}

#[test]
fn an_unanswered_ask_is_sent_again_with_its_number_and_a_growing_wait() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    let first = desk.ask_sent().expect("asked");
    for wait in [50, 100, 200, 400, 800, 1600, 2000, 2000] {
        assert_eq!(desk.tick_after(MS(wait - 1)).ask_sent(), None);
        assert_eq!(desk.tick_after(MS(1)).ask_sent(), Some(first));
    }
    assert_eq!(ASK_RESEND_CAP, MS(2000));
}

#[test]
fn the_wait_follows_the_round_trip() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    desk.now = Moment(40_000);
    desk.hear(not_needed(1, 0));
    assert_eq!(desk.core.round_trip(), Some(MS(40)));
    desk.tick_after(MS(250));
    assert!(desk.ask_sent().is_some());
    assert_eq!(desk.tick_after(MS(159)).ask_sent(), None, "4 x 40 ms");
    assert!(desk.tick_after(MS(1)).ask_sent().is_some());
}

#[test]
fn so_does_the_wait_after_not_needed() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    desk.now = Moment(400_000);
    desk.hear(not_needed(1, 0));
    assert_eq!(desk.tick_after(MS(399)).ask_sent(), None, "a round trip of 400 ms");
    assert!(desk.tick_after(MS(1)).ask_sent().is_some());
}

#[test]
fn what_another_incarnation_says_is_ignored() {
    let mut desk = Desk::helped(PeerId::First, settings(0.5, 0, 1), 10);
    for stranger in [Incarnation(OTHER.0 - 1), Incarnation(OTHER.0 + 1)] {
        let own_name = Message::Ask {
            ask_id: AskId::new(stranger, 1),
            episode: Episode(1),
            rate: Rate(0),
            queued: 0,
            idle_slots: 1,
            left: Bytes(0),
            pace: Pace::default(),
        };
        for msg in [ask(1, 1), own_name, needed(1, 1, 1)] {
            let before = desk.core.clone();
            desk.feed(Event::Message { from_incarnation: stranger, msg });
            assert_eq!((&desk.core, desk.out.len()), (&before, 0));
        }
    }
    let other_name = Message::Ask {
        ask_id: AskId::new(Incarnation(OTHER.0 - 1), 1),
        episode: Episode(1),
        rate: Rate(0),
        queued: 0,
        idle_slots: 1,
        left: Bytes(0),
        pace: Pace::default(),
    };
    assert_eq!(desk.hear(other_name).assignment(), None, "an old question under a new name");
    desk.feed(Event::PeerJoined { incarnation: Incarnation(OTHER.0 - 1) });
    assert_eq!(desk.core.peer().0, Some(OTHER), "incarnations only grow");
}

#[test]
fn an_answer_to_an_earlier_life_answers_nothing() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    let mut old = not_needed(1, 0);
    if let Message::NotNeeded { ask_id, .. } = &mut old {
        *ask_id = AskId::new(Incarnation(ME.0 - 1), 1);
    }
    desk.hear(old);
    assert!(desk.tick_after(MS(50)).ask_sent().is_some(), "still unanswered, so sent again");
}

#[test]
fn the_same_question_gets_the_same_answer_and_no_second_assignment() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 11);
    desk.asked(1, 1).assigned();
    let answer = desk.sent()[0].clone();
    desk.complete(2);
    for _ in 0..3 {
        desk.asked(1, 1);
        assert_eq!((desk.sent(), desk.assignment()), (vec![&answer], None));
    }
    let mut desk = Desk::new(PeerId::First, settings(0.5, 99, 1), 11);
    let answer = desk.asked(1, 1).sent()[0].clone();
    desk.complete(2);
    assert_eq!(desk.asked(1, 1).sent(), [&answer], "with the figures of then");
}

#[test]
fn older_questions_are_ignored() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 99, 1), 11);
    desk.asked(5, 2);
    assert!(desk.asked(4, 2).sent().is_empty());
    assert!(desk.asked(4, 1).sent().is_empty());
}

#[test]
fn needed_twice_or_late_costs_a_look_and_no_memory() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    desk.hear(needed(1, 2, 4)).load(vec![lot(9, 0, 30)]);
    desk.asked(1, 1).assigned();
    assert_eq!(desk.core.last(), Last::ItHelpedMe);
    desk.hear(needed(1, 2, 4));
    assert_eq!((desk.core.last(), desk.loads()), (Last::ItHelpedMe, 1));
    desk.hear(not_needed(1, 4));
    assert_eq!(desk.core.last(), Last::ItHelpedMe, "nor does a late not-needed");
}

#[test]
fn a_new_process_at_the_other_end_is_asked_anew_and_nothing_is_learned_again() {
    let mut desk = Desk::helped(PeerId::First, settings(0.5, 0, 1), 0);
    let (old, episode) = desk.ask_sent().expect("asked");
    desk.feed(Event::PeerLost);
    desk.feed(Event::PeerJoined { incarnation: Incarnation(OTHER.0 + 1) });
    let (new, same) = desk.ask_sent().expect("asked again");
    assert!(new > old && same == episode);
    assert_eq!((desk.move_of_ratio(), desk.core.ratio().to_string()), (None, "0.45".into()));
}

#[test]
fn moves_of_the_tail_are_not_remembered() {
    // Four slots. Back first, with three queued: live only. With four: remembered.
    let mut desk = Desk::helped(PeerId::Second, settings(0.5, 0, 4), 7);
    desk.asked(1, 1);
    assert_eq!(
        (desk.core.ratio().to_string(), desk.core.memory().ratio.to_string()),
        ("0.55".into(), "0.50".into())
    );
    // The next incarnation goes on with the live one, and still knows what to remember.
    let memory = desk.core.memory();
    let next = Core::new(PeerId::Second, Incarnation(ME.0 + 1), settings(0.5, 0, 4), memory);
    assert_eq!((next.ratio().to_string(), next.memory()), ("0.55".into(), memory));
    let mut desk = Desk::helped(PeerId::Second, settings(0.5, 0, 4), 8);
    desk.asked(1, 1);
    assert_eq!(desk.core.memory().ratio.to_string(), "0.55");
    // Dry first: the answer says whether the other had fewer queued than there are slots.
    for (queued, remembered) in [(3, "0.50"), (4, "0.45")] {
        let mut desk = Desk::helped(PeerId::First, settings(0.5, 0, 4), 0);
        assert_eq!(desk.core.memory().ratio.to_string(), "0.50", "not before the answer");
        desk.hear(needed(1, 1, queued));
        assert_eq!(desk.core.ratio().to_string(), "0.45");
        assert_eq!(desk.core.memory().ratio.to_string(), remembered, "{queued} queued at the other");
    }
}

#[test]
fn ratios_stay_in_their_clamp() {
    let mut desk = Desk::helped(PeerId::Second, settings(0.95, 0, 1), 11);
    assert_eq!(desk.asked(1, 1).move_of_ratio(), Some(("0.95".into(), Rule::Claim6_1)));
    let desk = Desk::helped(PeerId::Second, settings(0.05, 0, 1), 0);
    assert_eq!(desk.core.ratio().to_string(), "0.05");
}

#[test]
fn a_core_is_a_state_that_a_model_checker_can_keep() {
    fn is_state<T: Clone + std::fmt::Debug + Eq + std::hash::Hash + Send + 'static>() {}
    is_state::<Core>();
    is_state::<Message>();
}
