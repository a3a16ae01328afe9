//! The help overlay and list of commands, made from the registry: every action, its keys, and why it is off.

use super::paint::{Brush, Part, part, scroll_to};
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::action::{Danger, Group, KEYS_WIDTH, Row};
use twinhaul_console_model::ui::Help;
use twinhaul_console_model::update::help::matches;
use twinhaul_console_model::words::glossary;
use twinhaul_console_model::{Model, fit};

/// Columns of a word that is explained.
const WORD_WIDTH: usize = 16;

/// A line of the overlay: a heading, an action, or a word.
enum Line {
    Heading(Group),
    Action(usize, &'static Row),
    /// Over the words.
    Words,
    /// A word on the screen, and what it means.
    Word(&'static str, &'static str),
}

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, help: &Help) {
    let rows = matches(&model.keys, help);
    let all = brush.buf.area;
    let inner = brush.popup(
        all.width,
        all.height,
        "Help",
        &[part("type to search, Enter runs, Esc closes", Role::Dim)],
    );
    if inner.height < 3 {
        return;
    }
    let search = [part("/ ", Role::Key), part(help.search.clone(), Role::Strong), part("_", Role::Dim)];
    brush.line(inner, 0, &search);
    let list = Rect { y: inner.y + 1, height: inner.height - 2, ..inner };
    let found = glossary::find(&help.search);
    let mut lines = grouped(&rows);
    if !found.is_empty() {
        let words = found.iter().map(|(word, means)| Line::Word(word, means));
        lines.splice(0..0, std::iter::once(Line::Words).chain(words));
    }
    if list.width >= 76 && found.is_empty() && lines.len() > usize::from(list.height) {
        let left: Vec<&Line> = lines.iter().filter(|l| on_the_left(l)).collect();
        let right: Vec<&Line> = lines.iter().filter(|l| !on_the_left(l)).collect();
        let half = list.width / 2;
        column(brush, model, &left, help, Rect { width: half - 1, ..list });
        column(brush, model, &right, help, Rect { x: list.x + half, width: list.width - half, ..list });
    } else {
        column(brush, model, &lines.iter().collect::<Vec<_>>(), help, list);
    }
    let explained = rows.get(help.selected).map(|row| explanation(model, row)).unwrap_or_default();
    let text = match (rows.is_empty(), help.search.is_empty()) {
        (true, _) if found.is_empty() => "nothing matches".to_owned(),
        (_, true) => format!("{explained}; a word of the screen is explained too: type portion"),
        _ => explained,
    };
    let text = fit::cut_right(&text, usize::from(inner.width), brush.skin.glyphs.cut);
    brush.line(inner, inner.height - 1, &[part(text, Role::Warn)]);
}

fn grouped(rows: &[&'static Row]) -> Vec<Line> {
    let mut lines = Vec::new();
    for group in Group::ALL {
        let members: Vec<(usize, &'static Row)> =
            rows.iter().copied().enumerate().filter(|(_, row)| row.group == group).collect();
        if !members.is_empty() {
            lines.push(Line::Heading(group));
            lines.extend(members.into_iter().map(|(i, row)| Line::Action(i, row)));
        }
    }
    lines
}

fn on_the_left(line: &Line) -> bool {
    let group = match line {
        Line::Heading(group) => *group,
        Line::Action(_, row) => row.group,
        Line::Words | Line::Word(..) => return true,
    };
    matches!(group, Group::Move | Group::Look)
}

fn column(brush: &mut Brush<'_>, model: &Model, lines: &[&Line], help: &Help, area: Rect) {
    let chosen = lines.iter().position(|l| matches!(l, Line::Action(i, _) if *i == help.selected));
    let from = chosen.map_or(0, |at| scroll_to(at, lines.len(), usize::from(area.height)));
    for (row, (at, line)) in (0..area.height).zip(lines.iter().enumerate().skip(from)) {
        match line {
            Line::Heading(group) => brush.line(area, row, &[part(group.words(), Role::Title)]),
            Line::Words => brush.line(area, row, &[part("WORDS", Role::Title)]),
            Line::Word(word, means) => {
                let word = part(format!(" {}", fit::left(word, WORD_WIDTH)), Role::Key);
                let room = usize::from(area.width).saturating_sub(WORD_WIDTH + 1);
                let means = fit::cut_right(means, room, brush.skin.glyphs.cut);
                brush.line(area, row, &[word, part(means, Role::Plain)]);
            }
            Line::Action(_, action) => {
                let parts = entry(model, action, usize::from(area.width), brush.skin.glyphs.cut);
                brush.line(area, row, &parts);
            }
        }
        if chosen == Some(at) {
            brush.tint(area, row, Role::Selected);
        }
    }
}

fn entry(model: &Model, row: &Row, width: usize, cut: &str) -> Vec<Part> {
    let off = (row.enabled)(model).is_err();
    let (key, text) = if off { (Role::Dim, Role::Dim) } else { (Role::Key, Role::Plain) };
    let keys = model.keys.in_help(row);
    let keys = fit::left(&keys, KEYS_WIDTH + 1);
    let sign = if off { "off: " } else { "" };
    let room = width.saturating_sub(KEYS_WIDTH + 2 + sign.len());
    vec![
        part(format!(" {keys}"), key),
        part(sign, Role::Dim),
        part(fit::cut_right(row.help, room, cut), text),
    ]
}

/// The selected action in full: its name, what it takes, its verb, or why it is off.
fn explanation(model: &Model, row: &Row) -> String {
    if let Err(why) = (row.enabled)(model) {
        return format!("{}: off: {why}", row.id);
    }
    let takes = match row.danger {
        Danger::None => "",
        Danger::Confirm => "; asks before it acts",
        Danger::Name => "; a name must be typed",
    };
    let verb = (row.verb)(model).map(|verb| format!("; same as: {verb}")).unwrap_or_default();
    format!("{}: {}{takes}{verb}", row.id, row.help)
}
