//! Confirmations. `y` confirms, Enter presses the focused button (Cancel at first), a key held down confirms nothing,
//! and nothing is confirmed before the operator could have seen it.

use super::replies;
use crate::action::{Action, Scope};
use crate::control::{Button, Dialog, Forecast, GUARD, INPUT_MAX, Order, Purpose};
use crate::ui::Layer;
use crate::{Chord, Effect, Key, Model};

pub(super) fn new(
    title: String,
    go: &'static str,
    text: Vec<String>,
    orders: Vec<Order>,
    type_name: Option<String>,
) -> Dialog {
    Dialog {
        title,
        go,
        text,
        orders,
        forecasts: Vec::new(),
        typed: type_name.map(|name| (name, String::new())),
        purpose: Purpose::Act,
        focus: Button::Cancel,
        drawn: None,
    }
}

/// Opens a dialog in the place of the menu or prompt that led to it.
pub(super) fn open(model: &mut Model, dialog: Dialog) {
    model.ui.layers.retain(|layer| !matches!(layer, Layer::Menu(_) | Layer::Prompt(_)));
    model.ui.push(Layer::Dialog(Box::new(dialog)));
}

/// A frame is on the screen: from now on a dialog in it has been seen.
pub(super) fn drawn(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    match model.ui.layers.last_mut() {
        Some(Layer::Dialog(dialog)) if dialog.drawn.is_none() => dialog.drawn = Some(now),
        Some(Layer::Leave(leave)) if leave.drawn.is_none() => leave.drawn = Some(now),
        _ => {}
    }
    Vec::new()
}

/// A peer said what would move; the dialog has new content, which must be seen before it is confirmed.
pub(super) fn forecast(model: &mut Model, question: &Order, forecast: Forecast) {
    let dialogs = model.ui.layers.iter_mut().filter_map(|layer| match layer {
        Layer::Dialog(dialog) => Some(dialog),
        _ => None,
    });
    for dialog in dialogs {
        let Some(at) = dialog.orders.iter().position(|o| o.to == question.to && o.verb == question.verb)
        else {
            continue;
        };
        if let Some(slot) = dialog.forecasts.get_mut(at).filter(|f| **f == Forecast::Waiting) {
            *slot = forecast;
            dialog.drawn = None;
            return;
        }
    }
}

pub(super) fn key(model: &mut Model, chord: Chord, held: bool) -> Vec<Effect> {
    let now = model.now;
    let Some(Layer::Dialog(dialog)) = model.ui.layers.last_mut() else { return Vec::new() };
    let seen = dialog.drawn.is_some_and(|drawn| now.since(drawn) >= GUARD);
    let may = seen && !held && dialog.obstacle().is_empty();
    match (chord.key, &mut dialog.typed) {
        (Key::Esc, _) => cancel(model),
        (Key::Char('c'), _) if chord.ctrl => cancel(model),
        // A name half typed is not a wish to cancel: the dialog stays and says what is missing.
        (Key::Enter, Some((need, got))) if !got.is_empty() && got != need => {}
        (Key::Enter, _) if dialog.focus == Button::Cancel && !held && seen => drop(model.ui.layers.pop()),
        (Key::Enter, _) if dialog.focus == Button::Go && may => return send(model),
        (Key::Backspace, Some((need, got))) => {
            got.pop();
            dialog.focus = if got == need { Button::Go } else { Button::Cancel };
        }
        (Key::Char(c), Some((need, got))) if !chord.ctrl => {
            if got.chars().count() < INPUT_MAX.max(need.chars().count()) {
                got.push(c);
            }
            // The name in full is as good as choosing the button: Enter then presses it.
            dialog.focus = if got == need { Button::Go } else { Button::Cancel };
        }
        _ => match model.keys.lookup(Scope::Dialog, chord).map(|row| row.action) {
            Some(Action::Confirm) if may => return send(model),
            Some(Action::NextButton) => {
                dialog.focus = if dialog.focus == Button::Go { Button::Cancel } else { Button::Go };
            }
            _ => {}
        },
    }
    Vec::new()
}

/// A deed that nothing takes back any more does not stand in the way of those before it.
fn cancel(model: &mut Model) {
    let Some(Layer::Dialog(dialog)) = model.ui.layers.pop() else { return };
    if let Purpose::Undo { deed } = dialog.purpose
        && dialog.moves_nothing()
    {
        model.desk.deeds.retain(|d| d.sent != deed);
    }
}

fn send(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Dialog(dialog)) = model.ui.layers.pop() else { return Vec::new() };
    let orders: Vec<Order> = dialog.worth_sending().into_iter().cloned().collect();
    orders.into_iter().flat_map(|order| replies::send(model, order, dialog.purpose)).collect()
}
