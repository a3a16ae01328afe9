//! The command line: what is typed, what it may mean, and what it takes.

use super::paint::{Brush, part, scroll_to};
use crate::skin::Role;
use twinhaul_console_model::fit;
use twinhaul_console_model::ui::Palette;
use twinhaul_console_model::update::palette::matches;

const WIDTH: u16 = 76;
const ROWS: u16 = 9;

pub(crate) fn draw(brush: &mut Brush<'_>, palette: &Palette) {
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
        let parts = [
            part(format!(" {}", fit::left(&name, 34)), Role::Plain),
            part(fit::cut_right(command.help, width.saturating_sub(35), cut), Role::Dim),
        ];
        brush.line(inner, row, &parts);
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
