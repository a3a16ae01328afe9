//! The stage: the method for people in the back of a room (demo.md). Both peers with their ratio as stairs and the
//! equation that it makes, who helps whom between them, what was asked and answered, and a caption that says why.

mod helping;
mod peer;
mod stairs;

use super::paint::{Brush, Field, fitting, part};
use super::{assist, caption_lines, flight, storage};
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::words::explain::explain;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_units::PeerId;

/// Rows of the boxes at the top: what a peer's box holds, and its border.
const TOP: u16 = 12;
/// Columns of the box between the peers.
const BETWEEN: u16 = 26;
/// What was asked and answered keeps so many rows, its border with them.
const TALK: u16 = 12;
/// Less than this of panel 3 or 8 tells nothing.
const WORK_MIN: u16 = 5;
/// Two lines and their border.
const CAPTION: u16 = 4;

pub(super) fn draw(brush: &mut Brush<'_>, model: &Model, body: Rect) {
    let row = |y: u16, height: u16| Rect { y: body.y + y, height, ..body };
    worth(brush, model, row(0, 1));
    let top = row(1, TOP + (body.height.saturating_sub(26) / 4).min(4));
    let side = (top.width - BETWEEN) / 2;
    peer::draw(brush, model, PeerId::First, Rect { width: side, ..top });
    helping::draw(brush, model, Rect { x: top.x + side, width: BETWEEN, ..top });
    let right = Rect { x: top.x + side + BETWEEN, width: top.width - side - BETWEEN, ..top };
    peer::draw(brush, model, PeerId::Second, right);
    let used = 1 + top.height;
    let below = body.height.saturating_sub(used + CAPTION);
    let work = work_rows(model, below.saturating_sub(TALK));
    let talk = below - work;
    assist::draw(brush, model, row(used, talk));
    if work > 0 {
        let at = row(used + talk, work);
        if model.board().shows_storage() {
            storage::draw(brush, model, at);
        } else {
            flight::draw(brush, model, at);
        }
    }
    caption(brush, model, row(used + below, CAPTION));
}

/// Of the rows that what was said can spare: those of what is worked on, where what it says fits.
fn work_rows(model: &Model, spare: u16) -> u16 {
    let rows = if model.board().shows_storage() {
        storage::wanted(model)
    } else {
        // They come and go: the slots stay.
        1 + u16::try_from(model.board().slots_max()).unwrap_or(u16::MAX)
    };
    let wanted = rows.saturating_add(2).min(spare);
    if wanted >= WORK_MIN { wanted } else { 0 }
}

/// What assistance is worth so far: the run's time with it and without it.
fn worth(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let board = model.board();
    let with = model.up().and_then(|up| board.with_assistance(up, model.shown_at()));
    let without = board.without_assistance();
    let clock = |d: Option<std::time::Duration>| d.map_or_else(|| "--:--".to_owned(), words::clock);
    let field =
        |name: &str, value: String, role| vec![part(format!("{name} "), Role::Dim), part(value, role)];
    let saved = with.zip(without).map(|(with, without)| without.saturating_sub(with));
    let saved = saved.filter(|saved| saved.as_secs() > 0);
    let fields = vec![
        Field::new(9, field("with assistance", clock(with), Role::Strong)),
        Field::new(8, field("without", format!("about {}", clock(without)), Role::Strong)),
        Field::new(7, saved.map_or_else(Vec::new, |s| field("saves", words::clock(s), Role::Good))),
    ];
    let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    brush.line(inside, 0, &fitting(fields, usize::from(inside.width), 4));
}

/// What the story says; without a story, what the last moment of the assistance means.
fn caption(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let inner = brush.panel(area, &[part("caption", Role::Title)], &[], false);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut lines = caption_lines(model, inside.width);
    if lines.is_empty()
        && let Some(event) = model.board().timeline.last()
    {
        let text = explain(event, &model.board().names).join(" ");
        lines = fit::wrap(&text, usize::from(inside.width));
    }
    for (row, line) in (0..inside.height).zip(lines) {
        brush.line(inside, row, &[part(line, Role::Caption)]);
    }
}
