//! The mouse looks, and changes nothing of a run: the wheel scrolls, a click selects, a second one opens. A click in a menu or
//! a dialog does nothing; those are for keys, where a slip costs more than a click is worth.

use super::nav;
use crate::action::Action;
use crate::msg::{Hit, Mouse};
use crate::ui::{Cursor, Layer, Panel};
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
            let clicked = hit.row.map(|(id, _)| id);
            let again =
                model.focus() == hit.panel && clicked.is_some() && clicked == row_of(model, hit.panel);
            nav::look_at(model, hit.panel);
            if again {
                return nav::run(model, Action::Drill, None);
            }
            if let Some((id, index)) = hit.row {
                let cursor = Cursor { id: Some(id), index };
                match hit.panel {
                    Panel::Flight => model.ui.flight = cursor,
                    Panel::Assist => model.ui.assist = cursor,
                    Panel::Log => model.ui.log = cursor,
                    Panel::Messages => model.ui.messages = cursor,
                    Panel::Failed => model.ui.failed = cursor,
                    Panel::Peer(_) | Panel::Plot | Panel::Storage => {}
                }
            }
            Vec::new()
        }
    }
}

/// The id of the selected row.
fn row_of(model: &Model, panel: Panel) -> Option<u64> {
    let cursor = match panel {
        Panel::Flight => model.ui.flight,
        Panel::Assist => model.ui.assist,
        Panel::Log => model.ui.log,
        Panel::Messages => model.ui.messages,
        Panel::Failed => model.ui.failed,
        Panel::Peer(_) | Panel::Plot | Panel::Storage => return None,
    };
    cursor.id
}
