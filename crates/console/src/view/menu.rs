//! The `x` menu and the prompt: what can be done, to whom, and the verb it equals.

use super::paint::{Brush, part};
use crate::skin::Role;
use twinhaul_console_model::action::{Action, Row, Scope};
use twinhaul_console_model::control::{Menu, Prompt, Question, Target};
use twinhaul_console_model::lists::SortBy;
use twinhaul_console_model::ui::Items;
use twinhaul_console_model::update::menu::rows;
use twinhaul_console_model::{Model, fit};
use twinhaul_units::PeerId;

/// Inside width of the forms.
const WIDTH: u16 = 74;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, menu: Menu) {
    let rows = rows(menu.scope);
    let what = if menu.scope == Scope::Chaos { "Chaos" } else { "Run control" };
    let title = format!("{what}: {}", target(model, menu.target));
    actions(brush, model, &title, "Tab for whom", &rows, menu.selected);
}

/// What can be done with the rows that the menu was opened for.
pub(crate) fn draw_items(brush: &mut Brush<'_>, model: &Model, menu: &Items) {
    let title = match menu.ids.as_slice() {
        [one] => format!("Transfer {one}"),
        all => format!("{} transfers", all.len()),
    };
    actions(brush, model, &title, "", &rows(Scope::Items), menu.selected);
}

fn actions(
    brush: &mut Brush<'_>,
    model: &Model,
    title: &str,
    corner: &str,
    rows: &[&'static Row],
    selected: usize,
) {
    let hint = if corner.is_empty() { Vec::new() } else { vec![part(corner, Role::Dim)] };
    let inner = brush.popup(WIDTH, rows.len() as u16 + 5, title, &hint);
    let width = usize::from(inner.width);
    let widths = rows.iter().map(|row| fit::width(&model.keys.first(row.action)));
    let width_of_keys = widths.max().unwrap_or(0).max(1);
    for (at, (i, row)) in (0..).zip(rows.iter().enumerate()) {
        let off = (row.enabled)(model).err();
        let key = fit::left(&model.keys.first(row.action), width_of_keys);
        let (key_role, role) = if off.is_some() { (Role::Dim, Role::Dim) } else { (Role::Key, Role::Plain) };
        let text = off.map_or_else(|| row.help.to_owned(), |why| format!("off: {why}"));
        let parts = [
            part(format!(" {key}  "), key_role),
            part(fit::left(row.title, 12), role),
            part(
                fit::cut_right(&text, width.saturating_sub(15 + width_of_keys), brush.skin.glyphs.cut),
                role,
            ),
        ];
        brush.line(inner, at, &parts);
        if i == selected {
            brush.tint(inner, at, Role::Selected);
        }
    }
    let verb = rows.get(selected).and_then(|row| (row.verb)(model)).unwrap_or_default();
    if !verb.is_empty() {
        brush.line(inner, rows.len() as u16 + 1, &[part(" same as  ", Role::Dim), part(verb, Role::Strong)]);
    }
    let hint = [
        part(" Enter", Role::Key),
        part(" or its letter; nothing is done before ", Role::Dim),
        part("y", Role::Key),
        part("   ", Role::Plain),
        part("Esc", Role::Key),
        part(" back", Role::Dim),
    ];
    brush.line(inner, rows.len() as u16 + 2, &hint);
}

/// What panel 3 can be sorted by.
pub(crate) fn draw_sort(brush: &mut Brush<'_>, model: &Model) {
    let inner = brush.popup(40, SortBy::ALL.len() as u16 + 4, "Sort panel 3 by", &[]);
    for (row, (key, by)) in (0..).zip(SortBy::ALL) {
        let is = model.ui.sort.by == by;
        let now = match (is, model.ui.sort.inverted) {
            (true, true) => "  now, turned round",
            (true, false) => "  now",
            (false, _) => "",
        };
        let parts = [
            part(format!(" {key}  "), Role::Key),
            part(by.words(), if is { Role::Strong } else { Role::Plain }),
            part(now, Role::Dim),
        ];
        brush.line(inner, row, &parts);
    }
    let invert = model.keys.first(Action::Invert);
    let or = if invert.is_empty() {
        " the same again turns it round"
    } else {
        " or the same again turns it round"
    };
    let hint = [part(format!(" {invert}"), Role::Key), part(or, Role::Dim)];
    brush.line(inner, SortBy::ALL.len() as u16 + 1, &hint);
}

fn target(model: &Model, target: Target) -> String {
    match target {
        Target::Both => {
            format!("{} and {}", model.names().name(PeerId::First), model.names().name(PeerId::Second))
        }
        Target::One(peer) => model.names().name(peer).to_owned(),
    }
}

/// How the queued bytes are divided, and which shares halve a queue: `now 18; with half of beta's queue 59, without half of alpha's 9`.
fn shares(model: &Model) -> String {
    let queued = |peer| model.live.pane(peer).snapshot.as_ref().map_or(0, |s| s.queue.bytes) as f64;
    let [first, second] = PeerId::BOTH.map(queued);
    if first + second <= 0.0 {
        return String::new();
    }
    let percent = |part: f64| (part / (first + second) * 100.0).round();
    let [name, other] = PeerId::BOTH.map(|peer| model.names().name(peer));
    let (half, rest) = (percent(first + second / 2.0), percent(first / 2.0));
    format!("now {}; with half of {other}'s queue {half}, without half of {name}'s {rest}", percent(first))
}

pub(crate) fn draw_prompt(brush: &mut Brush<'_>, model: &Model, prompt: &Prompt) {
    let first = model.names().name(PeerId::First);
    let (title, ask) = match prompt.question {
        Question::Share => {
            ("Rebalance".to_owned(), format!("{first}'s share of all remaining bytes, in per cent"))
        }
        Question::Ratio => (
            format!("Ratio of {}", target(model, prompt.target)),
            "share of its queue handed over when asked, 0.05 to 0.95".to_owned(),
        ),
        Question::Limit => (
            format!("Limit of {}", target(model, prompt.target)),
            "16 MiB/s, none, profile; shared ...; target NAME ...".to_owned(),
        ),
        Question::Slots => (
            format!("Slots of {}", target(model, prompt.target)),
            "a number, or profile; target NAME ...".to_owned(),
        ),
        Question::Goto => ("Go to".to_owned(), "a row of the queue: 1204331, or id 48213".to_owned()),
    };
    let goes =
        if prompt.question == Question::Goto { " goes there   " } else { " shows what would happen   " };
    let inner = brush.popup(WIDTH, 7, &title, &[]);
    let width = usize::from(inner.width);
    brush.line(inner, 0, &[part(fit::cut_right(&ask, width, ""), Role::Plain)]);
    if prompt.question == Question::Share {
        brush.line(inner, 1, &[part(fit::cut_right(&shares(model), width, ""), Role::Dim)]);
    }
    let typed = if prompt.input.is_empty() {
        [
            part("> ", Role::Key),
            part(prompt.default.clone(), Role::Dim),
            part("  (Enter takes it)", Role::Dim),
        ]
    } else {
        let input = fit::cut_left(&prompt.input, width.saturating_sub(4), brush.skin.glyphs.cut);
        [part("> ", Role::Key), part(input, Role::Strong), part("_", Role::Dim)]
    };
    brush.line(inner, 2, &typed);
    if let Some(error) = &prompt.error {
        brush.line(inner, 3, &[part(fit::cut_right(&format!("! {error}"), width, ""), Role::Bad)]);
    }
    let hint =
        [part("Enter", Role::Key), part(goes, Role::Dim), part("Esc", Role::Key), part(" back", Role::Dim)];
    brush.line(inner, 4, &hint);
}
