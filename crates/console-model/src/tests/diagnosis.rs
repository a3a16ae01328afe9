//! `d` tells at once what the screen knows, and more when the look has come; ways out lead to the usual dialogs.

use super::sent;
use crate::sample::{self, drive, tell};
use crate::ui::{DiagnosisView, Layer};
use crate::update::diagnosis::page;
use crate::{Clean, Effect, Model, Msg, Replay};
use std::time::Duration;
use twinhaul_diagnose::{Evidence, diagnose};
use twinhaul_units::PeerId;
use twinhaul_wire::{Command, PeerState};

fn view(model: &Model) -> &DiagnosisView {
    match model.ui.top() {
        Some(Layer::Diagnosis(view)) => view,
        other => panic!("{other:?}"),
    }
}

/// alpha is paused by somebody at the verb.
fn paused() -> Model {
    let mut model = sample::mid_run();
    let alpha = twinhaul_wire::PeerSnapshot {
        state: PeerState::Paused,
        paused_by: Some("verb".into()),
        ..sample::alpha()
    };
    tell(&mut model, sample::peer_msg(PeerId::First, &alpha));
    model
}

#[test]
fn what_is_known_is_told_at_once_and_the_look_takes_its_place() {
    let mut model = paused();
    assert_eq!(drive(&mut model, "d"), [Effect::Diagnose]);
    assert!(view(&model).looking);
    let before = page(&model, view(&model));
    assert!(before.iter().any(|l| l.text.contains("paused (alpha)")), "{before:#?}");
    let nothing = diagnose(&Evidence::default(), 1);
    tell(&mut model, Msg::Diagnosis(Box::new(Ok(Clean::new(nothing).unwrap()))));
    assert!(!view(&model).looking);
    assert_ne!(page(&model, view(&model)), before);
    assert_eq!(drive(&mut model, "r"), [Effect::Diagnose], "it can be asked again");
    tell(&mut model, Msg::Diagnosis(Box::new(Err("no such\u{1b}process".into()))));
    assert_eq!(view(&model).error.as_deref(), Some("no such\\x1bprocess"));
    assert!(view(&model).diagnosis.is_some(), "what was known stays");
}

#[test]
fn a_way_out_goes_through_the_command_line_and_its_dialog() {
    let mut model = paused();
    drive(&mut model, "d<tab>");
    let (line, view) = (view(&model).selected, view(&model));
    assert!(page(&model, view)[line].verb.as_ref().unwrap().starts_with("twinhaul resume "));
    assert!(drive(&mut model, "<enter>").is_empty(), "nothing is done yet");
    assert!(
        matches!(model.ui.top(), Some(Layer::Palette(p)) if p.input == "resume alpha"),
        "{:?}",
        model.ui.top()
    );
    let orders = sent(&drive(&mut model, "<enter>y"));
    assert_eq!(orders.iter().map(|o| &o.2).collect::<Vec<_>>(), [&Command::Resume]);
}

#[test]
fn in_a_replay_and_a_frozen_view_only_what_is_shown_counts() {
    let mut model = paused();
    drive(&mut model, "f");
    assert!(drive(&mut model, "d").is_empty(), "the processes are of the present");
    assert!(!view(&model).looking);
    let mut model = paused();
    model.replay = Some(Replay::new(Duration::from_secs(9)));
    assert!(drive(&mut model, "d").is_empty());
    assert!(view(&model).diagnosis.is_some());
}

#[test]
fn the_whole_page_is_copied() {
    let mut model = paused();
    drive(&mut model, "d");
    let copied = drive(&mut model, "y");
    assert!(matches!(&copied[..], [Effect::Copy { text, .. }] if text.starts_with("VERDICT")), "{copied:?}");
    drive(&mut model, "<esc>");
    assert!(model.ui.layers.is_empty());
}
