//! The command line: what is typed, what it may mean, what it takes, and the key that does the same.

use super::paint::{Brush, part, scroll_to};
use crate::skin::Role;
use twinhaul_console_model::action;
use twinhaul_console_model::ui::Palette;
use twinhaul_console_model::update::palette::matches;
use twinhaul_console_model::{Model, fit};

const WIDTH: u16 = 76;
const ROWS: u16 = 9;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, palette: &Palette) {
    let hint = [part("Tab completes  Enter runs  Esc closes", Role::Dim)];
    let inner = brush.popup(WIDTH, ROWS + 4, "Command", &hint);
    if inner.height < 3 {
        return;
    }
    let width = usize::from(inner.width);
    let cut = brush.skin.glyphs.cut;
    let typed = fit::cut_left(&palette.input, width.saturating_sub(4), cut);
    brush.line(inner, 0, &[part(": ", Role::Key), part(typed, Role::Strong), part("_", Role::Dim)]);
    let found = matches(palette);
    let height = usize::from(inner.height.saturating_sub(2));
    let from = scroll_to(palette.selected, found.len(), height);
    for (row, (at, command)) in (1..).zip(found.iter().enumerate().skip(from).take(height)) {
        let name = format!("{} {}", command.name, command.takes);
        let key = action::row(command.action).map(|row| model.keys.shortest(row)).unwrap_or_default();
        let room = width.saturating_sub(35 + 2 + fit::width(&key));
        let parts = [
            part(format!(" {}", fit::left(&name, 34)), Role::Plain),
            part(fit::cut_right(command.help, room, cut), Role::Dim),
        ];
        brush.line(inner, row, &parts);
        brush.line_right(inner, row, &[part(key, Role::Key), part(" ", Role::Plain)]);
        if at == palette.selected {
            brush.tint(inner, row, Role::Selected);
        }
    }
    let last = inner.height - 1;
    if let Some(why) = &palette.error {
        brush.line(inner, last, &[part(fit::cut_right(&format!("! {why}"), width, cut), Role::Bad)]);
    } else if found.is_empty() {
        brush.line(inner, last, &[part("no command is called so", Role::Warn)]);
    }
}
