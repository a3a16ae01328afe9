//! Panel 8: what the backends show of themselves, whatever they are: drives and cartridges, requests and retries. First what
//! somebody has to do, with the command; then the rows as the backend put them.

use super::paint::{Brush, Part, part, width_of};
use crate::skin::Role;
use ratatui::layout::Rect;
use std::time::Duration;
use twinhaul_console_model::board::storage::{Storage, sign};
use twinhaul_console_model::ui::Panel;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_wire::{BackendRow, RowState};

/// An answer that is older is told with its age.
const OLD: Duration = Duration::from_secs(3);
/// Columns of a row's name at most.
const NAME_MAX: usize = 16;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let all = model.board().storage(model.shown_at());
    let focused = model.ui.focus == Panel::Storage;
    let mut title = vec![part(format!("{} Storage", Panel::Storage.number()), Role::Title)];
    // Of one backend the headline is the panel's; of several, each has its own line.
    if let [one] = all[..] {
        title.extend(headline(model, one));
    }
    let simulated = if all.iter().any(|s| !s.status.simulated.is_empty()) { "simulated" } else { "" };
    let room = usize::from(area.width).saturating_sub(10 + simulated.len());
    cut(brush, &mut title, room);
    let right = if simulated.is_empty() { Vec::new() } else { vec![part(simulated, Role::Warn)] };
    let inner = brush.panel(area, &title, &right, focused);
    if all.is_empty() {
        let text = " no source or target of this run shows anything of itself";
        brush.line(inner, 0, &[part(text, Role::Dim)]);
        return;
    }
    let lines = lines(brush, model, &all, usize::from(inner.width));
    let height = usize::from(inner.height);
    let from = model.ui.storage.min(lines.len().saturating_sub(height));
    for (row, parts) in (0..inner.height).zip(lines.iter().skip(from)) {
        brush.line(inner, row, parts);
    }
    let below = lines.len().saturating_sub(from + height);
    if below > 0 && inner.height > 0 {
        let more = [part(format!(" {below} more "), Role::Dim)];
        brush.line_right(Rect { y: inner.y + inner.height, height: 1, ..inner }, 0, &more);
    }
}

/// Lines that the panel would like to have: for the layout.
pub(crate) fn wanted(model: &Model) -> u16 {
    let all = model.board().storage(model.shown_at());
    let waits = |s: &Storage<'_>| usize::from(model.board().waits_at(*s).is_some());
    let lines: usize = all.iter().map(|s| s.status.problems.len() + s.status.rows.len() + waits(s)).sum();
    let heads = if all.len() > 1 { all.len() } else { 0 };
    u16::try_from(lines + heads).unwrap_or(u16::MAX)
}

fn headline(model: &Model, storage: Storage<'_>) -> Vec<Part> {
    let status = storage.status;
    let mut parts = Vec::new();
    if let Some(peer) = storage.peer {
        parts.push(part(format!(" {}", model.names().name(peer)), super::peer::role(peer)));
    }
    let from = if status.source { "source " } else { "" };
    parts.push(part(format!(" {from}{}", status.name), Role::Strong));
    parts.push(part(format!(" ({}) ", status.backend), Role::Dim));
    parts.push(part(status.headline.clone(), Role::Plain));
    if !status.simulated.is_empty() {
        parts.push(part(format!("  {}", status.simulated), Role::Warn));
    }
    let age = Duration::from_millis(status.age_ms);
    if age >= OLD {
        parts.push(part(format!("  {} ago", words::age(age)), Role::Warn));
    }
    parts
}

/// Leaves out of the last parts what does not fit.
fn cut(brush: &Brush<'_>, parts: &mut Vec<Part>, room: usize) {
    while width_of(parts) > room && parts.len() > 1 {
        let Some((text, role)) = parts.pop() else { return };
        let left = room.saturating_sub(width_of(parts));
        if left > 8 {
            parts.push((fit::cut_right(&text, left, brush.skin.glyphs.cut), role));
        }
    }
}

fn lines(brush: &Brush<'_>, model: &Model, all: &[Storage<'_>], width: usize) -> Vec<Vec<Part>> {
    let mut out = Vec::new();
    for storage in all {
        if all.len() > 1 {
            let mut head = headline(model, *storage);
            cut(brush, &mut head, width);
            out.push(head);
        }
        for problem in &storage.status.problems {
            out.push(problem_line(brush, &problem.text(), &problem.next_command, width));
        }
        let rows = &storage.status.rows;
        let widest = |of: &dyn Fn(&BackendRow) -> usize| rows.iter().map(of).max().unwrap_or(0).min(NAME_MAX);
        let names = widest(&|r| fit::width(&r.name));
        let holders = widest(&|r| holder(model, r).map_or(0, |h| fit::width(&h.0)));
        out.extend(rows.iter().map(|row| row_line(brush, model, row, (names, holders), width)));
        if storage.status.more > 0 {
            out.push(vec![part(
                format!("  {} more not shown", words::count(storage.status.more)),
                Role::Dim,
            )]);
        }
        if let Some((now, past)) = model.board().waits_at(*storage) {
            let mut line = waits_line(now, &past);
            cut(brush, &mut line, width);
            out.push(line);
        }
    }
    out
}

/// What transfers wait for there, and what they have waited for so far.
fn waits_line(now: Option<String>, past: &[String]) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(now) = now {
        parts.extend([part("~ transfers wait for ", Role::Dim), part(now, Role::Warn)]);
    }
    if !past.is_empty() {
        parts.push(part(if parts.is_empty() { "  transfers waited: " } else { "; waited: " }, Role::Dim));
        parts.push(part(past.join(", "), Role::Plain));
    }
    parts
}

/// The command is what to type: it is cut last.
fn problem_line(brush: &Brush<'_>, text: &str, next: &str, width: usize) -> Vec<Part> {
    let cut = brush.skin.glyphs.cut;
    let room = width.saturating_sub(2);
    if next.is_empty() {
        return vec![part("! ", Role::Bad), part(fit::cut_right(text, room, cut), Role::Bad)];
    }
    let least = (room / 3).min(fit::width(text));
    let text = fit::cut_right(text, room.saturating_sub(fit::width(next) + 2).max(least), cut);
    let next = fit::cut_right(next, room.saturating_sub(fit::width(&text) + 2), cut);
    vec![part("! ", Role::Bad), part(text, Role::Bad), part(": ", Role::Dim), part(next, Role::Strong)]
}

/// Whose process has it.
fn holder(model: &Model, row: &BackendRow) -> Option<Part> {
    let pid = row.pid?;
    Some(match model.board().peer_of(pid) {
        Some(peer) => part(model.names().name(peer), super::peer::role(peer)),
        None => part(format!("pid {pid}"), Role::Warn),
    })
}

fn row_line(
    brush: &Brush<'_>,
    model: &Model,
    row: &BackendRow,
    (names, holders): (usize, usize),
    width: usize,
) -> Vec<Part> {
    let role = match row.state {
        RowState::Bad => Role::Bad,
        RowState::Warn | RowState::Waiting => Role::Warn,
        RowState::Busy | RowState::Good => Role::Good,
        RowState::Idle => Role::Plain,
    };
    let holder = holder(model, row);
    let used = 2 + names + 2 + holder.as_ref().map_or(0, |_| holders + 2);
    let value = fit::cut_right(&row.value, width.saturating_sub(used), brush.skin.glyphs.cut);
    let mut parts = vec![
        part(format!("{} ", sign(row.state)), role),
        part(fit::left(&row.name, names), Role::Strong),
        part("  ", Role::Plain),
    ];
    if let Some((name, role)) = holder {
        parts.extend([part(fit::left(&name, holders), role), part("  ", Role::Plain)]);
    }
    parts.push(part(value, role));
    parts
}
