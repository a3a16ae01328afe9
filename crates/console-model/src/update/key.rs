//! From a key to what it does: the topmost layer first, then the registry. No key is interpreted anywhere else.

use super::{control, data, diagnosis, dialog, filter, help, items, leave, nav, palette, take_out, undo};
use crate::action::{Action, Danger, Row, Scope};
use crate::control::{HELD_DOWN, Question, Target};
use crate::keymap::Step;
use crate::ui::Layer;
use crate::words::Mood;
use crate::{Chord, Effect, Key, Left, Model, Press, Seek};

/// Seconds of a step in a replay.
const SEEK_S: i64 = 10;

pub(super) fn press(model: &mut Model, press: Press) -> Vec<Effect> {
    let held = press.repeat || held_down(model, press.chord);
    model.ui.last_key = Some((press.chord, model.key_time()));
    if !matches!(model.ui.top(), None | Some(Layer::Queue(_) | Layer::Detail { .. })) {
        model.ui.typed.clear();
    }
    if press.chord == Chord::ctrl('z') {
        model.ui.typed.clear();
        return vec![Effect::Suspend];
    }
    match model.ui.top() {
        Some(Layer::Dialog(_)) => dialog::key(model, press.chord, held),
        Some(Layer::Leave(_)) => leave::key(model, press.chord, held),
        Some(Layer::Prompt(_)) => control::prompt_key(model, press.chord, held),
        Some(Layer::Menu(_)) => control::menu_key(model, press.chord, held),
        Some(Layer::Items(_)) => items::menu_key(model, press.chord, held),
        Some(Layer::Filter(_)) => filter::key(model, press.chord),
        Some(Layer::Sort) => nav::sort_key(model, press.chord),
        Some(Layer::Palette(_)) => palette::key(model, press.chord, held),
        Some(Layer::Diagnosis(_)) => diagnosis::key(model, press.chord, held),
        Some(Layer::Help(_)) => help::key(model, press.chord),
        Some(Layer::Queue(_) | Layer::Detail { .. }) | None => main_key(model, press.chord, held),
    }
}

/// Pasted text goes into a prompt or a search, and nowhere else: it must never act.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let line: String = crate::clean::text(text.lines().next().unwrap_or_default());
    for c in line.chars() {
        let chord = Chord::plain(Key::Char(c));
        match model.ui.top() {
            Some(Layer::Prompt(_)) => drop(control::prompt_key(model, chord, false)),
            Some(Layer::Help(_)) => drop(help::key(model, chord)),
            Some(Layer::Filter(_)) => drop(filter::key(model, chord)),
            Some(Layer::Palette(_)) => drop(palette::key(model, chord, false)),
            _ => {}
        }
    }
    Vec::new()
}

/// Terminals that do not mark repeats send a held key as many presses, closer together than fingers type.
fn held_down(model: &Model, chord: Chord) -> bool {
    model.ui.last_key.is_some_and(|(last, at)| last == chord && model.key_time().since(at) < HELD_DOWN)
}

fn main_key(model: &mut Model, chord: Chord, held: bool) -> Vec<Effect> {
    let scopes: &[Scope] =
        if model.replay.is_some() { &[Scope::Replay, Scope::Main] } else { &[Scope::Main] };
    let mut typed = std::mem::take(&mut model.ui.typed);
    let step = model.keys.step(scopes, &typed, chord);
    if let Step::Run(row) = step
        && row.scope == Scope::Replay
    {
        return run(model, row, Some(chord));
    }
    let begins = matches!(step, Step::More);
    if model.summary_shown() && model.ui.layers.is_empty() && typed.is_empty() && !begins {
        match chord.key {
            Key::Enter | Key::Char(' ') => return vec![Effect::Leave(ended(model))],
            Key::Esc => {
                model.ui.summary_closed = true;
                return Vec::new();
            }
            _ => {}
        }
    }
    match step {
        // What leaves a file behind is not done again and again by a key that is held.
        Step::Run(row) if held && matches!(row.action, Action::Save | Action::Bundle) => Vec::new(),
        Step::Run(row) => run(model, row, Some(chord)),
        Step::More => {
            typed.push(chord);
            model.ui.typed = typed;
            Vec::new()
        }
        Step::Nothing => Vec::new(),
    }
}

fn ended(model: &Model) -> Left {
    Left::Ended { exit: model.live.exit() }
}

/// Does what a row of the registry says, or says why not.
pub(super) fn run(model: &mut Model, row: &'static Row, chord: Option<Chord>) -> Vec<Effect> {
    if let Err(why) = (row.enabled)(model) {
        let what = if row.danger == Danger::None { String::new() } else { format!("{}: off: ", row.id) };
        data::say(model, Mood::Warn, &format!("{what}{why}"));
        return Vec::new();
    }
    match row.action {
        Action::Suspend => vec![Effect::Suspend],
        Action::Mouse => {
            model.ui.mouse = !model.ui.mouse;
            let text = if model.ui.mouse {
                "the mouse is ours again: wheel scrolls, click selects".to_owned()
            } else {
                let key = model.keys.way(row);
                format!("the mouse is the terminal's: select text with it; {key} takes it back")
            };
            data::say(model, Mood::Plain, &text);
            vec![Effect::TakeMouse(model.ui.mouse)]
        }
        Action::Theme => {
            model.ui.theme = model.ui.theme.next();
            let text = format!("theme: {}", model.ui.theme.words());
            data::say(model, Mood::Plain, &text);
            Vec::new()
        }
        Action::Redraw => vec![Effect::Redraw],
        Action::Copy | Action::CopyJson => take_out::copy(model, row.action == Action::CopyJson),
        Action::Save => take_out::save(model),
        Action::Help => help::open(model),
        Action::Palette => palette::open(model),
        Action::Diagnose => diagnosis::open(model),
        Action::Bundle => take_out::bundle(model),
        Action::Control => control::open(model, Scope::Control),
        Action::Chaos => control::open(model, Scope::Chaos),
        Action::Undo => undo::open(model),
        Action::Filter => filter::open(model),
        Action::Goto => control::ask(model, Question::Goto, Target::Both),
        Action::Mark => items::mark(model),
        Action::MarkAll => items::mark_all(model),
        Action::Items => items::open(model),
        Action::HandOver | Action::RetryThese | Action::CopyPaths => items::run(model, row.action),
        Action::Play | Action::Faster | Action::Slower => {
            if let Some(replay) = &mut model.replay {
                match row.action {
                    Action::Play => replay.playing = !replay.playing,
                    Action::Faster => replay.faster(),
                    _ => replay.slower(),
                }
            }
            Vec::new()
        }
        Action::SeekOn => vec![Effect::Seek(Seek::By(SEEK_S))],
        Action::SeekBack => vec![Effect::Seek(Seek::By(-SEEK_S))],
        Action::TroubleOn => vec![Effect::Seek(Seek::Trouble { forward: true })],
        Action::TroubleBack => vec![Effect::Seek(Seek::Trouble { forward: false })],
        Action::Quit if model.replay.is_some() => vec![Effect::Leave(Left::Detached)],
        Action::Quit if model.live.ended().is_some() => vec![Effect::Leave(ended(model))],
        Action::Quit => leave::open(model),
        Action::Pause
        | Action::Resume
        | Action::Rebalance
        | Action::Ratio
        | Action::Limit
        | Action::Slots
        | Action::Drain
        | Action::Retry
        | Action::Stop
        | Action::Slow
        | Action::Freezing
        | Action::Thaw
        | Action::Kill
        | Action::Crash
        | Action::Cut
        | Action::Mend
        | Action::Write
        | Action::Leave
        | Action::Storm
        | Action::Calm
        | Action::NextTarget => control::run(model, row.action),
        Action::Confirm | Action::NextButton => Vec::new(),
        look => nav::run(model, look, chord),
    }
}
