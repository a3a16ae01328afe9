//! Filters, order and marks: what the screen shows is what the keys mean.

use super::{reply, sent};
use crate::lists::SortBy;
use crate::sample::{self, drive, peer_msg, tell};
use crate::ui::{Layer, Panel, Subject};
use crate::{Clean, Effect, Model, Msg};
use twinhaul_units::PeerId;
use twinhaul_wire::{Command, CommandResult, EventKind};

fn ids(model: &Model) -> Vec<u64> {
    model.flights().iter().map(|(_, f)| f.id).collect()
}

#[test]
fn a_filter_applies_while_it_is_typed_and_esc_takes_it_back() {
    let mut model = sample::mid_run();
    let all = ids(&model);
    drive(&mut model, "3/video");
    assert!(!ids(&model).is_empty() && ids(&model).len() < all.len());
    assert!(matches!(model.ui.top(), Some(Layer::Filter(_))));
    drive(&mut model, "<enter>");
    assert_eq!(model.ui.filters.get(Panel::Flight).unwrap().source(), "video");
    drive(&mut model, "/ size>nonsense");
    let Some(Layer::Filter(line)) = model.ui.top() else { panic!() };
    assert!(line.error.as_ref().unwrap().contains("is no number"), "{line:?}");
    drive(&mut model, "<enter>");
    assert!(matches!(model.ui.top(), Some(Layer::Filter(_))), "a line that cannot be read is not kept");
    drive(&mut model, "<esc>");
    assert_eq!(model.ui.filters.get(Panel::Flight).unwrap().source(), "video", "back to what was");
    drive(&mut model, "<esc>");
    assert_eq!(ids(&model), all, "Esc takes the filter away");
}

#[test]
fn keys_in_a_filter_are_text() {
    let mut model = sample::mid_run();
    assert!(drive(&mut model, "3/xq f!y").is_empty());
    assert!(matches!(model.ui.top(), Some(Layer::Filter(line)) if line.input == "xq f!y"));
    tell(&mut model, Msg::Paste(" a\nb".into()));
    assert!(matches!(model.ui.top(), Some(Layer::Filter(line)) if line.input == "xq f!y a"));
}

#[test]
fn the_selection_is_of_a_row_that_is_shown() {
    let mut model = sample::mid_run();
    drive(&mut model, "3/peer:beta<enter><enter>");
    let Some(Layer::Detail { subject: Subject::Transfer(id), .. }) = model.ui.top() else { panic!() };
    let (peer, _) = model.board().flight(*id).unwrap();
    assert_eq!(peer, PeerId::Second);
}

#[test]
fn the_log_steps_over_what_its_filter_hides() {
    let mut model = sample::mid_run();
    for seq in 200..230 {
        let text = if seq % 10 == 0 { "here" } else { "there" };
        let event = sample::event(seq, 1.0, None, EventKind::Info { text: text.into() });
        tell(&mut model, Msg::Event(Clean::new(event).unwrap()));
    }
    drive(&mut model, "6/!there here<enter>");
    let seq = |model: &Model| {
        let rows: Vec<u64> = model.live.events.iter().filter(|e| model.in_log(e)).map(|e| e.seq).collect();
        assert_eq!(rows, [200, 210, 220]);
        model.ui.log.id.and_then(|id| model.live.events.by_id(id)).map(|e| e.seq)
    };
    assert_eq!(seq(&model), None, "it follows");
    drive(&mut model, "k");
    assert_eq!(seq(&model), Some(210));
    drive(&mut model, "kk");
    assert_eq!(seq(&model), Some(200));
    drive(&mut model, "jj");
    assert_eq!(seq(&model), None, "the last one that is shown is followed");
}

#[test]
fn sorting_keeps_the_selected_transfer_and_turns_round() {
    let mut model = sample::mid_run();
    drive(&mut model, "3jj");
    let chosen = model.ui.flight.id;
    drive(&mut model, "sz");
    let sizes: Vec<u64> = model.flights().iter().map(|(_, f)| f.bytes).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    assert_eq!((model.ui.sort.by, model.ui.flight.id), (SortBy::Size, chosen));
    drive(&mut model, "I");
    let turned: Vec<u64> = model.flights().iter().map(|(_, f)| f.bytes).collect();
    assert!(turned.is_sorted(), "{turned:?}");
    drive(&mut model, "szsz");
    assert!(!model.ui.sort.inverted || model.ui.sort.by == SortBy::Size);
    drive(&mut model, "s<esc>");
    assert!(model.ui.layers.is_empty() && model.ui.sort.by == SortBy::Size);
}

#[test]
fn the_failed_ones_are_found_chosen_and_tried_again() {
    let mut model = sample::mid_run();
    assert_eq!(drive(&mut model, "9"), [Effect::PullFailed]);
    tell(&mut model, sample::given_up(6));
    drive(&mut model, "/error:permission<enter>*a");
    assert_eq!(model.ui.marks.len(), 3);
    // The list moves while the menu is open: what it acts on does not.
    tell(&mut model, sample::given_up(4));
    drive(&mut model, "t");
    let orders = sent(&drive(&mut model, "y"));
    let wanted: Vec<_> = orders.iter().map(|(_, _, c)| c.clone()).collect();
    assert_eq!(wanted, [2, 4].map(|id| Command::Retry { transfer: Some(id) }), "6 is not given up any more");
    for (_, id, _) in orders {
        reply(&mut model, id, CommandResult::Done("dir/file is queued again".into()));
    }
    assert!(model.ui.toast.as_ref().unwrap().text.starts_with("2 failed transfers queued again  ("));
    assert!(model.desk.deeds.is_empty(), "a retry is not taken back");
}

#[test]
fn what_was_not_given_up_is_not_retried() {
    let mut model = sample::mid_run();
    assert!(drive(&mut model, "3at").is_empty());
    assert!(model.ui.toast.as_ref().unwrap().text.contains("none of these was given up"));
    let copied = drive(&mut model, "y");
    assert!(matches!(&copied[..], [Effect::Copy { what, .. }] if what.contains("tas_day")), "{copied:?}");
}

#[test]
fn marks_are_of_transfers_not_of_rows() {
    let mut model = sample::mid_run();
    drive(&mut model, "3<space><space>");
    let marked: Vec<u64> = model.ui.marks.iter().copied().collect();
    assert_eq!(marked, ids(&model)[..2]);
    let mut alpha = sample::alpha();
    alpha.in_flight.reverse();
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert_eq!(model.ui.marks.iter().copied().collect::<Vec<_>>(), marked);
    drive(&mut model, "<esc>");
    assert!(model.ui.marks.is_empty());
}

/// A transfer in parts has several rows and one mark: Space goes on to the next transfer.
#[test]
fn marks_go_past_the_parts_of_one_transfer() {
    let mut model = sample::mid_run();
    let mut alpha = sample::alpha();
    alpha.in_flight[1].id = alpha.in_flight[0].id;
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    let third = alpha.in_flight[2].id;
    drive(&mut model, "3g<space>");
    assert_eq!(model.ui.flight.id, Some(third));
    assert_eq!(model.ui.marks.len(), 1);
}

#[test]
fn what_the_filter_hides_is_not_copied() {
    let mut model = sample::mid_run();
    drive(&mut model, "6kk/no-such-word<enter>");
    assert!(drive(&mut model, "y").is_empty());
    assert!(drive(&mut model, "<enter>").is_empty() && model.ui.layers.is_empty());
}

/// The message log and what was given up are no stops: the way leads from them where their number would.
#[test]
fn the_way_from_a_panel_that_is_no_stop_leads_where_its_number_would() {
    for (keys, to) in [("7<s-tab>", Panel::Log), ("9<s-tab>", Panel::Log), ("7<tab>", Panel::ALL[0])] {
        let mut model = sample::mid_run();
        drive(&mut model, keys);
        assert_eq!(model.ui.focus, to, "{keys}");
    }
}
