//! The command line (`:`): every action by its name, and the controls with what they take, in the words of the verbs:
//! `limit beta 16 MiB/s`, `ratio alpha 0.8`, `rebalance 60`, `filter state:stall`, `theme light`. It leads to the same previews
//! and dialogs as the keys.

use super::{control, key, queue_search};
use crate::action::{self, Action, REGISTRY, Row, Scope};
use crate::control::{INPUT_MAX, Menu, Prompt, Question, Target};
use crate::filter::Filter;
use crate::lists::{Sort, SortBy, fields};
use crate::ui::{Layer, Palette, Theme};
use crate::{Chord, Effect, Key, Model};
use twinhaul_units::PeerId;

/// A command: its name, what it takes, what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    pub name: &'static str,
    pub takes: &'static str,
    pub help: &'static str,
    /// What it does, for the key that does the same.
    pub action: Action,
}

/// Those that take something; what others take no key can say.
const TAKING: [(&str, &str); 17] = [
    ("pause", "[peer]"),
    ("resume", "[peer]"),
    ("drain", "peer"),
    ("retry", "[peer]"),
    ("ratio", "[peer] [0.05-0.95]"),
    ("limit", "[peer|shared|target T] rate"),
    ("slots", "[peer|target T] number"),
    ("rebalance", "[per cent of the first]"),
    ("filter", "[words]"),
    ("goto", "[row, or id N]"),
    ("sort", "[path, size, rate, eta, ...]"),
    ("theme", "[dark, light, contrast, mono]"),
    ("stop", ""),
    ("slow", "[peer]"),
    ("freeze-peer", "[peer]"),
    ("thaw-peer", "[peer]"),
    ("kill-peer", "[peer]"),
];

pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    model.ui.push(Layer::Palette(Palette::default()));
    Vec::new()
}

/// The commands that the first word may mean, those that begin with it first.
pub fn matches(palette: &Palette) -> Vec<Command> {
    let word = first_word(&palette.input).to_lowercase();
    let named = |row: &&Row| !matches!(row.scope, Scope::Dialog) && row.group != action::Group::Move;
    let command = |row: &'static Row| Command {
        name: row.id,
        takes: TAKING.iter().find(|(name, _)| *name == row.id).map_or("", |(_, takes)| takes),
        help: row.help,
        action: row.action,
    };
    let mut all: Vec<Command> = REGISTRY.iter().filter(named).map(command).collect();
    all.retain(|c| c.name.contains(&word) || c.help.to_lowercase().contains(&word));
    // The order of the registry within each.
    all.sort_by_key(|c| (c.name != word, !c.name.starts_with(&word), !c.name.contains(&word)));
    all
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

pub(super) fn key(model: &mut Model, chord: Chord, held: bool) -> Vec<Effect> {
    let Some(Layer::Palette(palette)) = model.ui.layers.last_mut() else { return Vec::new() };
    let found = matches(palette);
    let last = found.len().saturating_sub(1);
    match chord.key {
        Key::Esc => drop(model.ui.layers.pop()),
        Key::Char('c') if chord.ctrl => drop(model.ui.layers.pop()),
        Key::Down => palette.selected = (palette.selected + 1).min(last),
        Key::Up => palette.selected = palette.selected.saturating_sub(1),
        Key::Tab => {
            if let Some(command) = found.get(palette.selected) {
                palette.input = format!("{} ", command.name);
                palette.selected = 0;
            }
        }
        Key::Backspace => {
            palette.input.pop();
            (palette.selected, palette.error) = (0, None);
        }
        Key::Char('u') if chord.ctrl => *palette = Palette::default(),
        Key::Char(c) if !chord.ctrl && palette.input.chars().count() < INPUT_MAX => {
            palette.input.push(c);
            (palette.selected, palette.error) = (0, None);
        }
        Key::Enter if !held => {
            let Some(command) = found.get(palette.selected).copied() else { return Vec::new() };
            let rest = palette.input.trim().strip_prefix(first_word(&palette.input)).unwrap_or_default();
            let rest = rest.trim().to_owned();
            return enter(model, command, &rest);
        }
        _ => {}
    }
    Vec::new()
}

/// Does what was typed; what cannot be done stays in the line, with the reason.
fn enter(model: &mut Model, command: Command, rest: &str) -> Vec<Effect> {
    let Some(typed) = model.ui.layers.pop() else { return Vec::new() };
    let before = model.ui.layers.len();
    run(model, command, rest).unwrap_or_else(|why| {
        model.ui.layers.truncate(before);
        if let Layer::Palette(palette) = typed {
            model.ui.push(Layer::Palette(Palette { error: Some(why), ..palette }));
        }
        Vec::new()
    })
}

fn run(model: &mut Model, command: Command, rest: &str) -> Result<Vec<Effect>, String> {
    let action = command.action;
    match action {
        Action::Filter if !rest.is_empty() => {
            let row = action::row(action).ok_or("nothing to do")?;
            (row.enabled)(model)?;
            let panel = model.filtered().ok_or("nothing to filter here")?;
            let filter = Filter::parse(rest, fields(panel).unwrap_or_default())?;
            model.ui.filters.set(panel, filter);
            return Ok(queue_search::begin(model));
        }
        Action::Goto if !rest.is_empty() => {
            let row = action::row(action).ok_or("nothing to do")?;
            (row.enabled)(model)?;
            return queue_search::go_to(model, rest);
        }
        Action::Sort if !rest.is_empty() => {
            let by = SortBy::ALL.into_iter().find(|(_, by)| by.words().contains(rest));
            let (_, by) = by.ok_or_else(|| format!("rows are not sorted by \"{rest}\""))?;
            model.ui.sort = Sort { by, inverted: false };
            return Ok(Vec::new());
        }
        Action::Theme if !rest.is_empty() => {
            model.ui.theme = Theme::of(rest).ok_or_else(|| format!("there is no theme \"{rest}\""))?;
            return Ok(Vec::new());
        }
        _ => {}
    }
    let row = action::row(action).ok_or("nothing to do")?;
    if !matches!(row.scope, Scope::Control | Scope::Chaos) {
        nothing_more(command, rest)?;
        (row.enabled)(model)?;
        return Ok(key::run(model, row, None));
    }
    let (mut target, value) = whom(model, rest);
    if row.scope == Scope::Chaos && target == Target::Both {
        target = Target::One(PeerId::First);
    }
    // The menu says to whom; what follows takes its place.
    model.ui.push(Layer::Menu(Menu { scope: row.scope, target, selected: 0 }));
    (row.enabled)(model)?;
    let question = match action {
        Action::Ratio => Some(Question::Ratio),
        Action::Limit => Some(Question::Limit),
        Action::Slots => Some(Question::Slots),
        Action::Rebalance => Some(Question::Share),
        _ => None,
    };
    match question.filter(|_| !value.is_empty()) {
        None => {
            nothing_more(command, &value)?;
            Ok(key::run(model, row, None))
        }
        Some(question) => {
            let prompt = Prompt { question, target, input: value, default: String::new(), error: None };
            control::answered(model, &prompt)
        }
    }
}

/// What was typed and means nothing is not passed over.
fn nothing_more(command: Command, rest: &str) -> Result<(), String> {
    if rest.is_empty() {
        return Ok(());
    }
    let takes = if command.takes.is_empty() { "nothing" } else { command.takes };
    Err(format!("{} takes {takes}, and not \"{rest}\"", command.name))
}

/// A peer's name, or its letter, as the first word; else both, or the one whose panel is looked at.
fn whom(model: &Model, rest: &str) -> (Target, String) {
    let word = first_word(rest);
    let after = || rest.strip_prefix(word).unwrap_or_default().trim().to_owned();
    if word.eq_ignore_ascii_case("both") {
        return (Target::Both, after());
    }
    let named = PeerId::BOTH.into_iter().find(|peer| {
        let names = model.names();
        [names.name(*peer), names.tag(*peer)].iter().any(|name| name.eq_ignore_ascii_case(word))
    });
    match (named, model.ui.focus) {
        (Some(peer), _) => (Target::One(peer), after()),
        (None, crate::ui::Panel::Peer(peer)) => (Target::One(peer), rest.to_owned()),
        (None, _) => (Target::Both, rest.to_owned()),
    }
}
