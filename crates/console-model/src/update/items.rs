//! Rows that are marked, and what can be done with them. The menu holds the ids that it was opened for: a row that moves or
//! goes meanwhile is never mistaken for another.

use super::{control, data, menu, nav, queue, retry};
use crate::action::{Action, Scope};
use crate::ui::{Cursor, Items, Layer, MARKS_MAX, Panel};
use crate::words::{self, Mood};
use crate::{Chord, Effect, Model};

/// Paths that a dialog names.
const PATHS_SHOWN: usize = 5;

/// Ids of the rows of the focused list, as shown.
fn shown(model: &Model) -> Vec<u64> {
    if let Some(view) = model.ui.queue() {
        return view.rows().iter().map(|row| row.id).collect();
    }
    match model.focus() {
        Panel::Flight => model.flights().iter().map(|(_, f)| f.id).collect(),
        Panel::Failed => model.failed().iter().map(|row| row.row.id).collect(),
        _ => Vec::new(),
    }
}

/// The transfer under the cursor.
pub(super) fn selected(model: &Model) -> Option<u64> {
    if let Some(view) = model.ui.queue() {
        return view.id;
    }
    match model.focus() {
        Panel::Flight => nav::selected_flight(model).map(|f| f.id),
        Panel::Failed => {
            let ids = shown(model);
            let find = |id| ids.iter().position(|i| *i == id);
            ids.get(nav::index_of(model.ui.failed, ids.len(), find)).copied()
        }
        _ => None,
    }
}

/// What the `a` menu is for: the marked rows of this list, or the selected one.
pub(crate) fn chosen(model: &Model) -> Vec<u64> {
    if let Some(Layer::Items(items)) = model.ui.layers.iter().rev().find(|l| matches!(l, Layer::Items(_))) {
        return items.ids.clone();
    }
    let marked: Vec<u64> = match model.ui.queue() {
        // Only a page of it is known, and a mark is a transfer's and not a place's.
        Some(_) => model.ui.marks.iter().copied().collect(),
        None => shown(model).into_iter().filter(|id| model.ui.marks.contains(id)).collect(),
    };
    if marked.is_empty() { selected(model).into_iter().collect() } else { marked }
}

/// Marks the selected row, or takes its mark away, and goes on to the next.
pub(super) fn mark(model: &mut Model) -> Vec<Effect> {
    let Some(id) = selected(model) else {
        data::say(model, Mood::Warn, "rows of panels 3 and 9 and of a queue can be marked");
        return Vec::new();
    };
    if !model.ui.marks.remove(&id) {
        add(model, &[id]);
    }
    if model.ui.queue().is_some() {
        return queue::shift(model, 1);
    }
    let ids = shown(model);
    let at = match model.focus() {
        Panel::Flight => nav::flight_index(model.ui.flight, &model.flights()),
        _ => ids.iter().position(|i| *i == id).unwrap_or(0),
    };
    // The parts of one transfer are one mark: on to the next transfer.
    let next = (at + 1..ids.len()).find(|n| ids[*n] != id).unwrap_or(at);
    let cursor = Cursor { id: ids.get(next).copied(), index: next };
    let panel = model.focus();
    if let Some(place) = model.ui.cursor(panel) {
        *place = cursor;
    }
    Vec::new()
}

/// Marks all rows that the filter shows; all marks away where they have them.
pub(super) fn mark_all(model: &mut Model) -> Vec<Effect> {
    let ids = shown(model);
    if !ids.is_empty() && ids.iter().all(|id| model.ui.marks.contains(id)) {
        model.ui.marks.clear();
    } else {
        add(model, &ids);
    }
    Vec::new()
}

fn add(model: &mut Model, ids: &[u64]) {
    // Marks of what is no longer there would count against those that are.
    if model.ui.queue().is_none() && model.ui.marks.len() + ids.len() > MARKS_MAX {
        let there = shown(model);
        model.ui.marks.retain(|id| there.contains(id));
    }
    for id in ids {
        if model.ui.marks.len() >= MARKS_MAX && !model.ui.marks.contains(id) {
            data::say(model, Mood::Warn, &format!("at most {MARKS_MAX} rows are marked at a time"));
            return;
        }
        model.ui.marks.insert(*id);
    }
}

pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let ids = chosen(model);
    if ids.is_empty() {
        data::say(model, Mood::Warn, "nothing is selected here: a row of panel 3 or 9, or of a queue");
    } else {
        model.ui.push(Layer::Items(Items { ids, selected: 0 }));
    }
    Vec::new()
}

pub(super) fn menu_key(model: &mut Model, chord: Chord, held: bool) -> Vec<Effect> {
    let Some(Layer::Items(items)) = model.ui.layers.last_mut() else { return Vec::new() };
    let press = menu::press(&model.keys, Scope::Items, &mut items.selected, chord, held);
    menu::follow(model, press)
}

/// Only those of them that were given up, once each.
pub(crate) fn given_up(model: &Model) -> Vec<u64> {
    let ids = chosen(model);
    let rows = model.board().failed.iter().flat_map(|page| &page.rows);
    rows.map(|row| row.row.id).filter(|id| ids.contains(id)).collect()
}

pub(super) fn run(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::HandOver => hand_over(model),
        Action::RetryThese => retry::these(model),
        Action::CopyPaths => {
            let ids = chosen(model);
            let paths: Vec<String> = ids.iter().filter_map(|id| path(model, *id)).collect();
            model.ui.layers.retain(|layer| !matches!(layer, Layer::Items(_)));
            if paths.is_empty() {
                data::say(model, Mood::Warn, "they are no longer here: nothing was copied");
                return Vec::new();
            }
            let gone = ids.len() - paths.len();
            if gone > 0 {
                data::say(model, Mood::Warn, &format!("{gone} of them are no longer here"));
            }
            let what = match paths.as_slice() {
                [one] => one.clone(),
                all => format!("{} paths", all.len()),
            };
            vec![Effect::Copy { text: paths.join("\n"), what }]
        }
        _ => Vec::new(),
    }
}

/// What a dialog says of whom it is for: the first paths, and how many more.
pub(super) fn named(model: &Model, ids: &[u64]) -> Vec<String> {
    let paths = ids.iter().take(PATHS_SHOWN).filter_map(|id| path(model, *id));
    let mut lines: Vec<String> = paths.map(|path| format!("  {path}")).collect();
    if ids.len() > lines.len() {
        lines.push(format!("  and {} more", ids.len() - lines.len()));
    }
    lines
}

fn path(model: &Model, id: u64) -> Option<String> {
    let flight = model.board().flight(id).map(|(_, f)| f.key.key.clone());
    let failed = || {
        let mut rows = model.board().failed.iter().flat_map(|page| &page.rows);
        rows.find(|row| row.row.id == id).map(|row| row.row.key.key.clone())
    };
    let queued = || model.ui.queued(id).map(|(_, row)| row.key.key.clone());
    flight.or_else(failed).or_else(queued)
}

/// The owner hands them over: those of them that it still has queued.
fn hand_over(model: &mut Model) -> Vec<Effect> {
    let Some(peer) = model.ui.queue().map(|view| view.peer) else { return Vec::new() };
    let ids = chosen(model);
    let mut text = named(model, &ids);
    text.push("What has started meanwhile stays. Ratios stay as they are.".into());
    let other = model.names().name(peer.other()).to_owned();
    let title = format!("Hand over {} to {other}  (preview)", words::how_many(ids.len() as u64));
    model.ui.layers.retain(|layer| !matches!(layer, Layer::Items(_)));
    control::hand_over(model, peer, &ids, title, text)
}
