//! Limits, slots and ratios say what they would change, and are set without waiting for that.

use super::{refused, reply, sent};
use crate::control::Forecast;
use crate::sample::{self, drive};
use crate::ui::Layer;
use crate::{Effect, Model};
use twinhaul_units::{Dial, Turned};
use twinhaul_wire::{Command, CommandResult, Outlook};

/// Questions what a setting would change: their ids and commands.
fn questions(effects: &[Effect]) -> Vec<(u64, Command)> {
    let question = |e: &Effect| match e {
        Effect::Send(_, request) => match &request.command {
            Command::WhatIf { command } => Some((request.id, (**command).clone())),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(question).collect()
}

fn outlook(peer: &str) -> CommandResult {
    CommandResult::Outlook(Outlook { peer: peer.into(), rate: [Some(8), Some(4)], ..Outlook::default() })
}

fn forecasts(model: &Model) -> &[Forecast] {
    let Some(Layer::Dialog(dialog)) = model.ui.top() else { panic!("no dialog") };
    &dialog.forecasts
}

#[test]
fn each_peer_is_asked_and_the_answers_stand_in_the_dialog() {
    let mut model = sample::mid_run();
    let effects = drive(&mut model, "x0l4 MiB/s<enter>");
    let asked = questions(&effects);
    assert_eq!(effects.len(), 2, "nothing but questions");
    let limit = Command::Turn { dial: Dial::Limit, to: Turned::Set(4 << 20) };
    assert!(asked.iter().all(|(_, command)| *command == limit), "{asked:?}");
    reply(&mut model, asked[0].0, outlook("alpha"));
    assert!(matches!(forecasts(&model), [Forecast::Changes(_), Forecast::Waiting]));
    reply(&mut model, asked[1].0, outlook("beta"));
    assert!(matches!(forecasts(&model), [Forecast::Changes(_), Forecast::Changes(_)]));
    assert!(drive(&mut model, "<tab><tab>").is_empty(), "looked at");
    let orders = sent(&drive(&mut model, "y"));
    assert_eq!(orders.iter().map(|o| &o.2).collect::<Vec<_>>(), [&limit, &limit]);
}

#[test]
fn a_peer_that_does_not_answer_is_set_all_the_same() {
    let mut model = sample::mid_run();
    drive(&mut model, "x1n4<enter>");
    assert_eq!(sent(&drive(&mut model, "y")).len(), 1);
    assert!(model.ui.layers.is_empty());
}

#[test]
fn what_would_be_refused_is_refused_before_it_is_sent() {
    let mut model = sample::mid_run();
    let asked = questions(&drive(&mut model, "x1n0<enter>"));
    reply(&mut model, asked[0].0, refused("no slots at all are a pause"));
    drive(&mut model, "<tab><tab>");
    assert!(sent(&drive(&mut model, "y")).is_empty());
    let Some(Layer::Dialog(dialog)) = model.ui.top() else { panic!() };
    assert_eq!(dialog.obstacle(), "nothing would change");
}

#[test]
fn the_end_goes_by_both_rates_together() {
    let model = sample::mid_run();
    let [a, b] = model.live.panes.each_ref().map(|pane| pane.snapshot.as_ref().unwrap().rate.one_min);
    let now = model.live.ends_with([a, b]).unwrap();
    let then = model.live.ends_with([a * 2, b * 2]).unwrap();
    assert!((now / then - 2.0).abs() < 1e-6, "{now} {then}");
    assert_eq!(model.live.ends_with([0, 0]), None);
}
