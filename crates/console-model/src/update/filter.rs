//! `/`: the line that says which rows of a list are shown. Applied while it is typed; Esc goes back to what was before.

use super::queue_search;
use crate::filter::{FILTER_MAX, Filter};
use crate::lists::fields;
use crate::ui::{Cursor, FilterInput, Layer, Panel};
use crate::{Chord, Effect, Key, Model};

pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(panel) = model.filtered() else { return Vec::new() };
    let before = model.ui.filters.get(panel).cloned();
    let input = before.as_ref().map(|f| f.source().to_owned()).unwrap_or_default();
    model.ui.push(Layer::Filter(FilterInput { panel, input, error: None, before }));
    Vec::new()
}

pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Layer::Filter(line)) = model.ui.layers.last_mut() else { return Vec::new() };
    let panel = line.panel;
    let before = model.ui.filters.get(panel).cloned();
    let Some(Layer::Filter(line)) = model.ui.layers.last_mut() else { return Vec::new() };
    match chord.key {
        Key::Esc => back(model),
        Key::Char('c') if chord.ctrl => back(model),
        Key::Enter if line.error.is_none() => drop(model.ui.layers.pop()),
        Key::Backspace => {
            line.input.pop();
            apply(model, panel);
        }
        Key::Char('u') if chord.ctrl => {
            line.input.clear();
            apply(model, panel);
        }
        Key::Char(c) if !chord.ctrl && line.input.chars().count() < FILTER_MAX => {
            line.input.push(c);
            apply(model, panel);
        }
        _ => {}
    }
    // A queue's rows are not here: they are looked for anew.
    let changed = matches!(panel, Panel::Peer(_)) && before.as_ref() != model.ui.filters.get(panel);
    if changed { queue_search::begin(model) } else { Vec::new() }
}

fn back(model: &mut Model) {
    let Some(Layer::Filter(line)) = model.ui.layers.pop() else { return };
    model.ui.filters.set(line.panel, line.before);
}

/// A line that cannot be read leaves the list as it is, and says why.
fn apply(model: &mut Model, panel: Panel) {
    let Some(Layer::Filter(line)) = model.ui.layers.last_mut() else { return };
    match Filter::parse(&line.input, fields(panel).unwrap_or_default()) {
        Ok(filter) => {
            line.error = None;
            model.ui.filters.set(panel, filter);
        }
        Err(why) => line.error = Some(why),
    }
}

/// Takes a panel's filter away; whether there was one.
pub(super) fn clear(model: &mut Model, panel: Panel) -> bool {
    let gone = model.ui.filters.set(panel, None).is_some();
    if gone && panel == Panel::Flight {
        model.ui.flight = Cursor { id: model.ui.flight.id, index: 0 };
    }
    gone
}
