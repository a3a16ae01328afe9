//! The way out: detach (default), drain and quit, stop now. The words say what happens to the engines; what ends the run leads to
//! the dialog of a stop, as by `x s`.

use super::{control, data};
use crate::action;
use crate::control::{GUARD, Leave, Purpose, WayOut};
use crate::ui::Layer;
use crate::words::Mood;
use crate::{Chord, Effect, Key, Left, Model};
use std::time::Duration;

/// A second Ctrl-c within this time of the first detaches.
const TWICE_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let leave = Leave { focus: WayOut::Detach, opened: model.now, drawn: None };
    model.ui.push(Layer::Leave(leave));
    Vec::new()
}

/// Why a way out is closed; `None` when it is open.
pub fn closed(model: &Model, way: WayOut) -> Option<String> {
    if way == WayOut::Detach {
        return None;
    }
    if let Err(why) = action::may_control(model) {
        return Some(why.into());
    }
    (!model.live.run_link.is_up()).then(|| "the supervisor is not connected".into())
}

pub(super) fn key(model: &mut Model, chord: Chord, held: bool) -> Vec<Effect> {
    let now = model.now;
    let Some(Layer::Leave(leave)) = model.ui.layers.last_mut() else { return Vec::new() };
    let at = WayOut::ALL.iter().position(|w| *w == leave.focus).unwrap_or(0);
    match chord.key {
        Key::Esc => drop(model.ui.layers.pop()),
        Key::Char('c') if chord.ctrl => {
            if now.since(leave.opened) < TWICE_WITHIN && !held {
                return vec![Effect::Leave(Left::Detached)];
            }
            leave.opened = now;
        }
        Key::Tab | Key::Right | Key::Down | Key::Char('j' | 'l') => leave.focus = WayOut::ALL[(at + 1) % 3],
        Key::BackTab | Key::Left | Key::Up | Key::Char('k' | 'h') => leave.focus = WayOut::ALL[(at + 2) % 3],
        Key::Enter | Key::Char('y') => {
            let ready = leave.drawn.is_some_and(|drawn| now.since(drawn) >= GUARD);
            if ready && !held {
                let way = leave.focus;
                return go(model, way);
            }
        }
        _ => {}
    }
    Vec::new()
}

fn go(model: &mut Model, way: WayOut) -> Vec<Effect> {
    if let Some(why) = closed(model, way) {
        data::say(model, Mood::Warn, &format!("{}: off: {why}", way.words()));
        return Vec::new();
    }
    let drain = match way {
        WayOut::Detach => return vec![Effect::Leave(Left::Detached)],
        WayOut::Drain => true,
        WayOut::Stop => false,
    };
    model.ui.layers.pop();
    control::stop(model, drain, Purpose::LeaveAfter { drain })
}
