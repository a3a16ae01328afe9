//! A peer's whole queue, full screen. Only the rows on the screen are loaded; others show as dots until they are read. With a
//! filter: the rows that it found so far, and how far was looked.

use super::paint::{Brush, Part, part, scroll_to};
use super::peer::{role, state_line};
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::assistance::Handed;
use twinhaul_console_model::ui::{Panel, QueueSearch, QueueView};
use twinhaul_console_model::{FOUND_MAX, Model, fit, words};
use twinhaul_units::Bytes;
use twinhaul_wire::QueueRow;

/// Columns that a row has besides its path.
const FIXED: usize = 1 + 10 + 1 + 10 + 10;
/// From so many columns on, those of target and attempts have room.
const WIDE_FROM: usize = 100;
const WIDE: usize = 11 + 5;

/// How the rows are laid out.
struct Rows<'a> {
    model: &'a Model,
    handed: Option<Handed>,
    path: usize,
    wide: bool,
}

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, view: &QueueView, area: Rect) {
    let board = model.board();
    let queue = board.pane(view.peer).snapshot.as_ref().map(|s| s.queue).unwrap_or_default();
    let total = view.page.as_ref().map_or(queue.transfers, |page| page.total);
    // Where there is little room, how far a search has come matters more.
    let size = if view.search.is_some() && usize::from(area.width) < WIDE_FROM {
        String::new()
    } else {
        format!(" {} / {}", words::how_many(total), Bytes(queue.bytes))
    };
    let title = [
        part(format!("Queue of {}", board.names.name(view.peer)), Role::Title),
        part(size, Role::Plain),
        super::chip(model, Panel::Peer(view.peer), view.search.as_ref().map(|search| search.rows.len())),
        super::marks(model),
    ];
    let inner = brush.panel(area, &title, &[part(position(view, total), Role::Dim)], true);
    let parts = state_line(model, view.peer, usize::from(inner.width));
    brush.line(inner, 0, &parts);
    let width = usize::from(inner.width);
    let wide = width >= WIDE_FROM;
    let path = width.saturating_sub(FIXED + if wide { WIDE } else { 0 });
    let rows = Rows { model, handed: model.chosen_handed(), path, wide };
    brush.line(inner, 1, &[part(rows.heading(), Role::Dim)]);
    let (selected, len) = match &view.search {
        Some(search) => (search.selected, search.rows.len()),
        None => (as_index(view.row), as_index(total)),
    };
    if len == 0 {
        let other = board.names.name(view.peer.other());
        let text = fit::cut_right(
            &nothing(view.search.as_ref(), other),
            width.saturating_sub(2),
            brush.skin.glyphs.cut,
        );
        brush.line(inner, 2, &[part(format!("  {text}"), Role::Dim)]);
        return;
    }
    let from = scroll_to(selected, len, usize::from(inner.height.saturating_sub(2)));
    for (row, at) in (2..inner.height).zip(from..len) {
        let known = match &view.search {
            Some(search) => search.rows.get(at).map(|(place, row)| (*place, row)),
            None => in_page(view, at as u64).map(|row| (at as u64, row)),
        };
        let parts = match known {
            None => vec![
                part(format!(" {}  ", fit::right(&words::count(at as u64 + 1), 10)), Role::Dim),
                part(brush.skin.glyphs.dot.repeat(3), Role::Dim),
            ],
            Some((place, known)) => rows.line(brush, place, known, at == selected),
        };
        brush.line(inner, row, &parts);
        if at == selected {
            brush.tint(inner, row, Role::Selected);
            let glyph = brush.skin.glyphs.mark;
            if !known.is_some_and(|(_, row)| model.ui.marks.contains(&row.id)) {
                brush.text(inner.x, inner.y + row, 1, glyph, role(view.peer));
            }
        }
    }
}

/// `row 1,204,331 of 2,977,000`, or how far a search has come.
fn position(view: &QueueView, total: u64) -> String {
    match &view.search {
        None if total == 0 => "next first".to_owned(),
        None => format!("row {} of {}", words::count(view.row + 1), words::count(total)),
        Some(search) if search.rows.len() >= FOUND_MAX => {
            format!("the first {} in {} rows", words::count(FOUND_MAX as u64), words::count(search.looked))
        }
        Some(search) if search.ended => format!("all {} rows", words::count(search.looked)),
        Some(search) => format!("{}/{} looked at", words::count(search.looked), words::count(total)),
    }
}

/// What is not here may well be elsewhere, and is often looked for in the wrong queue.
fn nothing(search: Option<&QueueSearch>, other: &str) -> String {
    match search {
        None => "the queue is empty".into(),
        Some(search) if search.ended => {
            format!("not in this queue: done, in flight, or {other}'s? (Esc)")
        }
        Some(_) => "looking ...".into(),
    }
}

fn as_index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn in_page(view: &QueueView, place: u64) -> Option<&QueueRow> {
    let page = view.page.as_ref()?;
    page.rows.get(as_index(place.checked_sub(page.from)?)).map(|row| &**row)
}

impl Rows<'_> {
    fn heading(&self) -> String {
        let target = if self.wide { format!("  {}", fit::left("target", 9)) } else { String::new() };
        let tries = if self.wide { fit::right("try", 5) } else { String::new() };
        let [place, path] = [fit::right("place", 10), fit::left("path", self.path)];
        format!(" {place} {path}{target}{}{}{tries}", fit::right("size", 10), fit::right("id", 10))
    }

    fn line(&self, brush: &Brush<'_>, place: u64, row: &QueueRow, selected: bool) -> Vec<Part> {
        let path = fit::cut_left(&row.key.key, self.path, brush.skin.glyphs.cut);
        let chosen = self.handed.as_ref().is_some_and(|handed| handed.holds(row.id));
        let sign = if chosen { brush.skin.glyphs.chosen } else { " " };
        let mut parts = vec![
            super::row_mark(brush, self.model, row.id, selected),
            part(fit::right(&words::count(place + 1), 10), Role::Dim),
            part(sign, Role::Focus),
            part(fit::left(&path, self.path), Role::Plain),
        ];
        if self.wide {
            parts.push(part(format!("  {}", fit::left(&row.target, 9)), Role::Dim));
        }
        parts.push(part(fit::right(&Bytes(row.bytes).to_string(), 10), Role::Plain));
        parts.push(part(fit::right(&row.id.to_string(), 10), Role::Dim));
        if self.wide {
            let tries = if row.attempts > 0 { row.attempts.to_string() } else { String::new() };
            parts.push(part(fit::right(&tries, 5), Role::Warn));
        }
        parts
    }
}
