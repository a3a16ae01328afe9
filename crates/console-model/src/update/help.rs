//! The help overlay, which is the list of commands too: typing searches, Enter runs.

use super::key;
use crate::action::{Action, Group, REGISTRY, Row, Scope};
use crate::control::INPUT_MAX;
use crate::ui::{Help, Layer};
use crate::{Chord, Effect, Key, Keys, Model};

pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    model.ui.push(Layer::Help(Help::default()));
    Vec::new()
}

/// The rows that match what was typed, in the registry's order.
pub fn matches(keys: &Keys, help: &Help) -> Vec<&'static Row> {
    let search = help.search.to_lowercase();
    let fits = |row: &&'static Row| {
        let text = format!("{} {} {} {}", row.id, row.title, row.help, row.group.words()).to_lowercase();
        is_key_of(keys, row, &help.search) || search.split(' ').all(|word| text.contains(word))
    };
    REGISTRY.iter().filter(fits).collect()
}

/// Whether what was typed is exactly a key of it: the question is what that key does.
fn is_key_of(keys: &Keys, row: &Row, typed: &str) -> bool {
    keys.of(row.action).iter().any(|key| key.to_string() == typed)
}

pub(super) fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Layer::Help(help)) = model.ui.layers.last_mut() else { return Vec::new() };
    let rows = matches(&model.keys, help);
    let last = rows.len().saturating_sub(1);
    // What opened it closes it, unless it belongs to a search.
    let closes = model.keys.is(Action::Help, chord)
        && match chord.key {
            Key::Char(c) if !chord.ctrl => help.search.is_empty() && !c.is_alphanumeric(),
            _ => true,
        };
    match chord.key {
        Key::Esc => drop(model.ui.layers.pop()),
        _ if closes => drop(model.ui.layers.pop()),
        Key::Char('c') if chord.ctrl => drop(model.ui.layers.pop()),
        Key::Down | Key::Tab => help.selected = (help.selected + 1).min(last),
        Key::Up | Key::BackTab => help.selected = help.selected.saturating_sub(1),
        Key::PageDown => help.selected = (help.selected + 10).min(last),
        Key::PageUp => help.selected = help.selected.saturating_sub(10),
        Key::Home => help.selected = 0,
        Key::End => help.selected = last,
        Key::Backspace => {
            help.search.pop();
            help.selected = 0;
        }
        Key::Char(c) if !chord.ctrl && help.search.chars().count() < INPUT_MAX => {
            help.search.push(c);
            let rows = matches(&model.keys, help);
            let asked = |row: &&Row| row.scope == Scope::Main && is_key_of(&model.keys, row, &help.search);
            help.selected = rows.iter().position(asked).unwrap_or(0);
        }
        Key::Enter => {
            let chosen = rows.get(help.selected).copied();
            model.ui.layers.pop();
            return chosen.map(|row| run(model, row)).unwrap_or_default();
        }
        _ => {}
    }
    Vec::new()
}

/// Keys that only move have no meaning without their place; everything else can be run from here.
fn run(model: &mut Model, row: &'static Row) -> Vec<Effect> {
    if row.group == Group::Move || row.scope == Scope::Dialog {
        return Vec::new();
    }
    key::run(model, row, None)
}
