//! Panel 9: transfers that were given up, each with its reason; the place to choose those that are tried again.

use super::paint::{Brush, part, scroll_to};
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::action::Action;
use twinhaul_console_model::board::FAILED_MAX;
use twinhaul_console_model::ui::Panel;
use twinhaul_console_model::update::nav::index_of;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_units::Bytes;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let board = model.board();
    let rows = model.failed();
    let known = board.failed.as_ref().map_or(0, |page| page.rows.len());
    let count = match &board.failed {
        None if model.replay.is_some() => ": not in a recording; the log names them".to_owned(),
        None if model.frozen.is_some() => ": not read when the view was frozen".to_owned(),
        None => " reading the ledger ...".to_owned(),
        Some(page) if page.more => format!(" {}, the first {FAILED_MAX} of them", board.progress().failed),
        Some(_) => format!(" {}", words::count(known as u64)),
    };
    let title = [
        part("9 Given up", Role::Title),
        part(count, Role::Plain),
        super::chip(model, Panel::Failed, Some(rows.len())),
        super::marks(model),
    ];
    let [mark, act] = [Action::Mark, Action::Items].map(|action| model.keys.way_to(action));
    let hint = [part(format!("{mark} mark  {act} act  Enter why"), Role::Dim)];
    let inner = brush.panel(area, &title, &hint, true);
    let width = usize::from(inner.width);
    // The reason is what is looked for: it has the larger half.
    let path_width = (width.saturating_sub(26) * 2 / 5).max(12);
    let error_width = width.saturating_sub(path_width + 26);
    let heading = format!(
        "  {}{}{} try {}",
        fit::left("path", path_width),
        fit::right("size", 9),
        fit::right("id", 9),
        "why"
    );
    brush.line(inner, 0, &[part(heading, Role::Dim)]);
    if rows.is_empty() && board.failed.is_some() {
        let text = match &model.desk.retried {
            _ if known > 0 => "the filter shows none of them: Esc".to_owned(),
            retried if retried.is_empty() => "nothing was given up".to_owned(),
            retried => retried.words(),
        };
        brush.line(inner, 1, &[part(format!("  {text}"), Role::Dim)]);
        return;
    }
    let height = usize::from(inner.height.saturating_sub(1));
    let index = index_of(model.ui.failed, rows.len(), |id| rows.iter().position(|r| r.row.id == id));
    let from = scroll_to(index, rows.len(), height);
    for (row, (at, failed)) in (1..).zip(rows.iter().enumerate().skip(from).take(height)) {
        let cut = brush.skin.glyphs.cut;
        let path = fit::cut_left(&failed.row.key.key, path_width, cut);
        let parts = [
            super::row_mark(brush, model, failed.row.id, at == index),
            part(format!(" {}", fit::left(&path, path_width)), Role::Plain),
            part(fit::right(&Bytes(failed.row.bytes).to_string(), 9), Role::Plain),
            part(fit::right(&failed.row.id.to_string(), 9), Role::Dim),
            part(format!("{:>4} ", failed.attempts), Role::Warn),
            part(fit::cut_right(&failed.error, error_width, cut), Role::Bad),
        ];
        brush.line(inner, row, &parts);
        if at == index {
            brush.tint(inner, row, Role::Selected);
        }
    }
}
