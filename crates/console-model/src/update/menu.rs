//! The keys that all menus share: up and down, Enter and the letters of the registry, the way back.

use super::key;
use crate::action::{Action, REGISTRY, Row, Scope};
use crate::{Chord, Effect, Key, Keys, Model};

/// What a key in a menu asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Press {
    Back,
    Run(&'static Row),
    Nothing,
}

/// The lines of a menu.
pub fn rows(scope: Scope) -> Vec<&'static Row> {
    let in_menu = |row: &&Row| row.scope == scope && row.action != Action::NextTarget;
    REGISTRY.iter().filter(in_menu).collect()
}

/// Moves the selection, or says what is wanted. A key held down only moves.
pub(super) fn press(keys: &Keys, scope: Scope, selected: &mut usize, chord: Chord, held: bool) -> Press {
    let rows = rows(scope);
    let last = rows.len().saturating_sub(1);
    match chord.key {
        Key::Esc => return Press::Back,
        Key::Char('c') if chord.ctrl => return Press::Back,
        Key::Char('q') if !chord.ctrl => return Press::Back,
        Key::Down => *selected = (*selected + 1).min(last),
        Key::Up => *selected = selected.saturating_sub(1),
        Key::Char('j') if !chord.ctrl => *selected = (*selected + 1).min(last),
        Key::Char('k') if !chord.ctrl => *selected = selected.saturating_sub(1),
        // What moves in the panels moves here too, unless the menu has that key itself.
        _ if keys.lookup(scope, chord).is_none() && keys.is(Action::Down, chord) => {
            *selected = (*selected + 1).min(last);
        }
        _ if keys.lookup(scope, chord).is_none() && keys.is(Action::Up, chord) => {
            *selected = selected.saturating_sub(1);
        }
        _ if held => {}
        Key::Enter => return rows.get(*selected).copied().map_or(Press::Nothing, Press::Run),
        _ => return keys.lookup(scope, chord).map_or(Press::Nothing, Press::Run),
    }
    Press::Nothing
}

pub(super) fn follow(model: &mut Model, press: Press) -> Vec<Effect> {
    match press {
        Press::Back => {
            model.ui.layers.pop();
            Vec::new()
        }
        Press::Run(row) => key::run(model, row, None),
        Press::Nothing => Vec::new(),
    }
}
