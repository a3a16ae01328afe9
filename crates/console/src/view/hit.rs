//! What of the screen a cell belongs to: the mirror of the drawing, from the same rectangles and the same lists.

use super::paint::scroll_to;
use super::{base, caption_lines, layout, storage};
use ratatui::layout::{Position, Rect};
use twinhaul_console_model::lists::rows_shown;
use twinhaul_console_model::ring::Ring;
use twinhaul_console_model::ui::{Cursor, Panel};
use twinhaul_console_model::update::nav::{flight_index, index_of};
use twinhaul_console_model::{Hit, Model, SizeClass};

/// The panel and row at column `x`, row `y`; `None` where there is none, or something lies over the panels.
pub fn hit(model: &Model, x: u16, y: u16) -> Option<Hit> {
    let (w, h) = model.size;
    let area = Rect::new(0, 0, w, h);
    let class = model.class_of(w, h);
    if class == SizeClass::Status || base(model).is_some() || model.summary_shown() {
        return None;
    }
    let staged = class == SizeClass::Stage && !model.ui.expanded;
    if staged {
        return None;
    }
    let places = layout::places(class, area, caption_lines(model, w).len() as u16);
    let at = Position { x, y };
    let panels = if model.ui.expanded {
        vec![(model.ui.focus, places.body)]
    } else {
        let storage = model.board().shows_storage().then(|| storage::wanted(model));
        layout::panels(class, places.body, model.ui.focus, storage)
    };
    let (panel, place) = panels.into_iter().find(|(_, place)| place.contains(at))?;
    let inside = place.y < y && y + 1 < place.bottom();
    let row = inside.then(|| row(model, panel, usize::from(y - place.y - 1), usize::from(place.height) - 2));
    Some(Hit { panel, row: row.flatten() })
}

/// The item in the `nth` of `height` lines of a panel.
fn row(model: &Model, panel: Panel, nth: usize, height: usize) -> Option<(u64, usize)> {
    let board = model.board();
    match panel {
        Panel::Flight => {
            let flights = model.flights();
            let at = below_heading(nth, flight_index(model.ui.flight, &flights), flights.len(), height)?;
            flights.get(at).map(|(_, f)| (f.id, at))
        }
        Panel::Failed => {
            let ids: Vec<u64> = model.failed().iter().map(|row| row.row.id).collect();
            let index = index_of(model.ui.failed, ids.len(), |id| ids.iter().position(|i| *i == id));
            let at = below_heading(nth, index, ids.len(), height)?;
            ids.get(at).map(|id| (*id, at))
        }
        Panel::Assist => in_ring(&board.timeline, model.ui.assist, nth, height, |e| model.in_timeline(e)),
        Panel::Log => in_ring(&board.events, model.ui.log, nth, height, |e| model.in_log(e)),
        Panel::Messages => {
            in_ring(&model.desk.notes, model.ui.messages, nth, height, |n| model.in_messages(n))
        }
        Panel::Peer(_) | Panel::Plot | Panel::Storage => None,
    }
}

/// In a list whose first line is its heading.
fn below_heading(nth: usize, index: usize, len: usize, height: usize) -> Option<usize> {
    let from = scroll_to(index, len, height.saturating_sub(1));
    Some(from + nth.checked_sub(1)?)
}

fn in_ring<T>(
    ring: &Ring<T>,
    cursor: Cursor,
    nth: usize,
    height: usize,
    keeps: impl Fn(&T) -> bool,
) -> Option<(u64, usize)> {
    let at = *rows_shown(ring, cursor, height, keeps).get(nth)?;
    Some((ring.id(at), at))
}
