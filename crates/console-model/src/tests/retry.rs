//! What was tried again is followed until it is settled, and told once.

use super::{reply, sent};
use crate::board::StoredRow;
use crate::sample::{self, drive, peer_msg, tell};
use crate::ui::MARKS_MAX;
use crate::{Clean, Effect, LinkState, Model, Msg, To};
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{Command, CommandResult, PeerSnapshot, QueueRow, QueueSize};

/// A run in which so many are given up, and panel 9 with them.
fn given_up(count: u64) -> Model {
    let mut model = sample::mid_run();
    let failed = QueueSize { transfers: count, bytes: count << 20 };
    tell(&mut model, peer_msg(PeerId::First, &PeerSnapshot { failed, ..sample::alpha() }));
    drive(&mut model, "9");
    tell(&mut model, sample::given_up(count));
    model
}

fn stand(model: &mut Model, rows: &[(u64, &str)]) -> Vec<Effect> {
    let row = |(id, state): &(u64, &str)| {
        let row = QueueRow { id: *id, ..QueueRow::default() };
        Clean::new(StoredRow { row, state: (*state).into(), attempts: 1 }).unwrap()
    };
    tell(model, Msg::Followed(rows.iter().map(row).collect()))
}

fn last(model: &Model) -> String {
    model.desk.notes.last().unwrap().text.clone()
}

#[test]
fn the_chosen_ones_are_followed_and_told_once() {
    let mut model = given_up(3);
    drive(&mut model, "*at");
    let orders = sent(&drive(&mut model, "y"));
    for (at, (_, id, _)) in orders.iter().enumerate() {
        reply(&mut model, *id, CommandResult::Done(format!("dir/file-{at} is queued again")));
    }
    assert!(last(&model).starts_with("3 failed transfers queued again  ("), "{}", last(&model));
    assert!(model.ui.marks.is_empty(), "they are no rows of panel 9 any more");
    assert_eq!(tell(&mut model, Msg::Tick), [Effect::FollowTransfers(vec![1, 2, 3])]);
    let notes = model.desk.notes.len();
    stand(&mut model, &[(1, "done"), (2, "queued"), (3, "settling")]);
    assert_eq!(tell(&mut model, Msg::Tick), [Effect::FollowTransfers(vec![2, 3])]);
    stand(&mut model, &[(3, "given up"), (2, "queued")]);
    assert_eq!(model.desk.notes.len(), notes, "nothing is told before all are settled");
    stand(&mut model, &[(2, "skipped")]);
    assert_eq!(last(&model), "retried: 2 done, 1 given up again (9)");
    assert!(tell(&mut model, Msg::Tick).is_empty());
    stand(&mut model, &[(2, "done")]);
    assert_eq!(model.desk.notes.len(), notes + 1, "once");
}

/// Nothing vanishes: those that were taken are told also when the last one was not.
#[test]
fn a_refusal_at_the_end_does_not_hide_what_was_taken() {
    let mut model = given_up(3);
    drive(&mut model, "*at");
    let orders = sent(&drive(&mut model, "y"));
    let [first, second, third] = &orders[..] else { panic!("{orders:?}") };
    for (_, id, _) in [first, second] {
        reply(&mut model, *id, CommandResult::Done("it is queued again".into()));
    }
    reply(&mut model, third.1, super::refused("there are no such failed transfers"));
    let notes: Vec<String> = model.desk.notes.iter().map(|note| note.text.clone()).collect();
    let [.., taken, refused] = &notes[..] else { panic!("{notes:?}") };
    assert_eq!(taken, "2 failed transfers queued again");
    assert!(refused.starts_with("refused: there are no such"), "{refused}");
    assert_eq!(tell(&mut model, Msg::Tick), [Effect::FollowTransfers(vec![1, 2])]);
}

#[test]
fn all_of_them_are_asked_of_one_peer_and_followed() {
    let mut model = given_up(3);
    drive(&mut model, "<esc>");
    assert_eq!(drive(&mut model, "xt"), [Effect::PullFailed]);
    tell(&mut model, sample::given_up(3));
    let orders = sent(&drive(&mut model, "y"));
    let [(_, id, command)] = &orders[..] else { panic!("one peer does it for both: {orders:?}") };
    assert_eq!(*command, Command::Retry { transfer: None });
    // The snapshot may be faster than the reply.
    tell(&mut model, peer_msg(PeerId::First, &sample::alpha()));
    assert!(model.live.failed.is_none());
    reply(&mut model, *id, CommandResult::Done("3 failed transfers queued again".into()));
    assert_eq!(tell(&mut model, Msg::Tick), [Effect::FollowTransfers(vec![1, 2, 3])]);
    stand(&mut model, &[(1, "done"), (2, "done"), (3, "done")]);
    assert_eq!(last(&model), "retried: 3 of 3 are done");
}

#[test]
fn many_are_followed_a_bounded_number_at_a_time() {
    let mut model = given_up(100);
    drive(&mut model, "xt");
    let orders = sent(&drive(&mut model, "y"));
    reply(&mut model, orders[0].1, CommandResult::Done("100 failed transfers queued again".into()));
    for _ in 0..3 {
        let effects = tell(&mut model, Msg::Tick);
        let [Effect::FollowTransfers(ids)] = &effects[..] else { panic!("{effects:?}") };
        assert!(ids.len() <= MARKS_MAX);
        let rows: Vec<(u64, &str)> = ids.iter().map(|id| (*id, "done")).collect();
        stand(&mut model, &rows);
    }
    assert_eq!(last(&model), "retried: 100 of 100 are done");
}

#[test]
fn what_left_panel_9_is_not_marked_any_more() {
    let mut model = given_up(3);
    drive(&mut model, "*");
    tell(&mut model, sample::given_up(1));
    assert_eq!(model.ui.marks.iter().copied().collect::<Vec<_>>(), [1]);
}

#[test]
fn one_peer_that_is_there_is_enough() {
    let mut model = given_up(3);
    let gone = LinkState::Waiting { attempt: 5, retry_at: Moment::ZERO, why: "nobody listens".into() };
    tell(&mut model, Msg::Link(To::Peer(PeerId::First), gone.clone()));
    drive(&mut model, "xt");
    let orders = sent(&drive(&mut model, "y"));
    assert!(matches!(orders[..], [(To::Peer(PeerId::Second), _, _)]), "{orders:?}");
    tell(&mut model, Msg::Link(To::Peer(PeerId::Second), gone));
    drive(&mut model, "xt");
    assert!(last(&model).contains("no peer is connected"), "{}", last(&model));
}
