//! A bundle is made by whoever has the processes at hand; the model says so, once at a time, and where it is.

use crate::sample::{self, drive, tell};
use crate::ui::Layer;
use crate::{Chord, Effect, Msg, Press, Replay};
use std::time::Duration;

#[test]
fn one_at_a_time_and_its_place_is_told() {
    let mut model = sample::mid_run();
    model.read_only = true;
    assert_eq!(
        drive(&mut model, "B"),
        [Effect::Bundle],
        "it changes nothing, so a console that may only look has it"
    );
    assert!(drive(&mut model, "B").is_empty());
    assert_eq!(model.desk.notes.last().unwrap().text, "one is being made");
    tell(&mut model, Msg::Bundled(Ok("/home/op/twinhaul-bundle-x.tar (31.2 KiB)".into())));
    assert_eq!(model.desk.notes.last().unwrap().text, "bundle: /home/op/twinhaul-bundle-x.tar (31.2 KiB)");
    assert_eq!(drive(&mut model, "B"), [Effect::Bundle]);
    tell(&mut model, Msg::Bundled(Err("no room\u{1b}[2J".into())));
    assert_eq!(model.desk.notes.last().unwrap().text, "no bundle was made: no room\\x1b[2J");
}

#[test]
fn it_is_made_from_the_diagnosis_too_and_by_no_key_that_is_held() {
    let mut model = sample::mid_run();
    drive(&mut model, "d");
    assert_eq!(drive(&mut model, "B"), [Effect::Bundle]);
    assert!(matches!(model.ui.top(), Some(Layer::Diagnosis(_))), "it stays open");
    tell(&mut model, Msg::Bundled(Ok("/tmp/x.tar".into())));
    let held = || Msg::Key(Press { chord: Chord::parse_all("B")[0], repeat: true });
    assert!(tell(&mut model, held()).is_empty());
    drive(&mut model, "<esc>");
    assert!(tell(&mut model, held()).is_empty(), "nor on the panels");
}

#[test]
fn a_replay_has_none() {
    let mut model = sample::mid_run();
    model.replay = Some(Replay::new(Duration::from_mins(1)));
    assert!(drive(&mut model, "B").is_empty());
    assert!(model.desk.notes.last().unwrap().text.contains("this is a replay"));
}
