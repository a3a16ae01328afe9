//! A whole queue: its filter looks for rows in the ledger, a row is gone to by its place or its id, rows are marked.

use super::{preview, reply, sent};
use crate::control::Question;
use crate::sample::{self, drive, tell};
use crate::ui::{Layer, QueueView};
use crate::{Clean, Effect, FOUND_MAX, Found, Model, Msg, Page, PlaceOf, Search, To};
use twinhaul_units::PeerId;
use twinhaul_wire::{Command, CommandResult, KeyText, QueueRow};

fn row(id: u64) -> Clean<QueueRow> {
    let key = KeyText::from_bytes(format!("dir/{id}").as_bytes());
    Clean::new(QueueRow { id, key, target: "vault".into(), bytes: id, attempts: 0 }).unwrap()
}

/// alpha's queue, its first 200 rows of 1,204 loaded.
fn open() -> Model {
    let mut model = sample::mid_run();
    drive(&mut model, "1<enter>");
    page(&mut model, 0);
    model
}

fn page(model: &mut Model, from: u64) {
    let rows = (from..(from + 200).min(1_204)).map(|place| row(50_000 + place)).collect();
    tell(model, Msg::Page(Page { peer: PeerId::First, from, total: 1_204, rows }));
}

fn view(model: &Model) -> &QueueView {
    model.ui.queue().unwrap()
}

fn searches<'a>(effects: &'a [Effect]) -> Vec<&'a Search> {
    let search = |e: &'a Effect| if let Effect::SearchQueue(search) = e { Some(search) } else { None };
    effects.iter().filter_map(search).collect()
}

fn found(number: u64, ids: std::ops::Range<u64>, looked: u64, ended: bool) -> Msg {
    let rows = ids.map(|id| (id - 50_000, row(id))).collect();
    Msg::Found(Found { number, rows, looked, after: Some(50_000 + looked), ended })
}

#[test]
fn a_filter_is_searched_for_until_the_end_and_an_older_one_is_dropped() {
    let mut model = open();
    let effects = drive(&mut model, "/dir si");
    let typed = searches(&effects);
    assert_eq!(typed.len(), 5, "once for each line that means something else");
    let last = (*typed.last().unwrap()).clone();
    let effects = drive(&mut model, "<bs><bs>size>50100<enter>");
    let newest = (*searches(&effects).last().unwrap()).clone();
    assert_eq!(newest.filter.source(), "dir size>50100");
    assert!(tell(&mut model, found(last.number, 50_000..50_003, 200, true)).is_empty());
    assert!(view(&model).rows().is_empty(), "what was found for an older filter");
    let on = tell(&mut model, found(newest.number, 50_101..50_103, 400, false));
    let next = searches(&on);
    assert_eq!((next[0].after, next[0].looked, next[0].found), (Some(50_400), 400, 2));
    // What moved meanwhile is met twice, and is one row.
    assert!(tell(&mut model, found(newest.number, 50_102..50_104, 1_204, true)).is_empty());
    assert_eq!(view(&model).rows().len(), 3);
    drive(&mut model, "jj");
    assert_eq!(view(&model).id, Some(50_103));
    let effects = drive(&mut model, "<esc>");
    assert_eq!(
        (view(&model).row, view(&model).search.is_none()),
        (103, true),
        "the queue, where that row is"
    );
    assert!(matches!(effects[..], [Effect::PullQueue(pull)] if pull.from == 3));
    drive(&mut model, "<esc>");
    assert!(model.ui.queue().is_none());
}

#[test]
fn it_keeps_a_bounded_number_of_rows() {
    let mut model = open();
    let effects = drive(&mut model, "/dir<enter>");
    let number = searches(&effects).last().unwrap().number;
    tell(&mut model, found(number, 50_000..53_000, 3_000, false));
    assert_eq!(view(&model).rows().len(), FOUND_MAX);
}

#[test]
fn a_row_is_gone_to_by_its_place_or_its_id() {
    let mut model = open();
    let effects = drive(&mut model, "#1,101<enter>");
    assert!(matches!(effects[..], [Effect::PullQueue(pull)] if pull.from == 1_000));
    assert_eq!(view(&model).row, 1_100);
    page(&mut model, 1_000);
    assert_eq!(view(&model).id, Some(51_100));
    let effects = drive(&mut model, "#id 50007<enter>");
    let [Effect::FindPlace { peer, id: 50_007, queued: Some(1_204) }] = effects[..] else {
        panic!("{effects:?}")
    };
    let effects = tell(&mut model, Msg::Place { peer, id: 50_007, place: PlaceOf::Row(7) });
    assert!(matches!(effects[..], [Effect::PullQueue(pull)] if pull.from == 0));
    page(&mut model, 0);
    assert_eq!((view(&model).row, view(&model).id), (7, Some(50_007)));
    let words = PlaceOf::Elsewhere("transfer 9 is done".into());
    tell(&mut model, Msg::Place { peer, id: 9, place: words });
    assert_eq!(model.ui.toast.as_ref().unwrap().text, "transfer 9 is done");
    assert_eq!(view(&model).row, 7);
    drive(&mut model, "#far<enter>");
    let Some(Layer::Prompt(prompt)) = model.ui.top() else { panic!() };
    assert_eq!(prompt.question, Question::Goto);
    assert!(prompt.error.as_ref().unwrap().contains("no row"));
    drive(&mut model, "<esc>:goto id 50009<enter>");
    assert_eq!(model.ui.layers.len(), 1);
    drive(&mut model, "<esc>#");
    assert!(model.ui.layers.is_empty(), "nowhere else");
}

#[test]
fn its_rows_are_marked_and_the_last_one_is_a_key_away() {
    let mut model = open();
    drive(&mut model, "<space><space>j<space>");
    assert_eq!(model.ui.marks.iter().copied().collect::<Vec<_>>(), [50_000, 50_001, 50_003]);
    drive(&mut model, "a");
    let Some(Layer::Items(items)) = model.ui.top() else { panic!() };
    assert_eq!(items.ids, [50_000, 50_001, 50_003]);
    let effects = drive(&mut model, "<esc>G");
    assert_eq!(view(&model).row, 1_203);
    assert!(matches!(effects[..], [Effect::PullQueue(pull)] if pull.from == 1_103 && pull.limit == 200));
}

#[test]
fn marked_rows_are_handed_over_after_a_preview_and_taken_back() {
    let mut model = open();
    drive(&mut model, "<space><space>j<space>");
    let questions = sent(&drive(&mut model, "ah"));
    let named = |dry_run| Command::HandOver { transfers: vec![50_000, 50_001, 50_003], dry_run };
    let [(To::Peer(PeerId::First), id, question)] = questions.as_slice() else { panic!("{questions:?}") };
    assert_eq!(*question, named(true));
    assert!(drive(&mut model, "y").is_empty(), "not before it is known what would move");
    reply(&mut model, *id, preview(2));
    let Some(Layer::Dialog(dialog)) = model.ui.top() else { panic!() };
    assert_eq!(
        dialog.orders[0].verb,
        "twinhaul rebalance wan-bulk-3 --peer alpha --transfer 50000-50001,50003"
    );
    assert!(dialog.text.iter().any(|line| line.contains("dir/50001")), "{:?}", dialog.text);
    drive(&mut model, "<tab><tab>");
    let orders = sent(&drive(&mut model, "y"));
    assert_eq!((orders.len(), &orders[0].2), (1, &named(false)));
    reply(&mut model, orders[0].1, CommandResult::Done("alpha hands over 2 transfers".into()));
    assert!(model.ui.marks.is_empty());
    // Taken back by the one that has them now, which is asked first too.
    let questions = sent(&drive(&mut model, "u"));
    let [(To::Peer(PeerId::Second), id, question)] = questions.as_slice() else { panic!("{questions:?}") };
    assert_eq!(*question, named(true));
    reply(&mut model, *id, preview(1));
    drive(&mut model, "<tab><tab>");
    let orders = sent(&drive(&mut model, "y"));
    assert_eq!((orders[0].0, &orders[0].2), (To::Peer(PeerId::Second), &named(false)));
    reply(&mut model, orders[0].1, CommandResult::Done("beta hands over 1 transfer".into()));
    assert!(model.desk.deeds.is_empty());
}

/// Only a page of a queue is known at a time: a mark that has left the screen is one all the same, also when a dialog was left.
#[test]
fn marks_of_other_pages_count() {
    let mut model = open();
    drive(&mut model, "<space>G");
    page(&mut model, 1_004);
    drive(&mut model, "<space>");
    let both = [50_000, 51_203];
    assert_eq!(model.ui.marks.iter().copied().collect::<Vec<_>>(), both);
    let asked = |model: &mut Model| {
        let questions = sent(&drive(model, "ah"));
        let [(_, _, Command::HandOver { transfers, .. })] = questions.as_slice() else {
            panic!("{questions:?}")
        };
        transfers.clone()
    };
    assert_eq!(asked(&mut model), both);
    drive(&mut model, "<esc>");
    assert_eq!(asked(&mut model), both, "nothing was done, so nothing is forgotten");
}

#[test]
fn only_what_is_queued_is_handed_over_and_the_menu_says_so() {
    let mut model = sample::mid_run();
    assert!(drive(&mut model, "3ah").is_empty());
    let said = |model: &Model| model.ui.toast.as_ref().unwrap().text.clone();
    assert!(said(&model).contains("only what is queued"), "{}", said(&model));
    let mut model = open();
    model.read_only = true;
    assert!(drive(&mut model, "ah").is_empty());
    assert!(said(&model).contains("read-only"), "{}", said(&model));
}
