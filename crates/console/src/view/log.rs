//! Panels 6 and 7: events in words, and what the console itself said and did. Follows its end until it is left.

use super::paint::{Brush, mood, part, scroll_to};
use super::peer::role;
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::ui::{Cursor, Panel};
use twinhaul_console_model::words::event::{log_line, speaker};
use twinhaul_console_model::{Model, fit};
use twinhaul_wire::Level;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let board = model.board();
    let focused = model.ui.focus == Panel::Log;
    let forgotten = if board.events.forgotten() > 0 {
        format!(", {} older not kept", board.events.forgotten())
    } else {
        String::new()
    };
    let title =
        [part("6 Log", Role::Title), part(format!(" {} events{forgotten}", board.events.len()), Role::Plain)];
    let inner = brush.panel(area, &title, &[follow(model.ui.log)], focused);
    let height = usize::from(inner.height);
    let selected = model.ui.log.id.and_then(|id| board.events.index(id));
    let from = first_row(selected, board.events.len(), height);
    for (row, at) in (0..inner.height).zip(from..board.events.len()) {
        let Some(event) = board.events.get(at) else { break };
        let time = super::time(model, event.at_ms);
        let (level, style) = level(event.kind.level());
        let who = speaker(event, &board.names);
        let tag = who.map_or(" ", |peer| board.names.tag(peer));
        let room = usize::from(inner.width).saturating_sub(fit::width(&time) + 10);
        let text = fit::cut_right(&log_line(event, &board.names), room, brush.skin.glyphs.cut);
        let parts = [
            part(format!("{time} "), Role::Dim),
            part(fit::left(level, 6), style),
            part(format!("{tag} "), who.map_or(Role::Dim, role)),
            part(text, if style == Role::Dim { Role::Plain } else { style }),
        ];
        brush.line(inner, row, &parts);
        if focused && selected.unwrap_or(board.events.len() - 1) == at {
            brush.tint(inner, row, Role::Selected);
        }
    }
}

pub(crate) fn draw_messages(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let notes = &model.desk.notes;
    let title =
        [part("7 Messages", Role::Title), part(format!(" {} of this console", notes.len()), Role::Plain)];
    let inner = brush.panel(area, &title, &[follow(model.ui.messages)], true);
    if notes.is_empty() {
        brush.line(inner, 0, &[part(" nothing said yet: results of controls are kept here", Role::Dim)]);
    }
    let selected = model.ui.messages.id.and_then(|id| notes.index(id));
    let from = first_row(selected, notes.len(), usize::from(inner.height));
    for (row, at) in (0..inner.height).zip(from..notes.len()) {
        let Some(note) = notes.get(at) else { break };
        let time = super::time(model, note.at_ms);
        let room = usize::from(inner.width).saturating_sub(fit::width(&time) + 1);
        let text = fit::cut_right(&note.text, room, brush.skin.glyphs.cut);
        let parts = [part(format!("{time} "), Role::Dim), part(text, mood(note.mood))];
        brush.line(inner, row, &parts);
        if selected.unwrap_or(notes.len() - 1) == at {
            brush.tint(inner, row, Role::Selected);
        }
    }
}

fn follow(cursor: Cursor) -> super::paint::Part {
    part(if cursor.id.is_none() { "follow" } else { "End follows" }, Role::Dim)
}

fn first_row(selected: Option<usize>, len: usize, height: usize) -> usize {
    selected.map_or(len.saturating_sub(height), |index| scroll_to(index, len, height))
}

const fn level(level: Level) -> (&'static str, Role) {
    match level {
        Level::Info => ("INFO", Role::Dim),
        Level::Warn => ("WARN", Role::Warn),
        Level::Error => ("ERROR", Role::Bad),
    }
}
