//! `d`: what is wrong, how that is known, what it is not, and what can be done. What the screen knows is told at once; a look
//! at the processes, which takes up to a second, takes its place when it comes.

use super::{data, palette};
use crate::action::{self, Action};
use crate::ui::{DiagnosisView, Layer, Palette};
use crate::words::{Mood, diagnosis::PageLine};
use crate::{Chord, Clean, Effect, Key, Model};
use twinhaul_diagnose::{Diagnosis, EVENTS_MAX, Evidence, diagnose};
use twinhaul_units::PeerId;

pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let told = of_snapshots(model);
    let live = model.replay.is_none() && model.frozen.is_none();
    model.ui.push(Layer::Diagnosis(Box::new(DiagnosisView {
        diagnosis: told,
        looking: live,
        selected: 0,
        error: None,
    })));
    if live { vec![Effect::Diagnose] } else { Vec::new() }
}

/// From what is on the screen: the only way in a replay, and while it is frozen.
fn of_snapshots(model: &Model) -> Option<Diagnosis> {
    let board = model.board();
    let run = board.run.as_ref()?;
    let peers: Vec<_> = PeerId::BOTH.into_iter().filter_map(|p| board.pane(p).snapshot.clone()).collect();
    // The newest; older ones would be copied to be left out.
    let skip = board.events.len().saturating_sub(EVENTS_MAX);
    let events: Vec<_> = board.events.iter().skip(skip).cloned().collect();
    let mut evidence = Evidence::of_snapshots(run, &peers, &events);
    // What the ledger was not asked is not known: which failure a retry took back.
    evidence.given_up = board.failed.as_ref().filter(|page| !page.more).map(|_| board.given_up_ids());
    Some(diagnose(&evidence, model.shown_at_ms()))
}

/// The look has come back.
pub(super) fn come(model: &mut Model, told: &Result<Clean<Diagnosis>, String>) -> Vec<Effect> {
    let views = model.ui.layers.iter_mut().filter_map(|layer| match layer {
        Layer::Diagnosis(view) => Some(view),
        _ => None,
    });
    for view in views {
        view.looking = false;
        match told {
            Ok(diagnosis) => view.diagnosis = Some((**diagnosis).clone()),
            Err(why) => view.error = Some(crate::clean::text(why)),
        }
    }
    Vec::new()
}

/// The page as it is drawn.
pub fn page(model: &Model, view: &DiagnosisView) -> Vec<PageLine> {
    // The longest line that all sizes but the smallest can show.
    let width = usize::from(model.size.0.min(100)).saturating_sub(6);
    let clock = |at_ms| model.clock.of_day(at_ms);
    view.diagnosis.as_ref().map(|d| crate::words::diagnosis::page(d, width, &clock)).unwrap_or_default()
}

pub(super) fn key(model: &mut Model, chord: Chord, held: bool) -> Vec<Effect> {
    let Some(Layer::Diagnosis(view)) = model.ui.layers.last() else { return Vec::new() };
    let lines = page(model, view);
    let verbs: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].verb.is_some()).collect();
    let at = view.selected.min(lines.len().saturating_sub(1));
    let to = |index: usize| index.min(lines.len().saturating_sub(1));
    let rows = usize::from(model.size.1.saturating_sub(8)).max(1);
    let selected = match chord.key {
        Key::PageDown => to(at + rows),
        Key::Char('d') if chord.ctrl => to(at + rows),
        Key::Char('u') if chord.ctrl => at.saturating_sub(rows),
        Key::Esc | Key::Char('q') => {
            model.ui.layers.pop();
            return Vec::new();
        }
        // What opened it closes it.
        _ if model.keys.is(Action::Diagnose, chord) => {
            model.ui.layers.pop();
            return Vec::new();
        }
        Key::Char('c') if chord.ctrl => {
            model.ui.layers.pop();
            return Vec::new();
        }
        Key::Down | Key::Char('j') => to(at + 1),
        Key::Up | Key::Char('k') => at.saturating_sub(1),
        Key::PageUp => at.saturating_sub(rows),
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => to(usize::MAX),
        // From one way out to the next.
        Key::Tab => verbs.iter().copied().find(|v| *v > at).or(verbs.first().copied()).unwrap_or(at),
        Key::BackTab => verbs.iter().rev().copied().find(|v| *v < at).or(verbs.last().copied()).unwrap_or(at),
        // One look at a time: it costs the machine that is looked at.
        Key::Char('r') if !held && !view.looking => return again(model),
        Key::Char('y') => {
            let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
            return vec![Effect::Copy { text: text.join("\n"), what: "the diagnosis".into() }];
        }
        Key::Enter if !held => {
            let verb = lines.get(at).and_then(|line| line.verb.clone());
            return verb.map(|verb| take(model, &verb)).unwrap_or_default();
        }
        _ if !held && model.keys.is(Action::Bundle, chord) => {
            return action::row(Action::Bundle)
                .map(|row| super::key::run(model, row, None))
                .unwrap_or_default();
        }
        _ if model.keys.is(Action::Down, chord) => to(at + 1),
        _ if model.keys.is(Action::Up, chord) => at.saturating_sub(1),
        _ => at,
    };
    if let Some(Layer::Diagnosis(view)) = model.ui.layers.last_mut() {
        view.selected = selected;
    }
    Vec::new()
}

fn again(model: &mut Model) -> Vec<Effect> {
    let told = of_snapshots(model);
    let live = model.replay.is_none() && model.frozen.is_none();
    if let Some(Layer::Diagnosis(view)) = model.ui.layers.last_mut() {
        view.looking = live;
        view.error = None;
        view.diagnosis = told.or(view.diagnosis.take());
    }
    if live { vec![Effect::Diagnose] } else { Vec::new() }
}

/// A way out is taken: what the console can do itself is put into its command line, which shows what would happen and asks;
/// anything else is copied, for a shell.
fn take(model: &mut Model, verb: &str) -> Vec<Effect> {
    let words: Vec<&str> = verb.split_whitespace().collect();
    let own = match words.as_slice() {
        ["twinhaul", name, run, rest @ ..] if *run == model.run => {
            let row =
                action::REGISTRY.iter().find(|row| row.id == *name && row.scope == action::Scope::Control);
            let rest: Vec<&str> = rest.iter().copied().filter(|word| *word != "--peer").collect();
            row.filter(|_| !rest.iter().any(|word| word.starts_with('-')))
                .map(|row| format!("{} {}", row.id, rest.join(" ").replace('\'', "")))
        }
        _ => None,
    };
    let Some(line) = own else {
        data::say(model, Mood::Plain, "to be typed in a shell; it is copied");
        return vec![Effect::Copy { text: verb.to_owned(), what: verb.to_owned() }];
    };
    let mut palette = Palette { input: line, ..Palette::default() };
    palette.selected = palette::matches(&palette).iter().position(|c| c.name == words[1]).unwrap_or(0);
    model.ui.push(Layer::Palette(palette));
    Vec::new()
}
