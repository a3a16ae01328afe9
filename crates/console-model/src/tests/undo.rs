//! What was done can be taken back, by a dialog that says what will happen; several deeds one after the other.

use super::{preview, reply, sent};
use crate::sample::{self, drive};
use crate::ui::Layer;
use crate::{Model, To};
use twinhaul_units::{Dial, PeerId};
use twinhaul_wire::{Command, CommandResult};

/// Types `keys`, and answers "done" to all that is sent.
fn obeyed(model: &mut Model, keys: &str) -> Vec<(To, Command)> {
    let orders = sent(&drive(model, keys));
    for (_, id, _) in &orders {
        reply(model, *id, CommandResult::Done("done".into()));
    }
    orders.into_iter().map(|(to, _, command)| (to, command)).collect()
}

#[test]
fn values_come_back_last_one_first() {
    let mut model = sample::mid_run();
    let (first, second) = (To::Peer(PeerId::First), To::Peer(PeerId::Second));
    let ratio = model.live.pane(PeerId::Second).snapshot.as_ref().unwrap().ratio;
    obeyed(&mut model, "x1py");
    obeyed(&mut model, "x2o0.8<enter>y");
    assert!(drive(&mut model, "u").is_empty(), "it asks first");
    let Some(Layer::Dialog(dialog)) = model.ui.top() else { panic!() };
    assert!(dialog.text[0].contains("ratio wan-bulk-3 --peer beta 0.80"), "{:?}", dialog.text);
    assert_eq!(obeyed(&mut model, "y"), [(second, Command::Ratio { value: ratio })]);
    assert_eq!(obeyed(&mut model, "uy"), [(first, Command::Resume)]);
    drive(&mut model, "u");
    assert!(model.ui.toast.as_ref().unwrap().text.contains("nothing done here"));
}

#[test]
fn a_deed_for_both_is_taken_back_for_both() {
    let mut model = sample::mid_run();
    assert_eq!(obeyed(&mut model, "x0l8 MiB/s<enter>y").len(), 2);
    let back = obeyed(&mut model, "uy");
    assert!(
        back.iter().all(|(_, c)| matches!(c, Command::Turn { dial: Dial::Limit, .. })) && back.len() == 2,
        "{back:?}"
    );
}

#[test]
fn what_was_refused_or_given_up_is_no_deed() {
    let mut model = sample::mid_run();
    let orders = sent(&drive(&mut model, "x1py"));
    reply(&mut model, orders[0].1, super::refused("it is stopping"));
    obeyed(&mut model, "<esc>xt<esc>");
    assert!(model.desk.deeds.is_empty());
    obeyed(&mut model, "x1py");
    drive(&mut model, "u<esc>");
    assert_eq!(model.desk.deeds.len(), 1, "cancelled: it can still be undone");
}

#[test]
fn a_rebalance_is_taken_back_by_one_to_the_former_shares() {
    let mut model = sample::mid_run();
    let bytes = PeerId::BOTH.map(|p| model.live.pane(p).snapshot.as_ref().unwrap().queue.bytes as f64);
    let former = bytes[0] / (bytes[0] + bytes[1]);
    let questions = sent(&drive(&mut model, "xb50<enter>"));
    reply(&mut model, questions[0].1, super::refused("alpha has less than its share"));
    reply(&mut model, questions[1].1, preview(886));
    drive(&mut model, "<tab><tab>");
    assert_eq!(obeyed(&mut model, "y").len(), 1);
    let questions = sent(&drive(&mut model, "u"));
    assert_eq!(questions[0].2, Command::Rebalance { keep: former, dry_run: true });
    reply(&mut model, questions[0].1, preview(880));
    reply(&mut model, questions[1].1, super::refused("beta has less than its share"));
    drive(&mut model, "<tab><tab>");
    assert_eq!(
        obeyed(&mut model, "y"),
        [(To::Peer(PeerId::First), Command::Rebalance { keep: former, dry_run: false })]
    );
    assert!(model.desk.deeds.is_empty());
}

/// A reply that comes while the dialog is open adds to the deeds; what the dialog shows is what is taken back.
#[test]
fn what_the_dialog_shows_is_what_is_taken_back() {
    let mut model = sample::mid_run();
    obeyed(&mut model, "x2o0.8<enter>y");
    let late = sent(&drive(&mut model, "x1l8 MiB/s<enter>y"));
    drive(&mut model, "u");
    reply(&mut model, late[0].1, CommandResult::Done("done".into()));
    let back = obeyed(&mut model, "y");
    assert!(matches!(back.as_slice(), [(To::Peer(PeerId::Second), Command::Ratio { .. })]), "{back:?}");
    let back = obeyed(&mut model, "uy");
    assert!(
        matches!(back.as_slice(), [(To::Peer(PeerId::First), Command::Turn { dial: Dial::Limit, .. })]),
        "{back:?}"
    );
    assert!(model.desk.deeds.is_empty());
}

#[test]
fn an_undo_that_was_refused_can_be_tried_again() {
    let mut model = sample::mid_run();
    obeyed(&mut model, "x1py");
    let orders = sent(&drive(&mut model, "uy"));
    reply(&mut model, orders[0].1, super::refused("not now"));
    assert_eq!(obeyed(&mut model, "<esc>uy"), [(To::Peer(PeerId::First), Command::Resume)]);
    assert!(model.desk.deeds.is_empty());
}

#[test]
fn a_rebalance_that_nothing_takes_back_gives_way_to_what_was_done_before() {
    let mut model = sample::mid_run();
    obeyed(&mut model, "x1py");
    let questions = sent(&drive(&mut model, "xb50<enter>"));
    reply(&mut model, questions[0].1, super::refused("alpha has less than its share"));
    reply(&mut model, questions[1].1, preview(886));
    drive(&mut model, "<tab><tab>");
    obeyed(&mut model, "y");
    for (_, id, _) in sent(&drive(&mut model, "u")) {
        reply(&mut model, id, preview(0));
    }
    drive(&mut model, "<tab><tab>y<esc>");
    assert_eq!(obeyed(&mut model, "uy"), [(To::Peer(PeerId::First), Command::Resume)]);
}

/// A resume ends a pause and a drain: it is offered only where it takes back no more than was done.
#[test]
fn a_drain_of_a_paused_peer_is_not_taken_back_by_a_resume() {
    let mut model = sample::mid_run();
    let alpha = twinhaul_wire::PeerSnapshot {
        state: twinhaul_wire::PeerState::Paused,
        paused_by: Some("verb".into()),
        ..sample::alpha()
    };
    sample::tell(&mut model, sample::peer_msg(PeerId::First, &alpha));
    let questions = sent(&drive(&mut model, "x1d"));
    reply(&mut model, questions[0].1, preview(10));
    drive(&mut model, "<tab><tab>");
    assert_eq!(obeyed(&mut model, "y").len(), 1);
    assert!(model.desk.deeds.is_empty());
}
