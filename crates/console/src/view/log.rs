//! Panels 6 and 7: events in words, and what the console itself said and did. Follows its end until it is left.

use super::paint::{Brush, mood, part};
use super::peer::role;
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::lists::{level_word, rows_shown};
use twinhaul_console_model::ui::Panel;
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
    let title = [
        part("6 Log", Role::Title),
        part(format!(" {} events{forgotten}", board.events.len()), Role::Plain),
        super::chip(model, Panel::Log, None),
    ];
    let inner = brush.panel(area, &title, &[super::follow(model, model.ui.log)], focused);
    let height = usize::from(inner.height);
    let rows = rows_shown(&board.events, model.ui.log, height, |e| model.in_log(e));
    let selected = model.ui.log.id.and_then(|id| board.events.index(id)).or(rows.last().copied());
    if rows.is_empty() && !board.events.is_empty() {
        brush.line(inner, 0, &[part(" the filter shows none of them: Esc", Role::Dim)]);
    }
    for (row, at) in (0..).zip(rows) {
        let Some(event) = board.events.get(at) else { break };
        let time = super::time(model, event.at_ms);
        let level = event.kind.level();
        let style = style_of(level);
        let who = speaker(event, &board.names);
        let tag = who.map_or(" ", |peer| board.names.tag(peer));
        let room = usize::from(inner.width).saturating_sub(fit::width(&time) + 10);
        let text = fit::cut_right(&log_line(event, &board.names), room, brush.skin.glyphs.cut);
        let parts = [
            part(format!("{time} "), Role::Dim),
            part(fit::left(level_word(level), 6), style),
            part(format!("{tag} "), who.map_or(Role::Dim, role)),
            part(text, if style == Role::Dim { Role::Plain } else { style }),
        ];
        brush.line(inner, row, &parts);
        if focused && selected == Some(at) {
            brush.tint(inner, row, Role::Selected);
        }
    }
}

pub(crate) fn draw_messages(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let notes = &model.desk.notes;
    let title = [
        part("7 Messages", Role::Title),
        part(format!(" {} of this console", notes.len()), Role::Plain),
        super::chip(model, Panel::Messages, None),
    ];
    let inner = brush.panel(area, &title, &[super::follow(model, model.ui.messages)], true);
    if notes.is_empty() {
        brush.line(inner, 0, &[part(" nothing said yet: results of controls are kept here", Role::Dim)]);
    }
    let height = usize::from(inner.height);
    let rows = rows_shown(notes, model.ui.messages, height, |n| model.in_messages(n));
    let selected = model.ui.messages.id.and_then(|id| notes.index(id)).or(rows.last().copied());
    for (row, at) in (0..).zip(rows) {
        let Some(note) = notes.get(at) else { break };
        let time = super::time(model, note.at_ms);
        let room = usize::from(inner.width).saturating_sub(fit::width(&time) + 1);
        let text = fit::cut_right(&note.text, room, brush.skin.glyphs.cut);
        let parts = [part(format!("{time} "), Role::Dim), part(text, mood(note.mood))];
        brush.line(inner, row, &parts);
        if selected == Some(at) {
            brush.tint(inner, row, Role::Selected);
        }
    }
}

const fn style_of(level: Level) -> Role {
    match level {
        Level::Info => Role::Dim,
        Level::Warn => Role::Warn,
        Level::Error => Role::Bad,
    }
}
