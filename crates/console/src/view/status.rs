//! The smallest layout: text lines only, for any size down to one cell. Controls are off here; looking works.

use super::header::{eta, percent, state_word};
use super::paint::{Brush, Field, Part, clipped, fitting, mood, part, scroll_to};
use super::peer::{brief, role};
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::ui::Layer;
use twinhaul_console_model::update::nav::flight_index;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_units::PeerId;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    if let Some(layer) = model.ui.top().filter(|layer| !matches!(layer, Layer::Queue(_))) {
        super::front(brush, model, layer);
        return;
    }
    let width = usize::from(area.width);
    let mut lines = head(brush, model, width);
    let footer = u16::from(area.height > 4);
    let timeline = u16::from(area.height > 8 && !model.summary_shown());
    let room = usize::from(area.height.saturating_sub(footer + timeline)).saturating_sub(lines.len());
    if model.summary_shown() {
        let ended = super::summary::short(brush, model, width);
        lines.extend(ended.iter().take(room).map(|parts| clipped(parts, width, brush.skin.glyphs.cut)));
    } else {
        lines.extend(flights(brush, model, width, room));
    }
    for (row, parts) in (0..area.height.saturating_sub(footer + timeline)).zip(&lines) {
        brush.line(area, row, parts);
    }
    if let Some(event) = model.board().timeline.last().filter(|_| timeline == 1) {
        let parts = super::assist::line(brush, model, event, area.width.min(75));
        brush.line(area, area.height - 1 - footer, &parts);
    }
    if footer == 1 {
        super::footer::draw(brush, model, Rect { y: area.bottom() - 1, height: 1, ..area });
    }
}

fn head(brush: &Brush<'_>, model: &Model, width: usize) -> Vec<Vec<Part>> {
    let board = model.board();
    let (state, state_role) = state_word(model);
    let problems = board.problems().len();
    let problem = if problems > 0 { vec![part(format!("! {problems}"), Role::Bad)] } else { Vec::new() };
    let eta = vec![part(format!("eta {}", eta(board.eta(model.shown_at()))), Role::Plain)];
    let progress = board.progress();
    let first = fitting(
        vec![
            Field::new(1, vec![part("twinhaul", Role::Title)]),
            Field::new(9, vec![part(state, state_role)]),
            Field::new(5, if board.ended().is_none() { eta } else { Vec::new() }),
            Field::new(8, problem),
        ],
        width,
        1,
    );
    let done = if progress.growing { "planning".into() } else { percent(progress.part) };
    let bar = if progress.growing || width < 30 { String::new() } else { brush.bar(progress.part, 12) };
    let rate = vec![part(board.rate_now(model.shown_at()).to_string(), Role::Plain)];
    let second = fitting(
        vec![
            Field::new(3, vec![part(bar, Role::Good)]),
            Field::new(9, vec![part(done, Role::Strong)]),
            Field::new(7, if board.ended().is_none() { rate } else { Vec::new() }),
        ],
        width,
        1,
    );
    let mut lines = vec![first, second];
    lines.extend(PeerId::BOTH.map(|peer| brief(model, peer, width)));
    lines.push(vec![part(brush.skin.glyphs.h.repeat(width), Role::Dim)]);
    lines
}

fn flights(brush: &Brush<'_>, model: &Model, width: usize, room: usize) -> Vec<Vec<Part>> {
    let board = model.board();
    let flights = board.flights();
    let index = flight_index(model.ui.flight, &flights);
    let from = scroll_to(index, flights.len(), room);
    let path_width = width.saturating_sub(2 + 2 + 5 + 8 + 1 + 10).max(4);
    let line = |(at, (peer, flight)): (usize, &(PeerId, &twinhaul_wire::InFlight))| {
        let stalled = board.stalled(*peer, Some(flight.id));
        let (state, state_mood) = words::flight_state(flight, stalled);
        let share = if flight.bytes > 0 { flight.done as f64 / flight.bytes as f64 } else { 1.0 };
        let marked = at == index;
        let name = flight.key.key.rsplit('/').next().unwrap_or_default();
        vec![
            part(if marked { brush.skin.glyphs.mark } else { " " }, Role::Focus),
            part(fit::left(board.names.tag(*peer), 2), role(*peer)),
            part(fit::left(&fit::cut_left(name, path_width, brush.skin.glyphs.cut), path_width), Role::Plain),
            part(fit::right(&format!("{:.0}%", (share * 100.0).floor()), 5), Role::Plain),
            part(fit::right(&words::mib_per_s(flight.rate), 8), Role::Plain),
            part(format!(" {}", fit::cut_right(&state, 10, "")), mood(state_mood)),
        ]
    };
    flights.iter().enumerate().skip(from).take(room).map(line).collect()
}
