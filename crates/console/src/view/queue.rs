//! A peer's whole queue, full screen. Only the rows on the screen are loaded; others show as dots until they are read.

use super::paint::{Brush, part, scroll_to};
use super::peer::{role, state_line};
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::ui::QueueView;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_units::Bytes;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, view: &QueueView, area: Rect) {
    let board = model.board();
    let name = board.names.name(view.peer);
    let queue = board.pane(view.peer).snapshot.as_ref().map(|s| s.queue).unwrap_or_default();
    let total = view.page.as_ref().map_or(queue.transfers, |page| page.total);
    let title = [
        part(format!("Queue of {name}"), Role::Title),
        part(format!(" {} / {}", words::how_many(total), Bytes(queue.bytes)), Role::Plain),
    ];
    let inner = brush.panel(area, &title, &[part("next first", Role::Dim)], true);
    let parts = state_line(model, view.peer, usize::from(inner.width));
    brush.line(inner, 0, &parts);
    let width = usize::from(inner.width);
    let wide = width >= 100;
    let fixed = 9 + 11 + 10 + if wide { 11 } else { 0 };
    let path_width = width.saturating_sub(fixed + 1);
    let target = if wide { format!("  {}", fit::left("target", 9)) } else { String::new() };
    let heading = format!(
        "{}  {}{target}{}{}",
        fit::right("place", 8),
        fit::left("path", path_width),
        fit::right("size", 10),
        fit::right("id", 10)
    );
    brush.line(inner, 1, &[part(heading, Role::Dim)]);
    let height = usize::from(inner.height.saturating_sub(2));
    if total == 0 {
        brush.line(inner, 2, &[part("  the queue is empty", Role::Dim)]);
        return;
    }
    let handed = model.chosen_handed();
    let selected = usize::try_from(view.row).unwrap_or(usize::MAX);
    let len = usize::try_from(total).unwrap_or(usize::MAX);
    let from = scroll_to(selected, len, height);
    for (row, place) in (2..inner.height).zip(from..len) {
        let loaded = view.page.as_ref().and_then(|page| {
            let at = (place as u64).checked_sub(page.from)?;
            page.rows.get(usize::try_from(at).ok()?)
        });
        let number = fit::right(&words::count(place as u64 + 1), 8);
        let parts = match loaded {
            None => {
                vec![part(format!("{number}  "), Role::Dim), part(brush.skin.glyphs.dot.repeat(3), Role::Dim)]
            }
            Some(r) => {
                let path = fit::cut_left(&r.key.key, path_width, brush.skin.glyphs.cut);
                let target = if wide { format!("  {}", fit::left(&r.target, 9)) } else { String::new() };
                let chosen = handed.as_ref().is_some_and(|handed| handed.holds(r.id));
                let sign = if chosen { brush.skin.glyphs.chosen } else { " " };
                vec![
                    part(format!("{number} "), Role::Dim),
                    part(sign, Role::Focus),
                    part(fit::left(&path, path_width), Role::Plain),
                    part(target, Role::Dim),
                    part(fit::right(&Bytes(r.bytes).to_string(), 10), Role::Plain),
                    part(fit::right(&r.id.to_string(), 10), Role::Dim),
                ]
            }
        };
        brush.line(inner, row, &parts);
        if place == selected {
            brush.tint(inner, row, Role::Selected);
            brush.text(inner.x, inner.y + row, 1, brush.skin.glyphs.mark, role(view.peer));
        }
    }
}
