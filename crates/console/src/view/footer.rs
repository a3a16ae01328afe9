//! The last line: key hints by priority from the registry, or what came of the last control.

use super::paint::{Brush, Field, Part, fitting, mood, part};
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::action::{Action, REGISTRY, Row};
use twinhaul_console_model::ui::Layer;
use twinhaul_console_model::words::Mood;
use twinhaul_console_model::{Model, SizeClass, fit};

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if let Some(Layer::Filter(line)) = model.ui.top() {
        let hint = match &line.error {
            Some(why) => part(format!("   ! {why}"), Role::Bad),
            None => part("   Enter keeps  Esc goes back  words, !not, field:text, size>1G, a,b", Role::Dim),
        };
        let room = usize::from(inside.width).saturating_sub(3);
        let typed = fit::cut_left(&line.input, room, brush.skin.glyphs.cut);
        brush.line(inside, 0, &[part("/", Role::Key), part(typed, Role::Strong), part("_", Role::Dim), hint]);
        return;
    }
    if !model.ui.typed.is_empty() {
        let typed: Vec<String> = model.ui.typed.iter().map(ToString::to_string).collect();
        let hint = part("  goes on with another key; Esc forgets it", Role::Dim);
        brush.line(inside, 0, &[part(format!("{} _", typed.join(" ")), Role::Key), hint]);
        return;
    }
    if let Some(toast) = &model.ui.toast {
        let (sign, end) = match toast.mood {
            Mood::Bad => ("! ", "  Esc"),
            Mood::Warn => ("- ", ""),
            Mood::Good | Mood::Plain => ("", ""),
        };
        let room = usize::from(inside.width).saturating_sub(sign.len() + end.len());
        let text = fit::cut_right(&toast.text, room, brush.skin.glyphs.cut);
        brush.line(inside, 0, &[part(format!("{sign}{text}"), mood(toast.mood)), part(end, Role::Key)]);
        return;
    }
    let hints = if model.summary_shown() && model.ui.layers.is_empty() {
        let (quit, help) = (model.keys.first(Action::Quit), model.keys.first(Action::Help));
        let mut hints = vec![hint(&format!("{quit} Enter"), "leave", 9)];
        // The smallest layout shows what there is to see.
        if model.class() > SizeClass::Status {
            hints.push(hint("Esc", "look at the panels", 9));
        }
        hints.extend(Some(help).filter(|key| !key.is_empty()).map(|key| hint(&key, "help", 9)));
        hints
    } else {
        registry(model)
    };
    brush.line(inside, 0, &fitting(hints, usize::from(inside.width), 2));
}

fn hint(key: &str, title: &str, keep: u8) -> Field {
    Field::new(keep, vec![part(key, Role::Key), part(format!(" {title}"), Role::Plain)])
}

/// Rows with a place in the footer, first places first.
fn registry(model: &Model) -> Vec<Field> {
    let has_key = |row: &&Row| row.footer > 0 && !model.keys.of(row.action).is_empty();
    let mut rows: Vec<&Row> = REGISTRY.iter().filter(has_key).collect();
    rows.sort_by_key(|row| row.footer);
    let on_top = matches!(model.ui.top(), Some(Layer::Queue(_) | Layer::Detail { .. }));
    let in_queue = matches!(model.ui.top(), Some(Layer::Queue(_)));
    if model.class() == SizeClass::Status {
        // There is no room for what does not work.
        rows.retain(|row| (row.enabled)(model).is_ok());
    }
    if in_queue {
        rows.retain(|row| QUEUE.iter().all(|(action, ..)| *action != row.action));
    }
    let mut fields: Vec<Field> = rows
        .into_iter()
        .map(|row| {
            // Help and the way out are the last to go.
            let keep = if matches!(row.action, Action::Help | Action::Quit | Action::Control) {
                20
            } else {
                20 - row.footer
            };
            Field::new(keep, words(model, row))
        })
        .collect();
    if model.replay.is_some() {
        fields.retain(|f| f.keep >= 20);
        let replay = REPLAY.iter().filter_map(|(actions, what)| together(model, actions, what, 25));
        fields.splice(0..0, replay);
    }
    if in_queue {
        let queue = QUEUE.iter().filter_map(|(action, what, keep)| together(model, &[*action], what, *keep));
        fields.splice(0..0, queue);
    }
    if on_top || model.ui.expanded {
        fields.insert(0, hint("Esc", "back", 30));
    }
    fields
}

/// What a queue's footer says first: what it is opened for.
const QUEUE: [(Action, &str, u8); 3] =
    [(Action::Filter, "filter", 25), (Action::Items, "act", 25), (Action::Goto, "go to", 19)];

/// What a replay's footer says first.
const REPLAY: [(&[Action], &str); 4] = [
    (&[Action::Play], "hold"),
    (&[Action::SeekBack, Action::SeekOn], "10 s"),
    (&[Action::TroubleOn, Action::TroubleBack], "trouble"),
    (&[Action::Slower, Action::Faster], "pace"),
];

/// Keys that belong together; nothing where none of them has one.
fn together(model: &Model, actions: &[Action], what: &str, keep: u8) -> Option<Field> {
    let keys: Vec<String> = actions.iter().map(|action| model.keys.first(*action)).collect();
    let keys = keys.join(" ");
    (!keys.trim().is_empty()).then(|| hint(keys.trim(), what, keep))
}

fn words(model: &Model, row: &Row) -> Vec<Part> {
    let key = model.keys.first(row.action);
    let off = (row.enabled)(model).is_err();
    let key_role = if off { Role::Dim } else { Role::Key };
    let role = if off { Role::Dim } else { Role::Plain };
    vec![part(key, key_role), part(format!(" {}", row.title), role)]
}
