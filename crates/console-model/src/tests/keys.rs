//! Keys of one's own: they do what the built-in ones did, and sentences name them.

use super::sent;
use crate::action::Action;
use crate::keymap::{Keys, Wish};
use crate::sample::{self, drive, tell};
use crate::ui::{Layer, Panel};
use crate::{Effect, Model, Msg, Press, Replay, update};
use std::time::Duration;
use twinhaul_units::Moment;
use twinhaul_wire::{Command, CommandResult};

fn with(mut model: Model, wishes: &[(&str, &str)]) -> Model {
    let wish = |(id, key): &(&str, &str)| Wish { id: (*id).into(), keys: vec![(*key).into()] };
    let keys = Keys::with(&wishes.iter().map(wish).collect::<Vec<_>>());
    model.keys = keys.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    model
}

#[test]
fn own_keys_act_and_the_built_in_ones_no_longer_do() {
    let mut model =
        with(sample::mid_run(), &[("freeze", "F"), ("control", "X"), ("pause", "P"), ("undo", "U")]);
    drive(&mut model, "fx");
    assert!(model.frozen.is_none() && model.ui.layers.is_empty());
    drive(&mut model, "F");
    assert!(model.frozen.is_some());
    drive(&mut model, "FX");
    assert!(matches!(model.ui.layers.as_slice(), [Layer::Menu(_)]));
    drive(&mut model, "p");
    assert!(matches!(model.ui.layers.as_slice(), [Layer::Menu(_)]), "p is nothing any more");
    drive(&mut model, "P");
    let orders = sent(&drive(&mut model, "y"));
    assert_eq!(orders.iter().map(|o| o.2.clone()).collect::<Vec<_>>(), [Command::Pause, Command::Pause]);
    super::reply(&mut model, orders[0].1, CommandResult::Done("pausing".into()));
    let toast = model.ui.toast.as_ref().unwrap().text.clone();
    assert!(toast.starts_with("pausing; U takes it back"), "{toast}");
}

#[test]
fn a_sequence_waits_for_its_last_key_and_a_wrong_one_ends_it() {
    let mut model = with(sample::mid_run(), &[("first", "gg"), ("freeze", "gf")]);
    drive(&mut model, "jjj");
    assert_eq!(model.ui.flight.index, 3);
    drive(&mut model, "g");
    assert_eq!(model.ui.typed.len(), 1);
    drive(&mut model, "j");
    assert!(model.ui.typed.is_empty());
    assert_eq!(model.ui.flight.index, 3, "the wrong key is swallowed");
    drive(&mut model, "g<esc>");
    assert!(model.ui.typed.is_empty());
    drive(&mut model, "gg");
    assert_eq!(model.ui.flight.index, 0);
    drive(&mut model, "gf");
    assert!(model.frozen.is_some());
    // The ways out are heard in the middle of a sequence too.
    drive(&mut model, "g<c-c>");
    assert!(matches!(model.ui.top(), Some(Layer::Leave(_))) && model.ui.typed.is_empty());
    assert_eq!(drive(&mut with(sample::mid_run(), &[("first", "gg")]), "g<c-z>"), [Effect::Suspend]);
}

#[test]
fn what_opened_a_window_closes_it() {
    let mut model = with(sample::mid_run(), &[("help", "<f2>"), ("diagnose", "D")]);
    drive(&mut model, "<f2>");
    assert!(matches!(model.ui.top(), Some(Layer::Help(_))));
    drive(&mut model, "?<f2>");
    assert!(model.ui.layers.is_empty(), "? was searched for, and F2 closed it");
    drive(&mut model, "D");
    assert!(matches!(model.ui.top(), Some(Layer::Diagnosis(_))));
    drive(&mut model, "D");
    assert!(model.ui.layers.is_empty());
}

#[test]
fn a_replay_has_its_own_keys_first() {
    let mut model = with(sample::mid_run(), &[("play", "p"), ("mark", "m")]);
    model.replay = Some(Replay::new(Duration::from_mins(1)));
    drive(&mut model, "p");
    assert!(!model.replay.unwrap().playing);
    drive(&mut model, " m");
    assert!(!model.replay.unwrap().playing && !model.ui.marks.is_empty());
}

#[test]
fn what_moves_in_the_panels_moves_in_menus_where_they_have_no_such_key() {
    let mut model = with(sample::mid_run(), &[("down", "h"), ("up", "m")]);
    let selected = |model: &Model| match model.ui.top() {
        Some(Layer::Menu(menu)) => menu.selected,
        other => panic!("{other:?}"),
    };
    drive(&mut model, "xhh");
    assert_eq!(selected(&model), 2);
    drive(&mut model, "m");
    assert_eq!(selected(&model), 1);
    let mut model = with(sample::mid_run(), &[("down", "w"), ("slots", "w")]);
    drive(&mut model, "xw");
    assert!(matches!(model.ui.top(), Some(Layer::Prompt(_))), "w is for slots there");
    let mut model = with(sample::mid_run(), &[("down", "h")]);
    drive(&mut model, "dh");
    assert!(matches!(model.ui.top(), Some(Layer::Diagnosis(view)) if view.selected == 1));
}

/// The standing rule, whatever the keys are: a key held down confirms nothing.
#[test]
fn a_held_key_confirms_nothing_with_own_keys_either() {
    let mut model = with(sample::mid_run(), &[("control", "p"), ("pause", "p")]);
    let mut effects = Vec::new();
    let mut now = Moment::ZERO;
    for chord in std::iter::repeat_n(crate::Chord::plain(crate::Key::Char('p')), 100) {
        now = model.now.max(now) + Duration::from_millis(30);
        effects.extend(update(&mut model, Msg::Key(Press { chord, repeat: false }), now));
        tell(&mut model, Msg::Drawn);
    }
    assert!(sent(&effects).is_empty());
    // Not even pressed one by one: only y confirms.
    assert!(sent(&drive(&mut model, "pppppp")).is_empty());
    assert!(matches!(model.ui.top(), Some(Layer::Dialog(_))));
}

#[test]
fn an_action_without_a_key_is_reached_by_its_name() {
    let mut model = sample::mid_run();
    model.keys = Keys::with(&[Wish { id: "mouse".into(), keys: Vec::new() }]).unwrap();
    drive(&mut model, "M");
    assert!(model.ui.mouse);
    drive(&mut model, ":mouse<enter>");
    assert!(!model.ui.mouse);
    assert!(model.ui.toast.as_ref().unwrap().text.ends_with(":mouse takes it back"));
    assert_eq!(model.keys.first(Action::Mouse), "");
    assert_eq!(model.ui.focus, Panel::Flight);
}

#[test]
fn with_ctrl_a_letter_is_another_key_in_menus_too() {
    let mut model = with(sample::mid_run(), &[("pause", "<c-q>"), ("invert", "<f5>")]);
    drive(&mut model, "x<c-q>");
    assert!(matches!(model.ui.top(), Some(Layer::Dialog(_))), "{:?}", model.ui.layers);
    drive(&mut model, "<esc><esc>");
    let before = model.ui.sort.inverted;
    drive(&mut model, "s<f5>");
    assert_ne!(model.ui.sort.inverted, before);
}

#[test]
fn a_sequence_that_begins_with_space_does_not_leave_a_finished_run() {
    let wish =
        |id: &str, keys: &[&str]| Wish { id: id.into(), keys: keys.iter().map(|k| (*k).into()).collect() };
    let mut model = sample::finished();
    model.keys = Keys::with(&[wish("freeze", &["<space>f"]), wish("mark", &[]), wish("play", &[])]).unwrap();
    assert!(model.summary_shown());
    assert_eq!(drive(&mut model, "<space>"), []);
    assert_eq!(model.ui.typed.len(), 1);
    let mut model = sample::finished();
    assert!(matches!(drive(&mut model, "<space>")[..], [Effect::Leave(_)]));
}
