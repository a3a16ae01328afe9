//! The mouse looks, and changes nothing of a run: the wheel scrolls, a click selects, a second one opens. A click in a menu or
//! a dialog does nothing; those are for keys, where a slip costs more than a click is worth.

use super::nav;
use crate::action::Action;
use crate::msg::{Hit, Mouse};
use crate::ui::{Cursor, Layer};
use crate::{Effect, Model};

/// Rows that a notch of the wheel moves by.
const WHEEL: i64 = 3;

pub(super) fn mouse(model: &mut Model, mouse: Mouse) -> Vec<Effect> {
    match mouse {
        Mouse::Wheel { up, over } => {
            let looks = model.ui.layers.iter().all(|l| matches!(l, Layer::Queue(_) | Layer::Detail { .. }));
            if !looks {
                return Vec::new();
            }
            if let Some(Hit { panel, .. }) = over.filter(|_| model.ui.layers.is_empty()) {
                nav::look_at(model, panel);
            }
            nav::shift(model, if up { -WHEEL } else { WHEEL })
        }
        Mouse::Click(hit) => {
            if !model.ui.layers.is_empty() || model.summary_shown() {
                return Vec::new();
            }
            let before = model.ui.cursor(hit.panel).and_then(|cursor| cursor.id);
            let again = model.focus() == hit.panel && before.is_some() && before == hit.row.map(|(id, _)| id);
            nav::look_at(model, hit.panel);
            if again {
                return nav::run(model, Action::Drill, None);
            }
            if let (Some((id, index)), Some(cursor)) = (hit.row, model.ui.cursor(hit.panel)) {
                *cursor = Cursor { id: Some(id), index };
            }
            Vec::new()
        }
    }
}
