//! Panel 3: what is in a slot. Columns are left out whole, in a declared order; a path loses its left part; numbers
//! are never cut.

use super::paint::{Brush, Part, mood, part, scroll_to};
use super::peer::role;
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::board::Standing;
use twinhaul_console_model::ui::Panel;
use twinhaul_console_model::update::nav::flight_index;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_units::{Bytes, PeerId};
use twinhaul_wire::{InFlight, Phase};

/// Columns that may be left out, in the order of leaving; path, progress in per cent, rate and state always stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Target,
    Tries,
    Id,
    Bar,
    Size,
    Eta,
}

const LEAVING: [Column; 6] =
    [Column::Tries, Column::Target, Column::Id, Column::Bar, Column::Size, Column::Eta];
const STATE: usize = 12;
/// The path gets at least this much before a column goes.
const PATH_MIN: usize = 20;

struct Layout {
    columns: Vec<Column>,
    path: usize,
    bar: usize,
}

impl Layout {
    fn of(width: usize) -> Self {
        let mut columns = LEAVING.to_vec();
        let bar = if width >= 110 { 26 } else { 12 };
        let taken = |columns: &[Column]| {
            let width_of = |c: &Column| match c {
                Column::Target => 11,
                Column::Tries => 4,
                Column::Id | Column::Size => 9,
                Column::Bar => bar + 1,
                Column::Eta => 6,
            };
            // Mark, tag, per cent, rate, state, and the blanks between them.
            2 + 2 + 5 + 7 + 1 + STATE + columns.iter().map(width_of).sum::<usize>()
        };
        let roomy = if width >= 110 { 44 } else { PATH_MIN };
        while width < taken(&columns) + roomy && !columns.is_empty() {
            columns.remove(0);
        }
        Self { path: width.saturating_sub(taken(&columns)), columns, bar }
    }

    fn has(&self, column: Column) -> bool {
        self.columns.contains(&column)
    }
}

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let board = model.board();
    let flights = model.flights();
    let focused = model.ui.focus == Panel::Flight;
    let handed = model.chosen_handed();
    let belongs = |id| handed.as_ref().is_some_and(|handed| handed.holds(id));
    let title = [
        part("3 In flight", Role::Title),
        part(format!(" {}/{}", in_slots(&board.flights()), board.slots_max()), Role::Plain),
        super::chip(model, Panel::Flight, Some(flights.len())),
        super::marks(model),
        super::belongs(brush, flights.iter().filter(|(_, f)| belongs(f.id)).count()),
    ];
    let turned = if model.ui.sort.inverted { ", turned round" } else { "" };
    let order = format!("by {}{turned}", model.ui.sort.by.words());
    let inner = brush.panel(area, &title, &[part(order, Role::Dim)], focused);
    let layout = Layout::of(usize::from(inner.width));
    brush.line(inner, 0, &heading(&layout));
    let height = usize::from(inner.height.saturating_sub(1));
    let index = flight_index(model.ui.flight, &flights);
    let from = scroll_to(index, flights.len(), height);
    if flights.is_empty() {
        let hidden = model.ui.filters.get(Panel::Flight).is_some() && !board.flights().is_empty();
        let text = if hidden { "  the filter shows none of them: Esc" } else { "  nothing is in flight" };
        brush.line(inner, 1, &[part(text, Role::Dim)]);
    }
    for (row, (at, (peer, flight))) in (1..).zip(flights.iter().enumerate().skip(from).take(height)) {
        let selected = focused && at == index;
        let mut parts = line(brush, model, &layout, *peer, flight, selected);
        if belongs(flight.id) && !board.stalled(*peer, Some(flight.id)) {
            parts[1] = part(brush.skin.glyphs.chosen, Role::Focus);
        }
        let stale = matches!(board.pane(*peer).standing(model.shown_at()), Standing::Stale(_));
        brush.veil = stale.then_some(Role::Dim);
        brush.line(inner, row, &parts);
        brush.veil = None;
        if selected {
            brush.tint(inner, row, Role::Selected);
        }
    }
}

fn in_slots(flights: &[(PeerId, &InFlight)]) -> usize {
    flights.iter().filter(|(_, f)| f.phase != Phase::Ranges).count()
}

fn heading(layout: &Layout) -> Vec<Part> {
    let mut text = format!("  P {}", fit::left("path", layout.path));
    let mut add = |column, name: String| {
        if layout.has(column) {
            text.push_str(&name);
        }
    };
    add(Column::Id, fit::right("id", 9));
    add(Column::Target, format!("  {}", fit::left("target", 9)));
    add(Column::Size, fit::right("size", 9));
    add(Column::Bar, format!(" {}", fit::left("progress", layout.bar)));
    text.push_str("     ");
    text.push_str("  MiB/s");
    if layout.has(Column::Eta) {
        text.push_str("   eta");
    }
    if layout.has(Column::Tries) {
        text.push_str(" try");
    }
    text.push_str(" state");
    vec![part(text, Role::Dim)]
}

fn line(
    brush: &Brush<'_>,
    model: &Model,
    layout: &Layout,
    peer: PeerId,
    flight: &InFlight,
    selected: bool,
) -> Vec<Part> {
    let names = &model.board().names;
    let stalled = model.board().stalled(peer, Some(flight.id));
    let (state, state_mood) = words::flight_state(flight, stalled);
    let share = if flight.bytes > 0 { flight.done as f64 / flight.bytes as f64 } else { 1.0 };
    let stands = model.stands(peer, flight);
    let plain = if stalled { Role::Bad } else { Role::Plain };
    let shares = words::shares_brief(&flight.ranges);
    let name =
        if shares.is_empty() { flight.key.key.clone() } else { format!("{} [{shares}]", flight.key.key) };
    let path = fit::cut_left(&name, layout.path, brush.skin.glyphs.cut);
    let mut parts = vec![
        super::row_mark(brush, model, flight.id, selected),
        part(if stalled { "!" } else { " " }, Role::Bad),
        part(fit::left(names.tag(peer), 2), role(peer)),
        part(fit::left(&path, layout.path), plain),
    ];
    if layout.has(Column::Id) {
        parts.push(part(fit::right(&flight.id.to_string(), 9), Role::Dim));
    }
    if layout.has(Column::Target) {
        parts.push(part(format!("  {}", fit::left(&flight.target, 9)), Role::Dim));
    }
    if layout.has(Column::Size) {
        parts.push(part(fit::right(&Bytes(flight.bytes).to_string(), 9), Role::Plain));
    }
    if layout.has(Column::Bar) {
        parts.push(part(" ", Role::Plain));
        parts.push(part(brush.bar(share, layout.bar), role(peer)));
    }
    parts.push(part(fit::right(&format!("{:.0}%", (share * 100.0).floor()), 5), Role::Plain));
    parts.push(part(fit::right(&words::mib_per_s(if stands { 0 } else { flight.rate }), 7), plain));
    if layout.has(Column::Eta) {
        parts.push(part(fit::right(&words::clock5(model.flight_eta(peer, flight)), 6), Role::Plain));
    }
    if layout.has(Column::Tries) {
        let tries = if flight.attempts > 1 { flight.attempts.to_string() } else { String::new() };
        parts.push(part(fit::right(&tries, 4), Role::Warn));
    }
    parts.push(part(" ", Role::Plain));
    parts.push(part(fit::cut_right(&state, STATE, ""), mood(state_mood)));
    parts
}
