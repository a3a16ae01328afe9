//! The diagnosis, over everything else: the page that `twinhaul diagnose` prints, with its ways out to choose from.

use super::paint::{Brush, mood, part, scroll_to};
use crate::skin::Role;
use twinhaul_console_model::Model;
use twinhaul_console_model::action::Action;
use twinhaul_console_model::ui::DiagnosisView;
use twinhaul_console_model::update::diagnosis::page;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, view: &DiagnosisView) {
    let lines = page(model, view);
    let all = brush.buf.area;
    let (width, height) = (all.width.min(100), all.height.saturating_sub(2));
    let bundle = model.keys.way_to(Action::Bundle);
    let hint = [part(
        format!("Tab next way out  Enter takes it  r again  y copies  {bundle} bundle  Esc"),
        Role::Dim,
    )];
    let rows = height.saturating_sub(3);
    let selected = view.selected.min(lines.len().saturating_sub(1));
    let from = scroll_to(selected, lines.len(), usize::from(rows));
    let to = lines.len().min(from + usize::from(rows));
    let title = if to - from < lines.len() {
        format!("Diagnosis, lines {}-{to} of {}", from + 1, lines.len())
    } else {
        "Diagnosis".to_owned()
    };
    let inner = brush.popup(width, height, &title, &hint);
    let note = match (&view.error, view.looking) {
        (Some(why), _) => part(format!("the processes could not be looked at: {why}"), Role::Warn),
        (None, true) => part("looking at the processes ...", Role::Dim),
        (None, false) => part("", Role::Plain),
    };
    brush.line(inner, rows, &[note]);
    if lines.is_empty() && !view.looking {
        brush.line(inner, 0, &[part("nothing is known of the run yet", Role::Warn)]);
    }
    for (row, (at, line)) in (0..rows).zip(lines.iter().enumerate().skip(from)) {
        let role = if line.heading { Role::Title } else { mood(line.mood) };
        brush.line(inner, row, &[part(line.text.clone(), role)]);
        if at == selected {
            brush.tint(inner, row, Role::Selected);
            // Not by its colours alone.
            brush.text(inner.x.saturating_sub(1), inner.y + row, 1, brush.skin.glyphs.mark, Role::Focus);
        }
    }
}
